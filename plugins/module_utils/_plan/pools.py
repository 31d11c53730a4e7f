# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The default address pools of a swarm: how many networks still get a subnet from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._model.item import Item
from .._model.network import subnets_of
from .address_plan import Surroundings, Taken
from .addresses import overlap
from .allocation import DefaultPools
from .plan import Blocker


def _named(pools: DefaultPools) -> str:
    return f"{', '.join(pools.subnets)} in subnets of /{pools.size}"


def exhausted(new: Mapping[str, Item], kept: Sequence[Item], pools: DefaultPools | None) -> list[Blocker]:
    """Blockers for the new overlays (by what they are called) that are written without a subnet and could get none.

    The Engine would answer 201 and never give them one.
    """
    if pools is None or not pools.size:
        return []
    asking = {where: item for where, item in new.items() if _asks(item)}
    used = [own for item in [*kept, *new.values()] if item.values.get("driver") == "overlay" for own in subnets_of(item)]
    left = pools.free(used)
    reason = f"the default pools ({_named(pools)}) have {left} of {pools.free(())} subnets left, and {len(asking)} new networks ask for one"
    return [Blocker(where, reason, "give it a subnet outside of them") for where in list(asking)[left:]]


def unsafe(new: Mapping[str, Item], pools: DefaultPools | None, around: Surroundings) -> list[str]:
    """Warnings that a network without a subnet may be given one that hosts have: the swarm takes the first that no network has."""
    asking = [item.name for item in new.values() if _asks(item)]
    if pools is None or not asking:
        return []
    rivals: list[Taken] = [taken for taken in around.taken if any(overlap(taken.subnet, pool) for pool in pools.subnets)]
    if not rivals:
        return []
    told = "; ".join(map(str, rivals))
    names = ", ".join(asking)
    return [f"{names}: without a subnet of its own a network gets one from the default pools ({_named(pools)}), where hosts have: {told}"]


def _asks(item: Item) -> bool:
    return item.values.get("driver") == "overlay" and not subnets_of(item)
