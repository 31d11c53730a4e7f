# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's side of the address plan: its routes, addresses, nameservers and MTUs.

Read from the kernel's own tables and not over netlink: every host is asked on every run, and to load pyroute2 takes longer than
all of this.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from pathlib import Path

from .local import own_ipv4

_ROUTES4 = Path("/proc/net/route")
_ROUTES6 = Path("/proc/net/ipv6_route")
_ADDRESSES6 = Path("/proc/net/if_inet6")
_LINKS = Path("/sys/class/net")
# systemd-resolved puts itself into the first; whom it asks is in the second, which Docker reads then, too
_RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
_RTF_UP, _RTF_REJECT, _RTF_ANYCAST, _RTF_LOCAL = 0x0001, 0x0200, 0x00100000, 0x80000000


def routes() -> list[tuple[str, str]]:
    """The destinations of the main table with the interface by which they are reached; those that lead nowhere (blackhole) are left out."""
    return [*_routes4(_lines(_ROUTES4)[1:]), *_routes6(_lines(_ROUTES6))]


def _routes4(lines: list[str]) -> list[tuple[str, str]]:
    found = []
    for line in lines:
        interface, destination, _gateway, flags, *_counts, mask = line.split()[:8]
        if int(flags, 16) & _RTF_UP and not int(flags, 16) & _RTF_REJECT:
            prefix = bin(int(mask, 16)).count("1")
            found.append((f"{socket.inet_ntoa(struct.pack('=L', int(destination, 16)))}/{prefix}", interface))
    return found


def _routes6(lines: list[str]) -> list[tuple[str, str]]:
    found = []
    for line in lines:
        destination, prefix, *_middle, flags, interface = line.split()
        network = ipaddress.IPv6Address(bytes.fromhex(destination))
        # every interface has routes for its link and for multicast
        beyond = not (network.is_link_local or network.is_multicast)
        if beyond and int(flags, 16) & _RTF_UP and not int(flags, 16) & (_RTF_REJECT | _RTF_ANYCAST | _RTF_LOCAL):
            found.append((f"{network}/{int(prefix, 16)}", interface))
    return found


def addresses() -> list[str]:
    """The host's own addresses."""
    v6 = [str(ipaddress.IPv6Address(bytes.fromhex(line.split()[0]))) for line in _lines(_ADDRESSES6)]
    return [*own_ipv4(), *v6]


def nameservers() -> list[str]:
    """Whom the host asks for names."""
    words = [line.split() for file in _RESOLVERS for line in _lines(file)]
    # an address of IPv6 may have its interface behind it
    return list(dict.fromkeys(each[1].partition("%")[0] for each in words if len(each) > 1 and each[0] == "nameserver"))


def mtus() -> dict[str, int]:
    """The MTU of every interface."""
    return {link.name: int(lines[0]) for link in sorted(_LINKS.glob("*")) if (lines := _lines(link / "mtu"))}


def _lines(file: Path) -> list[str]:
    """The lines of a file; none where it is not there, as those of IPv6 on a host without it."""
    try:
        return file.read_text(errors="replace").splitlines()
    except OSError:
        return []
