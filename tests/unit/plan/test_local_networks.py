# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of single hosts, looked at together."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.meshwork.swarm.plugins.filter.local_network_faults import local_network_faults

WIRE = {"name": "wire", "driver": "macvlan", "config_from": "wire-config"}


def config(ip_range: str, parent: str = "eth1", **pool: Any) -> dict[str, Any]:
    """A config-only network on the wire."""
    subnet = {"subnet": "192.0.2.0/24", "gateway": "192.0.2.1", "ip_range": ip_range, **pool}
    return {"name": "wire-config", "config_only": True, "subnets": [subnet], "driver_opts": {"parent": parent}}


def host(name: str, wanted: list[dict[str, Any]], found: list[dict[str, Any]] | None = None, drained: bool = False) -> dict[str, Any]:
    """A host whose eth1 is on the wire."""
    info = {"interfaces": {"lo": ["127.0.0.1"], "eth1": [f"192.0.2.{10 + int(name[-1])}", "fe80::1"]}, "local_networks": found or []}
    return {"name": name, "wanted": wanted, "info": info, "drained": drained}


def test_ranges_of_their_own_are_fine() -> None:
    hosts = [host("node1", [config("192.0.2.64/27")]), host("node2", [config("192.0.2.96/27")])]
    assert local_network_faults(hosts, [WIRE]) == []


def test_ranges_that_overlap() -> None:
    hosts = [host("node1", [config("192.0.2.64/26")]), host("node2", [config("192.0.2.96/27")]), host("node3", [config("192.0.2.32/27")])]
    assert local_network_faults(hosts, [WIRE]) == [
        "node1 and node2: network wire-config gives out addresses of 192.0.2.64/26 on the one and of 192.0.2.96/27 on the other, "
        "so that two containers get the same; give each host an ip_range of its own"
    ]


def test_without_a_range_the_whole_subnet_counts() -> None:
    faults = local_network_faults([host("node1", [config("")]), host("node2", [config("192.0.2.96/27")])])
    assert [each.split(": ")[0] for each in faults] == ["node1 and node2", "node1", "node1"]


def test_what_a_host_has_already_counts_unless_it_is_written_anew() -> None:
    there = {**config("192.0.2.96/27"), "id": "f1", "scope": "local", "driver": "null", "ingress": False, "vnis": []}
    others = host("node1", [config("192.0.2.64/26")])
    assert len(local_network_faults([others, host("node2", [], [there])], [WIRE])) == 1
    assert local_network_faults([others, host("node2", [config("192.0.2.128/27")], [there])], [WIRE]) == []
    assert "node2: there is no config-only network wire-config" in "".join(
        local_network_faults([others, host("node2", [{"name": "wire-config", "state": "absent"}], [there])], [WIRE])
    )


def test_a_range_with_an_address_of_a_host() -> None:
    hosts = [host("node1", [config("192.0.2.8/29", aux_addresses={"node1": "192.0.2.11"})]), host("node2", []), host("node4", [])]
    assert local_network_faults(hosts) == [
        "node1: network wire-config gives out addresses of 192.0.2.8/29, among them 192.0.2.12, which is an address of node2; "
        "choose another ip_range, or put the address among aux_addresses",
        "node1: network wire-config gives out addresses of 192.0.2.8/29, among them 192.0.2.14, which is an address of node4; "
        "choose another ip_range, or put the address among aux_addresses",
    ]


def test_a_config_only_network_that_is_missing_matters_where_tasks_run() -> None:
    hosts = [host("node1", [config("192.0.2.64/27")]), host("node2", []), host("node3", [], drained=True)]
    assert local_network_faults(hosts, [WIRE]) == [
        "node2: there is no config-only network wire-config, from which the swarm-wide network wire is made there; "
        "write it among swarm_local_networks of this host, with config_only: true"
    ]
    assert local_network_faults(hosts, [{**WIRE, "state": "absent"}]) == []


def test_a_parent_that_is_no_interface() -> None:
    faults = local_network_faults([host("node1", [config("192.0.2.64/27", parent="eth9.10")])])
    assert faults == [
        "node1: network wire-config: its parent eth9.10 is no interface of this host; "
        "give one of eth1, or with a dot and the number of a VLAN behind it what Docker makes of it"
    ]
    assert local_network_faults([host("node1", [config("192.0.2.64/27", parent="eth1.10")])]) == []


def test_bridges_of_hosts_may_have_the_same_addresses() -> None:
    house = {"name": "house", "subnets": [{"subnet": "10.99.1.0/24"}]}
    assert local_network_faults([host("node1", [house]), host("node2", [house])]) == []


def test_an_entry_that_is_wrong_is_named_with_its_host() -> None:
    with pytest.raises(
        AnsibleFilterError, match=r"node2: networks_local\[0\] \(wire-config\).subnets\[0\].gateway: expected an address inside"
    ):
        local_network_faults([host("node1", []), host("node2", [config("", gateway="192.0.3.1")])])
