# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic through the cluster of inventories/lab: names, the routing mesh, host ports, and what the wire carries."""

from __future__ import annotations

from pathlib import Path

import pytest
from stories.machines import Machines, eventually
from stories.wire import ESP, captured, vni


def virtual_ip(cluster: Machines, service: str, network: str) -> str:
    wanted = cluster.inspect("network", network)["Id"]
    addresses = cluster.inspect("service", service)["Endpoint"]["VirtualIPs"]
    return next(each["Addr"].partition("/")[0] for each in addresses if each["NetworkID"] == wanted)


def task_addresses(cluster: Machines, service: str, network: str) -> set[str]:
    found = set()
    for task in cluster.tasks(service):
        attachments = cluster.inspect("", task)["NetworksAttachments"]
        found |= {
            address.partition("/")[0] for each in attachments if each["Network"]["Spec"]["Name"] == network for address in each["Addresses"]
        }
    return found


def test_E2_names_on_the_plain_network(cluster: Machines) -> None:
    node, container = cluster.container("agent")
    vip = virtual_ip(cluster, "web", "front")
    tasks = task_addresses(cluster, "web", "front")
    assert len(tasks) == 2
    assert cluster.lookup(node, container, "web") == {vip}
    assert cluster.lookup(node, container, "www") == {vip}
    assert cluster.lookup(node, container, "tasks.web") == tasks
    assert cluster.lookup(node, container, "api") == set(), "api is on the other network"


def test_D2_dnsrr_gives_the_tasks_and_no_virtual_address(cluster: Machines) -> None:
    node, container = cluster.container("web")
    assert cluster.lookup(node, container, "api") == task_addresses(cluster, "api", "back")


def test_E2_the_mesh_answers_on_every_node_from_everywhere(cluster: Machines) -> None:
    containers = {container for node in cluster.nodes for container in cluster.containers("web", node)}
    for source in (None, *cluster.nodes):
        answers = {node: cluster.curl(f"http://{address}:8080/", source) for node, address in cluster.addresses.items()}
        assert all(answer in containers for answer in answers.values()), f"from {source or 'the controller'}: {answers}"


def test_E2_the_mesh_spreads_over_all_tasks(cluster: Machines) -> None:
    containers = {container for node in cluster.nodes for container in cluster.containers("web", node)}
    address = cluster.addresses[cluster.manager]
    assert {cluster.curl(f"http://{address}:8080/") for _request in range(9)} == containers


def test_D2_a_host_port_answers_only_where_its_task_runs(cluster: Machines) -> None:
    for node, address in cluster.addresses.items():
        expected = (cluster.containers("agent", node) or [None])[0]
        assert (expected is None) is (node == cluster.manager)
        assert cluster.curl(f"http://{address}:9100/") == expected


@pytest.mark.parametrize("network", ["back", "front"])
def test_E2_the_wire_carries_what_the_network_says(cluster: Machines, tmp_path: Path, network: str) -> None:
    number = int(cluster.inspect("network", network)["Options"]["com.docker.network.driver.overlay.vxlanid_list"])
    target = {"back": "api", "front": "web"}[network]
    source = {"back": "web", "front": "agent"}[network]
    node, container = cluster.container(source)
    peers = task_addresses(cluster, target, network)
    fetch = "; ".join(f"timeout 3 wget -q -O - http://{peer}:8080/ || exit 1" for peer in sorted(peers))
    with captured(cluster, tmp_path / "wire.pcap") as capture:
        answers = cluster.shell(node, f"docker exec {container} sh -c '{fetch}'").split()
        cluster.shell(node, f"docker exec {container} sh -c '{fetch}'")
        # a capture comes to its file a moment later
        eventually(lambda: capture.path.stat().st_size, lambda size: size > 1000, 5, "frames in the capture")
    assert len(set(answers)) == len(peers)
    if network == "back":
        assert capture.count(ESP) > 0
        assert capture.count(vni(number)) == 0, "clear VXLAN of an encrypted network"
    else:
        assert capture.count(vni(number)) > 0
