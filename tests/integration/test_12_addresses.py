# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses: hosts that join at once, management and data path on cards of their own, and nodes that move from one to the other.

Management is on eth0 (br0). The stories take the data path of node1 and node3 to eth1 (br1) and back.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from stories.machines import Machines, eventually
from stories.playing import Ansible
from stories.wire import ESP, VXLAN, captured

pytestmark = pytest.mark.long

MOVING = ("node1", "node3")
DATA_PATH = "swarm_data_path_addr={{ 'eth1' if inventory_hostname in ['node1', 'node3'] else 'eth0' }}"
APART = ("-e", DATA_PATH, "-e", "readdress_allow_encrypted_apart=true")
TOGETHER = "swarm_data_path_addr=eth0"
MEMBERS = ("--tags", "firewall,cluster,nodes")
RECORD = "io.meshwork.swarm.readdress"


def data_path(cluster: Machines) -> dict[str, str]:
    """The address for the traffic of containers of each node, from the file in which its Engine keeps it."""
    files = cluster.everywhere("cat /var/lib/docker/swarm/docker-state.json")
    joined = {node: json.loads(text) for node, text in files.items()}
    return {node: state["DataPathAddr"] or state["AdvertiseAddr"].rpartition(":")[0] for node, state in joined.items()}


def node_list(cluster: Machines, node: str) -> list[tuple[str, str, str]]:
    """Hostname, state and part in Raft of each node, as a node's docker CLI tells them; [] while it cannot."""
    text = cluster.shell(node, "docker node ls --format '{{.Hostname}}/{{.Status}}/{{.ManagerStatus}}'", check=False)
    rows = [line.split("/") for line in text.split()]
    return [(row[0], row[1], row[2]) for row in rows if len(row) == 3]


@contextmanager
def watched(cluster: Machines, node: str) -> Iterator[list[list[tuple[str, str, str]]]]:
    """What a node's docker CLI lists, again and again while the block runs."""
    seen: list[list[tuple[str, str, str]]] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            seen.append(node_list(cluster, node))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()


def workers_leave(cluster: Machines) -> None:
    """Without tasks, so that no leave is given up half-way, which would keep the gossip port."""
    cluster.shell(
        cluster.manager, "for node in $(docker node ls --filter role=worker -q); do docker node update --availability drain $node; done"
    )
    running = "docker ps -q | wc -l"
    eventually(lambda: set(cluster.everywhere_stripped(running, cluster.workers).values()), lambda seen: seen == {"0"}, 120, "no tasks run")
    cluster.leave(cluster.workers)
    cluster.shell(cluster.manager, "docker node rm --force $(docker node ls --filter role=worker -q)")
    assert [row[0] for row in node_list(cluster, cluster.manager)] == [cluster.manager]


def test_A2_workers_join_all_at_once(cluster: Machines, ansible: Ansible, figures: list[str]) -> None:
    workers_leave(cluster)
    began = time.time()
    run = ansible.playbook("site.yml", *MEMBERS).succeeded()
    joins = [result for result in run.of("membership") if result.changed]
    assert sorted(result.host for result in joins) == cluster.workers
    # the nodes' own journals say when the module began there: on the last before the first was done
    line = f"journalctl --since @{began:.0f} --output json | grep join_token | head -1"
    starts = [int(json.loads(text)["__REALTIME_TIMESTAMP"]) / 1e6 for text in cluster.everywhere(line, cluster.workers).values()]
    assert max(starts) - min(starts) < min(result.seconds for result in joins)
    longest, whole = max(result.seconds for result in joins), sum(result.seconds for result in joins)
    figures.append(f"A2: {len(joins)} workers joined at once: the longest join took {longest:.1f} s, all of them {whole:.1f} s")
    assert sorted(node_list(cluster, cluster.manager)) == [
        (node, "Ready", "Leader" if node == cluster.manager else "") for node in cluster.nodes
    ]


@pytest.mark.usefixtures("unchanged")
def test_A8_the_only_manager_does_not_move(cluster: Machines, ansible: Ansible) -> None:
    message = ansible.playbook("readdress.yml", *APART).refused()
    assert message.startswith("node1: the swarm has 1 manager, and while one moves nothing may fail; put more hosts into")


@pytest.fixture(scope="module")
def joined(cluster: Machines, ansible: Ansible) -> Iterator[list[list[tuple[str, str, str]]]]:
    """All nodes as managers, the workers having joined as such: what the first manager listed meanwhile. One manager at the end."""
    workers_leave(cluster)
    with watched(cluster, cluster.manager) as seen:
        ansible.playbook("site.yml", *MEMBERS, managers=3).succeeded()
    yield seen
    ansible.playbook("site.yml", managers=1).succeeded()
    assert sorted(row[2] for row in node_list(cluster, cluster.manager)) == ["", "", "Leader"]


def test_A2_managers_join_one_at_a_time(cluster: Machines, joined: list[list[tuple[str, str, str]]]) -> None:
    arriving = [{row[0] for row in rows if row[2] == "Reachable"} for rows in joined]
    coming = [{row[0] for row in rows if row[0] != cluster.manager} for rows in joined]
    assert arriving[-1] == set(cluster.workers)
    # nobody was seen on the list beside a manager that was not yet reachable
    assert all(len(there - reachable) <= 1 for there, reachable in zip(coming, arriving, strict=True))


@pytest.mark.usefixtures("joined")
def test_A8_other_addresses_are_refused_with_the_way_to_them(cluster: Machines, ansible: Ansible) -> None:
    before = node_list(cluster, cluster.manager)
    options = {"role": "manager", "data_path_addr": "eth1", "advertise_addr": cluster.addresses["node3"]}
    message = ansible.module("node3", "membership", options).refused()
    assert message.startswith(f"membership: data_path_addr: wanted 10.97.1.13, found {cluster.addresses['node3']}; an address is fixed")
    lines = ansible.playbook("site.yml", *MEMBERS, *APART, managers=3).refused().splitlines()
    for node, line in zip(MOVING, lines, strict=True):
        differs = f"data_path_addr: wanted 10.97.1.1{node[-1]}, found {cluster.addresses[node]}"
        assert line.startswith(f"{node} is a member at other addresses than the inventory's: {differs}; correct the inventory")
    refused = ansible.playbook("readdress.yml", "--check", "-e", DATA_PATH, managers=3).refused()
    assert all(f"{node}: with 10.97.1.1{node[-1]} for the traffic of containers alone" in refused for node in MOVING)
    assert "would send encrypted networks in clear: back" in refused
    plan = ansible.playbook("readdress.yml", "--check", *APART, managers=3).succeeded()
    shown = next(result.values["msg"] for result in plan.results if result.task.endswith("Show the plan"))
    assert [line.partition(" (its tasks")[0] for line in shown] == [
        "1. node3 (manager, active): data_path_addr from 10.97.0.13 to 10.97.1.13",
        "2. node1 (manager, active): data_path_addr from 10.97.0.11 to 10.97.1.11",
    ]
    assert not [result for result in plan.on_hosts if result.changed]
    assert node_list(cluster, cluster.manager) == before


@pytest.mark.usefixtures("joined")
def test_A1_A8_two_nodes_move_their_data_path_to_a_card_of_its_own(
    cluster: Machines, ansible: Ansible, tmp_path: Path, figures: list[str]
) -> None:
    cluster.shell("node2", "docker node update --label-add rack=r1 node3 && docker node update --availability pause node3")
    with watched(cluster, "node2") as seen:
        cut = ansible.playbook("readdress.yml", *APART, managers=3, interrupt_at="Let the host join at its new addresses", timeout=900)
        assert cut.returncode
        assert RECORD in cluster.shell("node2", "docker node inspect $(docker node ls -q) --format '{{json .Spec.Labels}}'")
        moved = ansible.playbook("readdress.yml", *APART, managers=3, timeout=900).succeeded()
    figures.append(f"A8: two managers moved in {cut.seconds + moved.seconds:.0f} s, cut off once")
    # seen from the manager that stayed: always a leader among those that it counted, and two of three managers at least
    assert min(sum(row[2] in ("Leader", "Reachable") for row in rows) for rows in seen if rows) >= 2
    expected = {node: address.replace("10.97.0.", "10.97.1.") if node in MOVING else address for node, address in cluster.addresses.items()}
    assert data_path(cluster) == expected
    assert sorted(row[0] for row in node_list(cluster, "node2")) == cluster.nodes
    spec = cluster.inspect("node", "node3", "node2")["Spec"]
    assert spec == {"Labels": {"rack": "r1"}, "Role": "manager", "Availability": "pause"}
    cluster.shell("node2", "docker node update --label-rm rack node3 && docker node update --availability active node3")
    again = ansible.playbook("readdress.yml", *APART, managers=3).succeeded()
    assert not [result for result in again.on_hosts if result.changed]

    apart(cluster, ansible, tmp_path)

    ansible.playbook("readdress.yml", "-e", TOGETHER, managers=3, timeout=900).succeeded()
    assert data_path(cluster) == cluster.addresses


def carries(cluster: Machines, name: str) -> bool:
    """Whether the service's container on node1 gets 64 KiB from the one on node3."""
    here, there = (cluster.containers(name, node) for node in MOVING)
    if not here or not there:
        return False
    shown = f'{{{{(index .NetworkSettings.Networks "{name}").IPAddress}}}}'
    address = cluster.shell("node3", f"docker inspect {there[0]} --format '{shown}'").strip()
    line = f"docker exec {here[0]} timeout 5 wget -q -O - http://{address}:8080/large | wc -c"
    return cluster.shell("node1", line, check=False).strip() == "65536"


def apart(cluster: Machines, ansible: Ansible, tmp_path: Path) -> None:
    """Between the nodes that have moved, containers are on eth1 only, management and gossip on eth0 only; encryption is refused."""
    name = "apart"
    task = f"--mode global --network {name} --constraint node.hostname!=node2 --no-resolve-image --detach"
    line = f"docker network create -d overlay {name} && docker service create --name {name} {task} meshwork-lab:1"
    cluster.shell("node2", line)
    try:
        with (
            captured(cluster, tmp_path / "br0", bridge="br0", expression="not tcp port 22") as management,
            captured(cluster, tmp_path / "br1", bridge="br1", expression="not arp") as containers,
        ):
            eventually(lambda: carries(cluster, name), bool, 120, f"{name} carries")
        assert containers.count(VXLAN) > 40
        between = " and ".join(f"host {cluster.addresses[node]}" for node in MOVING)
        assert management.count(f"(({VXLAN}) or ({ESP})) and {between}") == 0
        assert management.count("tcp port 2377") > 0
        assert management.count("port 7946") > 0
        assert containers.count("tcp port 2377 or port 7946") == 0
    finally:
        gone = f"(docker service rm {name}; docker network rm {name}) >/dev/null 2>&1; docker network ls -q --filter name={name} | wc -l"
        eventually(lambda: cluster.shell("node2", gone, check=False).strip(), lambda count: count == "0", 60, "the network is gone")
    refused = ansible.playbook("site.yml", "--tags", "networks", "-e", DATA_PATH, managers=3).refused()
    assert refused.startswith("back: encrypted is written, and the traffic of containers has an address of its own on node1, node3.")
