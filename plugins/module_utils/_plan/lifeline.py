# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the connection that changes a firewall would still be let in by it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from .._model.firewall import Desired
from .plan import Blocker


@dataclass(frozen=True)
class Connection:
    """An SSH connection as its server sees it: where the client sends from, and the port that it came to."""

    client: str
    port: int


def read_connection(text: str | None) -> Connection | None:
    """From what sshd tells its children (SSH_CONNECTION: client address, client port, server address, server port; sshd(8))."""
    words = (text or "").split()
    if len(words) != 4 or not words[3].isdigit():
        return None
    return Connection(words[0].partition("%")[0], int(words[3]))


def cut_off(desired: Desired, connection: Connection | None) -> tuple[Blocker, ...]:
    """A blocker where the planned rules would refuse the very connection that brings them."""
    if connection is None:
        return ()
    try:
        client = ipaddress.ip_address(connection.client)
    except ValueError:
        return ()
    peer = any(ipaddress.ip_address(address) == client for address in desired.peers.get(client.version, ()))
    for published in desired.published:
        if (published.protocol, published.port) != ("tcp", connection.port) or (peer and published.peers):
            continue
        if not any(client in ipaddress.ip_network(source) for source in published.sources[client.version]):
            remedy = f"add {client}, or its subnet, to the sources of that port"
            return (Blocker("published", f"{_said(connection)}, and {published.subject} is not for that address", remedy),)
    if ("tcp", connection.port) in desired.guarded and not peer:
        remedy = f"let sshd listen on another port, or add {client} to peers"
        return (Blocker("guard", f"{_said(connection)}, which belongs to the swarm and is for peers only", remedy),)
    return ()


def _said(connection: Connection) -> str:
    return f"this run itself comes over SSH from {connection.client} to port {connection.port}"
