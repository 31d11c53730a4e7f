# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that do not come to run, jobs, forced updates, many at once, and a wait that somebody watches."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils import _run
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import EngineError
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Call
from fakes import documents
from fakes.engine import FakeEngine, Manners
from fakes.module import Runner

WEB = {"name": "web", "image": "nginx:1.27", "replicas": 2}
JOB = {"name": "import", "image": "import:1", "mode": "replicated-job", "total_completions": 3, "max_concurrent": 2}
NEWER, BROKEN = "nginx:1.28", "nginx:broken"


def made(manners: Manners | None = None) -> FakeEngine:
    """An Engine that is the only manager of a new swarm, where tasks of broken images end with exit code 3."""
    engine = FakeEngine(manners=manners or Manners())
    engine.do(Call("POST", "/swarm/init", body={"Spec": {"Name": "default"}, "SubnetSize": 24}))
    engine.managed().failing.update({BROKEN: 3, "import:broken": 4})
    return engine


def running(run_module: Runner, *services: dict[str, Any]) -> FakeEngine:
    """The same with services that run."""
    engine = made()
    result = run_module("services", engine, {"services": list(services)})
    assert not result["failed"], result["msg"]
    engine.done.clear()
    return engine


def image(engine: FakeEngine, name: str = "web") -> str:
    spec = next(each["Spec"] for each in engine.managed().services.values() if each["Spec"]["Name"] == name)
    return str(spec["TaskTemplate"]["ContainerSpec"]["Image"])


def test_a_service_that_fails_is_left_as_it_is(run_module: Runner) -> None:
    engine = running(run_module, WEB)
    result = run_module("services", engine, {"services": [{"name": "web", "image": BROKEN}], "wait_timeout": 5})
    assert result["msg"] == (
        "not true after 5 s: service web: 0 of 2 tasks running, last failure: task: non-zero exit (3) on node1, exit code 3"
    )
    assert image(engine) == BROKEN


@pytest.mark.parametrize("giving_up", ["", "paused"])
def test_a_service_that_fails_is_rolled_back(run_module: Runner, giving_up: str) -> None:
    engine = running(run_module, WEB)
    engine.managed().giving_up = giving_up
    wanted = {"services": [{"name": "web", "image": BROKEN, "on_failure": "rollback"}], "wait_timeout": 5}
    result = run_module("services", engine, wanted)
    assert result["failed"] and image(engine) == "nginx:1.27"
    assert "non-zero exit (3) on node1, exit code 3" in result["msg"]
    assert result["msg"].endswith("done after that: service web: roll back to the spec that it had before")
    assert [step["action"] for step in result["steps"]] == ["update", "rollback"]
    assert (engine.done[-1].query["rollback"], result["services"][0]["image"]) == ("previous", "nginx:1.27")
    assert (run_module.clock.now < 5) == bool(giving_up), "what was given up is not waited for"


def test_only_what_fails_is_rolled_back(run_module: Runner) -> None:
    engine = running(run_module, WEB, {**WEB, "name": "api"})
    services = [{"name": name, "image": tag, "on_failure": "rollback"} for name, tag in (("web", BROKEN), ("api", NEWER))]
    assert run_module("services", engine, {"services": services, "wait_timeout": 5})["failed"]
    assert (image(engine), image(engine, "api")) == ("nginx:1.27", NEWER)


def test_a_rollback_of_the_swarm_itself_is_told_and_not_made_twice(run_module: Runner) -> None:
    engine = running(run_module, WEB)
    engine.managed().giving_up = "rollback_completed"
    wanted = {"services": [{"name": "web", "image": BROKEN, "on_failure": "rollback"}], "wait_timeout": 5}
    assert "update rollback_completed" in run_module("services", engine, wanted)["msg"]
    assert [call.query.get("rollback") for call in engine.done] == [None]


def test_a_rollback_of_an_earlier_day_is_no_failure(run_module: Runner) -> None:
    engine = running(run_module, WEB)
    next(iter(engine.managed().services.values()))["UpdateStatus"] = {"State": "rollback_completed"}
    result = run_module("services", engine, {"services": [WEB]})
    assert (result["failed"], result["changed"]) == (False, False)


def test_a_rollback_that_does_not_end_is_told_beside_the_failure(run_module: Runner) -> None:
    engine = running(run_module, WEB)
    engine.managed().manners.update = 10**6
    wanted = {"services": [{"name": "web", "image": BROKEN, "on_failure": "rollback"}], "wait_timeout": 5}
    first, second = run_module("services", engine, wanted)["msg"].split("; not true after 5 s: ")
    assert "exit code 3" in first and second.startswith("service web: roll back to the spec that it had before")


def test_what_is_new_has_nothing_to_go_back_to(run_module: Runner) -> None:
    engine = made()
    wanted = {"services": [{"name": "web", "image": BROKEN, "on_failure": "rollback"}], "wait_timeout": 5}
    assert run_module("services", engine, wanted)["msg"].endswith("exit code 3; service web is new, and has no spec to go back to")


def test_to_pause_is_what_the_swarm_does(run_module: Runner) -> None:
    engine = running(run_module, {**WEB, "update_config": {"failure_action": "continue"}})
    result = run_module("services", engine, {"services": [{"name": "web", "on_failure": "pause"}]})
    assert [step["says"] for step in result["steps"]] == ["service web: change update_config.failure_action from 'continue' to 'pause'"]
    wanted = {"services": [{"name": "web", "image": BROKEN, "on_failure": "pause"}], "wait_timeout": 5}
    told = "the swarm pauses the update of service web when a task fails, and cannot be told to"
    assert told in run_module("services", engine, wanted)["msg"]
    refused = run_module(
        "services", engine, {"services": [{"name": "web", "on_failure": "pause", "update_config": {"failure_action": "continue"}}]}
    )
    assert refused["msg"].startswith("services[0] (web).on_failure: expected fail or rollback with update_config.failure_action continue")


def test_a_job_is_awaited_until_it_has_completed(run_module: Runner) -> None:
    engine = made()
    result = run_module("services", engine, {"services": [JOB]})
    assert (result["failed"], result["changed"]) == (False, True), result.get("msg")
    assert [task["Status"]["State"] for task in engine.managed().tasks] == ["complete"] * 3
    again = run_module("services", engine, {"services": [JOB]})
    assert (again["failed"], again["changed"]) == (False, False)
    assert run_module("services", engine, {"services": [{**JOB, "on_failure": "rollback"}]})["failed"]


@pytest.mark.parametrize(
    "mode", [{"mode": "replicated-job"}, {"mode": "replicated-job", "total_completions": 3, "max_concurrent": 1}, {"mode": "global-job"}]
)
def test_a_job_that_fails_tells_its_exit_code_at_once_and_on_each_run(run_module: Runner, mode: dict[str, Any]) -> None:
    engine = made()
    for _attempt in range(2):
        result = run_module("services", engine, {"services": [{"name": "import", "image": "import:broken", **mode}], "wait_timeout": 500})
        told = f"service import: 0 of {mode.get('total_completions', 1)} tasks completed"
        assert result["msg"] == (
            f"the job has ended without its completions: {told}, last failure: task: non-zero exit (4) on node1, exit code 4"
        )
    assert run_module.clock.now < 10


def test_a_job_runs_again_when_it_is_forced_or_changed_and_no_service_twice_in_a_run(run_module: Runner) -> None:
    engine = running(run_module, JOB, WEB)
    tasks = {task["ID"] for task in engine.managed().tasks}
    wanted = {"services": [{"name": name, "force": True} for name in ("import", "web")]}
    told = run_module("services", engine, wanted, check=True)
    result = run_module("services", engine, wanted)
    assert not result["failed"], result["msg"]
    assert [(step["says"], step["costs"]) for step in result["steps"]] == [
        ("service import: run its tasks anew", "runs the job again"),
        ("service web: run its tasks anew", "replaces 2 tasks"),
    ]
    assert told["steps"] == result["steps"]
    alive = [task for task in engine.managed().tasks if task["Status"]["State"] in ("running", "complete")]
    assert len(alive) == 5 and not tasks & {task["ID"] for task in alive}
    labelled = run_module("services", engine, {"services": [{"name": "import", "labels": {"team": "blue"}}]})
    assert labelled["steps"][0]["costs"] == "runs the job again"


def test_a_port_is_free_before_another_service_takes_it_whatever_their_order(run_module: Runner) -> None:
    port = [{"target_port": 80, "published_port": 8080}]
    engine = running(run_module, {**WEB, "name": "one"}, {**WEB, "name": "two", "publish": port})
    result = run_module("services", engine, {"services": [{"name": "one", "publish": port}, {"name": "two", "publish": []}]})
    assert not result["failed"], result["msg"]
    assert [step["item"] for step in result["steps"]] == ["service two", "service one"]


def test_of_many_at_once_those_that_are_made_are_told_and_the_one_that_is_not(run_module: Runner) -> None:
    engine = made()
    names = [f"many-{number:02}" for number in range(40)]

    def refuse(call: Call) -> None:
        if call.body["Name"] == "many-03":
            raise EngineError(str(call), 500, "no space left on device")

    engine.interfere = refuse
    result = run_module("services", engine, {"services": [{**WEB, "name": name, "replicas": 0} for name in names]})
    assert result["msg"].startswith('the Engine refused "create service many-03') and "no space left on device" in result["msg"]
    there = {each["Spec"]["Name"] for each in engine.managed().services.values()}
    assert {step["item"].partition(" ")[2] for step in result["steps"]} == there
    assert "many-03" not in there


def watched(run_module: Runner, engine: FakeEngine, wanted: dict[str, Any]) -> tuple[list[dict[str, str]], dict[str, Any], int]:
    """The lines of each run of a wait that is watched, the last result and how many runs it took."""
    lines, progress = [], {}
    for runs in range(1, 50):
        result = run_module("services", engine, {**wanted, "_progress": progress})
        progress = result["progress"]
        lines.append(progress["lines"])
        if "until" not in progress:
            return lines, result, runs
    raise AssertionError("it does not end")


def test_who_watches_is_told_what_moves_and_a_converged_run_is_one(run_module: Runner) -> None:
    engine = made(Manners(task_start=30))
    lines, result, runs = watched(run_module, engine, {"services": [WEB]})
    assert (result["failed"], runs) == (False, 2), result
    assert lines == [{"web": "web 0/2 running, 2 preparing (node1)"}, {"web": "web 2/2 running"}]
    lines, result, runs = watched(run_module, engine, {"services": [WEB]})
    assert (result["failed"], result["changed"], runs, lines) == (False, False, 1, [{}])


def test_a_watched_wait_has_one_deadline_and_rolls_back_what_an_earlier_run_has_updated(run_module: Runner) -> None:
    engine = running(run_module, WEB)
    wanted = {"services": [{"name": "web", "image": BROKEN, "on_failure": "rollback", "force": True}], "wait_timeout": 9}
    lines, result, runs = watched(run_module, engine, wanted)
    assert runs > 1 and 9 <= run_module.clock.now <= 9 + _run.POLL_SECONDS + 9
    assert result["msg"].startswith("not true after 9 s: ") and image(engine) == "nginx:1.27"
    assert "2 failed: task: non-zero exit (3) on node1, exit code 3" in lines[-1]["web"] or "rollback" in lines[-1]["web"]
    assert [call.query.get("rollback") for call in engine.done] == [None, "previous"], "the run that goes on changes nothing itself"


def test_who_watches_a_forced_update_sees_it_end(run_module: Runner) -> None:
    """The run that goes on asks for no other round: it knows what the first has forced."""
    engine = running(run_module, WEB)
    engine.managed().manners.task_start = 30
    _lines, result, runs = watched(run_module, engine, {"services": [{"name": "web", "force": True}]})
    assert (result["failed"], runs > 1) == (False, True), result
    assert [call.path.rpartition("/")[2] for call in engine.done] == ["update"]


def alone(run_module: Runner, engine: FakeEngine, wanted: dict[str, Any]) -> tuple[list[dict[str, str]], dict[str, Any], int]:
    """The same where nobody watches."""
    return [], run_module("services", engine, wanted), 1


@pytest.mark.parametrize("run", [alone, watched])
def test_an_update_of_an_earlier_run_that_the_swarm_rolls_back_is_made_again(
    run_module: Runner, monkeypatch: pytest.MonkeyPatch, run: Any
) -> None:
    """At first nothing differs, and what is under way is awaited; once it has gone back there is something to do."""
    engine = running(run_module, WEB)
    swarm = engine.managed()
    swarm.manners.update, swarm.manners.task_start = 10**6, 10
    (service,) = swarm.services.values()
    assert not run_module("services", engine, {"services": [{"name": "web", "image": NEWER}], "wait": False})["failed"]
    engine.done.clear()
    pass_time, until = FakeEngine._pass_time, swarm.now + 30

    def rolled_back(asked: FakeEngine) -> None:
        pass_time(asked)
        if swarm.now >= until and swarm.manners.update:
            swarm.manners.update = 0
            documents.update_service(service, service["Spec"], True)
            service["UpdateStatus"] = {"State": "rollback_completed"}
            asked._run_tasks(service)

    monkeypatch.setattr(FakeEngine, "_pass_time", rolled_back)
    _lines, result, runs = run(run_module, engine, {"services": [{"name": "web", "image": NEWER}], "wait_timeout": 60})
    assert (result["failed"], result["changed"], image(engine)) == (False, True, NEWER), result
    assert [call.path.rpartition("/")[2] for call in engine.done] == ["update"]
    assert (runs > 1) == (run is watched)


def test_what_a_lost_node_held_of_a_removed_service_is_not_waited_for(run_module: Runner) -> None:
    engine = made()
    other = FakeEngine(address="10.0.0.12", hostname="node2", hosts=engine.hosts)
    token = engine.managed().cluster["JoinTokens"]["Worker"]
    other.do(Call("POST", "/swarm/join", body={"RemoteAddrs": ["10.0.0.11:2377"], "JoinToken": token}))
    agent = {"name": "agent", "image": "agent:1", "mode": "global"}
    assert not run_module("services", engine, {"services": [agent]})["failed"]
    engine.managed().nodes[other.node_id]["Status"]["State"] = "down"
    result = run_module("services", engine, {"services": [{"name": "agent", "state": "absent"}]})
    assert (result["failed"], result["changed"]) == (False, True), result["msg"]
    assert [task["NodeID"] for task in engine.managed().tasks] == [other.node_id], "the swarm itself keeps them in its list"


def published(*ports: int) -> list[dict[str, Any]]:
    return [{"target_port": 80, "published_port": port} for port in ports]


def test_ports_that_move_on_in_a_row_are_given_up_one_after_the_other(run_module: Runner) -> None:
    """Each service takes the port that the next one gives up: the swarm refuses any other order."""
    names = ["one", "two", "three"]
    engine = running(run_module, *({**WEB, "name": name, "publish": published(8080 + place)} for place, name in enumerate(names)))
    wanted = [{"name": name, "publish": published(8081 + place)} for place, name in enumerate(names)]
    result = run_module("services", engine, {"services": wanted})
    assert not result["failed"], result["msg"]
    assert [step["item"] for step in result["steps"]] == ["service three", "service two", "service one"]


def test_ports_that_change_hands_all_round_are_refused(run_module: Runner) -> None:
    engine = running(run_module, *({**WEB, "name": name, "publish": published(port)} for name, port in (("one", 8080), ("two", 8081))))
    wanted = [{"name": "one", "publish": published(8081)}, {"name": "two", "publish": published(8080)}]
    result = run_module("services", engine, {"services": wanted})
    assert result["failed"] and engine.done == []
    assert result["msg"] == (
        "services one, two: each is to have a port that another of them has still, and the swarm refuses whichever is changed first; "
        "publish one of them on another port first, or not at all, and then as it is to be in a second run"
    )


@pytest.mark.parametrize(("update", "seconds"), [(0, 5), (10, 1)])
def test_a_change_of_ports_is_awaited_though_its_tasks_do_not_tell_of_it(
    run_module: Runner, monkeypatch: pytest.MonkeyPatch, update: int, seconds: int
) -> None:
    """The old tasks run, and no update is under way: it may just not have begun. One that is under way is awaited as ever."""
    engine = running(run_module, {**WEB, "publish": published(8080)})
    engine.managed().manners.update, engine.managed().manners.task_stop = update, 10**6
    info = documents.info
    began = run_module.clock.now

    def told(asked: FakeEngine) -> dict[str, Any]:
        return {**info(asked), "SystemTime": f"2026-11-28T19:01:{int(run_module.clock.now - began):02}Z"}

    monkeypatch.setattr(documents, "info", told)
    monkeypatch.setattr(documents, "fits", lambda _task, _document: True)
    result = run_module("services", engine, {"services": [{"name": "web", "publish": published(8081)}]})
    assert not result["failed"], result["msg"]
    assert seconds <= run_module.clock.now - began < seconds + 1


@pytest.mark.parametrize(("refusals", "failed"), [(2, False), (100, True)])
def test_a_port_that_was_given_up_a_moment_ago_is_asked_for_again(run_module: Runner, refusals: int, failed: bool) -> None:
    """The swarm looks at what its allocator has given out, too (swarmkit: checkPortConflicts), and that comes after the update."""
    engine = running(run_module, {**WEB, "name": "one"}, {**WEB, "name": "two", "publish": published(8080)})
    asked = []

    def refuse(call: Call) -> None:
        if call.body["Name"] == "one" and len(asked) < refusals:
            asked.append(call)
            raise client._refused(str(call), 400, "port '8080' is already in use by service 'two' (xyz) as an ingress port")

    engine.interfere = refuse
    result = run_module("services", engine, {"services": [{"name": "one", "publish": published(8080)}, {"name": "two", "publish": []}]})
    assert (result["failed"], "port '8080' is already in use by service 'two'" in result.get("msg", "")) == (failed, failed)
    assert run_module.clock.now < 20
