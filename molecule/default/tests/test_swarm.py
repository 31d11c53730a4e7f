# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The swarm, its services and its firewall, as testinfra finds them on each host."""

from __future__ import annotations

from collections.abc import Mapping

from testinfra.host import Host


def test_the_engine_runs_now_and_at_boot(node: Host) -> None:
    engine = node.service("docker")
    assert engine.is_running
    assert engine.is_enabled


def test_the_host_is_in_the_swarm(node: Host) -> None:
    assert node.check_output("docker info --format '{{.Swarm.LocalNodeState}}'") == "active"


def test_all_nodes_are_ready(manager: Host, groups: Mapping[str, list[str]]) -> None:
    rows = manager.check_output("docker node ls --format '{{.Hostname}} {{.Status}} {{.Availability}} {{.ManagerStatus}}'").splitlines()
    assert all(row.split()[1:3] == ["Ready", "Active"] for row in rows)
    managing = {row.split()[0]: row.split()[3] for row in rows if len(row.split()) > 3}
    assert sorted(managing) == sorted(groups["managers"])
    assert sorted(managing.values()) == ["Leader", *["Reachable"] * (len(managing) - 1)]
    assert sorted(row.split()[0] for row in rows) == sorted(groups["managers"] + groups["workers"])


def test_all_tasks_run(manager: Host) -> None:
    rows = manager.check_output("docker service ls --format '{{.Name}} {{.Mode}} {{.Replicas}}'").splitlines()
    assert sorted(rows) == ["agent global 2/2", "api replicated 2/2", "web replicated 2/2"]


def test_the_ports_of_a_node_are_listened_on(node: Host) -> None:
    for socket in ("tcp://:::7946", "udp://:::7946", "udp://0.0.0.0:4789", "tcp://:::8080"):
        assert node.socket(socket).is_listening, socket


def test_only_the_manager_listens_for_raft(manager: Host) -> None:
    assert manager.socket("tcp://:::2377").is_listening


def test_a_worker_has_the_agent_and_no_raft(worker: Host) -> None:
    assert worker.socket("tcp://0.0.0.0:9100").is_listening
    assert not worker.socket("tcp://:::2377").is_listening


def test_the_firewall_lets_the_hosts_of_the_swarm_in_and_refuses_others(node: Host, addresses: Mapping[str, str]) -> None:
    rules = node.iptables.rules("filter", "MESHWORK-SWARM")
    refused = [rule for rule in rules if "-j REJECT" in rule]
    assert len(refused) == 2
    assert "2377,7946" in refused[0] + refused[1] and "4789,7946" in refused[0] + refused[1]
    assert rules.index(refused[0]) > max(index for index, rule in enumerate(rules) if "-j ACCEPT" in rule)
    assert [rule for rule in node.iptables.rules("filter", "INPUT") if rule.endswith("-j MESHWORK-SWARM")]
    members = node.check_output("ipset list meshwork-swarm-4").partition("Members:")[2].split()
    assert set(members) == set(addresses.values())
