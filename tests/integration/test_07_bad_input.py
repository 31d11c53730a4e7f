# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input: one clear message that names the item and the way out, and a swarm in which nothing has changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from stories.machines import Machines, eventually
from stories.playing import Ansible

IMAGE = "meshwork-lab:1"


@dataclass(frozen=True)
class Mistake:
    """What was written, and the patterns that the message has to match: the item, what is wrong, the way out."""

    name: str
    module: str
    options: Mapping[str, Any]
    patterns: tuple[str, ...]


def network(**options: Any) -> dict[str, Any]:
    return {"networks": [{"name": "front"}, {"name": "story", **options}]}


def service(**options: Any) -> dict[str, Any]:
    return {"services": [{"name": "story", "image": IMAGE, **options}]}


MISTAKES = (
    Mistake(
        "C1_subnet_with_host_bits",
        "networks",
        network(subnets=[{"subnet": "10.20.7.1/24"}]),
        (r"^networks\[1\] \(story\)\.subnets", "without host bits", r"would be 10\.20\.7\.0/24"),
    ),
    Mistake(
        "C6_subnet_that_overlaps_another_network",
        "networks",
        network(subnets=[{"subnet": "10.20.1.128/25"}]),
        (r"^networks\[1\] \(story\)", r"10\.20\.1\.128/25 overlaps 10\.20\.1\.0/24 of network front", "give it a subnet that is free"),
    ),
    Mistake(
        "C6_two_new_networks_that_overlap",
        "networks",
        {"networks": [{"name": name, "subnets": [{"subnet": "10.20.7.0/24"}]} for name in ("one", "two")]},
        (r"^networks\[0\] \(one\)", r"10\.20\.7\.0/24 overlaps 10\.20\.7\.0/24 of networks\[1\] \(two\)", "give it a subnet that is free"),
    ),
    Mistake(
        "C1_gateway_outside_its_subnet",
        "networks",
        network(subnets=[{"subnet": "10.20.7.0/24", "gateway": "10.20.8.1"}]),
        (r"^networks\[1\] \(story\)\.subnets\[0\]\.gateway", r"an address inside 10\.20\.7\.0/24", r"got '10\.20\.8\.1'"),
    ),
    Mistake(
        "C1_driver_option_that_is_a_list",
        "networks",
        network(driver_opts={"com.example.option": ["a", "b"]}),
        (r"^networks\[1\] \(story\)\.driver_opts", "a string, a number or a boolean", "com.example.option"),
    ),
    Mistake(
        "D2_dnsrr_with_a_port_in_the_mesh",
        "services",
        service(endpoint_mode="dnsrr", publish=[{"target_port": 8080, "published_port": 8099}]),
        (r"^services\[0\] \(story\)\.endpoint_mode", "dnsrr", "publish it in host mode, or use vip"),
    ),
    Mistake(
        "D2_port_published_twice_in_one_service",
        "services",
        service(publish=[{"target_port": 8080, "published_port": 8099}, {"target_port": 80, "published_port": 8099}]),
        (r"^services\[0\] \(story\)\.publish", "8099/tcp twice", "every port published once"),
    ),
    Mistake(
        "D2_port_that_another_service_has",
        "services",
        service(publish=[{"target_port": 8080, "published_port": 8080}]),
        (r"^port 8080/tcp", "published by story and web", "give each service a port of its own"),
    ),
    Mistake(
        "D3_network_that_is_not_there",
        "services",
        service(networks=[{"name": "nowhere"}]),
        (r"^services\[0\] \(story\)", "no network 'nowhere'", "back, front", "declare it in networks first"),
    ),
)


@pytest.fixture(scope="module")
def beginning(cluster: Machines) -> str:
    """The swarm as it is before the first mistake."""
    return cluster.swarm_objects()


@pytest.fixture
def unchanged(cluster: Machines, beginning: str) -> Iterator[None]:
    """Fails when the story changed anything in the swarm since the first one."""
    yield
    assert cluster.swarm_objects() == beginning


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_bad_input(cluster: Machines, ansible: Ansible, mistake: Mistake) -> None:
    message = ansible.module(cluster.manager, mistake.module, mistake.options).refused()
    assert "\n" not in message
    for pattern in mistake.patterns:
        assert re.search(pattern, message), message


@pytest.mark.usefixtures("unchanged")
def test_A6_a_worker_is_not_asked_to_do_swarm_wide_work(cluster: Machines, ansible: Ansible) -> None:
    message = ansible.module(cluster.workers[0], "networks", network()).refused()
    assert "this host is a worker, and only a manager can do swarm-wide work" in message
    assert f"run it on a manager; this worker knows of: {cluster.addresses[cluster.manager]}:2377" in message


@pytest.mark.usefixtures("unchanged")
def test_A8_another_advertise_address_than_the_node_has(cluster: Machines, ansible: Ansible) -> None:
    message = ansible.module(cluster.manager, "cluster", {"advertise_addr": "10.97.0.99"}).refused()
    assert "advertise_addr: wanted 10.97.0.99, found 10.97.0.11" in message
    assert "an address is fixed when a node joins; playbooks/readdress.yml moves the nodes" in message


@pytest.mark.usefixtures("unchanged")
def test_B1_no_permission_on_the_socket(cluster: Machines, ansible: Ansible) -> None:
    message = ansible.module(cluster.manager, "networks", network(), "--become", "--become-user", "nobody").refused()
    assert "no permission on unix:///var/run/docker.sock" in message
    assert "become: true" in message and "group docker" in message


@pytest.mark.usefixtures("unchanged")
def test_B1_no_docker_library_on_the_node(cluster: Machines, ansible: Ansible) -> None:
    cluster.shell(cluster.manager, "python3 -m venv --without-pip /tmp/bare")
    try:
        interpreter = ("-e", "ansible_python_interpreter=/tmp/bare/bin/python")
        message = ansible.module(cluster.manager, "networks", network(), *interpreter).refused()
    finally:
        cluster.shell(cluster.manager, "rm -r /tmp/bare")
    assert "the Python library docker is missing on this host" in message
    assert "install the package python3-docker or run `pip install docker`" in message


@pytest.fixture
def stopped(cluster: Machines) -> Iterator[str]:
    """A worker whose Engine is stopped for the time of the story."""
    worker = cluster.workers[-1]
    cluster.shell(worker, "systemctl stop docker.socket docker.service", timeout=120)
    yield worker
    cluster.shell(worker, "systemctl start docker.service", timeout=120)
    eventually(lambda: sorted(cluster.tasks("agent").values()), lambda seen: seen == cluster.workers, 90, "the agent runs on all workers")


def test_B1_an_engine_that_does_not_run(cluster: Machines, ansible: Ansible, stopped: str) -> None:
    message = ansible.module(stopped, "cluster_info").refused()
    assert "no Engine answers at unix:///var/run/docker.sock" in message
    assert "systemctl start docker" in message
