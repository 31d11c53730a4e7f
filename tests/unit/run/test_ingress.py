# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ingress network replaced under services that publish, against the fake: cut off after each call, given up, taken back."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import observe
from ansible_collections.meshwork.swarm.plugins.module_utils._model.parked import PARKED_LABEL, kept, park, restore
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Call
from fakes import documents
from fakes.engine import FakeEngine, Manners
from fakes.module import Runner

WANTED: dict[str, Any] = {"subnets": [{"subnet": "10.44.0.0/24"}], "mtu": 1400, "replace": "in_use", "wait_timeout": 30}
TCP = {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"}
HOST = {"Protocol": "tcp", "TargetPort": 9100, "PublishedPort": 9100, "PublishMode": "host"}
UDP = {"Protocol": "udp", "TargetPort": 53, "PublishedPort": 5353, "PublishMode": "ingress"}


def published() -> FakeEngine:
    """A swarm with two services that publish through the ingress network and one that publishes nothing."""
    engine = FakeEngine(manners=Manners(task_stop=4))
    engine.do(Call("POST", "/swarm/init", body={"Spec": {"Name": "default"}, "SubnetSize": 24}))
    for _read in range(3):
        engine.get("/networks")
    modes: dict[str, tuple[Any, list[Any]]] = {
        "web": ({"Replicated": {"Replicas": 2}}, [HOST, TCP]),
        "dns": ({"Global": {}}, [UDP]),
        "quiet": ({"Replicated": {"Replicas": 1}}, []),
    }
    for name, (mode, ports) in modes.items():
        template = {"ContainerSpec": {"Image": "nginx:1.27", "Env": ["A=1"]}, "RestartPolicy": {"Condition": "any"}}
        endpoint = {"Mode": "vip", **({"Ports": ports} if ports else {})}
        spec = {"Name": name, "Labels": {"com.docker.stack.namespace": "shop"}, "Mode": mode, "TaskTemplate": template}
        engine.do(Call("POST", "/services/create", body={**spec, "EndpointSpec": endpoint}))
    for _read in range(5):
        engine.get("/networks")
    engine.done.clear()
    return engine


def specs(engine: FakeEngine) -> dict[str, Any]:
    return {each["Spec"]["Name"]: copy.deepcopy(each["Spec"]) for each in engine.managed().services.values()}


def subnets(engine: FakeEngine) -> list[str]:
    networks = [each for each in engine.get("/networks") if each["Ingress"]]
    return [config["Subnet"] for each in networks for config in each["IPAM"]["Config"]]


def on_mesh(engine: FakeEngine) -> list[str]:
    """Who runs on the ingress network that there is."""
    (mesh,) = [each["Id"] for each in engine.get("/networks") if each["Ingress"]]
    names = {each["ID"]: each["Spec"]["Name"] for each in engine.managed().services.values()}
    running = [task for task in engine.managed().tasks if task["Status"]["State"] == "running"]
    return sorted(names[task["ServiceID"]] for task in running if documents.on_network(task, mesh))


class Cut(BaseException):
    """The end of the process."""


def run_cut(run_module: Runner, engine: FakeEngine, options: dict[str, Any], calls: int) -> bool:
    """Whether a run was cut off before it could make one more than so many changes."""
    engine.done.clear()

    def cut(_call: Call) -> None:
        if len(engine.done) > calls:
            raise Cut

    engine.interfere = cut
    try:
        result = run_module("ingress_network", engine, options)
    except Cut:
        return True
    finally:
        engine.interfere = None
    assert not result["failed"], result["msg"]
    return False


def test_services_are_as_they_were_when_it_is_done(run_module: Runner) -> None:
    engine = published()
    before = specs(engine)
    twin = copy.deepcopy(engine)
    dry = run_module("ingress_network", twin, WANTED, check=True)
    result = run_module("ingress_network", engine, WANTED)
    assert not result["failed"], result["msg"]
    assert result.pop("gap_seconds") >= 0
    assert (result, twin.done) == (dry, [])
    actions = ["unpublish", "unpublish", "wait", "remove", "create", "publish", "publish"]
    assert [step["action"] for step in result["steps"]] == actions
    assert specs(engine) == before
    assert subnets(engine) == ["10.44.0.0/24"]
    assert on_mesh(engine) == ["dns", "web", "web"]
    again = run_module("ingress_network", engine, WANTED)
    assert (again["failed"], again["changed"], "gap_seconds" in again) == (False, False, False)


@pytest.mark.parametrize("calls", range(6))
@pytest.mark.parametrize(
    ("then", "end"),
    [
        (WANTED, "10.44.0.0/24"),
        ({**WANTED, "replace": "in_use", "subnets": [{"subnet": "10.55.0.0/24"}]}, "10.55.0.0/24"),
        ({"replace": "in_use", "wait_timeout": 30}, ""),
        ({"only_finish": True, "wait_timeout": 30}, ""),
    ],
)
def test_a_run_that_was_cut_off_anywhere_is_carried_to_its_end(calls: int, then: dict[str, Any], end: str, run_module: Runner) -> None:
    engine = published()
    before = specs(engine)
    assert run_cut(run_module, engine, WANTED, calls)
    assert run_cut(run_module, engine, then, 1) or specs(engine) == before, "the second run is cut off, too"
    result = run_module("ingress_network", engine, then)
    assert not result["failed"], result["msg"]
    assert specs(engine) == before
    assert not end or subnets(engine) == [end]
    assert on_mesh(engine) == ["dns", "web", "web"]
    again = run_module("ingress_network", engine, then)
    assert (again["failed"], again["changed"]) == (False, False)


def test_a_service_that_is_given_up_stops_it_with_the_words_of_the_task(run_module: Runner) -> None:
    engine = published()

    def give_up(call: Call) -> None:
        if len(engine.done) == 2:
            web = next(each for each in engine.managed().services.values() if each["Spec"]["Name"] == "dns")
            web["UpdateStatus"] = {"State": "paused"}
            engine.manners.task_stop = 10**6
            told = {"State": "failed", "Err": "task: non-zero exit (1)", "Timestamp": "2026-11-21", "ContainerStatus": {"ExitCode": 1}}
            engine.managed().tasks[-1]["Status"].update(told)

    engine.interfere = give_up
    result = run_module("ingress_network", engine, WANTED)
    assert result["failed"]
    assert result["msg"] == (
        "the swarm gave the update up: service dns: 0 of 1 tasks running, update paused, "
        "last failure: task: non-zero exit (1) on node1, exit code 1"
    )
    assert not any(call.method == "DELETE" for call in engine.done)
    engine.interfere = None
    engine.manners.task_stop = 0
    engine.done.clear()
    told = run_module("ingress_network", engine, WANTED, check=True)
    assert told["steps"][0]["says"] == (
        "service dns: go on with the update that was given up, which takes its ports off the ingress network"
    ), "the old task would keep the network in use for ever"
    before = specs(engine)["dns"]
    run_module("ingress_network", engine, {**WANTED, "wait_timeout": 5})
    assert engine.done[0].body == before


def test_the_network_stays_until_the_last_task_has_left_it(run_module: Runner) -> None:
    engine = published()
    engine.manners.task_stop = 10**6
    result = run_module("ingress_network", engine, {**WANTED, "wait_timeout": 5})
    assert result["msg"] == (
        "not true after 5 s: still on the ingress network: dns on node1 (running), web on node1 (running), web on node1 (running)"
    )
    assert not any(call.method == "DELETE" for call in engine.done)


def test_a_service_that_changes_meanwhile_is_read_again(run_module: Runner) -> None:
    engine = published()

    def somebody_else(call: Call) -> None:
        if len(engine.done) == 2:
            for service in engine.managed().services.values():
                service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["A=2"]
                engine.managed().bump(service)

    engine.interfere = somebody_else
    result = run_module("ingress_network", engine, WANTED)
    assert not result["failed"], result["msg"]
    assert all(spec["TaskTemplate"]["ContainerSpec"]["Env"] == ["A=2"] for spec in specs(engine).values())
    assert [spec["EndpointSpec"].get("Ports") for spec in specs(engine).values()] == [[HOST, TCP], [UDP], None]


def test_services_leaves_a_service_alone_whose_ports_are_off(run_module: Runner) -> None:
    engine = published()
    assert run_cut(run_module, engine, WANTED, 3)
    before = specs(engine)
    written = {
        "name": "web",
        "publish": [{"target_port": 80, "published_port": 8080}, {"target_port": 9100, "published_port": 9100, "mode": "host"}],
    }
    same = run_module("services", engine, {"services": [{**written, "labels": {"com.docker.stack.namespace": "shop"}}]})
    assert (same["failed"], same["changed"]) == (False, False), same
    other = run_module("services", engine, {"services": [{**written, "image": "nginx:1.28", "stack": "shop"}]})
    assert other["msg"].startswith(
        "services[0] (web): its published ports are off, since a replacement of the ingress network was cut off; "
    )
    assert specs(engine) == before
    engine.done.clear()
    assert not run_module("ingress_network", engine, WANTED)["failed"]
    assert not run_module("services", engine, {"services": [written]})["changed"]


def test_a_converged_run_asks_for_neither_nodes_nor_tasks(run_module: Runner) -> None:
    engine = published()
    run_module("ingress_network", engine, WANTED)
    engine.calls = 0
    run_module("ingress_network", engine, WANTED)
    assert engine.calls == 3


def test_where_nothing_was_cut_off_there_is_nothing_to_finish(run_module: Runner) -> None:
    engine = published()
    engine.calls = 0
    assert not run_module("ingress_network", engine, {"only_finish": True})["changed"]
    assert engine.calls == 3
    (mesh,) = [each for each in engine.managed().networks.values() if each["Ingress"]]
    for service in list(engine.managed().services.values()):
        engine.do(Call("DELETE", f"/services/{service['ID']}"))
    for _read in range(10):
        engine.get("/tasks")
    engine.do(Call("DELETE", f"/networks/{mesh['Id']}"))
    for _read in range(10):
        engine.get("/networks")
    engine.done.clear()
    result = run_module("ingress_network", engine, {"only_finish": True, "wait_timeout": 5})
    assert (result["failed"], result["changed"], engine.done) == (False, False, []), "who has taken it away wants none"


def test_a_job_that_publishes_is_not_waited_for() -> None:
    engine = published()
    template = {"ContainerSpec": {"Image": "busybox"}}
    endpoint = {"Mode": "vip", "Ports": [{**TCP, "PublishedPort": 8090}]}
    spec = {"Name": "once", "Mode": {"ReplicatedJob": {}}, "TaskTemplate": template, "EndpointSpec": endpoint}
    engine.do(Call("POST", "/services/create", body=spec))
    found = observe.ingress_at_work(engine, observe.ingress(engine))
    assert [each.name for each in found.services] == ["dns", "once", "web"]
    assert [each.name for each in found.progress] == ["dns", "web"]


def test_a_label_of_somebody_else_is_no_journal() -> None:
    for text in ("", "x", "[]", '{"Ports": []}', '{"Ports": [{"PublishMode": "host"}]}'):
        assert kept({"Labels": {PARKED_LABEL: text}}) is None


def test_ports_that_were_published_anew_stay_and_others_are_added_to_what_changed() -> None:
    spec = {"Name": "web", "Labels": {"a": "b"}, "EndpointSpec": {"Mode": "vip", "Ports": [HOST, TCP]}}
    parked = park(spec)
    assert parked["EndpointSpec"] == {"Mode": "vip", "Ports": [HOST]}
    assert restore(parked) == spec
    anew = {**parked, "EndpointSpec": {"Mode": "vip", "Ports": [UDP]}}
    assert restore(anew) == {**spec, "EndpointSpec": {"Mode": "vip", "Ports": [UDP]}}
    other = {**HOST, "PublishedPort": 9200}
    changed = {**parked, "EndpointSpec": {"Mode": "vip", "Ports": [other]}}
    assert restore(changed) == {**spec, "EndpointSpec": {"Mode": "vip", "Ports": [other, TCP]}}
