# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many addresses a swarm-wide network has, who takes them, and whether what is wanted fits.

A network gives one address to its gateway, one to each service with a virtual address on it, one to each task and to each other
container, and one to each node that has one of these (the ingress network: to every node). Filled on the lab (Engine 20.10): a task too
many stays `new` without a word, and where tasks have taken what a node needs they are rejected, `node is missing network attachments, ip
addresses may be exhausted`; only the leader's log has the reason. An update with stop-first goes on in a full network, since the old task
frees its address; with start-first each task that is replaced at a time needs one more.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._model.item import Item
from .._model.subnets import Pool
from .address_plan import several
from .plan import Blocker

NEARLY_FULL = 0.8
OVER = frozenset({"complete", "shutdown", "failed", "rejected", "remove", "orphaned"})
"""States of tasks whose addresses are free again, once they are not meant to run (swarmkit allocator: taskDead)."""


def size(pools: Iterable[Pool]) -> int:
    """How many addresses subnets (or the ranges of them that are given out) have for use; the gateway of each is one of them.

    The first and the last address of an IPv4 subnet are never given out, of a range inside it all are (seen on the lab).
    """
    return sum(_size(ipaddress.ip_network(pool[0]), ipaddress.ip_network(pool[2] or pool[0])) for pool in pools)


def _size(whole: Any, given_out: Any) -> int:
    reserved = {whole.network_address, whole.broadcast_address} if whole.version == 4 else {whole.network_address}
    return int(given_out.num_addresses) - sum(address in given_out for address in reserved)


def gateways(pools: Iterable[Pool]) -> int:
    """How many addresses gateways take: one a subnet, unless it lies outside the range that is given out."""
    return sum(not pool[1] or ipaddress.ip_address(pool[1]) in ipaddress.ip_network(pool[2] or pool[0]) for pool in pools)


@dataclass(frozen=True)
class Listing:
    """What a manager lists: services, tasks (those that hold the places of other containers included) and nodes, as the Engine's JSON."""

    services: Sequence[Mapping[str, Any]]
    tasks: Sequence[Mapping[str, Any]]
    nodes: Sequence[Mapping[str, Any]]


def holds(task: Mapping[str, Any]) -> bool:
    """Whether a task still has its addresses."""
    return not (task.get("DesiredState") in OVER and task["Status"]["State"] in OVER)


def used(network: Item, listing: Listing) -> int:
    """How many addresses of a network are in use.

    Engines with API 1.52 tell what is left (Status.IPAM, from the leader) where one network is asked for; else it is counted. Their
    IPsInUse has the first and the last address of a subnet in it, and those outside of the range that is given out.
    """
    told = ((network.document.get("Status") or {}).get("IPAM") or {}).get("Subnets") or {}
    if told:
        left = sum(int(each.get("DynamicIPsAvailable") or 0) for each in told.values())
        return max(0, size(network.values.get("subnets") or ()) - left)
    vips = [
        vip
        for service in listing.services
        for vip in (service.get("Endpoint") or {}).get("VirtualIPs") or ()
        if vip.get("NetworkID") == network.id and vip.get("Addr")
    ]
    places = [
        (task.get("NodeID"), address)
        for task in listing.tasks
        if holds(task)
        for each in task.get("NetworksAttachments") or ()
        if each["Network"]["ID"] == network.id
        for address in each.get("Addresses") or ()
    ]
    nodes = len(listing.nodes) if network.document.get("Ingress") else len({node for node, _address in places if node})
    return gateways(network.values.get("subnets") or ()) + len(vips) + len(places) + nodes


def capacity(network: Item, listing: Listing) -> dict[str, int]:
    """The size of a network, and how much of it is in use and free."""
    whole, taken = size(network.values.get("subnets") or ()), used(network, listing)
    return {"size": whole, "used": taken, "free": max(0, whole - taken)}


@dataclass(frozen=True)
class Room:
    """A network that services may use: its subnets, and how many containers of no service are on it.

    `members` are the nodes that have an address there whatever runs on them: on the ingress network all, else none.
    """

    pools: tuple[Pool, ...] = ()
    others: int = 0
    members: int = 0


@dataclass
class Need:
    """What services ask of one network: how many addresses at rest and at most while they are updated, and by whom."""

    vips: int = 0
    tasks: int = 0
    extra: int = 0
    placed: bool = False
    names: list[str] = field(default_factory=list)

    def add(self, item: Item, tasks: int) -> None:
        """Count one service in."""
        values = item.values
        self.names.append(item.name)
        self.vips += values.get("endpoint_mode") != "dnsrr"
        self.tasks += tasks
        self.placed = self.placed or bool(values.get("placement.constraints"))
        if values.get("update_config.order") == "start-first":
            # a parallelism of 0 is all of them at once
            self.extra += min(values.get("update_config.parallelism", 1) or tasks, tasks)

    def at_rest(self, room: Room, nodes: int) -> int:
        """The addresses in use when nothing moves. Tasks are spread, unless constraints say where they go: then one node is counted."""
        everything = self.tasks + room.others
        spread = room.members or min(1 if self.placed else nodes, everything)
        return gateways(room.pools) + self.vips + everything + spread


def crowded(
    services: Iterable[Item], tasks: Mapping[str, int], rooms: Mapping[str, Room], nodes: int, moving: Iterable[str]
) -> tuple[list[Blocker], list[str]]:
    """Blockers for services that do not fit into their networks, and warnings about networks that are nearly full.

    `services` are all that there will be and `tasks` how many tasks each will have; `moving` are the names of those that the plan makes or
    changes: only of these a refusal is of use. Without `nodes` nothing is known of the swarm, and nothing is said.
    """
    needs: dict[str, Need] = {}
    for item in services if nodes else ():
        for name in _networks(item, rooms):
            needs.setdefault(name, Need()).add(item, tasks[item.name])
    blockers, warnings, changed = [], [], set(moving)
    for name, need in sorted(needs.items()):
        room = rooms[name]
        whole, rest = size(room.pools), need.at_rest(room, nodes)
        told = f"of {whole} addresses its services ({several(need.names)}) need {rest}"
        told += f" and {need.extra} more while they are updated" if need.extra else ""
        if rest > whole and changed & set(need.names):
            reason = f"{told}, so that tasks would wait for ever"
            blockers.append(Blocker(f"network {name}", reason, "give them fewer tasks, or a larger network"))
        elif rest + need.extra > whole:
            warnings.append(f"network {name}: {told}, so that an update would stop half-way; update_config.order stop-first needs no more")
        elif rest >= whole * NEARLY_FULL:
            warnings.append(f"network {name} is nearly full: {told}; its services need a larger one before they grow")
    return blockers, warnings


def takes_addresses(values: Mapping[str, Any]) -> bool:
    """Whether a service takes addresses on any network that it shares with others."""
    return bool(values.get("networks")) or _meshed(values)


def _meshed(values: Mapping[str, Any]) -> bool:
    return any(port.mode == "ingress" for port in values.get("publish") or ())


def _networks(item: Item, rooms: Mapping[str, Room]) -> list[str]:
    """The networks of a service on which it takes addresses; those of which nothing is known, such as host, are left out."""
    mesh = [name for name, room in rooms.items() if room.members and _meshed(item.values)]
    named = [entry["name"] for entry in item.values.get("networks") or ()]
    return [*mesh, *(name for name in named if name in rooms and rooms[name].pools)]
