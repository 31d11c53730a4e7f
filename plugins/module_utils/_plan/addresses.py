# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Address arithmetic: subnets against each other, addresses against the interfaces of a host."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._model.membership import Addresses, Interfaces, Membership
from .plan import Blocker

MANAGEMENT_PORT = 2377
IPV6_DATA_PATH = (25, 0)
"""The first Engine whose VXLAN goes over IPv6 (moby/moby#46790)."""
READDRESS = "an address is fixed when a node joins; playbooks/readdress.yml moves the nodes to those of the inventory, one after the other"


@dataclass(frozen=True)
class Moved:
    """One address that a member has and that is not the one wanted."""

    option: str
    wanted: str
    found: str

    def __str__(self) -> str:
        return f"{self.option}: wanted {self.wanted}, found {self.found}"


def overlap(one: str, other: str) -> bool:
    """Whether two subnets in CIDR notation share an address."""
    first, second = ipaddress.ip_network(one), ipaddress.ip_network(other)
    return first.version == second.version and first.overlaps(second)


def overlaps(subnets: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str, str]]:
    """Every pair of overlapping subnets of different owners: (owner, subnet, other owner, its subnet)."""
    found = []
    owners = list(subnets)
    for index, owner in enumerate(owners):
        for other in owners[index + 1 :]:
            for subnet in subnets[owner]:
                for rival in subnets[other]:
                    if overlap(subnet, rival):
                        found.append((owner, subnet, other, rival))
    return found


def host_part(address: str) -> str:
    """The address or interface name without a port: "10.0.0.1:2377" and "[fd00::1]:2377" lose theirs."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address if address.count(":") > 1 else address.partition(":")[0]


def resolved(address: str, interfaces: Interfaces) -> str:
    """The address behind what was written: an interface name becomes its address, a port is dropped."""
    wanted = host_part(address)
    return next(iter(_usable(interfaces.get(wanted, ()))), wanted)


def _usable(found: Sequence[str]) -> list[str]:
    """The addresses of an interface that can stand for it: those of IPv4, else those of IPv6 that are valid beyond their link."""
    addresses = [ipaddress.ip_address(each) for each in found]
    return [str(each) for each in addresses if each.version == 4] or [str(each) for each in addresses if not each.is_link_local]


def with_port(address: str, interfaces: Interfaces) -> str:
    """The address and port behind what was written: "eth0" is "10.0.0.11:2377", "fd00::11" is "[fd00::11]:2377"."""
    host = resolved(address, interfaces)
    return f"{f'[{host}]' if ':' in host else host}:{_port(address) or MANAGEMENT_PORT}"


def _port(address: str) -> str:
    """The port at the end of an address, "" where there is none."""
    last = address.rpartition(":")[2]
    return last if last.isdigit() and (address.count(":") == 1 or "]:" in address) else ""


def told_to_engine(addresses: Addresses, interfaces: Interfaces) -> Addresses:
    """The addresses as the Engine gets them, without interface names.

    The Engine takes a name only when its interface has at most one address of each family ("interface eth1 has more than one IPv6
    address", seen with Engine 20.10), and every interface with a global IPv6 address has its link-local one beside it.
    """

    def told(address: str | None) -> str | None:
        if not address or host_part(address) not in interfaces:
            return address
        return with_port(address, interfaces) if _port(address) else resolved(address, interfaces)

    return Addresses(told(addresses.advertise_addr), told(addresses.listen_addr), told(addresses.data_path_addr))


def moved(wanted: Addresses, found: Membership, interfaces: Interfaces) -> tuple[Moved, ...]:
    """Where a member's addresses are not those wanted. What is not written, or cannot be read, is not compared.

    Only a manager listens; a worker gets its listen address when it joins, and nobody comes to it.
    Of an address that is a DNS name nothing can be said here.
    """
    pairs = [("advertise_addr", resolved(wanted.advertise_addr or "", interfaces), found.node_addr)]
    if wanted.listen_addr and found.listen_addr and found.role == "manager":
        pairs.append(("listen_addr", with_port(wanted.listen_addr, interfaces), found.listen_addr))
    if found.data_path_addr:
        pairs.append(("data_path_addr", resolved(wanted.data_path_addr or "", interfaces), found.data_path_addr))
    return tuple(Moved(option, to, there) for option, to, there in pairs if to and not _same(to, there))


def _same(wanted: str, found: str) -> bool:
    try:
        addresses = {ipaddress.ip_address(host_part(each)) for each in (wanted, found)}
    except ValueError:
        return True
    return len(addresses) == 1 and _port(wanted) == _port(found)


def unfit_data_path(addresses: Addresses, interfaces: Interfaces, engine_version: str, item: str) -> tuple[Blocker, ...]:
    """A blocker where the traffic of containers would have to go over IPv6 and the Engine cannot do that.

    Older Engines join, and then give up each neighbour: "could not add neighbor entry ... address family not supported by protocol"
    (seen with Engine 20.10). Names resolve, and no container reaches one on another node.
    """
    address = resolved(addresses.data_path_addr or addresses.advertise_addr or "", interfaces)
    numbers = engine_version.split(".")
    known = len(numbers) > 1 and numbers[0].isdigit() and numbers[1].isdigit()
    if ":" not in address or not known or (int(numbers[0]), int(numbers[1])) >= IPV6_DATA_PATH:
        return ()
    reason = f"the traffic of containers would go over {address}, and Engine {engine_version} carries it over IPv4 only"
    return (Blocker(item, reason, "give an IPv4 address of this host as data_path_addr"),)


def not_on_host(addresses: Addresses, interfaces: Interfaces, item: str) -> tuple[Blocker, ...]:
    """Blockers for each given address that this host does not have.

    An interface name has to carry exactly one address that can stand for it, else nobody could tell which is meant. At a join the
    Engine ignores a wrong advertise address silently and takes what the manager sees, so it has to be caught here.
    """
    wanted: dict[str, str | None] = {
        "advertise_addr": addresses.advertise_addr,
        "listen_addr": addresses.listen_addr,
        "data_path_addr": addresses.data_path_addr,
    }
    blockers = [_misplaced(option, host_part(address), interfaces, item) for option, address in wanted.items() if address]
    return tuple(blocker for blocker in blockers if blocker is not None)


def _misplaced(option: str, wanted: str, interfaces: Interfaces, item: str) -> Blocker | None:
    try:
        address = ipaddress.ip_address(wanted)
    except ValueError:
        return _unsuitable_interface(option, wanted, interfaces, item)
    here = {ipaddress.ip_address(found) for found_all in interfaces.values() for found in found_all}
    if address in here or (address.is_unspecified and option == "listen_addr"):
        return None
    shown = ", ".join(f"{name} {' '.join(found)}" for name, found in sorted(interfaces.items()) if name != "lo" and found)
    return Blocker(item, f"{option} {wanted} is not an address of this host", f"give one of its addresses or interfaces: {shown}")


def _unsuitable_interface(option: str, name: str, interfaces: Interfaces, item: str) -> Blocker | None:
    if name not in interfaces:
        return Blocker(
            item, f"{option} {name} is neither an address nor an interface of this host", f"its interfaces: {', '.join(sorted(interfaces))}"
        )
    addresses = _usable(interfaces[name])
    if len(addresses) == 1:
        return None
    shown = f" ({', '.join(addresses)})" if addresses else ""
    reason = f"{option} {name} is an interface with {len(addresses)} addresses{shown} that could be meant, instead of exactly one"
    return Blocker(item, reason, "give the address itself")
