# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run from its beginning to its end, against fakes: check mode and real run, retries, deadlines, failures, and what it costs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import EngineError, OutOfSequence
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Call
from ansible_collections.meshwork.swarm.plugins.module_utils._run import POLL_SECONDS, ROUNDS
from fakes.authority import root
from fakes.engine import FakeEngine, Manners
from fakes.module import Runner

BACK = {"name": "back", "subnets": [{"subnet": "10.20.1.0/24"}], "encrypted": True}
WEB = {"name": "web", "image": "nginx:1.27", "replicas": 2, "networks": [{"name": "back"}]}


def made(manners: Manners | None = None) -> FakeEngine:
    """An Engine that is the only manager of a new swarm."""
    engine = FakeEngine(manners=manners or Manners())
    engine.do(Call("POST", "/swarm/init", body={"Spec": {"Name": "default"}, "SubnetSize": 24}))
    engine.done.clear()
    engine.calls = 0
    return engine


def furnished() -> FakeEngine:
    """The same with a network and a service on it."""
    engine = made()
    engine.do(
        Call(
            "POST",
            "/networks/create",
            body={
                "Name": "back",
                "Driver": "overlay",
                "IPAM": {"Config": [{"Subnet": "10.20.1.0/24"}]},
                "Options": {"encrypted": ""},
                "Labels": {"io.meshwork.swarm.owned": "true"},
            },
        )
    )
    for _read in range(5):
        engine.get("/networks")
    spec = {
        "Name": "web",
        "Labels": {"io.meshwork.swarm.owned": "true"},
        "Mode": {"Replicated": {"Replicas": 2}},
        "TaskTemplate": {"ContainerSpec": {"Image": "nginx:1.27"}, "Networks": [{"Target": "back"}]},
        "EndpointSpec": {"Mode": "vip"},
    }
    engine.do(Call("POST", "/services/create", body=spec))
    engine.done.clear()
    engine.calls = 0
    return engine


RUNS: list[tuple[str, Callable[[], FakeEngine], dict[str, Any]]] = [
    ("cluster", FakeEngine, {"advertise_addr": "eth0", "labels": {"a": 1}}),
    ("cluster", made, {"task_history_retention_limit": 2}),
    ("cluster", made, {"task_history_retention_limit": 5}),
    ("cluster", FakeEngine, {"signing_ca_cert": root("own")[0], "signing_ca_key": root("own")[1]}),
    ("cluster", made, {"signing_ca_cert": root("own")[0], "signing_ca_key": root("own")[1], "labels": {"a": 1}}),
    ("cluster", made, {"external_cas": [{"url": "https://ca.lab:8888/sign"}]}),
    ("nodes", made, {"nodes": [{"id": "OWN", "labels": {"zone": "a"}, "availability": "drain"}]}),
    ("networks", made, {"networks": [BACK, {"name": "front"}]}),
    ("networks", furnished, {"networks": [BACK]}),
    ("networks", furnished, {"networks": [{"name": "back", "state": "absent"}]}),
    ("networks", furnished, {"networks": [{**BACK, "encrypted": False}]}),
    ("ingress_network", made, {"subnets": [{"subnet": "10.44.0.0/24"}], "mtu": 1400}),
    ("services", furnished, {"services": [{**WEB, "name": "other"}, {"name": "web", "replicas": 4}]}),
    ("services", furnished, {"services": [WEB]}),
    ("services", furnished, {"services": [], "exclusive": True}),
]


@pytest.mark.parametrize(("name", "build", "options"), RUNS)
def test_check_mode_returns_what_a_real_run_does(
    name: str, build: Callable[[], FakeEngine], options: dict[str, Any], run_module: Runner
) -> None:
    engine = build()
    own = {"nodes": [{**each, "id": engine.node_id} for each in options["nodes"]]} if "nodes" in options else {}
    twin = copy.deepcopy(engine)
    dry = run_module(name, twin, {**options, **own}, check=True)
    real = run_module(name, engine, {**options, **own})
    assert dry == real
    assert twin.done == []
    assert bool(engine.done) == real["changed"]
    again = run_module(name, engine, {**options, **own})
    assert real["failed"] or (again["changed"], again["steps"], again["diff"]) == (False, [], [])


def test_a_joining_host_is_told_the_same_in_check_mode(run_module: Runner) -> None:
    results = []
    for check in (True, False):
        manager = made()
        joining = FakeEngine("10.0.0.12", "node2", hosts=manager.hosts)
        token = manager.get("/swarm")["JoinTokens"]["Worker"]
        results.append(run_module("membership", joining, {"remote_addrs": ["10.0.0.11:2377"], "join_token": token}, check=check))
    assert results[0] == results[1]
    assert results[0]["changed"]


def test_an_update_out_of_sequence_is_planned_again(run_module: Runner) -> None:
    engine = made()

    def somebody_else(_call: Call) -> None:
        if len(engine.done) == 1 and engine.swarm:
            engine.swarm.cluster["Spec"]["Labels"] = {"by": "somebody else"}
            engine.swarm.bump(engine.swarm.cluster)

    engine.interfere = somebody_else
    result = run_module("cluster", engine, {"task_history_retention_limit": 2})
    assert (result["failed"], result["changed"], len(engine.done)) == (False, True, 2)
    assert len(result["steps"]) == 1
    assert len(result["diff"]) == 2, "the plan of which nothing was done is not in the diff"
    assert engine.get("/swarm")["Spec"]["Labels"] == {"by": "somebody else"}
    assert engine.get("/swarm")["Spec"]["Orchestration"] == {"TaskHistoryRetentionLimit": 2}


def test_somebody_who_never_stops_changing_things_is_told_of(run_module: Runner) -> None:
    engine = made()

    def always(call: Call) -> None:
        raise OutOfSequence(str(call), 500, "rpc error: code = Unknown desc = update out of sequence")

    engine.interfere = always
    result = run_module("cluster", engine, {"task_history_retention_limit": 2})
    assert (result["failed"], result["changed"], result["steps"]) == (True, False, [])
    assert len(engine.done) == ROUNDS
    told = "the swarm's objects were changed by somebody else during each of 5 attempts; run again when that has ended; the last time "
    assert result["msg"].startswith(told) and "update out of sequence" in result["msg"]


BLOCKED = [
    ("networks", {"networks": [{"name": "new"}, {"name": "back", "state": "absent"}]}),
    ("services", {"services": [{"name": "web", "replicas": 9}, {"name": "new", "image": "x", "networks": [{"name": "nonesuch"}]}]}),
    ("cluster", {"subnet_size": 26, "task_history_retention_limit": 1}),
]


@pytest.mark.parametrize(("name", "options"), BLOCKED)
@pytest.mark.parametrize("check", [True, False])
def test_nothing_is_touched_when_one_item_is_blocked(name: str, options: dict[str, Any], check: bool, run_module: Runner) -> None:
    engine = furnished()
    result = run_module(name, engine, options, check=check)
    assert (result["failed"], result["changed"], result["steps"], engine.done) == (True, False, [], [])


def test_a_wait_ends_at_its_deadline_and_says_what_is_not_true(run_module: Runner) -> None:
    engine = made(Manners(allocation=10**6))
    result = run_module("networks", engine, {"networks": [BACK], "wait_timeout": 7})
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["msg"].startswith("not true after 7 s: the swarm has not given network back its subnet; a leader that cannot logs")
    assert 7 <= run_module.clock.now <= 7 + POLL_SECONDS


def test_a_step_that_is_awaited_has_the_same_deadline(run_module: Runner) -> None:
    engine = made(Manners(lingering=10**6))
    result = run_module("ingress_network", engine, {"subnets": [{"subnet": "10.44.0.0/24"}], "wait_timeout": 3})
    assert (result["failed"], result["changed"], len(result["steps"])) == (True, True, 1)
    assert result["msg"].startswith("not true after 3 s: the Engine of this manager still has the removed ingress network")
    assert 3 <= run_module.clock.now <= 3 + POLL_SECONDS


def test_a_service_that_does_not_come_up_is_told_with_its_tasks(run_module: Runner) -> None:
    engine = furnished()
    engine.manners.task_start = 10**6
    result = run_module("services", engine, {"services": [{"name": "web", "image": "nginx:1.28"}], "wait_timeout": 5})
    assert result["msg"] == "not true after 5 s: service web: 0 of 2 tasks running"


def test_a_service_whose_update_was_given_up_is_not_waited_for(run_module: Runner) -> None:
    engine = furnished()
    engine.manners.task_start = 10**6
    engine.managed().giving_up = "rollback_completed"
    result = run_module("services", engine, {"services": [{"name": "web", "image": "nginx:1.28"}], "wait_timeout": 500})
    assert result["msg"] == "the swarm gave the update up: service web: 2 of 2 tasks running, update rollback_completed"
    assert run_module.clock.now == 0


def test_a_failure_half_way_tells_what_was_done(run_module: Runner) -> None:
    engine = made()

    def refuse_third(call: Call) -> None:
        if len(engine.done) == 3:
            raise EngineError(str(call), 500, "rpc error: code = ResourceExhausted desc = no space left on device")

    engine.interfere = refuse_third
    result = run_module("networks", engine, {"networks": [{"name": name} for name in ("one", "two", "three", "four")]})
    assert (result["failed"], result["changed"]) == (True, True)
    assert [step["item"] for step in result["steps"]] == ["network one", "network two"]
    assert result["msg"] == (
        'the Engine refused "create overlay network three with a subnet from the default pool" (POST /networks/create): '
        "rpc error: code = ResourceExhausted desc = no space left on device (HTTP 500)"
    )


def test_a_network_that_is_on_its_way_out_may_be_removed_again(run_module: Runner) -> None:
    engine = furnished()
    run_module("services", engine, {"services": [{"name": "web", "state": "absent"}]})
    engine.manners.lingering = 20
    network = next(each for each in engine.get("/networks") if each["Name"] == "back")
    engine.do(Call("DELETE", f"/networks/{network['Id']}"))
    result = run_module("networks", engine, {"networks": [{"name": "back", "state": "absent"}]})
    assert not result["failed"], result


def test_promotions_are_awaited_until_they_are_reachable(run_module: Runner) -> None:
    manager = made()
    other = FakeEngine("10.0.0.12", "node2", hosts=manager.hosts)
    tokens = manager.get("/swarm")["JoinTokens"]
    run_module("membership", other, {"remote_addrs": ["10.0.0.11:2377"], "join_token": tokens["Worker"]})
    result = run_module("nodes", manager, {"nodes": [{"id": other.node_id, "role": "manager"}]})
    assert (result["failed"], result["changed"]) == (False, True)
    assert manager.swarm and manager.swarm.nodes[other.node_id]["ManagerStatus"]["Reachability"] == "reachable"


def test_nobody_is_demoted_before_those_who_were_promoted_take_part(run_module: Runner) -> None:
    manager = made(Manners(promotion=6))
    other = FakeEngine("10.0.0.12", "node2", hosts=manager.hosts)
    token = manager.get("/swarm")["JoinTokens"]["Worker"]
    run_module("membership", other, {"remote_addrs": ["10.0.0.11:2377"], "join_token": token})
    third = FakeEngine("10.0.0.13", "node3", hosts=manager.hosts)
    token = manager.get("/swarm")["JoinTokens"]["Manager"]
    run_module("membership", third, {"role": "manager", "remote_addrs": ["10.0.0.11:2377"], "join_token": token})
    members_at_demotion: list[bool] = []

    def look(call: Call) -> None:
        if manager.node_id in call.path and third.swarm:
            members_at_demotion.append("ManagerStatus" in third.swarm.nodes[other.node_id])

    third.interfere = look
    roles = [{"id": other.node_id, "role": "manager"}, {"id": manager.node_id, "role": "worker"}]
    result = run_module("nodes", third, {"nodes": roles})
    assert (result["failed"], [step["action"] for step in result["steps"]]) == (False, ["promote", "demote"]), result
    assert members_at_demotion == [True]
    assert third.swarm and "ManagerStatus" not in third.swarm.nodes[manager.node_id]
    refused = run_module("nodes", third, {"nodes": [{"id": other.node_id, "role": "worker"}, {"id": third.node_id, "role": "worker"}]})
    assert refused["msg"] == "node node2: it is the last manager; promote or bring back another manager first"


def test_a_join_that_takes_longer_goes_on_in_the_background(run_module: Runner) -> None:
    manager = made()
    slow = FakeEngine("10.0.0.12", "node2", manners=Manners(join=6), hosts=manager.hosts)
    token = manager.get("/swarm")["JoinTokens"]["Manager"]
    result = run_module("membership", slow, {"role": "manager", "remote_addrs": ["10.0.0.11:2377"], "join_token": token})
    assert (result["failed"], result["changed"]) == (False, True)
    assert slow.get("/info")["Swarm"]["ControlAvailable"]
    late = FakeEngine("10.0.0.13", "node3", manners=Manners(join=10**6), hosts=manager.hosts)
    options = {"role": "manager", "remote_addrs": ["10.0.0.11:2377"], "join_token": token, "wait_timeout": 4}
    result = run_module("membership", late, options)
    assert result["msg"] == "not true after 4 s: this host has not become a manager: its state is pending"


def test_a_leave_that_is_given_up_is_made_again(run_module: Runner) -> None:
    engine = made()

    def once(call: Call) -> None:
        if len(engine.done) == 1:
            raise EngineError(str(call), 500, "context deadline exceeded")

    engine.interfere = once
    result = run_module("membership", engine, {"state": "left", "force": True})
    assert (result["failed"], result["changed"], len(engine.done)) == (False, True, 2)
    assert engine.get("/info")["Swarm"]["LocalNodeState"] == "inactive"


def _many(kind: str, count: int) -> dict[str, Any]:
    if kind == "networks":
        return {"networks": [{"name": f"net{number}", "subnets": [{"subnet": f"10.{number}.0.0/24"}]} for number in range(20, 20 + count)]}
    if kind == "services":
        return {"services": [{"name": f"svc{number}", "image": "nginx:1.27", "networks": [{"name": "back"}]} for number in range(count)]}
    return {"nodes": [{"id": f"n{number}", "labels": {"zone": "a"}} for number in range(count)]}


@pytest.mark.parametrize(("kind", "calls"), [("networks", 6), ("services", 6), ("nodes", 2)])
def test_a_converged_run_makes_the_same_number_of_calls_for_any_number_of_objects(kind: str, calls: int, run_module: Runner) -> None:
    counted = {}
    for count in (1, 10, 100):
        engine = furnished()
        for number in range(count) if kind == "nodes" else ():
            node = engine.swarm.nodes[engine.node_id] if engine.swarm else {}
            engine.swarm.nodes[f"n{number}"] = {**node, "ID": f"n{number}", "Spec": {**node["Spec"]}} if engine.swarm else {}
        options = _many(kind, count)
        first = run_module(kind, engine, options)
        assert len(first["steps"]) == count, first.get("msg")
        for _read in range(10):
            engine.get("/networks")
        engine.calls = 0
        assert not run_module(kind, engine, options)["changed"]
        counted[count] = engine.calls
    assert counted == {1: calls, 10: calls, 100: calls}


def test_services_ask_for_the_lists_that_their_plan_depends_on_and_for_no_others(run_module: Runner) -> None:
    engine = made()
    alone = {"services": [{"name": "web", "image": "nginx:1.27"}]}
    assert run_module("services", engine, alone)["changed"]
    asked: list[str] = []
    get = engine.get
    engine.get = lambda path, query=None: (asked.append(path), get(path, query))[1]  # type: ignore[method-assign, func-returns-value]
    assert not run_module("services", engine, alone)["changed"]
    assert asked == ["/info", "/services", "/networks", "/tasks", "/nodes"], "the tasks of the service, and names for their nodes"
    asked.clear()
    assert not run_module("services", engine, {**alone, "wait": False})["changed"]
    assert asked == ["/info", "/services", "/networks"]
    asked.clear()
    meshed = {"name": "web", "publish": [{"target_port": 80, "published_port": 8080}]}
    assert run_module("services", engine, {"services": [meshed], "wait": False}, check=True)["changed"]
    assert asked == ["/info", "/services", "/networks", "/nodes", "/tasks"], "who has addresses on the ingress network"
