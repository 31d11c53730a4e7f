# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker's own rules of iptables on this host: the ports that they publish, who may reach those, and what a reload has cost Docker."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .._local.host import Command, Host
from .._model.firewall import Desired

SANDBOX = "/run/docker/netns/ingress_sbox"
"""The network namespace of the routing mesh. No firewall of the host reaches into it."""
ENCRYPTION, ISOLATION = "encryption", "isolation"
Ports = frozenset[tuple[int, str]]

_DNAT = re.compile(r"-A (?:DOCKER|DOCKER-INGRESS) (?P<match>.*)-p (?P<protocol>\w+) .*--dport (?P<port>\d+) -j DNAT")
_LOOPBACK = re.compile(r"-d (127\.|::1/128)")
_MESH = re.compile(r"-A PREROUTING .*-p (?P<protocol>\w+) .*--dport (?P<port>\d+) -j MARK ")
_ENCRYPTION = re.compile(r"-A OUTPUT -p udp .*-j MARK --set-xmark 0xd0c4e3/", re.MULTILINE)
"""The kernel's policies of encrypted networks are for VXLAN with this mark only (`ip xfrm policy`)."""
_ISOLATION = re.compile(r"^-A DOCKER-ISOLATION-STAGE-2 (?!-j RETURN$)", re.MULTILINE)
_ISOLATION_CHAIN = ":DOCKER-ISOLATION-STAGE-2 "


@dataclass(frozen=True)
class DockersRules:
    """What they do: the ports that they publish, and with firewalld whether they encrypt and keep bridges apart. `lacks` is what they
    do not do though it is needed here: ports of the routing mesh, ISOLATION. The mesh has IPv4 only, so what IPv6
    publishes stands apart."""

    published: Ports = frozenset()
    published_in_ipv6: Ports = frozenset()
    others: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    @property
    def serves(self) -> list[str]:
        """All of what they do."""
        return [*said(self.published), *self.others]


def read_dockers_rules(host: Host, reloads: bool) -> DockersRules:
    """Read them. `reloads`: the host has a firewall whose reloads take rules away that are not its own, so there is more to look at.

    Runs one program; none where there is no iptables, which Docker would use; one more where the host has IPv6, and one more on members
    of a swarm where `reloads`. Raises CommandFailed.
    """
    if not host.has("iptables-save"):
        return DockersRules()
    return replace(_read_ipv4(host, reloads), published_in_ipv6=_read_ipv6(host))


def _read_ipv6(host: Host) -> Ports:
    """All tables, since a kernel need not have the table nat in IPv6, and to ask for that alone would fail there."""
    if not (host.exists("/proc/net/if_inet6") and host.has("ip6tables-save")):
        return frozenset()
    return parse_published(host.output(Command(("ip6tables-save",))))


def _read_ipv4(host: Host, reloads: bool) -> DockersRules:
    if not reloads:
        return DockersRules(parse_published(host.output(Command(("iptables-save", "-t", "nat")))))
    saved = host.output(Command(("iptables-save",)))
    if not host.exists(SANDBOX):
        return parse_rules(saved)
    done = host.run(Command(("nsenter", f"--net={SANDBOX}", "iptables-save", "-t", "mangle")))
    # a namespace that nobody can enter any more has no mesh
    return parse_rules(saved, done.output if done.status == 0 else "")


def parse_rules(saved: str, mesh: str | None = None) -> DockersRules:
    """What Docker's rules do and lack, from what iptables-save prints on the host and in the namespace of the mesh, where there is one.

    The Engine makes the host's rule for a port before that in the mesh (libnetwork, addLBBackend). A chain that isolates nothing is
    not one of a member, as each has docker_gwbridge.
    """
    published = parse_published(saved)
    does = {ENCRYPTION: bool(_ENCRYPTION.search(saved)), ISOLATION: bool(_ISOLATION.search(saved))}
    isolates_nothing = mesh is not None and _ISOLATION_CHAIN in saved and not does[ISOLATION]
    lost = said(_ports(_MESH, mesh or "") - published)
    others = tuple(name for name in does if does[name])
    return DockersRules(published, others=others, lacks=(*lost, *([ISOLATION] if isolates_nothing else [])))


def parse_published(saved: str) -> Ports:
    """Port and protocol of Docker's DNAT rules; a port that is bound to the loopback address is not published to anybody."""
    return _ports(_DNAT, "\n".join(line for line in saved.splitlines() if not _LOOPBACK.search(line)))


def _ports(rule: re.Pattern[str], saved: str) -> Ports:
    found = (rule.match(line) for line in saved.splitlines())
    return frozenset((int(each["port"]), each["protocol"]) for each in found if each)


def open_to_all(published: Ports, desired: Desired) -> list[str]:
    """Those that everybody may reach, as people write them, in the order of their numbers."""
    closed = {
        (each.port, each.protocol)
        for each in desired.published
        if not any(source.endswith("/0") for sources in each.sources.values() for source in sources)
    }
    return said(published - closed)


def said(ports: Ports) -> list[str]:
    """Ports as people write them, in the order of their numbers."""
    return [f"{port}/{protocol}" for port, protocol in sorted(ports)]
