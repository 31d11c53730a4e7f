# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an address is this host's own, without pyroute2, whose import takes longer than everything else that is read of a host."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct

_SIOCGIFADDR = 0x8915
_IFREQ_ADDRESS = slice(20, 24)


def is_here(address: str) -> bool:
    """Whether one of the host's interfaces has the address.

    The kernel answers a lookup of the route to an own address with that address as the source; nothing is sent. Unlike an attempt
    to bind, this does not depend on ip_nonlocal_bind.
    """
    family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((address, 9))
            source = str(asking.getsockname()[0]).partition("%")[0]
    except OSError:
        return False
    return ipaddress.ip_address(source) == ipaddress.ip_address(address)


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
