# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address plan: what hosts have, which interface carries containers, how many subnets and addresses are left."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.meshwork.swarm.plugins.filter.surroundings import surroundings
from ansible_collections.meshwork.swarm.plugins.module_utils._model.item import Item
from ansible_collections.meshwork.swarm.plugins.module_utils._model.publish import Port
from ansible_collections.meshwork.swarm.plugins.module_utils._model.records import Entry
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.allocation import DefaultPools
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.capacity import Listing, Room, capacity, crowded, gateways, size
from hypothesis import given
from hypothesis import strategies as st


def host(name: str, **changed: Any) -> dict[str, Any]:
    """A host's variables as a node of the lab gives them."""
    addresses = {
        "routes": [
            {"subnet": "0.0.0.0/0", "interface": "eth0"},
            {"subnet": "10.97.0.0/24", "interface": "eth0"},
            {"subnet": "172.18.0.0/16", "interface": "docker_gwbridge"},
            {"subnet": "fe80::/64", "interface": "eth0"},
        ],
        "addresses": ["127.0.0.1", "10.97.0.11", "172.18.0.1", "fe80::1"],
        "nameservers": ["127.0.0.53", "10.97.0.1"],
        "mtus": {"lo": 65536, "eth0": 1500, "docker_gwbridge": 1500},
        "networks": [{"name": "docker_gwbridge", "interface": "docker_gwbridge", "subnets": ["172.18.0.0/16"]}],
    }
    variables = {"inventory_hostname": name, "live_manager_info": {"membership": {}, "addresses": {**addresses, **changed}}}
    return {**variables, "ansible_host": "10.97.0.11"}


def by_subnet(*hosts: dict[str, Any]) -> dict[str, str]:
    return {each["subnet"]: each["by"] for each in surroundings(hosts)["taken"]}


def test_what_hosts_have_is_told_once_without_default_routes_and_what_is_only_here() -> None:
    assert by_subnet(host("a"), host("b")) == {
        "172.18.0.0/16": "the network docker_gwbridge of a, b",
        "10.97.0.0/24": "the route by eth0 of a, b",
        "10.97.0.1/32": "the nameserver of a, b",
    }


def test_many_hosts_are_counted() -> None:
    assert by_subnet(*map(host, "abcde"))["10.97.0.0/24"] == "the route by eth0 of a, b, c and 2 more"


def test_halves_of_everything_are_default_routes_of_a_vpn() -> None:
    routes = [{"subnet": half, "interface": "wg0"} for half in ("0.0.0.0/1", "128.0.0.0/1")]
    assert "0.0.0.0/1" not in by_subnet(host("a", routes=routes))


def test_an_address_without_a_route_of_its_own_is_told() -> None:
    assert by_subnet(host("a", addresses=["10.97.0.11", "192.0.2.9"]))["192.0.2.9/32"] == "an address of a"


def test_a_host_of_which_nothing_was_read_is_left_out() -> None:
    assert surroundings([{"inventory_hostname": "a"}, {"inventory_hostname": "b", "live_manager_info": {"membership": {}}}]) == {
        "taken": [],
        "underlay": [],
    }


def test_what_is_not_from_cluster_info_is_said() -> None:
    with pytest.raises(AnsibleFilterError, match="not what cluster_info tells"):
        surroundings([{"inventory_hostname": "a", "live_manager_info": {"addresses": {"routes": []}}}])


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ("eth0", 1500)),
        ({"swarm_data_path_addr": "eth1"}, ("eth1", 1400)),
        ({"swarm_address": "10.97.1.11:2377"}, ("eth1", 1400)),
        ({"swarm_address": "fd97::b"}, ("eth1", 1380)),
        ({"swarm_address": "node1.example.com"}, None),
        ({"membership": {"data_path_addr": "10.97.1.11", "node_addr": "10.97.0.11"}, "swarm_data_path_addr": "eth0"}, ("eth1", 1400)),
    ],
)
def test_the_underlay_is_the_interface_of_the_data_path(variables: dict[str, Any], expected: tuple[str, int] | None) -> None:
    routes = [("0.0.0.0/0", "eth0"), ("10.97.0.0/16", "eth0"), ("10.97.1.0/24", "eth1"), ("fd97::/64", "eth1")]
    one = host(
        "a",
        routes=[{"subnet": subnet, "interface": interface} for subnet, interface in routes],
        addresses=["10.97.0.11", "10.97.1.11", "fd97::b"],
        mtus={"eth0": 1500, "eth1": 1400},
    )
    one["live_manager_info"]["membership"] = variables.pop("membership", {})
    found = [(each["interface"], each["mtu"]) for each in surroundings([{**one, **variables}])["underlay"]]
    assert found == ([expected] if expected else [])


SMALL = st.integers(22, 29).flatmap(
    lambda prefix: st.integers(0, 2 ** (prefix - 20) - 1).map(
        lambda place: str(ipaddress.ip_network(((10 << 24) + (place << (32 - prefix)), prefix)))
    )
)


@given(st.lists(SMALL, max_size=8), st.integers(22, 27))
def test_free_subnets_are_those_that_overlap_nothing(used: list[str], length: int) -> None:
    pools = DefaultPools(("10.0.0.0/21", "10.0.12.0/22"), length)
    cut = [each for pool in pools.subnets for each in ipaddress.ip_network(pool).subnets(new_prefix=length)]
    left = [each for each in cut if not any(each.overlaps(ipaddress.ip_network(one)) for one in used)]
    assert (pools.free(used), pools.free(())) == (len(left), len(cut))


def test_a_large_pool_is_counted_at_once() -> None:
    assert DefaultPools(("10.0.0.0/8",), 24).free(["10.20.0.0/16", "10.20.1.0/24", "9.0.0.0/8"]) == 65536 - 256


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        (("10.50.0.0/29", "10.50.0.1", ""), (6, 1)),
        (("10.50.0.0/24", "", ""), (254, 1)),
        (("10.53.0.0/24", "10.53.0.8", "10.53.0.8/29"), (8, 1)),
        (("10.53.0.0/24", "10.53.0.1", "10.53.0.8/29"), (8, 0)),
        (("10.53.0.0/24", "10.53.0.1", "10.53.0.0/25"), (127, 1)),
        (("fd00::/64", "fd00::1", ""), (2**64 - 1, 1)),
    ],
)
def test_the_size_of_a_subnet(pool: tuple[str, str, str], expected: tuple[int, int]) -> None:
    assert (size([pool]), gateways([pool])) == expected


def task(node: str, state: str = "running", desired: str = "running", network: str = "n") -> dict[str, Any]:
    return {
        "NodeID": node,
        "Status": {"State": state},
        "DesiredState": desired,
        "NetworksAttachments": [{"Network": {"ID": network}, "Addresses": ["10.50.0.3/29"]}],
    }


def network(**document: Any) -> Item:
    return Item("back", {"subnets": (("10.50.0.0/29", "10.50.0.1", ""),)}, id="n", document=document)


def test_the_addresses_in_use_as_the_lab_counted_them() -> None:
    """A /29 with one service of two tasks on two nodes is full: a third stayed new."""
    services = [{"Endpoint": {"VirtualIPs": [{"NetworkID": "n", "Addr": "10.50.0.2/29"}, {"NetworkID": "other", "Addr": "10.1.0.2/24"}]}}]
    gone = task("a", "shutdown", "shutdown")
    ending = task("a", "running", "shutdown")
    listing = Listing(services, [task("a"), task("b"), gone], [{}, {}, {}])
    assert capacity(network(), listing) == {"size": 6, "used": 6, "free": 0}
    assert capacity(network(), Listing((), [ending, task("a", network="other")], [{}])) == {"size": 6, "used": 3, "free": 3}
    assert capacity(network(Ingress=True), Listing((), (), [{}, {}, {}])) == {"size": 6, "used": 4, "free": 2}


def test_the_engine_is_believed_where_it_counts_itself() -> None:
    told = {"IPAM": {"Subnets": {"10.50.0.0/29": {"IPsInUse": 5, "DynamicIPsAvailable": 3}}}}
    assert capacity(network(Status=told), Listing((), (), ())) == {"size": 6, "used": 3, "free": 3}, "two of the 5 are never given out"


def service(name: str, **values: Any) -> Item:
    return Item(name, {"networks": (Entry(name="back"),), "update_config.parallelism": 1, **values})


ROOM = {"back": Room((("10.50.0.0/29", "10.50.0.1", ""),)), "ingress": Room((("10.0.0.0/28", "10.0.0.1", ""),), members=3)}


def test_nothing_is_refused_of_services_that_stay_as_they_are() -> None:
    blockers, warnings = crowded([service("a")], {"a": 5}, ROOM, 2, [])
    assert blockers == [] and len(warnings) == 1


def test_tasks_that_constraints_keep_together_need_one_node() -> None:
    placed = service("a", **{"placement.constraints": ("node.id == x",)})
    assert crowded([placed], {"a": 3}, ROOM, 5, ["a"])[0] == []
    assert crowded([service("a")], {"a": 3}, ROOM, 5, ["a"])[0] != []


def test_other_containers_take_addresses_too() -> None:
    room = {"back": Room(ROOM["back"].pools, others=2)}
    assert crowded([service("a")], {"a": 1}, room, 2, ["a"])[0] != []


def test_published_services_share_the_ingress_network_with_every_node() -> None:
    """14 addresses: the gateway, 3 nodes, and for each of two services a virtual address and 4 tasks."""
    published = [Item(name, {"publish": (Port(80, 8080, "tcp", "ingress"),)}) for name in "ab"]
    assert crowded(published, {"a": 4, "b": 4}, ROOM, 3, ["a"])[0] == []
    assert crowded(published, {"a": 4, "b": 5}, ROOM, 3, ["a"])[0] != []


def test_without_nodes_nothing_is_said() -> None:
    assert crowded([service("a")], {"a": 50}, ROOM, 0, ["a"]) == ([], [])
