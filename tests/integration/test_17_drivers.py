# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of other drivers: macvlan and ipvlan on the wire itself, with VLANs, bridges of one host; and an overlay with two subnets.

Docker knows nothing of the wire: what is there is seen from the controller's place on br1, by tcpdump, and in the containers by ip.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stories.machines import Machines, eventually, run
from stories.playing import Ansible, Run
from stories.wire import captured

WIRE = ipaddress.ip_network("10.97.1.0/24")
RANGES = {"node1": "10.97.1.64/27", "node2": "10.97.1.96/27", "node3": "10.97.1.128/27"}
VLAN = ipaddress.ip_network("10.98.10.0/24")
IPVLAN = ipaddress.ip_network("10.98.20.0/24")


def config(name: str, subnet: str, parent: str, ranges: dict[str, str], **more: Any) -> dict[str, Any]:
    """A config-only network whose range is another on each host."""
    pool = {"subnet": subnet, "gateway": subnet.replace(".0/24", ".1"), "ip_range": f"{{{{ {json.dumps(ranges)}[inventory_hostname] }}}}"}
    return {"name": name, "config_only": True, "subnets": [pool], "driver_opts": {"parent": parent, **more}}


def ranges(subnet: str) -> dict[str, str]:
    return {node: where.replace("10.97.1.", subnet.replace("0/24", "")) for node, where in RANGES.items()}


CONFIGS = [
    config("wire-config", str(WIRE), "eth1", RANGES),
    config("vlan-config", str(VLAN), "eth1.10", ranges(str(VLAN))),
    config("ipvlan-config", str(IPVLAN), "eth1.20", ranges(str(IPVLAN)), ipvlan_mode="l2"),
]
SWARM_WIDE = [
    {"name": "wire", "driver": "macvlan", "config_from": "wire-config", "attachable": True},
    {"name": "vlan", "driver": "macvlan", "config_from": "vlan-config"},
    {"name": "ipvlan", "driver": "ipvlan", "config_from": "ipvlan-config"},
]


def networks(ansible: Ansible, local: list[dict[str, Any]], swarm: list[dict[str, Any]], *arguments: str) -> Run:
    """The role networks with these networks."""
    written = json.dumps({"swarm_local_networks": local, "swarm_networks": swarm})
    return ansible.playbook("site.yml", "--tags", "networks", "-e", written, *arguments)


def changes(done: Run) -> list[str]:
    """The tasks in which a module of ours changed something."""
    return [result.task for result in done.results if result.changed and result.action.startswith("meshwork")]


def names(cluster: Machines) -> dict[str, set[str]]:
    return {node: set(text.split()) for node, text in cluster.everywhere("docker network ls --format '{{.Name}}'").items()}


def absent(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": entry["name"], "state": "absent"} for entry in entries]


def addresses(cluster: Machines, service: str) -> dict[str, str]:
    """The address of the service's container on each node, as ip shows it in the container."""
    found: dict[str, str] = {}
    for node in cluster.nodes:
        for container in cluster.containers(service, node):
            shown = cluster.shell(node, f"docker exec {container} ip -4 -o addr show scope global", check=False)
            if "inet " in shown:
                found[node] = shown.split()[3].partition("/")[0]
    return found


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("local", "swarm", "words"),
    [
        pytest.param(
            [config("wire-config", str(WIRE), "eth1", {**RANGES, "node2": "10.97.1.64/26"})],
            SWARM_WIDE[:1],
            ["node1 and node2: network wire-config gives out addresses of 10.97.1.64/27", "10.97.1.64/26"],
            id="ranges-that-overlap",
        ),
        pytest.param(
            [config("wire-config", str(WIRE), "eth1", {**RANGES, "node1": "10.97.1.0/27"})],
            SWARM_WIDE[:1],
            ["node1: network wire-config gives out addresses of 10.97.1.0/27, among them 10.97.1.12, which is an address of node2"],
            id="addresses-of-hosts",
        ),
        pytest.param(
            [config("wire-config", str(WIRE), "eth9", RANGES)],
            SWARM_WIDE[:1],
            ["node1: network wire-config: its parent eth9 is no interface of this host"],
            id="no-parent",
        ),
        pytest.param(
            "{{ wires if inventory_hostname == 'node1' else [] }}",
            SWARM_WIDE[:1],
            ["node2: there is no config-only network wire-config, from which the swarm-wide network wire is made there"],
            id="config-missing-on-a-host",
        ),
    ],
)
def test_C3_what_does_not_go_together_is_refused_before_anything_is_made(
    cluster: Machines, ansible: Ansible, local: Any, swarm: list[dict[str, Any]], words: list[str]
) -> None:
    before = names(cluster)
    run_ = networks(ansible, local, swarm, "-e", json.dumps({"wires": CONFIGS[:1]}))
    message = run_.refused()
    for each in words:
        assert each in message, message
    assert names(cluster) == before


@pytest.mark.long
def test_C3_the_networks_of_single_hosts(cluster: Machines, ansible: Ansible) -> None:
    """A bridge on every host, whose container answers by a port of the host, and a macvlan network of one host."""
    house = {"name": "house", "subnets": [{"subnet": "10.99.1.0/24", "gateway": "10.99.1.1"}], "mtu": 1400}
    own = {
        "name": "own-wire",
        "driver": "macvlan",
        "subnets": [{"subnet": str(WIRE), "ip_range": RANGES["node2"], "aux_addresses": {"printer": "10.97.1.97"}}],
        "driver_opts": {"parent": "eth1"},
    }
    written = json.dumps({"house": house, "own": own})
    local: Any = "{{ [house, own] if inventory_hostname == 'node2' else [house] }}"
    node = cluster.nodes[1]
    networks(ansible, local, [], "-e", written).succeeded()
    try:
        assert not changes(networks(ansible, local, [], "-e", written).succeeded())
        assert {name: {"house", "own-wire"} & each for name, each in names(cluster).items()} == {
            name: {"house", "own-wire"} if name == node else {"house"} for name in cluster.nodes
        }
        cluster.shell(node, "docker run -d --name lodger --network house -p 8099:8080 meshwork-lab:1")
        cluster.shell(node, "docker run -d --name neighbour --network own-wire meshwork-lab:1")
        assert cluster.curl(f"http://{cluster.addresses[node]}:8099/")
        assert "mtu 1400" in cluster.shell(node, "docker exec lodger ip link show eth0")
        address = cluster.shell(node, "docker exec neighbour ip -4 -o addr show scope global").split()[3].partition("/")[0]
        assert ipaddress.ip_address(address) in ipaddress.ip_network(RANGES["node2"]) and address != "10.97.1.97"
        assert cluster.curl(f"http://{address}:8080/")
        gone = json.dumps({"swarm_local_networks": absent([house]), "swarm_networks": []})
        message = ansible.playbook("site.yml", "--tags", "networks", "-e", gone, "--limit", node).refused()
        assert "network house: it is used by container lodger" in message
    finally:
        cluster.shell(node, "docker rm -f lodger neighbour", check=False)
        networks(ansible, absent([house, own]), []).succeeded()
    assert not any({"house", "own-wire"} & each for each in names(cluster).values())


@pytest.mark.long
def test_C1_tasks_in_both_subnets_of_one_overlay_reach_each_other(cluster: Machines, ansible: Ansible) -> None:
    """With two subnets of 8 addresses, ten tasks have to be in both."""
    subnets = ["10.20.61.0/29", "10.20.62.0/29"]
    wanted = [{"name": "two", "subnets": [{"subnet": each} for each in subnets], "vnis": [9001, 9002]}]
    ansible.module(cluster.manager, "networks", {"networks": wanted}).succeeded()
    try:
        assert cluster.inspect("network", "two")["Options"]["com.docker.network.driver.overlay.vxlanid_list"] == "9001,9002"
        options = "--name on-two --endpoint-mode dnsrr --network two --replicas 6 --detach --no-resolve-image"
        cluster.shell(cluster.manager, f"docker service create {options} meshwork-lab:1")
        eventually(lambda: cluster.tasks("on-two"), lambda seen: len(seen) == 6, 120, "six tasks run")
        there = {
            container: (node, cluster.shell(node, f"docker exec {container} ip -4 -o addr show").partition("10.20.6")[2].partition("/")[0])
            for node in cluster.nodes
            for container in cluster.containers("on-two", node)
        }
        first = {name: (node, "10.20.6" + rest) for name, (node, rest) in there.items() if rest.startswith("1.")}
        second = {name: (node, "10.20.6" + rest) for name, (node, rest) in there.items() if rest.startswith("2.")}
        assert first and second, f"all tasks are in one subnet: {there}"
        pairs = [(one, other) for one in first.items() for other in second.items() if one[1][0] != other[1][0]]
        assert pairs, "no two tasks in different subnets are on different nodes"
        for (container, (node, own)), (peer, (peer_node, address)) in pairs[:3]:
            assert cluster.shell(node, f"docker exec {container} timeout 6 wget -q -O - http://{address}:8080/").strip() == peer[:12]
            assert cluster.shell(peer_node, f"docker exec {peer} timeout 6 wget -q -O - http://{own}:8080/").strip() == container[:12]
    finally:
        cluster.shell(cluster.manager, "docker service rm on-two", check=False)
        eventually(lambda: ansible_removes(ansible, cluster, "two"), bool, 60, "the network is removed")


def ansible_removes(ansible: Ansible, cluster: Machines, name: str) -> bool:
    return ansible.module(cluster.manager, "networks", {"networks": [{"name": name, "state": "absent"}]}).returncode == 0


@pytest.fixture(scope="module")
def wires(cluster: Machines, ansible: Ansible) -> Iterator[Machines]:
    """Three networks on the wire, each with a server on every node."""
    networks(ansible, CONFIGS, SWARM_WIDE).succeeded()
    wanted = [each["name"] for each in SWARM_WIDE]
    for name in wanted:
        options = f"--name on-{name} --mode global --endpoint-mode dnsrr --network {name} --detach --no-resolve-image"
        cluster.shell(cluster.manager, f"docker service create {options} meshwork-lab:1")
        eventually(lambda name=name: addresses(cluster, f"on-{name}"), lambda seen: set(seen) == set(cluster.nodes), 120, f"on-{name} runs")
    yield cluster
    cluster.shell(cluster.manager, "docker service rm " + " ".join(f"on-{name}" for name in wanted))
    ended = "docker ps -q --filter name=on- | wc -l"
    eventually(lambda: set(cluster.everywhere_stripped(ended).values()), lambda seen: seen == {"0"}, 120, "the tasks have ended")
    networks(ansible, absent(CONFIGS), absent(SWARM_WIDE)).succeeded()
    eventually(lambda: set().union(*names(cluster).values()) & {*wanted, "wire-config"}, lambda seen: not seen, 20, "all are gone")


@pytest.mark.long
def test_C3_a_second_run_changes_nothing_and_each_host_has_a_range_of_its_own(wires: Machines, ansible: Ansible) -> None:
    assert not changes(networks(ansible, CONFIGS, SWARM_WIDE).succeeded())
    for node in wires.nodes:
        there = wires.inspect("network", "wire-config", node)
        assert (there["ConfigOnly"], there["IPAM"]["Config"][0]["IPRange"]) == (True, RANGES[node])
        assert there["Options"] == {"parent": "eth1"}
    made = wires.inspect("network", "wire")
    assert (made["Scope"], made["Driver"], made["ConfigFrom"]["Network"]) == ("swarm", "macvlan", "wire-config")


@pytest.mark.long
@pytest.mark.parametrize(("name", "subnet"), [("wire", WIRE), ("vlan", VLAN), ("ipvlan", IPVLAN)])
def test_C3_containers_on_two_nodes_reach_each_other_with_addresses_of_the_wire(
    wires: Machines, name: str, subnet: ipaddress.IPv4Network, tmp_path: Path
) -> None:
    there = addresses(wires, f"on-{name}")
    own = ranges(str(subnet))
    for node, address in there.items():
        assert ipaddress.ip_address(address) in ipaddress.ip_network(own[node]), f"{node} gave {address}"
    first, second = wires.nodes[:2]
    container = wires.containers(f"on-{name}", first)[0]
    tagged = {"vlan": "vlan 10 and ", "ipvlan": "vlan 20 and "}.get(name, "")
    with captured(wires, tmp_path / "frames", bridge="br1", expression=f"{tagged}tcp port 8080") as caught:
        answer = wires.shell(first, f"docker exec {container} timeout 6 wget -q -O - http://{there[second]}:8080/")
        back = f"docker exec {wires.containers(f'on-{name}', second)[0]} timeout 6 wget -q -O - http://{there[first]}:8080/"
        assert wires.shell(second, back).strip() == container[:12]
    assert answer.strip() == wires.containers(f"on-{name}", second)[0][:12], "the server says its hostname, its container's ID"
    assert caught.count("tcp") or caught.count("vlan and tcp"), "nothing was seen on the wire"


@pytest.mark.long
def test_C3_the_servers_answer_who_is_on_the_wire_and_no_container_is_named_twice(wires: Machines) -> None:
    there = addresses(wires, "on-wire")
    for node, address in there.items():
        assert wires.curl(f"http://{address}:8080/") == wires.containers("on-wire", node)[0][:12]
    macs = [
        json.loads(run(["ip", "netns", "exec", wires.netns, "ip", "-j", "neigh", "show", address]).stdout)[0]["lladdr"]
        for address in there.values()
    ]
    assert len(set(macs)) == len(wires.nodes), "each is a machine of its own on the wire"
    container = wires.containers("on-wire", wires.manager)[0]
    assert set(there.values()) == wires.lookup(wires.manager, container, "tasks.on-wire")
