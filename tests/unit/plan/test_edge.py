# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names, paths and ports lead from outside to which service, and what is wrong with labels."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.edge import BY_NAME, PREFIX
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.edge import edge

WEB = {"target_port": 80, "published_port": 8080, "protocol": "tcp", "mode": "ingress"}
METRICS = {"target_port": 9000, "published_port": 9000, "protocol": "tcp", "mode": "ingress"}
NAMES = {"target_port": 53, "published_port": 53, "protocol": "udp", "mode": "ingress"}


def node(name: str, **fields: str) -> dict[str, Any]:
    return {"id": f"id-{name}", "hostname": name, "address": f"192.0.2.{name[-1]}", "state": "ready", "availability": "active", **fields}


def service(name: str, *ports: dict[str, Any], **labels: str) -> dict[str, Any]:
    return {"name": name, "ports": list(ports), "labels": {"other": "yes", **{PREFIX + key: value for key, value in labels.items()}}}


NODES = [node("n2"), node("n1"), node("n3")]


def planned(
    *services: dict[str, Any], nodes: list[dict[str, Any]] | None = None, tasks: list[dict[str, Any]] | None = None, **more: Any
) -> Any:
    return edge(
        NODES if nodes is None else nodes,
        services,
        tasks or [],
        more.get("addresses", {}),
        more.get("taken", {}),
        more.get("on_a_node", False),
        more.get("node", ""),
    )


def test_services_without_labels_are_not_reached() -> None:
    assert planned(service("db", WEB)) == {"faults": [], "backends": [], "rules": [], "listeners": []}


def test_a_host_leads_to_the_published_port_on_every_node_of_the_pool() -> None:
    there = planned(service("web", WEB, NAMES, host="Shop.example.org"))
    assert there["rules"] == [{"host": "shop.example.org", "path": "", "backend": "service:web"}]
    (backend,) = there["backends"]
    assert [(each["name"], each["address"], each["port"]) for each in backend["servers"]] == [
        ("n1", "192.0.2.1", 8080),
        ("n2", "192.0.2.2", 8080),
        ("n3", "192.0.2.3", 8080),
    ]


@pytest.mark.parametrize("gone", [{"availability": "drain"}, {"state": "down"}, {"state": "disconnected"}])
def test_nodes_that_are_drained_or_gone_leave_the_pool(gone: dict[str, str]) -> None:
    there = planned(service("web", WEB, host="a"), nodes=[node("n1"), node("n2", **gone), node("n3", availability="pause")])
    assert [each["name"] for each in there["backends"][0]["servers"]] == ["n1", "n3"]


def test_what_is_published_on_its_own_nodes_is_asked_there() -> None:
    tasks = [{"service": "agent", "node_id": "id-n3"}, {"service": "web", "node_id": "id-n1"}]
    there = planned(service("agent", {**METRICS, "mode": "host"}, host="a"), tasks=tasks)
    assert [each["name"] for each in there["backends"][0]["servers"]] == ["n3"]


def test_the_proxy_may_reach_a_node_by_another_address() -> None:
    there = planned(service("web", WEB, host="a"), addresses={"n1": "198.51.100.1"})
    assert [each["address"] for each in there["backends"][0]["servers"]] == ["198.51.100.1", "192.0.2.2", "192.0.2.3"]


def test_two_nodes_of_one_name_are_two_servers() -> None:
    there = planned(service("web", WEB, host="a"), nodes=[node("n1"), node("n1", id="other", address="192.0.2.9")])
    assert [each["name"] for each in there["backends"][0]["servers"]] == ["n1", "n1-other"]


def test_the_rules_go_from_the_narrow_to_the_wide() -> None:
    there = planned(
        service("rest", WEB, path="/"),
        service("any-api", WEB, path="/api,/api/v2"),
        service("wild", WEB, host="*.example.org"),
        service("wilder", WEB, host="*.shop.example.org"),
        service("shop", WEB, host="shop.example.org, www.example.org"),
        service("cart", WEB, host="shop.example.org", path="/cart/"),
    )
    assert [(each["host"], each["path"], each["backend"]) for each in there["rules"]] == [
        ("shop.example.org", "/cart", "service:cart"),
        ("shop.example.org", "", "service:shop"),
        ("www.example.org", "", "service:shop"),
        ("*.shop.example.org", "", "service:wilder"),
        ("*.example.org", "", "service:wild"),
        ("", "/api/v2", "service:any-api"),
        ("", "/api", "service:any-api"),
        ("", "", "service:rest"),
    ]


def test_a_service_may_have_routes_by_name() -> None:
    labels = {"public.host": "a", "public.port": "80", "public.check": "/ok?x=1", "numbers.mode": "tcp", "numbers.listen": "7000"}
    there = planned(service("web", WEB, METRICS, **labels, **{"numbers.port": "9000", "numbers.proxy_protocol": "v2"}))
    assert there["rules"] == [{"host": "a", "path": "", "backend": "service:web:public"}]
    assert there["listeners"] == [{"port": 7000, "backend": "service:web:numbers"}]
    assert [(each["mode"], each["check"], each["proxy_protocol"]) for each in there["backends"]] == [
        ("tcp", "", "v2"),
        ("http", "/ok?x=1", ""),
    ]


@pytest.mark.parametrize(
    ("services", "told"),
    [
        (
            [service("web", WEB, METRICS, host="a")],
            "service web: expected one published TCP port, got '80, 9000'; name one of them with the label",
        ),
        ([service("web", NAMES, host="a")], "service web: expected one published TCP port, got 'none'; publish it"),
        ([service("web", WEB, host="a", port="81")], "service web: expected a published TCP port 81 of the container, got 'none'"),
        (
            [service("web", {**WEB, "mode": "host", "published_port": 0}, host="a")],
            "one that each task chooses for 80'; write published_port",
        ),
        ([service("web", WEB, mode="tcp")], "service web: expected the label io.meshwork.edge.listen beside mode tcp"),
        ([service("web", WEB, mode="tcp", listen="7000", host="a")], "expected no label io.meshwork.edge.host with mode tcp"),
        ([service("web", WEB, listen="7000")], "expected no label io.meshwork.edge.listen with mode http"),
        ([service("web", WEB, hosts="a")], "label io.meshwork.edge.hosts: expected one of host, path, port"),
        ([service("web", WEB, **{"a b.host": "a"})], "expected one of host, path, port"),
        ([service("a", WEB, host="x"), service("b", WEB, host="y, X")], "service b: x/ leads to service a already"),
        ([service("a", WEB, path="/"), service("b", WEB, path="/c,/")], "service b: any name/ leads to service a already"),
        ([service(name, WEB, mode="tcp", listen="7000") for name in "ab"], "service b: port 7000 of the edge leads to service a already"),
        ([service("web", WEB, mode="tcp", listen="443")], "service web: port 443 of the edge is taken by HTTP itself"),
    ],
)
def test_what_is_wrong_with_labels_is_told_and_nothing_else_given(services: list[dict[str, Any]], told: str) -> None:
    there = planned(*services, taken={443: "HTTP itself"})
    assert len(there["faults"]) == 1
    assert told in there["faults"][0]
    assert (there["backends"], there["rules"], there["listeners"]) == ([], [], [])


@pytest.mark.parametrize("name", sorted(BY_NAME))
@pytest.mark.parametrize("text", ["", "a\nb", "/a }", "/a b\nuse_backend x", '/"', "{", "http tcp", "/a#", "70000"])
def test_no_label_brings_a_line_into_the_configuration(name: str, text: str) -> None:
    there = planned(service("web", WEB, **{name: text}))
    kept = "".join(each["host"] + each["path"] for each in there["rules"])
    assert there["faults"] or (name in ("host", "path") and not set(kept) & set(' \n"{}#'))


def test_all_faults_are_told_at_once() -> None:
    assert len(planned(service("a", WEB, host="-"), service("b", NAMES, host="b"), service("c", WEB, mode="udp"))["faults"]) == 3


@pytest.mark.parametrize(("on_a_node", "port", "taken"), [(True, 8080, True), (True, 53, False), (False, 8080, False)])
def test_a_node_has_the_published_tcp_ports_itself(on_a_node: bool, port: int, taken: bool) -> None:
    line = service("line", METRICS, mode="tcp", listen=str(port))
    there = planned(line, service("web", WEB, NAMES), taken={443: "HTTP itself"}, on_a_node=on_a_node)
    told = f"service line: port {port} of the edge is taken by service web on the node itself"
    assert [fault.startswith(told) for fault in there["faults"]] == [True] * taken


@pytest.mark.parametrize(("node", "taken"), [("", True), ("id-n1", True), ("id-n2", False)])
def test_a_port_of_a_task_is_taken_on_the_node_of_that_task(node: str, taken: bool) -> None:
    """Where the edge's own node is not known, it may be any."""
    agent, tasks = service("agent", {**METRICS, "mode": "host"}), [{"service": "agent", "node_id": "id-n1"}]
    line = service("line", WEB, mode="tcp", listen="9000")
    there = planned(line, agent, tasks=tasks, on_a_node=True, node=node)
    told = "service line: port 9000 of the edge is taken by service agent on the node itself"
    assert [fault.startswith(told) for fault in there["faults"]] == [True] * taken
    needed = planned(agent, tasks=tasks, taken={9000: "its page of statistics"}, on_a_node=True, node=node)
    told = "port 9000 of the edge is for its page of statistics, and service agent publishes it on the node itself"
    assert [fault.startswith(told) for fault in needed["faults"]] == [True] * (taken and bool(node))


def test_a_hostname_that_could_be_a_line_of_a_configuration_is_no_name_of_a_server() -> None:
    there = planned(service("web", WEB, host="a"), nodes=[node("n1", hostname="n1 192.0.2.66:80\n  server x"), node("n2")])
    assert [(each["name"], each["address"]) for each in there["backends"][0]["servers"]] == [("id-n1", "192.0.2.1"), ("n2", "192.0.2.2")]


def test_the_mesh_of_a_node_must_not_have_the_ports_that_its_edge_needs_itself() -> None:
    taken = {80: "HTTP itself"}
    web = service("web", {**WEB, "published_port": 80}, host="a")
    told = "port 80 of the edge is for HTTP itself, and service web publishes it on the node itself; give one of them another port"
    assert [each.startswith(told) for each in planned(web, taken=taken, on_a_node=True)["faults"]] == [True]
    assert planned(web, taken=taken)["faults"] == []
    assert planned(service("web", {**WEB, "published_port": 80, "mode": "host"}, host="a"), taken=taken, on_a_node=True)["faults"] == []


def test_a_health_check_asks_by_a_whole_name() -> None:
    there = planned(service("web", WEB, host="*.example.org, Shop.example.org", check="/"), service("any", WEB, check="/", path="/any"))
    assert [each["check_host"] for each in there["backends"]] == ["shop.example.org", ""]
