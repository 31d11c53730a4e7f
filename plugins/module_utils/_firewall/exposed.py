# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ports that Docker publishes on this host, as its own NAT rules tell, and which of them anybody may reach."""

from __future__ import annotations

import re

from .._local.host import Command, Host
from .._model.firewall import Desired

_DNAT = re.compile(r"-A (?:DOCKER|DOCKER-INGRESS) (?P<match>.*)-p (?P<protocol>\w+) .*--dport (?P<port>\d+) -j DNAT")


def read_published(host: Host) -> frozenset[tuple[int, str]]:
    """Port and protocol of each. Runs one program; none where there is no iptables, which Docker would use. Raises CommandFailed."""
    if not host.has("iptables-save"):
        return frozenset()
    return parse_published(host.output(Command(("iptables-save", "-t", "nat"))))


def parse_published(saved: str) -> frozenset[tuple[int, str]]:
    """Port and protocol of Docker's DNAT rules; a port that is bound to the loopback address is not published to anybody."""
    found = (_DNAT.match(line) for line in saved.splitlines())
    return frozenset((int(rule["port"]), rule["protocol"]) for rule in found if rule and "-d 127." not in rule["match"])


def open_to_all(published: frozenset[tuple[int, str]], desired: Desired) -> list[str]:
    """Those that everybody may reach, as people write them, in the order of their numbers."""
    closed = {
        (each.port, each.protocol)
        for each in desired.published
        if not any(source.endswith("/0") for sources in each.sources.values() for source in sources)
    }
    return said(published - closed)


def said(ports: frozenset[tuple[int, str]]) -> list[str]:
    """Ports as people write them, in the order of their numbers."""
    return [f"{port}/{protocol}" for port, protocol in sorted(ports)]
