# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The majority was lost and won back: the swarm of before, with three managers again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from testinfra.host import Host

Listed = Callable[[str], dict[str, tuple[str, str, str]]]


def test_A9_the_swarm_goes_on_with_three_managers(listed: Listed) -> None:
    seen = listed("node1")
    assert set(seen) == {"node1", "node2", "node3", "node4"}
    assert {name for name, row in seen.items() if row[2] in ("Leader", "Reachable")} == {"node1", "node2", "node3"}
    assert {row[0] for row in seen.values()} == {"Ready"}


def test_A9_services_and_networks_are_those_of_before(hosts: Mapping[str, Host]) -> None:
    services = hosts["node1"].check_output("docker service ls --format '{{.Name}} {{.Replicas}}'").splitlines()
    assert sorted(services) == ["agent 1/1", "api 2/2", "web 2/2"]
    networks = hosts["node1"].check_output("docker network ls --filter driver=overlay --format '{{.Name}}'").split()
    assert sorted(networks) == ["back", "front", "ingress"]


def test_A9_the_routing_mesh_answers_on_every_node(hosts: Mapping[str, Host]) -> None:
    for name in ("node1", "node2", "node3", "node4"):
        assert hosts[name].run("curl --silent --fail --max-time 10 http://127.0.0.1:8080").rc == 0, name
