# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connections that IPVS balances: which backend each of them went to.

All IPVS services of dockerd are services by firewall mark; pyroute2 cannot list those before its release 0.9.6, and the connection
table needs no netlink: /proc/net/ip_vs_conn (net/netfilter/ipvs/ip_vs_conn.c) has a line a connection, in the namespace of the reader.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path

from .namespaces import Namespace

CONNECTIONS = "/proc/thread-self/net/ip_vs_conn"
Endpoint = tuple[str, int]


def backends(namespace: Namespace) -> dict[Endpoint, str]:
    """The backend's address by the client's (address, port), of the TCP connections in a namespace; empty without IPVS there."""
    with namespace.entered():
        try:
            text = Path(CONNECTIONS).read_text(encoding="ascii")
        except OSError:
            return {}
    return parse(text.splitlines()[1:])


def parse(lines: Iterable[str]) -> dict[Endpoint, str]:
    """Columns: protocol, client address and port, virtual address and port, backend address and port (all hexadecimal), state ..."""
    found: dict[Endpoint, str] = {}
    for line in lines:
        columns = line.split()
        if len(columns) >= 7 and columns[0] == "TCP" and len(columns[1]) == len(columns[5]) == 8:
            found[(_address(columns[1]), int(columns[2], 16))] = _address(columns[5])
    return found


def _address(hexadecimal: str) -> str:
    return socket.inet_ntoa(bytes.fromhex(hexadecimal))
