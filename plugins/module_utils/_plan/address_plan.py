# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a network may lie and how large its packets may be: what the hosts have, against what is to be made.

The Engine looks at none of it. The manager that gives a swarm-wide network its subnet knows the routes of no host (moby
daemon/network.go: InferReservedNetworks is for local networks), and the driver takes an underlay of 1500 for granted.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from .._model.errors import InvalidOption
from .._model.item import Item
from .._model.kinds import subnet
from .._model.network import container_mtu, subnets_of, underlay_mtu
from .addresses import host_part, overlap
from .plan import Blocker

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
IPV6_HEADER = 20
"""By how many bytes the outer header of IPv6 is larger than that of IPv4, with which the driver counts (moby overlay.go: vxlanEncap)."""
LARGEST_DEFAULT = 1
"""Routes to /0 are default routes, and those to /1 what VPNs put in their place."""
NAMED = 3
"""So many are named, the others counted."""


@dataclass(frozen=True)
class Taken:
    """A subnet that hosts have, and in words what has it ("the route by eth0 of node1, node2")."""

    subnet: str
    by: str

    def __str__(self) -> str:
        return f"{self.subnet}, {self.by}"


@dataclass(frozen=True)
class Underlay:
    """The interface by which the traffic of containers leaves a host, and the largest packet that it takes, over IPv4."""

    host: str
    interface: str
    mtu: int


@dataclass(frozen=True)
class Surroundings:
    """What all hosts have. Empty where nobody has looked: then nothing is compared."""

    taken: tuple[Taken, ...] = ()
    underlay: tuple[Underlay, ...] = ()

    @property
    def narrowest(self) -> Underlay | None:
        """The host that takes the smallest packets."""
        return min(self.underlay, key=lambda each: each.mtu, default=None)


def parse_surroundings(taken: Sequence[Mapping[str, Any]], underlay: Sequence[Mapping[str, Any]]) -> Surroundings:
    """What the options `taken` and `underlay` say. Raises InvalidOption."""
    found = []
    for index, entry in enumerate(taken):
        try:
            found.append(Taken(subnet(entry["subnet"]), str(entry["by"])))
        except ValueError as error:
            raise InvalidOption(f"taken[{index}].subnet", str(error), entry["subnet"]) from None
    return Surroundings(tuple(found), tuple(Underlay(str(each["host"]), str(each["interface"]), int(each["mtu"])) for each in underlay))


def misplaced(item: Item, around: Surroundings, others: Iterable[str] = ()) -> tuple[Taken, ...]:
    """What of the hosts an overlay's subnets overlap.

    `others` are the subnets of networks of which the same is told already: a bridge of the manager is among what the hosts have, too.
    Macvlan, ipvlan and bridges are not asked: they share the subnet of a card on purpose, or lie on one host.
    """
    if item.values.get("driver", "overlay") != "overlay":
        return ()
    told = set(others)
    return tuple(each for each in around.taken if each.subnet not in told and any(overlap(own, each.subnet) for own in subnets_of(item)))


def overlapping_hosts(item: Item, where: str, around: Surroundings, others: Iterable[str]) -> list[Blocker]:
    """Blockers for a network that is to be made where hosts have addresses already."""
    return [
        Blocker(where, f"its subnet {own} overlaps {taken.subnet}, {taken.by}", "give it a subnet that is free on every host")
        for taken in misplaced(item, around, others)
        for own in subnets_of(item)
        if overlap(own, taken.subnet)
    ]


def overlapped(item: Item, around: Surroundings, others: Iterable[str]) -> list[str]:
    """Warnings about a network that is there: containers on it do not reach what the hosts have under the same addresses."""
    found = misplaced(item, around, others)
    if not found:
        return []
    told = "; ".join(map(str, found))
    own = ", ".join(subnets_of(item))
    return [f"network {item.name}: hosts have addresses of {own}, too, and containers on it do not reach these: {told}"]


def largest_mtu(around: Surroundings, encrypted: bool) -> int | None:
    """The MTU that containers of an overlay can have over every underlay; None where none is known."""
    least = around.narrowest
    return container_mtu(least.mtu, encrypted) if least else None


def too_large(item: Item, where: str, written: bool, there: bool, around: Surroundings) -> tuple[list[Blocker], list[str]]:
    """What is to be said of an overlay whose packets do not fit: refused when its MTU is `written` and it is not `there` yet, else told."""
    encrypted = bool(item.values.get("encrypted"))
    least, fits = around.narrowest, largest_mtu(around, encrypted)
    mtu = item.values.get("mtu")
    if item.values.get("driver", "overlay") != "overlay" or least is None or fits is None or mtu is None or mtu <= fits:
        return [], []
    size = underlay_mtu(mtu, encrypted)
    needs = f"packets of {mtu} bytes need {size} between the nodes, and {least.interface} of {least.host} takes {least.mtu}"
    if written and not there:
        return [Blocker(where, f"mtu {mtu} does not fit: {needs}", f"write at most mtu: {fits}")], []
    remedy = f"make it anew with mtu: {fits}" if there else f"write mtu: {fits}"
    return [], [f"{where}: {needs}, so that large packets are lost or come in pieces; {remedy}"]


def addressed(
    new: Mapping[str, Item], kept: Sequence[Item], written: Iterable[str], around: Surroundings
) -> tuple[list[Blocker], list[str]]:
    """All that is to be said of the networks that are to be made (`new`, by what they are called) and of those that stay.

    `written` are the names of those whose MTU the user wrote.
    """
    blockers: list[Blocker] = []
    warnings: list[str] = []
    sized = set(written)
    local = [own for item in kept if item.values.get("driver") != "overlay" for own in subnets_of(item)]
    for where, item in new.items():
        blockers += overlapping_hosts(item, where, around, local)
        refused, told = too_large(item, where, item.name in sized, False, around)
        blockers += refused
        warnings += told
    for item in kept:
        warnings += overlapped(item, around, ())
        warnings += too_large(item, f"network {item.name}", item.name in sized, True, around)[1]
    return blockers, warnings


def surroundings(hosts: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The options `taken` and `underlay` from the variables of each host, of which the role live_manager has read the `addresses`.

    Hosts of which nothing was read are left out.
    """
    holders: dict[tuple[str, str], list[str]] = {}
    underlay = []
    for host in hosts:
        found = (host.get("live_manager_info") or {}).get("addresses")
        if not found:
            continue
        name = str(host["inventory_hostname"])
        for key in dict.fromkeys(_taken(found)):
            holders.setdefault(key, []).append(name)
        way = _way(_data_path(host), found)
        if way:
            underlay.append({"host": name, "interface": way[0], "mtu": way[1]})
    taken = [{"subnet": own, "by": f"{by} of {several(names)}"} for (own, by), names in holders.items()]
    return {"taken": taken, "underlay": underlay}


def _data_path(host: Mapping[str, Any]) -> str:
    """The address or interface by which the traffic of containers leaves a host: as it has joined, else as it is to join."""
    joined = host["live_manager_info"].get("membership") or {}
    address = host.get("swarm_address")
    written = (host.get("swarm_data_path_addr"), address if isinstance(address, str) else "", host.get("ansible_host"))
    return host_part(str(next((each for each in (joined.get("data_path_addr"), joined.get("node_addr"), *written) if each), "")))


def several(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _taken(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What one host has: Docker's local networks by name, other routes, addresses on none of these, and nameservers."""
    bridges = {str(network["interface"]) for network in found["networks"]}
    taken = [(_net(own), f"the network {network['name']}") for network in found["networks"] for own in network["subnets"]]
    for route in found["routes"]:
        if route["interface"] not in bridges and _beyond(_ip(route["subnet"])):
            taken.append((_net(route["subnet"]), f"the route by {route['interface']}"))
    covered = [_ip(subnet_taken) for subnet_taken, _by in taken]
    for address in found["addresses"]:
        own = _ip(address)
        if _beyond(own) and not any(own.version == each.version and own.subnet_of(each) for each in covered):  # type: ignore[arg-type]
            taken.append((str(own), "an address"))
    return [*taken, *((str(_ip(server)), "the nameserver") for server in found["nameservers"] if _beyond(_ip(server)))]


def _ip(written: str) -> Network:
    return ipaddress.ip_network(written, strict=False)


def _net(written: str) -> str:
    return str(_ip(written))


def _beyond(network: Network) -> bool:
    """Whether a network could be meant elsewhere, too: no default route, and nothing that is valid on one host or link only."""
    here = network.is_loopback or network.is_link_local or network.is_multicast or network.is_unspecified
    return network.prefixlen > LARGEST_DEFAULT and not here


def _way(data_path: str, found: Mapping[str, Any]) -> tuple[str, int] | None:
    """The interface that has the data-path address or is named in its place, and its MTU over IPv4."""
    if data_path in found["mtus"]:
        return data_path, int(found["mtus"][data_path])
    try:
        address = ipaddress.ip_address(data_path)
    except ValueError:
        return None
    near = [route for route in found["routes"] if address in _ip(route["subnet"]) and _ip(route["subnet"]).prefixlen > LARGEST_DEFAULT]
    if str(address) not in found["addresses"] or not near:
        return None
    interface = str(max(near, key=lambda route: _ip(route["subnet"]).prefixlen)["interface"])
    mtu = found["mtus"].get(interface)
    return (interface, int(mtu) - (IPV6_HEADER if address.version == 6 else 0)) if mtu else None
