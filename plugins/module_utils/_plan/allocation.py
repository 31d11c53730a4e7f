# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why the swarm's allocator has not given a network its subnet. The API does not tell; the leader's log does (moby/moby#34493)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._model.item import Item
from .._model.network import subnets_of
from .addresses import overlap


@dataclass(frozen=True)
class DefaultPools:
    """Where the swarm takes subnets from for networks that have none: pools in CIDR notation, and the prefix length of a subnet."""

    subnets: tuple[str, ...]
    size: int

    def free(self, taken: Sequence[str]) -> int:
        """How many subnets are left beside those that are taken."""
        return sum(_free(ipaddress.ip_network(pool), self.size, taken) for pool in self.subnets)

    def last_free(self, size: int, taken: Sequence[str]) -> str:
        """The last subnet of this prefix length that overlaps none of `taken`; "" where there is none.

        The swarm itself takes the first ones, so that the two rarely want the same.
        """
        held = [ipaddress.ip_network(each) for each in taken]
        for pool in map(ipaddress.ip_network, self.subnets):
            step = 1 << (pool.max_prefixlen - size)
            first = int(pool.broadcast_address) + 1 - step
            while first >= int(pool.network_address):
                subnet = f"{ipaddress.ip_address(first)}/{size}"
                in_the_way = [int(each.network_address) for each in held if overlap(subnet, str(each))]
                if not in_the_way:
                    return subnet
                # below all that is in the way: a route of a host may take a whole pool
                first = min(first, *in_the_way) - step
        return ""


def read_default_pools(cluster: Mapping[str, Any]) -> DefaultPools:
    """The default pools from Swarm.Cluster of GET /info."""
    return DefaultPools(tuple(cluster.get("DefaultAddrPool") or ()), int(cluster.get("SubnetSize") or 0))


def _free(pool: ipaddress.IPv4Network | ipaddress.IPv6Network, size: int, taken: Sequence[str]) -> int:
    step = 2 ** (pool.max_prefixlen - size)
    first, last = int(pool.network_address), int(pool.broadcast_address)
    held: set[int] = set()
    for subnet in taken:
        other = ipaddress.ip_network(subnet)
        if overlap(str(pool), subnet):
            begin, end = max(first, int(other.network_address)), min(last, int(other.broadcast_address))
            held.update(range((begin - first) // step, (end - first) // step + 1))
    return int(2 ** (size - pool.prefixlen)) - len(held)


def unallocated(wanted: Item, there: Item, items: Sequence[Item], pools: DefaultPools | None) -> str:
    """That a network waits for its subnet, and why it may wait in vain, as far as the networks of the swarm tell."""
    others = [item for item in items if item.id != there.id and item.values["scope"] == "swarm"]
    told = f"the swarm has not given network {there.name} its subnet"
    cause = _cause(wanted, others, pools)
    return f"{told}: {cause}" if cause else f'{told}; a leader that cannot logs "Failed allocation for network {there.id}"'


def _cause(wanted: Item, others: Sequence[Item], pools: DefaultPools | None) -> str:
    clash = next((cause for other in others for cause in _clash(wanted, other)), "")
    if clash or pools is None:
        return clash
    if not pools.size:
        return "the swarm has a default pool without a subnet size, which stops its allocator for good; it has to be made anew"
    if subnets_of(wanted) or pools.free([subnet for other in others for subnet in subnets_of(other)]):
        return ""
    pool = ", ".join(pools.subnets)
    return f"the default pool {pool} has no /{pools.size} left; give the network a subnet outside of it, or remove networks"


def _clash(wanted: Item, other: Item) -> list[str]:
    found = [
        f"its subnet {subnet} overlaps {rival} of network {other.name}; remove one of the two"
        for subnet in subnets_of(wanted)
        for rival in subnets_of(other)
        if overlap(subnet, rival)
    ]
    return found + [f"its VNI {vni} is that of network {other.name}; remove one of the two" for vni in shared_vnis(wanted, other)]


def shared_vnis(one: Item, other: Item) -> list[int]:
    """The VNIs that two networks would share, which the allocator does not allow."""
    return [vni for vni in one.values.get("vnis") or () if vni in (other.values.get("vnis") or ())]
