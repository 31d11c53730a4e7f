# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes on a living cluster: labels, availability, roles, and the majority that no demotion may cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from stories.machines import Machines, eventually
from stories.playing import Ansible


def node_id(cluster: Machines, node: str) -> str:
    return cluster.shell(node, "docker info --format '{{.Swarm.NodeID}}'").strip()


def node_spec(cluster: Machines, node: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.inspect("node", node)["Spec"]
    return found


def set_node(cluster: Machines, ansible: Ansible, node: str, options: Mapping[str, Any], **more: object) -> bool:
    wanted = {"nodes": [{"id": node_id(cluster, node), "name": node, **options}], **more}
    return ansible.module(cluster.manager, "nodes", wanted).succeeded().only.changed


def test_A5_labels_are_merged_or_exact(cluster: Machines, ansible: Ansible) -> None:
    worker = cluster.workers[0]
    cluster.shell(cluster.manager, f"docker node update --label-add rack=r1 {worker}")
    assert set_node(cluster, ansible, worker, {"labels": {"zone": "a"}})
    assert node_spec(cluster, worker)["Labels"] == {"rack": "r1", "zone": "a"}
    assert not set_node(cluster, ansible, worker, {"labels": {"zone": "a"}})
    assert set_node(cluster, ansible, worker, {"labels": {"zone": "b"}}, merge_labels=False)
    assert node_spec(cluster, worker)["Labels"] == {"zone": "b"}
    assert set_node(cluster, ansible, worker, {"labels": {}}, merge_labels=False)
    assert node_spec(cluster, worker)["Labels"] == {}


def test_A5_a_drained_node_gives_its_tasks_away(cluster: Machines, ansible: Ansible) -> None:
    worker = next(node for node in cluster.tasks("web").values() if node in cluster.workers)
    assert set_node(cluster, ansible, worker, {"availability": "drain"})
    assert not set_node(cluster, ansible, worker, {"availability": "drain"})

    def placed() -> dict[str, list[str]]:
        return {name: sorted(cluster.tasks(name).values()) for name in ("web", "api")}

    try:
        moved = eventually(placed, lambda seen: len(seen["web"]) == 2 and len(seen["api"]) == 2, 60, "all tasks run elsewhere")
        assert not any(worker in nodes for nodes in moved.values())
    finally:
        assert set_node(cluster, ansible, worker, {"availability": "active"})
    eventually(lambda: sorted(cluster.tasks("agent").values()), lambda seen: seen == cluster.workers, 60, "the agent is back")


@pytest.mark.usefixtures("unchanged")
def test_A6_the_only_manager_is_not_demoted(cluster: Machines, ansible: Ansible) -> None:
    wanted = {"nodes": [{"id": node_id(cluster, cluster.manager), "role": "worker"}]}
    message = ansible.module(cluster.manager, "nodes", wanted).refused()
    assert message == f"node {cluster.manager}: it is the last manager; promote or bring back another manager first"


@pytest.mark.long
def test_A5_A6_hosts_change_their_group_and_the_swarm_keeps_its_majority(cluster: Machines, ansible: Ansible) -> None:
    second, third = cluster.nodes[1:3]

    def managers(leading: bool = False) -> set[str]:
        rows = [json.loads(line) for line in cluster.shell(second, "docker node ls --format '{{json .}}'").splitlines()]
        return {row["Hostname"] for row in rows if row["ManagerStatus"] in (("Leader",) if leading else ("Leader", "Reachable"))}

    def open_for_managers() -> set[str]:
        return {node for node, rules in cluster.rules().items() if any("--dport 2377" in rule for rule in rules)}

    ansible.playbook("site.yml", managers=3).succeeded()
    assert managers() == set(cluster.nodes)
    assert open_for_managers() == set(cluster.nodes)

    lame = cluster.nodes[0]
    cluster.shell(lame, "systemctl stop docker.socket docker.service", timeout=120)
    try:
        eventually(managers, lambda seen: seen == {second, third}, 60, f"{lame} is unreachable and another leads")
        wanted = {"nodes": [{"id": node_id(cluster, third), "role": "worker"}]}
        message = ansible.module(second, "nodes", wanted).refused()
        assert "would lose the majority: 1 of 2 managers reachable, a majority is 2" in message
        own = ansible.module(second, "nodes", {"nodes": [{"id": node_id(cluster, second), "role": "worker"}]}, check=True).refused()
        assert "would lose the majority" in own
    finally:
        cluster.shell(lame, "systemctl start docker.service", timeout=120)
    eventually(managers, lambda seen: seen == set(cluster.nodes), 60, "all managers are reachable")
    assert managers(leading=True) <= {second, third}, "the leader is among those who are demoted now"
    own = ansible.module(second, "nodes", {"nodes": [{"id": node_id(cluster, second), "role": "worker"}]}, check=True).refused()
    assert "it is to be demoted, and is the manager that does this work; run this on another manager" in own

    run = ansible.playbook("site.yml", managers=1).succeeded()
    assert [step["action"] for step in run.of("nodes")[0].values["steps"]] == ["demote", "demote"]
    assert cluster.shell(lame, "docker node ls --format '{{.Hostname}} {{.ManagerStatus}}'").count("Leader") == 1
    assert "Reachable" not in cluster.shell(lame, "docker node ls --format '{{.ManagerStatus}}'")
    assert open_for_managers() == {cluster.manager}
    assert set(cluster.membership().values()) == {"active"}


@pytest.mark.usefixtures("unchanged")
def test_A5_an_unknown_node_is_told_with_the_known_ones(cluster: Machines, ansible: Ansible) -> None:
    message = ansible.module(cluster.manager, "nodes", {"nodes": [{"id": "0123456789", "role": "worker"}]}).refused()
    assert "nodes[0] (0123456789)" in message
    assert all(f"({node})" in message for node in cluster.nodes)
