# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far services are, from documents and tasks as Engine 20.10.24 on the lab gave them, cut to what matters."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import NotReady
from ansible_collections.meshwork.swarm.plugins.module_utils._model.membership import instant
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.convergence import Progress, awaited, progress

NODES = {"n1": "node1", "n2": "node2"}
STARTED, NOW = "2026-11-28T19:01:33.789448635Z", instant("2026-11-28T19:01:36.844174267Z")
TEMPLATE = {"ContainerSpec": {"Image": "meshwork-lab:1"}, "ForceUpdate": 0}


def service(mode: dict[str, Any] | None = None, desired: int = 2, **fields: Any) -> dict[str, Any]:
    spec = {"Name": "web", "Mode": mode or {"Replicated": {"Replicas": 2}}, "TaskTemplate": {**TEMPLATE, "Runtime": "container"}}
    return {"Spec": spec, "ServiceStatus": {"RunningTasks": 0, "DesiredTasks": desired}, **fields}


def task(
    state: str, slot: int = 0, node: str = "n1", wanted: str = "running", error: str = "", code: int = 0, **fields: Any
) -> dict[str, Any]:
    status = {"State": state, "Timestamp": STARTED, "ContainerStatus": {"ExitCode": code}, **({"Err": error} if error else {})}
    place = {**({"Slot": slot} if slot else {}), **({"NodeID": node} if node else {})}
    return {"Spec": TEMPLATE, "DesiredState": wanted, "Status": status, "UpdatedAt": STARTED, **place, **fields}


FAILED = {"state": "failed", "wanted": "shutdown", "error": "task: non-zero exit (3)", "code": 3}


@pytest.mark.parametrize(
    ("tasks", "line"),
    [
        ([], "web 0/2 running"),
        ([task("running", 1), task("running", 2)], "web 2/2 running"),
        ([task("starting", 1), task("ready", 2, "n2")], "web 0/2 running, 2 starting (node1, node2)"),
        ([task("pending", 1, ""), task("preparing", 2, "n2")], "web 0/2 running, 1 pending, 1 preparing (node2)"),
        (
            [task("running", 1), task("starting", 2, "n2"), task(slot=2, **FAILED)],
            "web 1/2 running, 1 starting (node2), 1 failed: task: non-zero exit (3) on node1, exit code 3",
        ),
        (
            [task("running", 1), task("rejected", 2, "n2", "ready", "No such image: x"), task("rejected", 2, "n2", "shutdown", "old")],
            "web 1/2 running, 1 failed: No such image: x on node2",
        ),
        ([task("running", 1), task("running", 2), task("running", 3, wanted="shutdown")], "web 2/2 running"),
    ],
)
def test_a_line_tells_who_runs_who_is_on_the_way_and_who_failed(tasks: list[dict[str, Any]], line: str) -> None:
    assert progress(service(), tasks, NODES).line == line


def test_a_task_counts_once_it_has_run_for_as_long_as_updates_watch_it() -> None:
    tasks = [task("running", 1), task("running", 2)]
    young = progress(service(), tasks, NODES, clock=NOW)
    assert (young.done, young.line) == (False, "web 0/2 running, 2 started (node1)")
    assert str(young) == "service web: 0 of 2 tasks running, 2 up and watched for 2 s more (update_config.monitor)"
    starting = progress(service(), [task("starting", 1), task("ready", 2)], NODES, clock=NOW)
    assert str(starting) == "service web: 0 of 2 tasks running"
    assert progress(service(), tasks, NODES, clock=(NOW or 0) + 3).done
    assert progress(service(), tasks, NODES, clock=(NOW or 0) - 60).done, "a clock that is behind is no reason to wait"
    watched = service()
    watched["Spec"]["UpdateConfig"] = {"Monitor": 2 * 10**9}
    assert progress(watched, tasks, NODES, clock=NOW).done


def test_a_service_that_ends_again_and_again_is_never_taken_for_one_that_runs() -> None:
    tasks = [task("running", 1), *(task(slot=1, **FAILED) for _time in range(3))]
    found = progress(service(desired=1), tasks, NODES, clock=NOW)
    told = "1 up and watched for 2 s more (update_config.monitor)"
    assert str(found) == f"service web: 0 of 1 tasks running, {told}, last failure: task: non-zero exit (3) on node1, exit code 3"


def test_a_global_service_is_not_done_before_it_has_its_tasks() -> None:
    """Just after it was made it has none, and none are desired."""
    found = service({"Global": {}}, desired=0)
    assert not progress(found, [], NODES, places=2).done
    assert progress(found, [], NODES).done
    here = [task("running", node=node) for node in NODES]
    assert progress(service({"Global": {}}), here, NODES, places=2).done


def test_what_a_paused_node_runs_of_an_older_spec_of_a_global_service_is_not_waited_for() -> None:
    """The swarm leaves it there, and counts it among the tasks that are desired."""
    old = {**task("running", node="n2"), "Spec": {"ContainerSpec": {"Image": "old"}}}
    found = service({"Global": {}})
    there = progress(found, [task("running"), old], NODES, places=1, paused={"n2"})
    assert (there.done, there.line) == (True, "web 1/1 running")
    assert not progress(found, [task("starting"), old], NODES, places=1, paused={"n2"}).done
    assert not progress(found, [task("running"), old], NODES, places=2).done, "it moves where nothing is paused"
    assert not progress(service(), [task("running", 1), {**old, "Slot": 2}], NODES, paused={"n2"}).done, "others go elsewhere"
    assert progress(found, [task("running"), task("running", node="n2")], NODES, places=1, paused={"n2"}).line == "web 2/2 running"


@pytest.mark.parametrize(
    ("networks", "done"),
    [
        ([{"Target": "back", "Aliases": ["b", "a"], "DriverOpts": None}, {"Target": "front"}], True),
        ([{"Target": "back", "Aliases": ["a"]}, {"Target": "front"}], False),
        (
            [{"Target": "back", "Aliases": ["a", "b"]}, {"Target": "front", "DriverOpts": {"com.docker.network.endpoint.ifname": "e1"}}],
            False,
        ),
        ([{"Target": "back", "Aliases": ["a", "b"]}], False),
    ],
)
def test_tasks_on_other_networks_are_those_of_an_older_spec(networks: list[dict[str, Any]], done: bool) -> None:
    found = service(desired=1)
    found["Spec"]["TaskTemplate"]["Networks"] = [{"Target": "front"}, {"Target": "back", "Aliases": ["a", "b"]}]
    assert progress(found, [{**task("running", 1), "Spec": {**TEMPLATE, "Networks": networks}}], NODES).done is done


def test_failures_of_an_older_spec_are_not_told_but_after_a_rollback() -> None:
    old = {**task(slot=1, **FAILED), "Spec": {"ContainerSpec": {"Image": "old"}}}
    assert progress(service(), [old], NODES).failure == ""
    assert "exit code 3" in progress(service(UpdateStatus={"State": "rollback_started"}), [old], NODES).failure


JOB = {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 2}}
SECOND_ROUND = {"JobIteration": {"Index": 1}}


def job(mode: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return service(mode or JOB, 1, **{"JobStatus": {"JobIteration": {}}, **fields})


def test_a_job_counts_the_completions_of_its_newest_round() -> None:
    first = [task("complete", 0, wanted="complete", JobIteration={}), task("complete", 1, wanted="complete", JobIteration={})]
    assert progress(job(), first, NODES).done
    again = progress(job(JobStatus=SECOND_ROUND), [*first, task("starting", 0, wanted="complete", **SECOND_ROUND)], NODES)
    assert (again.done, again.line) == (False, "web 0/2 completed, 1 starting (node1)")


def test_a_job_without_numbers_runs_once_and_a_global_one_on_each_node() -> None:
    complete = [task("complete", node=node, wanted="complete", JobIteration={}) for node in NODES]
    assert progress(job({"ReplicatedJob": {}}), complete[:1], NODES).done
    assert not progress(job({"GlobalJob": {}}), complete[:1], NODES, places=2).done
    assert progress(job({"GlobalJob": {}}), complete, NODES, places=2).done


def test_a_job_has_ended_when_nothing_is_under_way_and_nothing_was_a_moment_ago() -> None:
    """No other task is made for one that has failed for good while no other ends, so that the second completion never comes."""
    failed = task(**FAILED, JobIteration={})
    assert not progress(job(), [failed], NODES, clock=NOW).ended
    lost = progress(job(), [failed], NODES, clock=(NOW or 0) + 3)
    assert lost.ended and not progress(job(), [failed, task("ready", wanted="ready", JobIteration={})], NODES, clock=(NOW or 0) + 3).ended
    with pytest.raises(
        NotReady, match=r"^the job has ended without its completions: service web: 0 of 2 tasks completed, last failure: .*3$"
    ):
        awaited([lost])
    # a task that failed and was made again on another node is no failure
    made_up = [failed, task("complete", 0, "n2", "complete", JobIteration={}), task("complete", 1, "n2", "complete", JobIteration={})]
    assert progress(job(), made_up, NODES).done


def test_a_stopped_update_ends_the_wait_but_where_all_runs() -> None:
    assert awaited([Progress("web", 2, 2, "paused"), Progress("web", 2, 2, "rollback_completed")], updated=[]) == []
    with pytest.raises(NotReady, match=r"^the swarm gave the update up: service web: 1 of 2 tasks running, update paused$"):
        awaited([Progress("web", 1, 2, "paused")])
    with pytest.raises(NotReady, match="update rollback_completed"):
        awaited([Progress("web", 2, 2, "rollback_completed")], updated=["web"])
    assert awaited([Progress("web", 2, 2, "rollback_started")]) == ["service web: 2 of 2 tasks running, update rollback_started"]


@pytest.mark.parametrize(
    ("policy", "failures", "ended"),
    [
        ({"Condition": "none"}, 1, False),
        ({"Condition": "none"}, 2, True),
        ({"Condition": "on-failure", "MaxAttempts": 1}, 2, False),
        ({"Condition": "on-failure", "MaxAttempts": 1}, 3, True),
        ({"Condition": "on-failure", "MaxAttempts": 1, "Window": 60 * 10**9}, 3, False),
        ({"Condition": "on-failure"}, 5, False),
    ],
)
def test_a_job_that_is_run_again_more_often_than_its_policy_allows_has_ended(policy: dict[str, Any], failures: int, ended: bool) -> None:
    """Where two tasks of a job fail for good, the end of each makes the swarm run the other again, without end and without a pause."""
    found = job({"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 2}})
    found["Spec"]["TaskTemplate"]["RestartPolicy"] = policy
    tasks = [task(**FAILED, JobIteration={}) for _time in range(failures)]
    tasks += [task(slot=1, **FAILED, JobIteration={}), task("starting", wanted="complete", JobIteration={})]
    lost = progress(found, tasks, NODES, clock=(NOW or 0) + 3)
    assert lost.ended is ended
    assert ("again and again, more often than its restart_policy says" in lost.failure) is ended
    complete = task("complete", 0, wanted="complete", JobIteration={})
    assert not progress(found, [*tasks, complete], NODES, clock=(NOW or 0) + 3).ended, "this one has come to its end nevertheless"
