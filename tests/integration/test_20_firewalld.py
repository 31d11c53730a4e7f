# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A member with firewalld: somebody reloads it, Docker loses rules, and the role brings them back. Judged by curl and by the wire."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from stories.firewalld import START, STOP
from stories.machines import Machines, eventually
from stories.playing import Ansible
from stories.wire import ESP, captured, vni

pytestmark = pytest.mark.long

ROLE = ("site.yml", "--tags", "firewall")
SILENT = 20
"""Seconds without an answer after which Docker is taken not to come back by itself."""


def address(cluster: Machines, node: str) -> str:
    return f"http://{cluster.addresses[node]}:8080"


def processes(cluster: Machines) -> dict[str, str]:
    return cluster.everywhere_stripped("systemctl show docker.service --property=MainPID --value")


@pytest.fixture
def member(cluster: Machines, ansible: Ansible) -> Iterator[str]:
    """The last node, whose firewall is firewalld now; afterwards it is iptables again."""
    node = cluster.nodes[-1]
    ansible.module(node, "firewall", {"state": "absent"}).succeeded()
    cluster.shell(node, f"{START}; systemctl reset-failed docker; systemctl restart docker", timeout=900)
    yield node
    ansible.module(node, "firewall", {"state": "absent"}).succeeded()
    cluster.shell(node, f"{STOP}; systemctl reset-failed docker; systemctl restart docker", timeout=900)
    ansible.playbook(*ROLE).succeeded()
    eventually(lambda: cluster.curl(address(cluster, node)), bool, 120, "the mesh answers on the node")


@pytest.fixture
def wire(cluster: Machines) -> Iterator[str]:
    """A service on the encrypted network with a task on each worker, whatever becomes of Docker there."""
    words = "--detach --quiet --mode global --constraint node.role==worker --network back --no-resolve-image"
    cluster.shell(cluster.manager, f"docker service create {words} --name wire meshwork-lab:1 /bin/busybox sleep 100000")
    yield "wire"
    cluster.shell(cluster.manager, "docker service rm wire")


def frames(cluster: Machines, service: str, node: str, path: Path) -> tuple[int, int]:
    """How many frames of ESP, and how many in the clear, a task of the node sends to its like on other nodes of the encrypted network."""
    number = int(cluster.inspect("network", "back")["Options"]["com.docker.network.driver.overlay.vxlanid_list"])
    task = eventually(lambda: cluster.containers(service, node), bool, 180, "the service has a task on the node")[0]
    known = eventually(lambda: cluster.lookup(node, task, f"tasks.{service}"), lambda found: len(found) > 1, 120, "the task knows its like")
    sent = f"src host {cluster.addresses[node]}"
    with captured(cluster, path) as capture:
        for address in sorted(known):
            cluster.shell(node, f"docker exec {task} ping -c 3 -W 1 {address}", check=False)
        eventually(lambda: capture.path.stat().st_size, lambda size: size > 300, 5, "frames in the capture")
    return capture.count(f"{sent} and {ESP}"), capture.count(f"{sent} and {vni(number)}")


def test_B2_what_a_reload_of_firewalld_takes_from_docker_the_role_brings_back(
    cluster: Machines, ansible: Ansible, wire: str, member: str, tmp_path: Path, figures: list[str]
) -> None:
    ansible.playbook(*ROLE, timeout=900).succeeded()
    eventually(lambda: cluster.curl(address(cluster, member)), bool, 120, "the mesh answers on the node")
    before = frames(cluster, wire, member, tmp_path / "before.pcap")
    assert before[0] > 0 and before[1] == 0, before
    running = processes(cluster)

    cluster.shell(member, "firewall-cmd --reload", timeout=120)
    until = time.monotonic() + SILENT
    while time.monotonic() < until:
        assert cluster.curl(address(cluster, member)) is None
    esp, clear = frames(cluster, wire, member, tmp_path / "reloaded.pcap")
    figures.append(f"an encrypted network after a reload of firewalld: {esp} frames of ESP, {clear} in the clear")

    dry = ansible.playbook(*ROLE, "--check", timeout=900).succeeded()
    assert "a reload of firewalld has taken from Docker: 8080/tcp, isolation" in dry.output
    assert processes(cluster) == running

    made = ansible.playbook(*ROLE, timeout=900).succeeded()
    figures.append(f"firewall role that restarts one Docker: {made.seconds:.0f} s")
    eventually(lambda: cluster.curl(address(cluster, member)), bool, 120, "the mesh answers on the node again")
    after = frames(cluster, wire, member, tmp_path / "mended.pcap")
    assert after[0] > 0 and after[1] == 0, after
    now = processes(cluster)
    assert [node for node in cluster.nodes if now[node] != running[node]] == [member]

    again = ansible.playbook(*ROLE, timeout=900).succeeded()
    assert not any(result.changed for result in again.on_hosts)
    assert processes(cluster) == now
