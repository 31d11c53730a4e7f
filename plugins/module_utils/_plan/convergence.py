# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether services run as their specs say, from the swarm's own task list."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._model.content_use import UNDER_WAY
from .._model.errors import NotReady
from .._model.item import Item
from .._model.membership import instant
from .._model.parked import mesh_ports
from .._model.service import DEFAULT_UPDATE, is_job

FAILED_STATES = frozenset({"failed", "rejected", "orphaned"})
ENDED_STATES = FAILED_STATES | {"complete", "shutdown", "remove"}
STOPPED_UPDATES = frozenset({"paused", "rollback_paused"})
SECOND = 10**9
BEGINS_WITHIN = 5.0
"""Seconds in which an update that replaces tasks begins."""
_ENDLESS = "; the swarm runs it again and again, more often than its restart_policy says, until the job is changed or removed"
_STAGES = {
    **dict.fromkeys(("new", "allocated", "pending"), "pending"),
    **dict.fromkeys(("assigned", "accepted", "preparing"), "preparing"),
    **dict.fromkeys(("ready", "starting"), "starting"),
    "running": "started",
}
_MEANT = ("ready", "running", "complete")


@dataclass(frozen=True)
class Progress:
    """One service: tasks that run by the newest spec, tasks wanted, the state of its update, the last failure of a task.

    Of a job, `running` are the tasks that have completed, and `ended` says that no more will. `moving` has the tasks on their way as
    words, and `failed` is how many places of tasks (slots, or nodes) have a failure and no task that runs. `young` tasks run, and count
    in `watched` seconds at the latest.
    """

    name: str
    running: int
    wanted: int
    updating: str = ""
    failure: str = ""
    moving: tuple[str, ...] = ()
    failed: int = 0
    job: bool = False
    ended: bool = False
    young: int = 0
    watched: float = 0

    @property
    def done(self) -> bool:
        """Whether nothing is left to wait for. An update that was stopped once is no matter when all tasks run by the newest spec."""
        return self.running == self.wanted and self.updating not in UNDER_WAY

    @property
    def stopped(self) -> bool:
        """Whether the swarm has given the service up, so that waiting is of no use."""
        return not self.done and (self.ended or self.updating in STOPPED_UPDATES)

    @property
    def line(self) -> str:
        """The service on a terminal: "web 3/5 running, 1 starting (node2), 1 failed: no such image on node1"."""
        parts = [f"{self.name} {self.running}/{self.wanted} {self._word}", *self.moving]
        parts += [f"{self.failed} failed: {self.failure}"] if self.failed and self.failure else []
        parts += [f"update {self.updating}"] if self.updating not in ("", "completed") else []
        return ", ".join(parts)

    @property
    def _word(self) -> str:
        return "completed" if self.job else "running"

    def __str__(self) -> str:
        told = f"service {self.name}: {self.running} of {self.wanted} tasks {self._word}"
        if self.updating not in ("", "completed"):
            told += f", update {self.updating}"
        if self.young:
            told += f", {self.young} up and watched for {math.ceil(self.watched)} s more (update_config.monitor)"
        return f"{told}, last failure: {self.failure}" if self.failure else told


def awaited(found: Sequence[Progress], updated: Container[str] | None = None) -> list[str]:
    """What services have still to come to, as sentences. Raises NotReady with the tasks' own errors once the swarm has given one up.

    A rollback that has completed gives up those that were `updated` now, None for all: it may be one of an earlier day.
    """
    for ended, told in ((False, "the swarm gave the update up: "), (True, "the job has ended without its completions: ")):
        stopped = [str(each) for each in found if (each.stopped or _rolled_back(each, updated)) and each.ended == ended]
        if stopped:
            raise NotReady(told + "; ".join(stopped))
    return [str(each) for each in found if not each.done]


def not_begun(services: Iterable[Item], since: Mapping[str, float | None], clock: float | None) -> list[str]:
    """The services whose update, which replaces their tasks, was seen a moment ago (`since`, on the Engine's clock) and has not begun.

    Tasks do not tell by which ports they were made, so that the old ones pass for new. Any update takes the status of the one before away
    (swarmkit: UpdateService), and one that replaces tasks has one of its own as soon as it begins, in far less time than BEGINS_WITHIN.
    """
    waiting = [item for item in services if item.name in since and not is_job(item.document) and not item.document.get("UpdateStatus")]
    return [f"service {item.name}: its update has not begun yet" for item in waiting if _just_now(since[item.name], clock)]


def _just_now(since: float | None, clock: float | None) -> bool:
    return since is not None and clock is not None and 0 <= clock - since < BEGINS_WITHIN


def _rolled_back(found: Progress, updated: Container[str] | None) -> bool:
    return found.updating == "rollback_completed" and (updated is None or found.name in updated)


def progress(
    service: Mapping[str, Any],
    tasks: Sequence[Mapping[str, Any]],
    hostnames: Mapping[str, str],
    mesh: str | None = None,
    clock: float | None = None,
    places: int = 0,
    paused: Container[str] = (),
) -> Progress:
    """The progress of one service from its document (GET /services?status=true) and its tasks (GET /tasks).

    A task counts when it runs, is meant to run, and was made from the newest template: right after an update the old
    tasks still fill the number. Placement does not count, since a change of it leaves fitting tasks alone (swarmkit: IsTaskDirty).
    With `mesh`, the ID of the ingress network, a task has to be on it when the service publishes through it, else off it: tasks
    do not tell from which ports they were made. With `clock`, the Engine's in seconds since 1970, it has to have run for as long as the
    service's updates watch it. `places` is how many nodes have a task of a global service, which the swarm has not made yet just after
    the service. What stays behind on `paused` nodes, given by their IDs, is not waited for.
    """
    if is_job(service):
        return _job_progress(service, tasks, hostnames, clock, places)
    needed = {mesh} if mesh_ports(service["Spec"].get("EndpointSpec")) else set()
    template = _comparable(service["Spec"]["TaskTemplate"])
    fitting = [task for task in tasks if _comparable(task["Spec"]) == template and (mesh is None or meshes(task) == needed)]
    meant = [task for task in fitting if task.get("DesiredState") == "running"]
    up = [task for task in meant if task["Status"]["State"] == "running"]
    running = [task for task in up if not _still_watched(task, service, clock)]
    status: Mapping[str, Any] = service.get("ServiceStatus") or {}
    left = sum(1 for task in stay_behind(service, tasks, paused) if task not in fitting)
    wanted = max(int(status.get("DesiredTasks") or 0) - left, places)
    updating = str((service.get("UpdateStatus") or {}).get("State") or "")
    told = tasks if updating.startswith("rollback") else fitting
    return Progress(
        name=str(service["Spec"]["Name"]),
        running=len(running),
        wanted=wanted,
        updating=updating,
        failure="" if running and len(running) == wanted else _last_failure(told, hostnames),
        moving=_moving([task for task in fitting if task not in running], hostnames),
        failed=len(_places(service, filter(_failed, fitting)) - _places(service, running)),
        young=len(up) - len(running),
        watched=max((_still_watched(task, service, clock) for task in up), default=0),
    )


def stay_behind(service: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]], paused: Container[str]) -> list[Mapping[str, Any]]:
    """The tasks of a global service on `paused` nodes, which stay until the node is active again (swarmkit: reconcileServices)."""
    there = tasks if _is_global(service) else ()
    return [task for task in there if task.get("NodeID") in paused and task.get("DesiredState") == "running"]


def _job_progress(
    service: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]], hostnames: Mapping[str, str], clock: float | None, places: int
) -> Progress:
    """The progress of a job: the tasks of its newest round (JobStatus.JobIteration), which any update begins.

    What has failed for good is made anew only when another task of the job ends: the job has ended once nothing is under way, and
    nothing was a moment ago, or once a place has failed more often than its policy allows, which goes on for ever. DesiredTasks has no
    failed task of a global job, and no more than run at once of a replicated one.
    """
    job = (service["Spec"].get("Mode") or {}).get("ReplicatedJob")
    own = [task for task in tasks if _round(task) == _round(service.get("JobStatus") or {})]
    completed = _places(service, (task for task in own if task["Status"]["State"] == "complete"))
    under_way = [task for task in own if task["Status"]["State"] not in ENDED_STATES]
    failed = _places(service, filter(_failed, own)) - completed - _places(service, under_way)
    again = _beyond_policy(service, filter(_failed, own)) - completed
    wanted = max(places, len(_places(service, own)))
    if job is not None:
        wanted = next((int(job[key]) for key in ("TotalCompletions", "MaxConcurrent") if job.get(key) is not None), 1)
    return Progress(
        name=str(service["Spec"]["Name"]),
        running=len(completed),
        wanted=wanted,
        failure="" if len(completed) == wanted else _last_failure(own, hostnames) + (_ENDLESS if again else ""),
        moving=_moving(under_way, hostnames),
        failed=len(failed),
        job=True,
        ended=bool(again) or (bool(failed) and not under_way and not any(_still_watched(task, service, clock) for task in own)),
    )


def _beyond_policy(service: Mapping[str, Any], failures: Iterable[Mapping[str, Any]]) -> set[str]:
    """The places of a job that have failed more often than its restart policy allows, where that can be counted."""
    policy = service["Spec"]["TaskTemplate"].get("RestartPolicy") or {}
    attempts, window = int(policy.get("MaxAttempts") or 0), int(policy.get("Window") or 0)
    if policy.get("Condition") == "none":
        attempts = 0
    elif not attempts or window:
        return set()
    times = Counter(place for task in failures for place in _places(service, [task]))
    return {place for place, count in times.items() if count > 1 + attempts}


def _round(holder: Mapping[str, Any]) -> int:
    """The number of a job's round; Go leaves the first, 0, out."""
    return int((holder.get("JobIteration") or {}).get("Index") or 0)


def _places(service: Mapping[str, Any], tasks: Iterable[Mapping[str, Any]]) -> set[str]:
    """Which places of their service tasks take: the slots, or the nodes of a global one. The slots of jobs begin with 0, left out by Go."""
    key = "NodeID" if _is_global(service) else "Slot"
    return {str(task.get(key) or "") for task in tasks}


def _is_global(service: Mapping[str, Any]) -> bool:
    return bool({"Global", "GlobalJob"} & set(service["Spec"].get("Mode") or {}))


def _failed(task: Mapping[str, Any]) -> bool:
    return task["Status"]["State"] in FAILED_STATES


def _still_watched(task: Mapping[str, Any], service: Mapping[str, Any], clock: float | None) -> float:
    """For how many seconds more updates of its service watch a task that is what it is (UpdateConfig.Monitor): it may end at once.

    The swarm watches so only in updates. Where the clocks of two managers differ, a task of the future is none.
    """
    since = instant(str(task.get("UpdatedAt") or ""))
    if clock is None or since is None:
        return 0
    monitor = (service["Spec"].get("UpdateConfig") or {}).get("Monitor")
    age = clock - since
    return max(0, (DEFAULT_UPDATE["Monitor"] if monitor is None else int(monitor)) / SECOND - age) if age >= 0 else 0


def _moving(tasks: Sequence[Mapping[str, Any]], hostnames: Mapping[str, str]) -> tuple[str, ...]:
    """Tasks on their way as words, in the order of their stages: "1 starting (node2)"."""
    told = []
    for stage in dict.fromkeys(_STAGES.values()):
        there = [task for task in tasks if _STAGES.get(task["Status"]["State"]) == stage and task.get("DesiredState") in _MEANT]
        on = sorted({hostnames.get(str(task["NodeID"]), "a node that is gone") for task in there if task.get("NodeID")})
        told += [f"{len(there)} {stage}" + (f" ({', '.join(on)})" if on else "")] if there else []
    return tuple(told)


def meshes(task: Mapping[str, Any]) -> set[str]:
    """The IDs of the ingress networks that a task is on."""
    there = [each["Network"] for each in task.get("NetworksAttachments") or ()]
    return {str(network["ID"]) for network in there if (network.get("Spec") or {}).get("Ingress")}


def _comparable(template: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a task's spec that decide whether it is replaced, without keys that hold nothing."""
    kept = {key: value for key, value in template.items() if key not in ("Placement", "Networks", "Runtime")}
    networks = {
        str(each.get("Target")): (sorted(each.get("Aliases") or ()), dict(each.get("DriverOpts") or {}))
        for each in template.get("Networks") or ()
    }
    return {"networks": networks, **_filled(kept)}


def _filled(value: Any) -> Any:
    if isinstance(value, Mapping):
        filled = {key: _filled(inner) for key, inner in value.items()}
        return {key: inner for key, inner in filled.items() if inner not in (None, "", 0, [], {})}
    return value


def _last_failure(tasks: Sequence[Mapping[str, Any]], hostnames: Mapping[str, str]) -> str:
    failures: list[Mapping[str, Any]] = [task for task in tasks if _failed(task) or task["Status"].get("Err")]
    last: Mapping[str, Any] | None = max(failures, key=lambda task: str(task["Status"].get("Timestamp")), default=None)
    if last is None:
        return ""
    status = last["Status"]
    node = hostnames.get(str(last.get("NodeID") or ""))
    code = (status.get("ContainerStatus") or {}).get("ExitCode")
    shown = str(status.get("Err") or status.get("Message")) + (f" on {node}" if node else "")
    return f"{shown}, exit code {code}" if code else shown
