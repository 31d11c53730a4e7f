# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are in no swarm: what a dry run tells, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from stories.machines import Machines
from stories.playing import Ansible

pytestmark = pytest.mark.usefixtures("bare")


def test_A1_G1_a_dry_run_shows_the_whole_cluster_and_builds_nothing(machines: Machines, ansible: Ansible) -> None:
    run = ansible.playbook("site.yml", "--check", "--diff").succeeded()
    for sentence in (
        "make a new swarm on this host at 10.97.0.11",
        "create overlay network ingress 10.20.0.0/24 (gateway 10.20.0.1)",
        "create overlay network front 10.20.1.0/24 (gateway 10.20.1.1), attachable",
        "create overlay network back 10.20.2.0/24 (gateway 10.20.2.1), encrypted",
        "create service web, 2 x meshwork-lab:1, networks back front, published 8080->8080/tcp (ingress)",
        "create service api, 2 x meshwork-lab:1, networks back",
        "create service agent, one a node, meshwork-lab:1, networks front, published 9100->8080/tcp (host)",
    ):
        assert sentence in run.output
    joining = {result.host for result in run.of("membership") if result.changed}
    assert joining == set(machines.workers)
    assert run.output.count("join the swarm at 10.97.0.11:2377 as worker") == len(machines.workers)
    assert {result.host for result in run.of("firewall") if result.changed} == set(machines.nodes)

    assert set(machines.membership().values()) == {"inactive"}
    assert not any(machines.rules().values())
    networks = machines.everywhere_stripped("docker network ls --filter driver=overlay --quiet")
    assert not any(networks.values())


def identity(machines: Machines, node: str) -> tuple[str, str]:
    """The swarm that a manager is in, and its own node ID."""
    swarm = json.loads(machines.shell(node, "docker info --format '{{json .Swarm}}'"))
    return swarm["Cluster"]["ID"], swarm["NodeID"]


@pytest.fixture
def stranger(machines: Machines) -> Iterator[str]:
    """A host of the inventory's workers that is the manager of a swarm of its own."""
    node = machines.workers[-1]
    machines.shell(node, f"docker swarm init --advertise-addr {machines.addresses[node]}")
    yield node
    machines.leave()


def test_A7_a_host_with_a_swarm_of_its_own_is_refused_and_left_alone(machines: Machines, ansible: Ansible, stranger: str) -> None:
    before = identity(machines, stranger)
    message = ansible.playbook("site.yml", "--tags", "cluster").refused()
    assert f"{stranger} manages a swarm (node {before[1]}) that no host of the managers' group is in" in message
    assert f"put {stranger} into that group" in message and "make it leave on purpose" in message
    assert identity(machines, stranger) == before
    assert {state for node, state in machines.membership().items() if node != stranger} == {"inactive"}


def test_A7_a_host_in_another_swarm_than_the_managers_is_refused(machines: Machines, ansible: Ansible, stranger: str) -> None:
    machines.shell(machines.manager, f"docker swarm init --advertise-addr {machines.addresses[machines.manager]}")
    before = {node: identity(machines, node) for node in (machines.manager, stranger)}
    message = ansible.playbook("site.yml", "--tags", "cluster").refused()
    assert f"{stranger} is in a swarm already" in message and before[stranger][1] in message
    assert f"it is not the swarm of {machines.manager}" in message and "make it leave on purpose" in message
    assert {node: identity(machines, node) for node in before} == before
    assert machines.membership()[machines.workers[0]] == "inactive"


def test_A1_an_advertise_address_that_the_host_does_not_have_is_refused(machines: Machines, ansible: Ansible) -> None:
    run = ansible.module(machines.manager, "cluster", {"advertise_addr": "10.97.0.99"})
    assert run.returncode != 0
    assert "advertise_addr 10.97.0.99 is not an address of this host" in run.only.message
    assert "eth0 10.97.0.11" in run.only.message
    assert machines.membership()[machines.manager] == "inactive"
