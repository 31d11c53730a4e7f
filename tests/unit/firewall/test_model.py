# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options mean, and what is refused before any host is looked at."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import InvalidOption
from ansible_collections.meshwork.swarm.plugins.module_utils._model.firewall import OPTIONS, Published, parse_firewall, parse_peers
from hypothesis import given
from hypothesis import strategies as st


def subjects(options: dict[str, Any]) -> list[str]:
    return [rule.subject for rule in parse_firewall(options).rules]


def test_manager_is_reached_on_2377_and_a_worker_is_not(options: dict[str, Any]) -> None:
    options["encrypted"] = False
    assert subjects(options) == ["2377/tcp", "7946/tcp", "7946/udp", "4789/udp"]
    assert subjects({**options, "role": "worker"}) == ["7946/tcp", "7946/udp", "4789/udp"]


def test_encrypted_networks_need_esp_and_what_is_inside(options: dict[str, Any]) -> None:
    assert subjects({**options, "role": "worker", "data_path_port": 4790}) == [
        "7946/tcp",
        "7946/udp",
        "ESP",
        "4790/udp inside IPsec",
        "4790/udp",
    ]


def test_strangers_are_refused_2377_on_workers_too(options: dict[str, Any]) -> None:
    worker = parse_firewall({**options, "role": "worker"})
    assert set(worker.guarded) == {("tcp", 2377), ("tcp", 7946), ("udp", 7946), ("udp", 4789)}
    assert parse_firewall({**options, "guard": False}).guarded == ()


def test_published_ports_stand_in_order_with_their_sources_by_family(options: dict[str, Any]) -> None:
    options["published"] = [
        {"port": 8443, "protocol": "udp", "sources": ["peers", "fd00:9::/64"]},
        {"port": 8080, "protocol": "tcp", "sources": ["192.0.2.7/32", "10.0.0.0/8", "192.0.2.7", "0.0.0.0/0"]},
    ]
    assert parse_firewall(options).published == (
        Published("tcp", 8080, {4: ("0.0.0.0/0", "10.0.0.0/8", "192.0.2.7"), 6: ()}),
        Published("udp", 8443, {4: (), 6: ("fd00:9::/64",)}, peers=True),
    )


def test_absent_needs_no_other_option() -> None:
    spec = {name: row.get("default") for name, row in OPTIONS.items()}
    assert parse_firewall({**spec, "state": "absent"}).rules == ()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"published": [{"port": 8080, "protocol": "tcp", "sources": ["10.0.0.1/8"]}]},
            'published[0].sources[0]: expected an address, a subnet such as 10.0.0.0/24, or "peers" for all hosts of the cluster, '
            "got '10.0.0.1/8'; 10.0.0.1/8 has host bits set",
        ),
        (
            {"published": [{"port": 80, "protocol": "tcp", "sources": []}, {"port": 80, "protocol": "tcp", "sources": ["peers"]}]},
            "published[1].port: expected each port once, got '80/tcp'; put all its sources into one entry",
        ),
        (
            {"published": [{"port": 0, "protocol": "tcp", "sources": []}]},
            "published[0].port: expected a port from 1 to 65535, got 0",
        ),
        ({"peers": []}, "peers: expected the address of every host of the cluster, got []; without peers no host could reach another"),
        (
            {"peers": ["10.9.0.11", "10.9.0.300"]},
            "peers[1]: expected one IPv4 or IPv6 address, got '10.9.0.300'; a firewall follows addresses, not names",
        ),
        ({"peers": ["node1"]}, "peers[0]: expected one IPv4 or IPv6 address, got 'node1'; a firewall follows addresses, not names"),
        ({"peers": ["10.9.0.0/24"]}, "peers[0]: expected one IPv4 or IPv6 address, got '10.9.0.0/24'; list every host by its own address"),
        ({"peers": ["127.0.0.1"]}, "peers[0]: expected the address from which a host of the cluster sends to the others, got '127.0.0.1'"),
        ({"peers": ["0.0.0.0"]}, "peers[0]: expected the address from which a host of the cluster sends to the others, got '0.0.0.0'"),
        (
            {"peers": ["fe80::1%eth0"]},
            "peers[0]: expected the address from which a host of the cluster sends to the others, got 'fe80::1%eth0'",
        ),
        (
            {"data_path_port": 1023},
            "data_path_port: expected a port from 1024 to 49151, as `docker swarm init --data-path-port` takes, got 1023",
        ),
        (
            {"data_path_port": 49152},
            "data_path_port: expected a port from 1024 to 49151, as `docker swarm init --data-path-port` takes, got 49152",
        ),
        ({"data_path_port": 7946}, "data_path_port: expected a port other than 7946, which the swarm's gossip uses, got 7946"),
        ({"role": None}, "role: expected manager or worker, got None; only managers are reached on 2377/tcp"),
    ],
)
def test_bad_input_is_named_with_the_way_out(options: dict[str, Any], changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOption) as raised:
        parse_firewall({**options, **changed})
    assert str(raised.value) == message


@given(st.lists(st.ip_addresses().filter(lambda a: not (a.is_loopback or a.is_multicast or a.is_unspecified)), min_size=1))
def test_peers_are_a_set_in_canonical_form(addresses: list[Any]) -> None:
    peers = parse_peers([address.exploded for address in addresses])
    assert parse_peers([str(address) for address in reversed(addresses)] * 2) == peers
    assert {*peers[4], *peers[6]} == {str(address) for address in addresses}
    assert parse_peers([*peers[6], *peers[4]]) == peers
