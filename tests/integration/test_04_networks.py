# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks on a living cluster: differences told and blocked, removal refused while used, and made anew when not."""

from __future__ import annotations

import pytest
from stories.machines import Machines, eventually
from stories.playing import Ansible


def overlay_names(cluster: Machines) -> set[str]:
    return set(cluster.shell(cluster.manager, "docker network ls --filter driver=overlay --format '{{.Name}}'").split())


@pytest.mark.usefixtures("unchanged")
def test_C1_C4_a_difference_is_told_with_the_services_that_are_in_the_way(cluster: Machines, ansible: Ansible) -> None:
    wanted = [{"name": "front", "subnets": [{"subnet": "10.20.9.0/24"}], "attachable": True}, {"name": "back", "encrypted": False}]
    message = ansible.module(cluster.manager, "networks", {"networks": wanted}).refused()
    front, back = message.splitlines()
    assert front.startswith("networks[0] (front): ") and "10.20.9.0/24" in front and "10.20.1.0/24" in front
    assert "attachable" not in front
    assert "services agent, web" in front
    assert back.startswith("networks[1] (back): ") and "encrypted" in back
    assert "services api, web" in back


@pytest.mark.usefixtures("unchanged")
def test_C1_a_used_network_is_not_removed(cluster: Machines, ansible: Ansible) -> None:
    message = ansible.module(cluster.manager, "networks", {"networks": [{"name": "back", "state": "absent"}]}).refused()
    assert message.startswith("network back: ") and "services api, web" in message


@pytest.mark.usefixtures("unchanged")
def test_C2_the_ingress_network_stays_while_services_publish_through_it(cluster: Machines, ansible: Ansible) -> None:
    wanted = {"subnets": [{"subnet": "10.20.8.0/24"}]}
    message = ansible.module(cluster.manager, "ingress_network", wanted).refused()
    assert "10.20.8.0/24" in message and "web publish" in message
    assert "agent" not in message, "agent publishes in host mode"


def test_C1_an_unused_network_is_made_removed_and_made_anew(cluster: Machines, ansible: Ansible) -> None:
    def networks(check: bool = False, **options: object) -> bool:
        wanted = {"networks": [{"name": "story", **options}]}
        return ansible.module(cluster.manager, "networks", wanted, check=check).succeeded().only.changed

    first = {"subnets": [{"subnet": "10.20.7.0/24", "gateway": "10.20.7.254"}], "internal": True, "mtu": 1400, "labels": {"team": "blue"}}
    assert networks(check=True, **first)
    assert "story" not in overlay_names(cluster)
    assert networks(**first)
    made = cluster.inspect("network", "story")
    assert made["IPAM"]["Config"] == [{"Subnet": "10.20.7.0/24", "Gateway": "10.20.7.254"}]
    assert made["Internal"] is True
    assert made["Options"]["com.docker.network.driver.mtu"] == "1450", "the driver's option is the underlay's MTU, 50 more"
    assert made["Labels"]["team"] == "blue"
    assert not networks(**first)

    assert networks(state="absent")
    eventually(lambda: overlay_names(cluster), lambda names: "story" not in names, 10, "the network is gone")
    assert not networks(state="absent")

    assert networks(subnets=[{"subnet": "10.20.6.0/24"}])
    anew = cluster.inspect("network", "story")
    assert [each["Subnet"] for each in anew["IPAM"]["Config"]] == ["10.20.6.0/24"]
    assert anew["Internal"] is False and "team" not in anew["Labels"]
    assert networks(state="absent")


def test_C1_exclusive_removes_ours_and_leaves_foreign_networks(cluster: Machines, ansible: Ansible) -> None:
    cluster.shell(cluster.manager, "docker network create --driver overlay --subnet 10.20.5.0/24 foreign")
    written = [{"name": "front"}, {"name": "back"}]
    try:
        ansible.module(cluster.manager, "networks", {"networks": [*written, {"name": "story"}]}).succeeded()
        assert {"story", "foreign"} <= overlay_names(cluster)
        ansible.module(cluster.manager, "networks", {"networks": written, "exclusive": True}).succeeded()
        eventually(lambda: overlay_names(cluster), lambda names: names == {"front", "back", "ingress", "foreign"}, 10, "only ours went")
    finally:
        cluster.shell(cluster.manager, "docker network rm foreign")
