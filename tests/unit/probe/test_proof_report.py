# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report that is made of all results."""

from __future__ import annotations

from typing import Any

from ansible_collections.meshwork.swarm.plugins.module_utils._plan.proof_report import aligned, report
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.verdict import HOST_MODE, MESH, PATH, VIP, WIRE, Verdict, skip

FACTS: dict[str, Any] = {
    "nodes": [
        {"id": "a", "hostname": "node1", "role": "manager", "leader": True, "address": "10.97.0.11", "state": "ready"},
        {"id": "b", "hostname": "node2", "role": "worker", "leader": False, "address": "10.97.0.12", "state": "ready"},
    ],
    "networks": [
        {
            "name": "backend",
            "driver": "overlay",
            "scope": "swarm",
            "subnets": [{"subnet": "10.20.1.0/24"}],
            "encrypted": True,
            "mtu": 1424,
            "vnis": [4097],
        },
        {"name": "bridge", "driver": "bridge", "scope": "local"},
    ],
    "services": [
        {
            "name": "web",
            "mode": "replicated",
            "running": 1,
            "desired": 2,
            "env": {"PASSWORD": "hunter2"},
            "networks": [{"name": "backend"}],
            "ports": [{"target_port": 80, "published_port": 8080, "protocol": "tcp", "mode": "ingress"}],
        }
    ],
    "tasks": [{"node_id": "b"}],
}


def wire(origin: str, esp: int, clear: int) -> dict[str, Any]:
    return Verdict(WIRE, "backend", origin, "", True, "", packets={"esp_out": esp, "esp_in": 99, "clear_out": clear}).shown()


PROBED: list[dict[str, Any]] = [
    {
        "results": [
            Verdict(VIP, "web on backend", "web.1 on node1", "10.20.1.2:80", True, "").shown(),
            Verdict(MESH, "web:8080/tcp", "node1", "node1", True, "answered").shown(),
            Verdict(MESH, "web:8080/tcp", "node1", "node2", False, "web:8080/tcp at node2 from node1: timed out").shown(),
            Verdict(HOST_MODE, "web:90/tcp", "node1", "node1", True, "answered").shown(),
            Verdict(HOST_MODE, "web:90/tcp", "node1", "node2", True, "refused").shown(),
            skip(MESH, "dns:53/udp", "node1", "udp ports are not probed").shown(),
            wire("node1", 10, 0),
        ]
    },
    {"results": [Verdict(PATH, "backend", "web.1 on node2", "node1", True, "").shown(), wire("node2", 12, 0)]},
]


def test_the_proof_has_a_row_for_each_kind_and_subject() -> None:
    rows = report(PROBED, [], FACTS)["proof"]
    assert [tuple(row.values()) for row in rows] == [
        ("vip", "web on backend", "1 of 1", "from tasks on node1"),
        ("mesh", "web:8080/tcp", "1 of 2", "from 1 node at 1 node"),
        ("host_mode", "web:90/tcp", "2 of 2", "answers on node1, not on node2"),
        ("path", "backend", "1 of 1", "between node1, node2"),
        ("wire", "backend", "2 of 2", "encrypted, 22 ESP packets, 0 clear"),
    ]


def test_failures_come_from_all_hosts_and_from_those_that_are_silent() -> None:
    found = report(PROBED, ["host3", "host4"], FACTS)
    assert found["failed"] == [
        "host3 was not asked: it could not be reached, or failed before",
        "host4 was not asked: it could not be reached, or failed before",
        "mesh: web:8080/tcp at node2 from node1: timed out",
    ]
    assert found["skipped"] == ["mesh dns:53/udp (udp ports are not probed)"]


def test_the_tables_tell_the_cluster_and_none_of_its_environment() -> None:
    found = report(PROBED, [], FACTS)
    assert [tuple(row.values()) for row in found["nodes"]] == [
        ("node1", "leader", "10.97.0.11", "ready", 0),
        ("node2", "worker", "10.97.0.12", "ready", 1),
    ]
    assert [tuple(row.values()) for row in found["networks"]] == [("backend", "overlay", "10.20.1.0/24", True, 1424, "4097")]
    assert [tuple(row.values()) for row in found["services"]] == [("web", "1 of 2", "replicated", "backend", "8080->80/tcp ingress")]
    assert "hunter2" not in str(found)


def test_lines_are_aligned() -> None:
    assert aligned([{"a": "x", "b": 1}, {"a": "long", "b": 22}]) == ["x     1", "long  22"]
    assert aligned([]) == []
