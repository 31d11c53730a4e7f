# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address plan of a lab: pure arithmetic, the same on every machine, because every lab has its own namespace."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass

from .errors import LabError

MAX_NODES = 40
MAX_NICS = 4
_FIRST_HOST = 10


@dataclass(frozen=True)
class Segment:
    """One L2 segment: a bridge in the lab's namespace, with the controller's own addresses on it."""

    bridge: str
    ipv4: ipaddress.IPv4Network
    ipv6: ipaddress.IPv6Network

    @property
    def gateway(self) -> ipaddress.IPv4Address:
        """The controller's IPv4 address on this segment."""
        return self.ipv4[1]

    @property
    def gateway6(self) -> ipaddress.IPv6Address:
        """The controller's IPv6 address on this segment."""
        return self.ipv6[1]


@dataclass(frozen=True)
class Nic:
    """One network card of one node: its tap on the machine's side, its addresses on the node's side."""

    tap: str
    mac: str
    segment: Segment
    ipv4: ipaddress.IPv4Address
    ipv6: ipaddress.IPv6Address


def segment(nic: int) -> Segment:
    """The segment that card number ``nic`` (from 0) of every node is on."""
    return Segment(
        bridge=f"br{nic}",
        ipv4=ipaddress.IPv4Network(f"10.97.{nic}.0/24"),
        ipv6=ipaddress.IPv6Network(f"fd97:0:0:{nic}::/64"),
    )


def node_names(count: int) -> list[str]:
    """``node1`` to ``nodeN``."""
    return [f"node{index}" for index in range(1, count + 1)]


def node_index(node: str) -> int:
    """The number in a node's name; LabError when it is not a name of the form ``nodeN``."""
    match = re.fullmatch(r"node([1-9][0-9]?)", node)
    if not match or int(match.group(1)) > MAX_NODES:
        raise LabError(f"{node!r} is not a node: expected node1 to node{MAX_NODES}")
    return int(match.group(1))


def nics(node: str, count: int) -> list[Nic]:
    """The first ``count`` cards of ``node``."""
    index = node_index(node)
    host = _FIRST_HOST + index
    return [
        Nic(
            tap=f"{node}-{number}",
            mac=f"02:97:00:{number:02x}:00:{index:02x}",
            segment=segment(number),
            ipv4=segment(number).ipv4[host],
            ipv6=segment(number).ipv6[host],
        )
        for number in range(count)
    ]


def address(node: str) -> str:
    """The management address of ``node``: the IPv4 address of its first card."""
    return str(nics(node, 1)[0].ipv4)


def machine_id(lab: str, node: str) -> str:
    """32 hex digits for systemd, the same after every boot and different on every node of every lab."""
    return hashlib.sha256(f"meshwork-lab/{lab}/{node}".encode()).hexdigest()[:32]
