# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Address arithmetic: subnets against each other, addresses against the interfaces of a host."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from .._model.membership import Addresses, Interfaces
from .plan import Blocker


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
    """The address behind what was written: an interface name becomes its IPv4 address, a port is dropped."""
    wanted = host_part(address)
    return next((found for found in interfaces.get(wanted, ()) if ipaddress.ip_address(found).version == 4), wanted)


def not_on_host(addresses: Addresses, interfaces: Interfaces, item: str) -> tuple[Blocker, ...]:
    """Blockers for each given address that this host does not have.

    An interface name has to carry exactly one address of IPv4, else the Engine cannot choose (moby listen_addr.go). At a join the
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
    addresses = [found for found in interfaces[name] if ipaddress.ip_address(found).version == 4]
    if len(addresses) == 1:
        return None
    return Blocker(item, f"{option} {name} has {len(addresses)} IPv4 addresses and the Engine needs exactly one", "give the address itself")
