# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks for a living cluster: secrets made anew, services scaled, a node removed and taken back."""

from __future__ import annotations

import pytest
from stories.machines import Machines, eventually
from stories.playing import Ansible


def tokens(cluster: Machines) -> dict[str, str]:
    return {role: cluster.shell(cluster.manager, f"docker swarm join-token -q {role}").strip() for role in ("worker", "manager")}


def hostnames(cluster: Machines) -> list[str]:
    return sorted(cluster.shell(cluster.manager, "docker node ls --format '{{.Hostname}}'").split())


def test_A4_a_token_is_made_anew_and_the_other_stays(cluster: Machines, ansible: Ansible) -> None:
    before = tokens(cluster)
    run = ansible.playbook("rotate.yml", "-vvvv", "-e", '{"rotate_secrets": ["worker_token"]}').succeeded()
    after = tokens(cluster)
    assert after["worker"] != before["worker"]
    assert after["manager"] == before["manager"]
    secrets = {token.split("-")[3] for token in (*before.values(), *after.values())}
    assert not [secret for secret in secrets if secret in run.output]


@pytest.mark.usefixtures("unchanged")
def test_A4_a_swarm_without_autolock_has_no_unlock_key_to_make_anew(cluster: Machines, ansible: Ansible) -> None:
    message = ansible.module(cluster.manager, "cluster", {"rotate": ["unlock_key"]}).refused()
    assert message.startswith("swarm: it has no unlock key, since autolock_managers is off")


def test_F1_scale_changes_the_replicas_and_nothing_else(cluster: Machines, ansible: Ansible) -> None:
    before = cluster.inspect("service", "api")["Spec"]
    ansible.playbook("scale.yml", "-e", '{"scale_services": {"api": 3}}').succeeded()
    assert len(cluster.tasks("api")) == 3
    ansible.playbook("scale.yml", "-e", '{"scale_services": {"api": 2}}').succeeded()
    assert cluster.inspect("service", "api")["Spec"] == before


@pytest.mark.usefixtures("unchanged")
def test_A5_without_a_name_no_node_is_removed(cluster: Machines, ansible: Ansible) -> None:
    assert "Without a name nothing is removed" in ansible.playbook("remove_node.yml").refused()
    refused = ansible.playbook("remove_node.yml", "-e", "removal_node=nosuch").refused()
    assert refused.startswith("nosuch stands for 0 nodes of the swarm") and "node1" in refused


@pytest.mark.long
def test_A5_a_node_is_removed_and_comes_back(cluster: Machines, ansible: Ansible) -> None:
    node = cluster.workers[-1]
    everybody = hostnames(cluster)
    ansible.playbook("remove_node.yml", "-e", f"removal_node={node}").succeeded()
    assert hostnames(cluster) == sorted(set(everybody) - {node})
    assert cluster.membership()[node] == "inactive"
    placed = eventually(lambda: cluster.tasks("web"), lambda seen: len(seen) == 2, 60, "web runs without the node")
    assert node not in placed.values()
    again = ansible.playbook("remove_node.yml", "-e", f"removal_node={node}").succeeded()
    assert not any(result.changed for result in again.on_hosts)
    ansible.playbook("site.yml").succeeded()
    assert hostnames(cluster) == everybody
