# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether services run as their specs say, from the swarm's own task list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._model.errors import NotReady
from .._model.parked import mesh_ports

FAILED_STATES = frozenset({"failed", "rejected", "orphaned"})
STOPPED_UPDATES = frozenset({"paused", "rollback_paused", "rollback_completed"})


@dataclass(frozen=True)
class Progress:
    """One service: tasks that run by the newest spec, tasks wanted, the state of its update, the last failure of a task."""

    name: str
    running: int
    wanted: int
    updating: str = ""
    failure: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing is left to wait for."""
        return self.running == self.wanted and self.updating in ("", "completed")

    @property
    def stopped(self) -> bool:
        """Whether the swarm has given the update up, so that waiting is of no use."""
        return self.updating in STOPPED_UPDATES

    def __str__(self) -> str:
        told = f"service {self.name}: {self.running} of {self.wanted} tasks running"
        if self.updating not in ("", "completed"):
            told += f", update {self.updating}"
        return f"{told}, last failure: {self.failure}" if self.failure else told


def awaited(found: Sequence[Progress]) -> list[str]:
    """What services have still to come to, as sentences. Raises NotReady with the tasks' own errors once the swarm has given one up."""
    stopped = [str(each) for each in found if each.stopped]
    if stopped:
        raise NotReady("the swarm gave the update up: " + "; ".join(stopped))
    return [str(each) for each in found if not each.done]


def progress(
    service: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]], hostnames: Mapping[str, str], mesh: str | None = None
) -> Progress:
    """The progress of one service from its document (GET /services?status=true) and its tasks (GET /tasks).

    A task counts when it runs, is meant to run, and was made from the newest template: right after an update the old
    tasks still fill the number. Placement does not count, since a change of it leaves fitting tasks alone (swarmkit: IsTaskDirty).
    With `mesh`, the ID of the ingress network, a task has to be on it when the service publishes through it, else off it: tasks
    do not tell from which ports they were made.
    """
    needed = {mesh} if mesh_ports(service["Spec"].get("EndpointSpec")) else set()
    template = _comparable(service["Spec"]["TaskTemplate"])
    wanted_here = [task for task in tasks if task.get("DesiredState") == "running"]
    fitting = [task for task in wanted_here if _comparable(task["Spec"]) == template and (mesh is None or meshes(task) == needed)]
    running = sum(1 for task in fitting if task["Status"]["State"] == "running")
    status: Mapping[str, Any] = service.get("ServiceStatus") or {}
    return Progress(
        name=str(service["Spec"]["Name"]),
        running=running,
        wanted=int(status.get("DesiredTasks") or 0),
        updating=str((service.get("UpdateStatus") or {}).get("State") or ""),
        failure="" if running and running == status.get("DesiredTasks") else _last_failure(tasks, hostnames),
    )


def meshes(task: Mapping[str, Any]) -> set[str]:
    """The IDs of the ingress networks that a task is on."""
    there = [each["Network"] for each in task.get("NetworksAttachments") or ()]
    return {str(network["ID"]) for network in there if (network.get("Spec") or {}).get("Ingress")}


def _comparable(template: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a task's spec that decide whether it is replaced, without keys that hold nothing."""
    kept = {key: value for key, value in template.items() if key not in ("Placement", "Networks", "Runtime")}
    networks = {str(each.get("Target")): sorted(each.get("Aliases") or ()) for each in template.get("Networks") or ()}
    return {"networks": networks, **_filled(kept)}


def _filled(value: Any) -> Any:
    if isinstance(value, Mapping):
        filled = {key: _filled(inner) for key, inner in value.items()}
        return {key: inner for key, inner in filled.items() if inner not in (None, "", 0, [], {})}
    return value


def _last_failure(tasks: Sequence[Mapping[str, Any]], hostnames: Mapping[str, str]) -> str:
    failures: list[Mapping[str, Any]] = [task for task in tasks if task["Status"]["State"] in FAILED_STATES or task["Status"].get("Err")]
    last: Mapping[str, Any] | None = max(failures, key=lambda task: str(task["Status"].get("Timestamp")), default=None)
    if last is None:
        return ""
    status = last["Status"]
    node = hostnames.get(str(last.get("NodeID") or ""), "no node")
    code = (status.get("ContainerStatus") or {}).get("ExitCode")
    shown = f"{status.get('Err') or status.get('Message')} on {node}"
    return f"{shown}, exit code {code}" if code else shown
