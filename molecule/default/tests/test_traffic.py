# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The overlay networks in the kernel of each host, and traffic through the routing mesh."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from testinfra.host import Host

Inspect = Callable[[str, str], Mapping[str, Any]]
VNI_OPTION = "com.docker.network.driver.overlay.vxlanid_list"


SERVICES = {"front": ("web", "agent"), "back": ("web", "api")}


def with_tasks(manager: Host, network: str) -> set[str]:
    """The nodes on which tasks of the network run: the Engine brings an overlay to those, and the ingress network to all."""
    if network == "ingress":
        return set(manager.check_output("docker node ls --format '{{.Hostname}}'").split())
    return set(
        manager.check_output(
            f"docker service ps --filter desired-state=running --format '{{{{.Node}}}}' {' '.join(SERVICES[network])}"
        ).split()
    )


@pytest.mark.parametrize(("network", "mtu"), [("ingress", 1450), ("front", 1450), ("back", 1424)])
def test_the_kernel_has_the_vni_and_the_mtu(node: Host, manager: Host, inspect: Inspect, network: str, mtu: int) -> None:
    found = inspect("network", network)
    # The Engine names an overlay's namespace after the first ten characters of its ID.
    namespace = f"/run/docker/netns/1-{found['Id'][:10]}"
    if node.check_output("hostname") not in with_tasks(manager, network):
        assert not node.file(namespace).exists
        return
    links = json.loads(node.check_output(f"nsenter --net={namespace} ip -d -j link show type vxlan"))
    assert [link["linkinfo"]["info_data"]["id"] for link in links] == [int(found["Options"][VNI_OPTION])]
    assert [link["mtu"] for link in links] == [mtu]
    assert [link["linkinfo"]["info_data"]["port"] for link in links] == [4789]


def test_ipsec_stands_between_the_hosts_of_the_encrypted_network(node: Host, manager: Host, addresses: Mapping[str, str]) -> None:
    """The Engine keeps, per peer, one key to send with and three to receive with (libnetwork overlay/encryption.go)."""
    members, own = with_tasks(manager, "back"), node.check_output("hostname")
    peers = {addresses[name] for name in members - {own}} if own in members else set()
    states = [line.split() for line in node.check_output("ip xfrm state list").splitlines() if line.startswith("src ")]
    policies = [line for line in node.check_output("ip xfrm policy list").splitlines() if line.startswith("src ")]
    for peer in peers:
        assert sum(1 for state in states if state[3] == peer) == 1, "to send with"
        assert sum(1 for state in states if state[1] == peer) == 3, "to receive with"
    assert len(states) == 4 * len(peers)
    assert len(policies) == len(peers)


def test_the_mesh_answers_on_every_node(node: Host, addresses: Mapping[str, str]) -> None:
    for name, address in addresses.items():
        assert node.check_output(f"curl --silent --fail --max-time 5 http://{address}:8080/"), name


def test_the_agent_answers_on_workers_only(node: Host, addresses: Mapping[str, str], groups: Mapping[str, list[str]]) -> None:
    answers = {name: node.run(f"curl --silent --fail --max-time 5 http://{address}:9100/").rc == 0 for name, address in addresses.items()}
    assert answers == {name: name in groups["workers"] for name in groups["managers"] + groups["workers"]}
