# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Docker's own rules do on a host and what a reload has taken from them, read from rules as Engine 20.10 makes them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.exposed import SANDBOX, open_to_all, parse_published, parse_rules
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.work import FirewallWork
from ansible_collections.meshwork.swarm.plugins.module_utils._model.firewall import Desired, Published
from ansible_collections.meshwork.swarm.plugins.module_utils._run import Outcome, reconcile

SAVED = """*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-INGRESS - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER-INGRESS
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker_gwbridge -p tcp -m tcp --dport 8081 -j DNAT --to-destination 172.18.0.5:80
-A DOCKER -d 127.0.0.1/32 ! -i docker0 -p tcp -m tcp --dport 8082 -j DNAT --to-destination 172.17.0.2:80
-A DOCKER -d 192.0.2.1/32 ! -i docker0 -p udp -m udp --dport 53 -j DNAT --to-destination 172.17.0.2:53
-A DOCKER-INGRESS -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.18.0.2:8080
-A DOCKER-INGRESS -j RETURN
-A OTHER -p tcp -m tcp --dport 9999 -j DNAT --to-destination 10.0.0.1:9999
COMMIT
"""


def test_both_modes_of_publishing_are_seen_and_the_loopback_is_not_the_world() -> None:
    assert parse_published(SAVED) == {(8080, "tcp"), (8081, "tcp"), (53, "udp")}


SAVED6 = """*nat
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8090 -j DNAT --to-destination [fd00:17::2]:80
-A DOCKER -d ::1/128 ! -i docker0 -p tcp -m tcp --dport 8091 -j DNAT --to-destination [fd00:17::2]:80
COMMIT
"""


@pytest.mark.parametrize(("kernel", "program", "told"), [(True, True, ["8090/tcp"]), (False, True, []), (True, False, [])])
def test_a_port_that_is_published_in_ipv6_only_is_open_too(
    new_host: Any, options: dict[str, Any], kernel: bool, program: bool, told: list[str]
) -> None:
    """It is no port that IPv4 serves: one that the mesh has lost there is still lost."""
    host = new_host()
    host.nat[6] = SAVED6
    if program:
        host.programs.add("ip6tables-save")
    if not kernel:
        host.paths.discard("/proc/net/if_inet6")
    outcome = Outcome()
    reconcile(FirewallWork({**options, "peers": ["10.9.0.11"]}, host), True, outcome)
    assert (outcome.returned["open_ports"], outcome.returned["docker_serves"]) == (told, [])


def test_a_port_is_open_where_it_is_not_written_or_written_for_everybody() -> None:
    published = (Published("tcp", 8080, {4: ("10.0.0.0/8",), 6: ()}), Published("udp", 53, {4: (), 6: ("::/0",)}))
    assert open_to_all(parse_published(SAVED), Desired(present=True, published=published)) == ["53/udp", "8081/tcp"]


OF_A_MEMBER = (
    SAVED
    + """*mangle
:OUTPUT ACCEPT [0:0]
-A OUTPUT -p udp -m udp --dport 4789 -m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100100" -j MARK --set-xmark 0xd0c4e3/0xffffffff
COMMIT
*filter
:DOCKER-ISOLATION-STAGE-2 - [0:0]
-A DOCKER-ISOLATION-STAGE-2 -o docker_gwbridge -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
COMMIT
"""
)
MESH = """*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 8080 -j MARK --set-xmark 0x101/0xffffffff
-A PREROUTING -p udp -m udp --dport 9000 -j MARK --set-xmark 0x101/0xffffffff
-A INPUT -d 10.0.0.3/32 -j MARK --set-xmark 0x101/0xffffffff
COMMIT
"""
ALL = ["53/udp", "8080/tcp", "8081/tcp", "encryption", "isolation"]


def without(text: str, *parts: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not any(part in line for part in parts))


@pytest.mark.parametrize(
    ("lost", "mesh", "serves", "lacks"),
    [
        ((), without(MESH, "9000"), ALL, ()),
        ((), MESH, ALL, ("9000/udp",)),
        (("-A DOCKER", "MARK"), MESH, [], ("8080/tcp", "9000/udp", "isolation")),
        # neither a member nor a host without a mesh lacks what nobody has made there
        (("-A DOCKER", "MARK"), None, [], ()),
        ((":DOCKER-ISO", "-A DOCKER", "MARK"), without(MESH, "-A"), [], ()),
        # an address on a bridge that is routed is let through by name
        (("MARK", "-j DNAT"), "", ["isolation"], ()),
    ],
)
def test_what_a_reload_has_taken_is_known_by_the_mesh(
    lost: tuple[str, ...], mesh: str | None, serves: list[str], lacks: tuple[str, ...]
) -> None:
    found = parse_rules(without(OF_A_MEMBER, *lost), mesh)
    assert (found.serves, found.lacks) == (serves, lacks)


@pytest.mark.parametrize(("firewalld", "member", "more"), [(True, True, 1), (True, False, 0), (False, True, 0)])
def test_only_members_with_firewalld_are_looked_at_more_closely(
    new_host: Any, options: dict[str, Any], firewalld: bool, member: bool, more: int
) -> None:
    hosts = [new_host(), new_host()]
    for host in hosts:
        if firewalld:
            host.start_firewalld()
        host.mesh = MESH
    if member:
        hosts[1].paths.add(SANDBOX)
    told = []
    for host in hosts:
        outcome = Outcome()
        reconcile(FirewallWork(options, host), True, outcome)
        told.append(outcome.returned)
    assert hosts[1].runs - hosts[0].runs == more
    assert told[0]["docker_lacks"] == []
    assert told[1]["docker_lacks"] == (["8080/tcp", "9000/udp"] if more else [])
