# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's own addresses and interfaces, without pyroute2, whose import takes longer than everything else that is read of a host."""

from __future__ import annotations

import fcntl
import ipaddress
import re
import socket
import struct
from pathlib import Path

_SIOCGIFADDR = 0x8915
_IFREQ_ADDRESS = slice(20, 24)
_LOCAL = re.compile(r"\|-- ([\d.]+)\n\s+/32 host LOCAL")


def is_here(address: str) -> bool | None:
    """Whether one of the host's interfaces has the address; None where the kernel does not show it.

    Read from the kernel's own tables: an attempt to bind depends on ip_nonlocal_bind, and the source that a route lookup gives for an
    interface's second address is its first.
    """
    wanted = ipaddress.ip_address(address)
    try:
        if wanted.version == 6:
            return wanted.packed.hex() in {line.split()[0] for line in Path("/proc/net/if_inet6").read_text().splitlines()}
        return str(wanted) in own_ipv4()
    except OSError:
        return None


def own_ipv4() -> list[str]:
    """The host's own IPv4 addresses. Raises OSError where the kernel does not show them."""
    return list(dict.fromkeys(_LOCAL.findall(Path("/proc/net/fib_trie").read_text())))


def interface_names() -> frozenset[str]:
    """The names of the host's interfaces."""
    return frozenset(name for _index, name in socket.if_nameindex())


def interface_of(address: str) -> str:
    """The interface whose first IPv4 address this is; empty where there is none, as for an interface's further addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _index, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(asking, _SIOCGIFADDR, struct.pack("256s", name.encode()))
            except OSError:
                continue
            if socket.inet_ntoa(answer[_IFREQ_ADDRESS]) == address:
                return name
    return ""
