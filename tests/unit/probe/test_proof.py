# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each node asks, from the facts of a cluster."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import InvalidOption
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.proof import LIMIT, ProofPlan, proof_plan, share
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.proof_facts import parse
from hypothesis import given
from hypothesis import strategies as st

Json = dict[str, Any]


def node(name: str, **changes: Any) -> Json:
    return {"id": f"id-{name}", "hostname": name, "address": f"10.97.0.1{name[-1]}", "state": "ready", "role": "manager", **changes}


def network(name: str, vni: int, **changes: Any) -> Json:
    return {
        "id": f"{name}-0123456789abcdef",
        "name": name,
        "driver": "overlay",
        "vnis": [vni],
        "encrypted": False,
        "ingress": False,
        **changes,
    }


def port(published: int, mode: str = "ingress", protocol: str = "tcp") -> Json:
    return {"target_port": 8080, "published_port": published, "protocol": protocol, "mode": mode}


def service(name: str, vips: dict[str, str], ports: tuple[Json, ...] = (), **changes: Any) -> Json:
    return {
        "name": name,
        "mode": "replicated",
        "endpoint_mode": "vip" if vips else "dnsrr",
        "networks": [{"name": each} for each in vips if each != "ingress"],
        "vips": [{"network": each, "address": address} for each, address in vips.items()],
        "ports": list(ports),
        "running": 2,
        "desired": 2,
        **changes,
    }


def task(owner: str, slot: int, on: str, addresses: dict[str, str]) -> Json:
    return {
        "id": f"task-{owner}-{slot}",
        "service": owner,
        "node_id": f"id-{on}",
        "slot": slot,
        "state": "running",
        "container_id": f"container-{owner}-{slot}",
        "networks": [{"name": name, "address": address} for name, address in addresses.items()],
    }


CLUSTER: Json = {
    "membership": {"node_id": "id-node1"},
    "swarm": {"data_path_port": 4789},
    "nodes": [node("node1"), node("node2"), node("node3", role="worker")],
    "networks": [
        network("frontend", 4098),
        network("backend", 4097, encrypted=True),
        network("ingress", 4096, ingress=True),
        network("bridge", 0, driver="bridge", vnis=[]),
    ],
    "services": [
        service(
            "web",
            {"frontend": "10.20.2.2/24", "backend": "10.20.1.2/24", "ingress": "10.0.0.5/24"},
            (port(8080),),
            networks=[{"name": "frontend", "aliases": ["www"]}, {"name": "backend"}],
        ),
        service("api", {"backend": "10.20.1.9"}),
        service("rr", {}, networks=[{"name": "frontend", "aliases": ["www"]}]),
        service("metrics", {"frontend": "10.20.2.11"}, (port(9100, "host"), port(53, protocol="udp"))),
    ],
    "tasks": [
        task("web", 1, "node1", {"frontend": "10.20.2.3", "backend": "10.20.1.3", "ingress": "10.0.0.6/24"}),
        task("web", 2, "node2", {"frontend": "10.20.2.4", "backend": "10.20.1.4", "ingress": "10.0.0.7/24"}),
        task("api", 1, "node1", {"backend": "10.20.1.10"}),
        task("api", 2, "node3", {"backend": "10.20.1.11"}),
        task("rr", 1, "node1", {"frontend": "10.20.2.8"}),
        task("rr", 2, "node1", {"frontend": "10.20.2.9"}),
        task("metrics", 1, "node2", {"frontend": "10.20.2.12"}),
        task("metrics", 2, "node2", {"frontend": "10.20.2.13"}),
    ],
}


def planned(on: str, facts: Json | None = None, tcp_ports: dict[str, list[int]] | None = None) -> ProofPlan:
    parsed = parse(CLUSTER if facts is None else facts)
    here = parsed.node(f"id-{on}")
    assert here is not None
    return proof_plan(parsed, here, tcp_ports or {})


def changed(part: str, name: str, **changes: Any) -> Json:
    """The cluster with changes to the items of a part that have this hostname, name or service."""
    facts = copy.deepcopy(CLUSTER)
    for item in facts[part]:
        if name in (item.get("hostname"), item.get("name"), item.get("service")):
            item.update(changes)
    return facts


def answers(plan: ProofPlan) -> dict[str, dict[str, list[list[str]]]]:
    """The expected answers by the task that asks and the name."""
    found: dict[str, dict[str, list[list[str]]]] = {}
    for question in plan.names:
        found.setdefault(question.vantage.label, {})[question.name] = [sorted(each) for each in question.expected]
    return found


def test_names_are_asked_by_the_tasks_on_the_fewest_networks() -> None:
    assert answers(planned("node1")) == {
        "rr.1 on node1": {
            "web": [["10.20.2.2"]],
            "tasks.web": [["10.20.2.3", "10.20.2.4"]],
            "www": [["10.20.2.2", "10.20.2.8", "10.20.2.9"]],
            "rr": [["10.20.2.8", "10.20.2.9"]],
            "tasks.rr": [["10.20.2.8", "10.20.2.9"]],
            "metrics": [["10.20.2.11"]],
            "tasks.metrics": [["10.20.2.12", "10.20.2.13"]],
        },
        "api.1 on node1": {
            "web": [["10.20.1.2"]],
            "tasks.web": [["10.20.1.3", "10.20.1.4"]],
            "api": [["10.20.1.9"]],
            "tasks.api": [["10.20.1.10", "10.20.1.11"]],
        },
    }


def test_a_task_on_several_networks_may_be_answered_by_any_that_knows_the_name() -> None:
    asked = answers(planned("node2"))["web.2 on node2"]
    assert asked["web"] == [["10.20.2.2"], ["10.20.1.2"]]
    assert asked["api"] == [["10.20.1.9"]]


def test_a_service_without_tasks_has_no_names_no_vip_and_no_ports_to_ask() -> None:
    facts = copy.deepcopy(CLUSTER)
    facts["tasks"] = [each for each in facts["tasks"] if each["service"] != "web"]
    plan = planned("node1", facts)
    assert not {question.name for question in plan.names} & {"web", "tasks.web"}
    assert "web" not in {question.service for question in plan.vips}
    assert 8080 not in {question.port for question in plan.ports}


def test_vips_are_asked_on_each_network_at_the_target_port() -> None:
    asked = [(each.vantage.label, each.service, each.address, each.port, each.connects) for each in planned("node1").vips]
    assert asked == [
        ("rr.1 on node1", "web", "10.20.2.2", 8080, 4),
        ("api.1 on node1", "web", "10.20.1.2", 8080, 4),
        ("rr.1 on node1", "metrics", "10.20.2.11", 8080, 4),
    ]
    assert planned("node1").vips[0].backends == (("10.20.2.3", "web.1 on node1"), ("10.20.2.4", "web.2 on node2"))


def test_ports_that_are_not_published_can_be_named() -> None:
    asked = [each for each in planned("node3", tcp_ports={"api": [9000]}).vips if each.service == "api"]
    assert [(each.address, each.port) for each in asked] == [("10.20.1.9", 9000)]
    assert "api" in skipped(planned("node1"))
    assert "api" not in skipped(planned("node1", tcp_ports={"api": [9000]}))


def skipped(plan: ProofPlan) -> dict[str, str]:
    return {verdict.subject: verdict.detail for verdict in plan.known if verdict.skipped}


def ports(plan: ProofPlan) -> set[tuple[str, str, int, bool]]:
    return {(each.proof, each.to, each.port, each.open) for each in plan.ports}


def test_every_node_is_asked_for_every_port_and_host_mode_only_answers_where_it_runs() -> None:
    expected = {
        ("mesh", "node1", 8080, True),
        ("mesh", "node2", 8080, True),
        ("mesh", "node3", 8080, True),
        ("host_mode", "node1", 9100, False),
        ("host_mode", "node2", 9100, True),
        ("host_mode", "node3", 9100, False),
    }
    assert all(ports(planned(name)) == expected for name in ("node1", "node2", "node3"))


@pytest.mark.parametrize("mode", ["host", "ingress"])
def test_a_port_that_another_service_opens_is_not_expected_to_be_closed(mode: str) -> None:
    facts = copy.deepcopy(CLUSTER)
    facts["services"].insert(0, service("agent", {}, (port(9100, mode),)))
    facts["tasks"].append(task("agent", 1, "node3", {}))
    opened = {(to, opens) for _proof, to, number, opens in ports(planned("node1", facts)) if number == 9100}
    assert opened == {("node1", mode == "ingress"), ("node2", True), ("node3", True)}


@pytest.mark.parametrize("changes", [{"state": "down"}, {"address": "0.0.0.0"}, {"address": ""}, {"address": "127.0.0.1"}])
def test_nodes_that_cannot_be_reached_are_not_asked(changes: Json) -> None:
    plan = planned("node1", changed("nodes", "node3", **changes))
    assert {each.to for each in plan.ports} == {"node1", "node2"}
    assert plan.other_nodes == ("10.97.0.12",)


def test_paths_lead_to_every_other_node_on_every_network() -> None:
    asked = {(each.vantage.label, each.network, each.to, each.address) for each in planned("node1").paths}
    assert asked == {
        ("rr.1 on node1", "frontend", "node2", "10.20.2.12"),
        ("api.1 on node1", "backend", "node2", "10.20.1.4"),
        ("api.1 on node1", "backend", "node3", "10.20.1.11"),
        ("ingress sandbox on node1", "ingress", "node2", "10.0.0.7"),
    }


def test_the_wire_is_watched_where_there_are_paths() -> None:
    watched = {each.network: (each.encrypted, set(each.vnis), dict(each.peers)) for each in planned("node3").wire}
    assert watched == {
        "backend": (True, {4097}, {"node1": "10.20.1.10", "node2": "10.20.1.4"}),
        "ingress": (False, {4096}, {"node1": "10.0.0.6", "node2": "10.0.0.7"}),
    }


def failed(facts: Json, on: str = "node1") -> list[str]:
    return [verdict.detail for verdict in planned(on, facts).known if not verdict.ok]


def test_a_healthy_cluster_has_nothing_to_complain_of() -> None:
    assert failed(CLUSTER) == []


@pytest.mark.parametrize(
    ("part", "name", "changes", "told"),
    [
        ("nodes", "node3", {"state": "down"}, "node node3 is down, expected ready"),
        ("services", "api", {"running": 1}, "service api: 1 of 2 tasks run"),
        ("networks", "backend", {"vnis": []}, "network backend has no VNI"),
    ],
)
def test_what_the_facts_alone_tell_is_said_once(part: str, name: str, changes: Json, told: str) -> None:
    facts = changed(part, name, **changes)
    assert [line.startswith(told) for line in failed(facts)] == [True]
    assert failed(facts, "node2") == []


def test_jobs_need_not_run() -> None:
    assert failed(changed("services", "api", mode="replicated-job", running=0)) == []


def test_what_is_not_probed_has_a_reason() -> None:
    facts = copy.deepcopy(CLUSTER)
    facts["services"][3]["ports"].append(port(0, "host"))
    told = skipped(planned("node1", facts))
    assert told["metrics:53/udp"].startswith("udp ports are not probed")
    assert told["metrics:0/tcp"] == "each node chooses this port itself"
    assert not planned("node2", facts).known


@pytest.mark.parametrize("part", ["membership", "nodes", "networks", "services", "tasks"])
def test_facts_that_were_not_gathered_are_named(part: str) -> None:
    with pytest.raises(InvalidOption, match=f"missing: {part}; gather them"):
        parse({name: value for name, value in CLUSTER.items() if name != part})


@given(st.integers(0, 1000), st.integers(1, 300), st.integers(0, 50))
def test_a_share_is_no_more_than_the_limit_and_has_nothing_twice(count: int, limit: int, turn: int) -> None:
    shared = share(list(range(count)), limit, turn)
    assert len(shared) == min(count, limit)
    assert len(set(shared)) == len(shared)


@given(st.integers(1, 1000), st.integers(1, 300))
def test_enough_nodes_together_ask_everything(count: int, limit: int) -> None:
    turns = -(-count // limit)
    assert {item for turn in range(turns) for item in share(list(range(count)), limit, turn)} == set(range(count))


def test_a_large_cluster_keeps_the_limits_and_every_node_asks_itself() -> None:
    facts = copy.deepcopy(CLUSTER)
    facts["nodes"] = [node("node1")] + [{**node("node2"), "id": f"n{each}", "address": f"10.98.0.{each}"} for each in range(250)]
    plan = planned("node1", facts)
    assert len(plan.ports) == LIMIT
    assert sum(question.address == "10.97.0.11" for question in plan.ports) == 2
