# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses from which the hosts of an inventory send to each other, for their firewalls."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from .._model.errors import SwarmError
from .addresses import host_part, resolved


def peers(hosts: Sequence[Mapping[str, Any]]) -> list[str]:
    """The addresses of all hosts, each once: for management (swarm_address, else ansible_host, else the name), and of their data path.

    What a member has joined with counts, too, whatever is written: shut out, it would be lost before it could be moved.
    `hosts` are the variables of each host. An interface name becomes its address, which the role live_manager has read on that host.
    Raises SwarmError where nobody has.
    """
    found: list[str] = []
    for host in hosts:
        address = host.get("swarm_address") or host.get("ansible_host") or host["inventory_hostname"]
        for written in [*([address] if isinstance(address, str) else address), host.get("swarm_data_path_addr")]:
            if written:
                found.append(_address(host, str(written)))
        found += [str(_membership(host)[name]) for name in ("node_addr", "data_path_addr") if _membership(host).get(name)]
    return list(dict.fromkeys(found))


def apart(hosts: Sequence[Mapping[str, Any]]) -> list[str]:
    """The hosts whose containers' traffic has an address of its own, as they have joined, or are written to join.

    The Engine agrees IPsec for the address by which it reaches the managers, and the traffic leaves from another: networks that are to be
    encrypted are sent in clear, and dropped by who gets them (moby/moby#41421; seen with Engine 20.10).
    """
    return [str(host["inventory_hostname"]) for host in hosts if _is_apart(host)]


def _is_apart(host: Mapping[str, Any]) -> bool:
    membership = _membership(host)
    if membership.get("data_path_addr"):
        return bool(membership["data_path_addr"] != membership.get("node_addr"))
    written, address = host.get("swarm_data_path_addr"), host.get("swarm_address") or host.get("ansible_host")
    if not written or not isinstance(address, str) or membership.get("state") == "active":
        return False
    return _address(host, str(written)) != _address(host, address)


def _membership(host: Mapping[str, Any]) -> Mapping[str, Any]:
    """How a host stands to the swarm, as the role live_manager has read it; {} where it has not."""
    found: Mapping[str, Any] = (host.get("live_manager_info") or {}).get("membership") or {}
    return found


def _address(host: Mapping[str, Any], written: str) -> str:
    try:
        return str(ipaddress.ip_address(host_part(written)))
    except ValueError:
        pass
    if written == host.get("ansible_host") or written == host["inventory_hostname"]:
        return written
    interfaces = (host.get("live_manager_info") or {}).get("interfaces") or {}
    address = resolved(written, interfaces)
    if address == host_part(written):
        known = f"its interfaces with addresses are {_shown(interfaces)}" if interfaces else "nothing was read on that host in this run"
        raise SwarmError(
            f"{host['inventory_hostname']}: {written} is taken for an interface, and its address is not known ({known}). "
            "Write the address itself into the inventory, so that it holds while the host is away, too."
        )
    return address


def _shown(interfaces: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(f"{name} {' '.join(found)}" for name, found in sorted(interfaces.items()) if name != "lo" and found)
