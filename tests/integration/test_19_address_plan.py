# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subnets, MTUs and addresses that do not fit what the hosts have, told before anything is made, judged by the docker CLI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from stories.machines import Machines, eventually
from stories.playing import Ansible, Run

CONVERGED = [{"name": "front"}, {"name": "back"}]
SMALL = "10.20.50.0/29"


def play(ansible: Ansible, *networks: dict[str, Any]) -> Run:
    """The part of site.yml that looks after networks, with some more of them."""
    return ansible.playbook("site.yml", "--tags", "networks", "-e", json.dumps({"swarm_networks": [*CONVERGED, *networks]}))


@pytest.fixture
def put_back(cluster: Machines) -> Iterator[list[tuple[str, str]]]:
    """Nodes and lines for their shells that undo what a story did."""
    lines: list[tuple[str, str]] = []
    yield lines
    for node, line in lines:
        cluster.shell(node, line)


@pytest.mark.usefixtures("unchanged")
def test_C6_a_subnet_that_hosts_have_is_refused_with_who_has_it(
    cluster: Machines, ansible: Ansible, put_back: list[tuple[str, str]]
) -> None:
    worker = cluster.workers[-1]
    put_back.append((worker, "ip route del 192.168.77.0/24; sed -i /192.168.99.9/d /etc/resolv.conf"))
    cluster.shell(worker, "ip route add 192.168.77.0/24 dev eth1; echo nameserver 192.168.99.9 >> /etc/resolv.conf")
    message = play(
        ansible,
        {"name": "on-route", "subnets": [{"subnet": "192.168.77.128/25"}]},
        {"name": "on-nameserver", "subnets": [{"subnet": "192.168.99.0/24"}]},
        {"name": "on-card", "subnets": [{"subnet": "10.97.0.0/24"}]},
        {"name": "on-bridge", "subnets": [{"subnet": "172.17.0.0/24"}]},
    ).refused()
    told = message.splitlines()
    everybody = ", ".join(cluster.nodes)
    assert any("networks[2] (on-route)" in line and f"192.168.77.0/24, the route by eth1 of {worker};" in line for line in told), message
    assert any("networks[3] (on-nameserver)" in line and f"192.168.99.9/32, the nameserver of {worker};" in line for line in told), message
    assert any("networks[4] (on-card)" in line and f"10.97.0.0/24, the route by eth0 of {everybody};" in line for line in told), message
    assert any("networks[5] (on-bridge)" in line and "172.17.0.0/16 of network bridge" in line for line in told), message


@pytest.mark.long
@pytest.mark.usefixtures("unchanged")
def test_C6_packets_that_the_underlay_does_not_take_are_refused_or_told(
    cluster: Machines, ansible: Ansible, put_back: list[tuple[str, str]]
) -> None:
    worker = cluster.workers[-1]
    put_back.append((worker, "ip link set eth0 mtu 1500"))
    cluster.shell(worker, "ip link set eth0 mtu 1400")
    subnets = [{"subnet": SMALL}]
    message = play(ansible, {"name": "story-wide", "subnets": subnets, "mtu": 1450}).refused()
    assert f"and eth0 of {worker} takes 1400; write at most mtu: 1350" in message
    dry = ansible.playbook(
        "site.yml", "--tags", "networks", "--check", "-e", json.dumps({"swarm_networks": [{"name": "story-wide", "subnets": subnets}]})
    ).succeeded()
    assert "write mtu: 1350" in " ".join(dry.output.split())


@pytest.mark.usefixtures("unchanged")
def test_C6_what_fits_is_not_talked_about(ansible: Ansible) -> None:
    run = ansible.playbook("site.yml", "--tags", "ingress,networks,services").succeeded()
    assert not [result for result in run.results if result.changed]
    assert not [result for result in run.results if result.values.get("warnings")], "no warnings on a converged cluster"


@pytest.mark.long
def test_C6_addresses_are_counted_and_tasks_that_would_wait_for_ever_are_refused(cluster: Machines, ansible: Ansible) -> None:
    """A /29 has six addresses: the gateway, a virtual address, two tasks and their two nodes."""
    network = {"name": "story-small", "subnets": [{"subnet": SMALL}]}
    service = {"name": "story-full", "image": "meshwork-lab:1", "networks": [{"name": "story-small"}]}

    def capacity() -> Any:
        info = ansible.module(cluster.manager, "cluster_info", {"gather": ["networks"]}).succeeded().only
        return next(each["capacity"] for each in info.values["networks"] if each["name"] == "story-small")

    try:
        ansible.module(cluster.manager, "networks", {"networks": [network]}).succeeded()
        assert capacity() == {"size": 6, "used": 1, "free": 5}
        message = ansible.module(cluster.manager, "services", {"services": [{**service, "replicas": 3}]}).refused()
        assert message.startswith("network story-small: of 6 addresses its services (story-full) need 8, so that tasks would wait for ever")
        assert "story-full" not in cluster.shell(cluster.manager, "docker service ls --format '{{.Name}}'")
        ansible.module(cluster.manager, "services", {"services": [{**service, "replicas": 2}]}).succeeded()
        assert capacity() == {"size": 6, "used": 6, "free": 0}
        cluster.shell(cluster.manager, "docker service scale --detach story-full=3")
        shown = "docker service ps story-full --filter desired-state=running --format '{{.CurrentState}}'"
        states = eventually(lambda: cluster.shell(cluster.manager, shown).splitlines(), lambda found: len(found) == 3, 10, "a third task")
        assert sorted(state.split()[0] for state in states)[:1] == ["New"], "the Engine says nothing else of it"
    finally:
        cluster.shell(cluster.manager, "docker service rm story-full 2>/dev/null || true")
        eventually(
            lambda: cluster.everywhere_stripped("docker ps -q --filter label=com.docker.swarm.service.name=story-full"),
            lambda found: not any(found.values()),
            60,
            "its tasks have ended",
        )
        ansible.module(cluster.manager, "networks", {"networks": [{"name": "story-small", "state": "absent"}]}).succeeded()
