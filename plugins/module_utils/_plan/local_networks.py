# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only shows when the networks of all hosts are compared: macvlan and ipvlan networks give out addresses on each host for itself.

The Engine of a host knows the ranges of no other host, nor who else is on the wire, so that two containers, or a container and a host,
get one address where ranges overlap (moby/moby#33793).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from .._model.item import Item, parse_items
from .._model.network import NETWORK
from .._model.subnets import Pool
from .addresses import overlap
from .networks import parent_missing, parent_of


@dataclass(frozen=True)
class HostNetworks:
    """One host: its own networks as they are to be, by name, and its interfaces with their addresses. A drained one runs no tasks."""

    name: str
    networks: Mapping[str, Item] = field(default_factory=dict)
    interfaces: Mapping[str, Sequence[str]] = field(default_factory=dict)
    drained: bool = False


def read_host(name: str, wanted: Sequence[Mapping[str, Any]], info: Mapping[str, Any], drained: bool) -> HostNetworks:
    """A host from its list of wanted networks and from what cluster_info told of those that it has. Raises InvalidOption."""
    found = parse_items(NETWORK, info["local_networks"], f"{name}: networks")
    networks = {item.name: item for item in found}
    for item in parse_items(NETWORK, wanted, f"{name}: networks_local"):
        networks.pop(item.name, None)
        if item.state == "present":
            networks[item.name] = item
    return HostNetworks(name, networks, info["interfaces"], drained)


def faults(hosts: Sequence[HostNetworks], swarm_wide: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with the networks of these hosts, as sentences, each with the way out."""
    wanted = [item for item in parse_items(NETWORK, swarm_wide, "networks") if item.state == "present"]
    return [
        *(fault for host in hosts for fault in _without_parent(host)),
        *(fault for item in wanted for fault in _without_config(item, hosts)),
        *(fault for one, other in combinations(hosts, 2) for fault in _overlapping(one, other)),
        *(fault for host in hosts for fault in _given_out_twice(host, hosts)),
    ]


def _without_parent(host: HostNetworks) -> Iterator[str]:
    for item in host.networks.values():
        for blocker in parent_missing(item, frozenset(host.interfaces)) if item.where else ():
            yield f"{host.name}: network {item.name}: {blocker.reason}; {blocker.remedy}"


def _without_config(item: Item, hosts: Sequence[HostNetworks]) -> Iterator[str]:
    name = item.values.get("config_from")
    for host in hosts if name else ():
        there = host.networks.get(str(name))
        if not host.drained and not (there and there.values.get("config_only")):
            yield (
                f"{host.name}: there is no config-only network {name}, from which the swarm-wide network {item.name} is made there; "
                "write it among swarm_local_networks of this host, with config_only: true"
            )


def _on_the_wire(host: HostNetworks) -> Iterator[tuple[str, Pool]]:
    """The subnets of networks whose containers are on the wire itself."""
    for item in host.networks.values():
        if parent_of(item):
            for pool in item.values.get("subnets") or ():
                yield item.name, pool


def _range(pool: Pool) -> str:
    return pool.ip_range or pool.subnet


def _overlapping(one: HostNetworks, other: HostNetworks) -> Iterator[str]:
    for name, pool in _on_the_wire(one):
        for rival_name, rival in _on_the_wire(other):
            if name == rival_name and overlap(_range(pool), _range(rival)):
                yield (
                    f"{one.name} and {other.name}: network {name} gives out addresses of {_range(pool)} on the one and of {_range(rival)} "
                    "on the other, so that two containers get the same; give each host an ip_range of its own"
                )


def _given_out_twice(host: HostNetworks, hosts: Sequence[HostNetworks]) -> Iterator[str]:
    for name, pool in _on_the_wire(host):
        kept = {pool.gateway, *(address for _name, address in pool.aux_addresses or ())}
        for owner in hosts:
            for address in (address for each in owner.interfaces.values() for address in each if address not in kept):
                if ipaddress.ip_address(address) in ipaddress.ip_network(_range(pool)):
                    yield (
                        f"{host.name}: network {name} gives out addresses of {_range(pool)}, among them {address}, which is an address of "
                        f"{owner.name}; choose another ip_range, or put the address among aux_addresses"
                    )
