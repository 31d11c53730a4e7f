# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the firewalls let in: the addresses of all hosts, management and data path."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.meshwork.swarm.plugins.filter.hosts_apart import hosts_apart
from ansible_collections.meshwork.swarm.plugins.filter.peer_addresses import peer_addresses


def host(name: str, **variables: Any) -> dict[str, Any]:
    """The variables of an inventory host."""
    return {"inventory_hostname": name, **variables}


def read(**interfaces: list[str]) -> dict[str, Any]:
    """What the role live_manager has read on a host."""
    return {"interfaces": interfaces}


def test_the_first_address_that_is_written_counts() -> None:
    hosts = [
        host("a", swarm_address="10.0.0.1:2377", ansible_host="192.0.2.1"),
        host("b", swarm_address=["10.0.0.2", "fd00::2"], ansible_host="192.0.2.2"),
        host("c", ansible_host="c.example.com"),
        host("d.example.com"),
    ]
    assert peer_addresses(hosts) == ["10.0.0.1", "10.0.0.2", "fd00::2", "c.example.com", "d.example.com"]


def test_the_data_path_is_let_in_once() -> None:
    both = read(eth0=["10.0.0.3"], eth1=["fe80::3", "fd01::3"])
    hosts = [
        host("a", ansible_host="10.0.0.1", swarm_data_path_addr="10.1.0.1"),
        host("b", ansible_host="10.0.0.2", swarm_data_path_addr="eth0", live_manager_info=read(eth0=["10.0.0.2", "fe80::2"])),
        host("c", swarm_address="eth0", swarm_data_path_addr="eth1", live_manager_info=both),
    ]
    assert peer_addresses(hosts) == ["10.0.0.1", "10.1.0.1", "10.0.0.2", "10.0.0.3", "fd01::3"]


@pytest.mark.parametrize(
    ("more", "known"),
    [
        ({}, "nothing was read on that host in this run"),
        ({"live_manager_info": read(lo=["127.0.0.1"], eth0=["10.0.0.1"])}, "eth0 10.0.0.1"),
    ],
)
def test_an_interface_that_nobody_has_read_shuts_nobody_out(more: dict[str, Any], known: str) -> None:
    with pytest.raises(AnsibleFilterError) as raised:
        peer_addresses([host("a", ansible_host="10.0.0.1", swarm_data_path_addr="eth1", **more)])
    assert "a: eth1 is taken for an interface" in str(raised.value)
    assert known in str(raised.value)


def member(name: str, node_addr: str, data_path_addr: str, **variables: Any) -> dict[str, Any]:
    """A host that has joined."""
    membership = {"state": "active", "node_addr": node_addr, "data_path_addr": data_path_addr}
    return host(name, live_manager_info={"membership": membership}, **variables)


def test_what_a_member_has_joined_with_is_let_in_until_it_has_moved() -> None:
    hosts = [member("a", "10.0.0.1", "10.1.0.1", swarm_address="10.2.0.1"), member("b", "", "", ansible_host="10.0.0.2")]
    assert peer_addresses(hosts) == ["10.2.0.1", "10.0.0.1", "10.1.0.1", "10.0.0.2"]


def test_a_data_path_is_apart_as_joined_or_as_written() -> None:
    hosts = [
        member("together", "10.0.0.1", "10.0.0.1", swarm_data_path_addr="10.1.0.1"),
        member("apart", "10.0.0.2", "10.1.0.2"),
        member("unknown", "10.0.0.3", "", ansible_host="10.0.0.3", swarm_data_path_addr="10.1.0.3"),
        host("coming", ansible_host="10.0.0.4", swarm_data_path_addr="10.1.0.4"),
        host("plain", ansible_host="10.0.0.5", swarm_data_path_addr="10.0.0.5"),
        host("simple", ansible_host="10.0.0.6"),
    ]
    assert hosts_apart(hosts) == ["apart", "coming"]
