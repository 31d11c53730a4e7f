# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The default address pools of a swarm: how many networks still get a subnet from them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._model.item import Item
from .._model.network import subnets_of
from .address_plan import Surroundings, Taken
from .addresses import overlap
from .plan import Blocker


@dataclass(frozen=True)
class Pools:
    """The pools, and the length of the prefix of the subnets that are cut from them. Fixed when the swarm is made."""

    subnets: tuple[str, ...]
    size: int

    def __str__(self) -> str:
        return f"{', '.join(self.subnets)} in subnets of /{self.size}"


def read_pools(info: Mapping[str, Any]) -> Pools | None:
    """The pools from the answer of GET /info on a manager; None elsewhere."""
    cluster: Mapping[str, Any] = (info.get("Swarm") or {}).get("Cluster") or {}
    if not cluster.get("DefaultAddrPool") or not cluster.get("SubnetSize"):
        return None
    return Pools(tuple(str(each) for each in cluster["DefaultAddrPool"]), int(cluster["SubnetSize"]))


def total(pools: Pools) -> int:
    """How many subnets there are in all."""
    return sum(2 ** (pools.size - ipaddress.ip_network(pool).prefixlen) for pool in pools.subnets)


def free(pools: Pools, used: Iterable[str]) -> int:
    """How many subnets overlap none of those that are used. Counted in ranges: a /8 has 65,536 subnets of /24."""
    networks = [ipaddress.ip_network(each) for each in used]
    left = 0
    for written in pools.subnets:
        pool = ipaddress.ip_network(written)
        width = 2 ** (pool.max_prefixlen - pools.size)
        first, last = int(pool.network_address), int(pool.broadcast_address)
        spans = sorted(
            ((max(int(each.network_address), first) - first) // width, (min(int(each.broadcast_address), last) - first) // width)
            for each in networks
            if each.version == pool.version and each.overlaps(pool)
        )
        left += (last - first + 1) // width - _covered(spans)
    return left


def _covered(spans: Sequence[tuple[int, int]]) -> int:
    """How many numbers lie in sorted spans, those that overlap counted once."""
    count, end = 0, -1
    for low, high in spans:
        if high > end:
            count += high - max(low, end + 1) + 1
            end = high
    return count


def exhausted(new: Mapping[str, Item], kept: Sequence[Item], pools: Pools | None) -> list[Blocker]:
    """Blockers for the new overlays (by what they are called) that are written without a subnet and could get none.

    The Engine would answer 201 and never give them one.
    """
    if pools is None:
        return []
    asking = {where: item for where, item in new.items() if _asks(item)}
    used = [own for item in [*kept, *new.values()] if item.values.get("driver") == "overlay" for own in subnets_of(item)]
    left = free(pools, used)
    reason = f"the default address pools ({pools}) have {left} of {total(pools)} subnets left, and {len(asking)} new networks ask for one"
    return [Blocker(where, reason, "give it a subnet outside of them") for where in list(asking)[left:]]


def unsafe(new: Mapping[str, Item], pools: Pools | None, around: Surroundings) -> list[str]:
    """Warnings that a network without a subnet may be given one that hosts have: the swarm takes the first that no network has."""
    asking = [item.name for item in new.values() if _asks(item)]
    if pools is None or not asking:
        return []
    rivals: list[Taken] = [taken for taken in around.taken if any(overlap(taken.subnet, pool) for pool in pools.subnets)]
    if not rivals:
        return []
    told = "; ".join(map(str, rivals))
    names = ", ".join(asking)
    return [f"{names}: without a subnet of its own a network gets one from the default address pools ({pools}), where hosts have: {told}"]


def _asks(item: Item) -> bool:
    return item.values.get("driver") == "overlay" and not subnets_of(item)
