# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docker_gwbridge of hosts that are in no swarm yet, judged by the docker CLI and ip."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stories.machines import Machines, eventually
from stories.playing import Ansible

WANTED = {"subnets": [{"subnet": "172.31.240.0/24", "gateway": "172.31.240.9"}], "mtu": 1400}


@pytest.fixture
def node(machines: Machines, bare: None) -> Iterator[str]:
    """A host without docker_gwbridge."""
    name = machines.nodes[-1]
    remove = "docker network inspect docker_gwbridge >/dev/null 2>&1 && docker network rm docker_gwbridge || true"
    machines.shell(name, remove)
    yield name
    machines.leave([name])
    machines.shell(name, remove)


@pytest.mark.long
def test_B6_docker_gwbridge_is_there_before_a_host_joins_and_the_engine_takes_it(machines: Machines, ansible: Ansible, node: str) -> None:
    dry = ansible.module(node, "gwbridge", WANTED, check=True).succeeded().only
    assert "docker_gwbridge" not in machines.shell(node, "docker network ls")
    made = ansible.module(node, "gwbridge", WANTED, "--diff").succeeded().only
    assert dry.changed and (dry.values["steps"], dry.values["diff"]) == (made.values["steps"], made.values["diff"])
    assert not ansible.module(node, "gwbridge", WANTED).succeeded().only.changed
    before = machines.inspect("network", "docker_gwbridge", node)
    assert before["IPAM"]["Config"] == [{"Subnet": "172.31.240.0/24", "Gateway": "172.31.240.9"}]
    assert before["Options"] == {
        "com.docker.network.bridge.name": "docker_gwbridge",
        "com.docker.network.bridge.enable_icc": "false",
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.driver.mtu": "1400",
    }

    machines.shell(node, f"docker swarm init --advertise-addr {machines.addresses[node]}")
    assert machines.inspect("network", "docker_gwbridge", node)["Id"] == before["Id"]
    assert "inet 172.31.240.9/24" in machines.shell(node, "ip addr show docker_gwbridge")
    mesh = "nsenter --net=/run/docker/netns/ingress_sbox ip link show eth1"
    eventually(lambda: machines.shell(node, mesh, check=False), lambda told: "mtu 1400" in told, 30, "the routing mesh has its leg on it")
    assert not ansible.module(node, "gwbridge", WANTED).succeeded().only.changed


@pytest.mark.long
def test_B6_outside_a_swarm_it_is_replaced_at_once(machines: Machines, ansible: Ansible, node: str) -> None:
    ansible.module(node, "gwbridge", WANTED).succeeded()
    overlapping = {"subnets": [{"subnet": f"{machines.addresses[node]}/32"}]}
    assert "of the route by eth0" in ansible.module(node, "gwbridge", overlapping).refused()
    changed = ansible.module(node, "gwbridge", {"mtu": 1380}).succeeded().only
    assert [step["action"] for step in changed.values["steps"]] == ["remove", "create"]
    made = machines.inspect("network", "docker_gwbridge", node)
    assert made["Options"]["com.docker.network.driver.mtu"] == "1380"
    assert made["IPAM"]["Config"] == [{"Subnet": "172.31.240.0/24", "Gateway": "172.31.240.9"}], "what is not written stays"
