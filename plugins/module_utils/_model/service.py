# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service: its spec, as POST /services/create and /services/{id}/update take it and GET /services gives it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import container
from .item import Item
from .kinds import COUNTS, CPUS, DURATION, INTEGER, LABELS, MEMORY, RATIO, TEXT, choice
from .placement import CONSTRAINTS, PLATFORMS, PREFERENCES
from .publish import ATTACHMENTS, PUBLISH, put_ports
from .stack import labels_row
from .table import Json, Kind, Row, Table, dig, get, read

SECOND = container.SECOND
TASK = "Spec/TaskTemplate/"
GENERIC = TASK + "Resources/Reservations/GenericResources"
DEFAULT_UPDATE: Json = {
    "Parallelism": 1,
    "FailureAction": "pause",
    "Delay": 0,
    "Monitor": 5 * SECOND,
    "MaxFailureRatio": 0,
    "Order": "stop-first",
}
"""What swarmkit does without an UpdateConfig (api/defaults/service.go); with one, a missing Parallelism would mean all at once."""


def _monitor(value: Any) -> int:
    """A duration; the Engine takes none of 0 down (moby convert updateConfigToGRPC), which is then the default."""
    found: int = DURATION.parse(value)
    return found or int(DEFAULT_UPDATE["Monitor"])


MONITOR = Kind("str", _monitor, DURATION.show)
MODES = {"replicated": "Replicated", "global": "Global", "replicated-job": "ReplicatedJob", "global-job": "GlobalJob"}
FORCED = ("Spec", "TaskTemplate", "ForceUpdate")
JOBS = ("replicated-job", "global-job")


def _get_mode(document: Mapping[str, Any]) -> str:
    there = (document.get("Spec") or {}).get("Mode") or {}
    return next((mode for mode, key in MODES.items() if key in there), "replicated")


def is_job(document: Mapping[str, Any]) -> bool:
    """Whether a service runs its tasks to their end, so that nobody can wait until they run."""
    return _get_mode(document) in JOBS


def _put_mode(document: Json, value: str) -> None:
    """Set the mode; one that is there already keeps what it holds, such as the number of replicas. A job is never updated."""
    spec = document.setdefault("Spec", {})
    spec["Mode"] = {MODES[value]: (spec.get("Mode") or {}).get(MODES[value]) or {}}
    if value in JOBS:
        spec.pop("UpdateConfig", None)
        spec.pop("RollbackConfig", None)


def _rolling(section: str) -> Table:
    """The rows of UpdateConfig or RollbackConfig. A section that is not there yet begins with the Engine's own defaults."""
    key = {"update_config": "UpdateConfig", "rollback_config": "RollbackConfig"}[section]
    actions = choice("pause", "continue", "rollback") if section == "update_config" else choice("pause", "continue")

    def row(name: str, field: str, kind: Kind) -> Row:
        def put(document: Json, value: Any) -> None:
            spec = document.setdefault("Spec", {})
            spec[key] = {**DEFAULT_UPDATE, **(spec.get(key) or {}), field: kind.write(value)}

        plain = Row("", f"Spec/{key}/{field}", kind, absent=DEFAULT_UPDATE[field])

        def found(document: Mapping[str, Any]) -> Any:
            return None if is_job(document) else get(plain, document)

        return Row(f"{section}.{name}", plain.path, kind, absent=plain.absent, get=found, put=put)

    return (
        row("parallelism", "Parallelism", INTEGER),
        row("delay", "Delay", DURATION),
        row("failure_action", "FailureAction", actions),
        row("monitor", "Monitor", MONITOR),
        row("max_failure_ratio", "MaxFailureRatio", RATIO),
        row("order", "Order", choice("stop-first", "start-first")),
    )


def _get_generic(document: Mapping[str, Any]) -> dict[str, int]:
    resources = [raw.get("DiscreteResourceSpec") for raw in dig(document, GENERIC.split("/")) or ()]
    return {str(raw["Kind"]): int(raw.get("Value") or 0) for raw in resources if raw}


def _put_generic(document: Json, value: Mapping[str, int]) -> None:
    """Set the counted resources. Named ones, which the scheduler gives to no task, stay."""
    level = document
    *parents, name = GENERIC.split("/")
    for parent in parents:
        if not isinstance(level.get(parent), dict):
            level[parent] = {}
        level = level[parent]
    named = [raw for raw in level.get(name) or () if not raw.get("DiscreteResourceSpec")]
    level[name] = named + [{"DiscreteResourceSpec": {"Kind": kind, "Value": count}} for kind, count in sorted(value.items())]


SERVICE: Table = (
    Row("mode", "Spec/Mode", choice(*MODES), mutable=False, get=_get_mode, put=_put_mode),
    Row("replicas", "Spec/Mode/Replicated/Replicas", INTEGER),
    Row("total_completions", "Spec/Mode/ReplicatedJob/TotalCompletions", INTEGER),
    Row("max_concurrent", "Spec/Mode/ReplicatedJob/MaxConcurrent", INTEGER),
    *container.ROWS,
    labels_row("labels", "Spec/Labels"),
    ATTACHMENTS.row("networks", TASK + "Networks"),
    Row("endpoint_mode", "Spec/EndpointSpec/Mode", choice("vip", "dnsrr"), absent="vip"),
    Row("publish", "Spec/EndpointSpec/Ports", PUBLISH, absent=(), put=put_ports),
    *_rolling("update_config"),
    *_rolling("rollback_config"),
    Row("restart_policy.condition", TASK + "RestartPolicy/Condition", choice("none", "on-failure", "any"), absent="any"),
    Row("restart_policy.delay", TASK + "RestartPolicy/Delay", DURATION, absent=5 * SECOND),
    Row("restart_policy.max_attempts", TASK + "RestartPolicy/MaxAttempts", INTEGER, absent=0),
    Row("restart_policy.window", TASK + "RestartPolicy/Window", DURATION, absent=0),
    Row("placement.constraints", TASK + "Placement/Constraints", CONSTRAINTS, absent=()),
    PREFERENCES.row("placement.preferences", TASK + "Placement/Preferences"),
    PLATFORMS.row("placement.platforms", TASK + "Placement/Platforms"),
    Row("placement.replicas_max_per_node", TASK + "Placement/MaxReplicas", INTEGER, absent=0),
    Row("limits.cpus", TASK + "Resources/Limits/NanoCPUs", CPUS, absent=0),
    Row("limits.memory", TASK + "Resources/Limits/MemoryBytes", MEMORY, absent=0),
    Row("limits.pids", TASK + "Resources/Limits/Pids", INTEGER, absent=0),
    Row("reservations.cpus", TASK + "Resources/Reservations/NanoCPUs", CPUS, absent=0),
    Row("reservations.memory", TASK + "Resources/Reservations/MemoryBytes", MEMORY, absent=0),
    Row("reservations.generic_resources", GENERIC, COUNTS, absent={}, get=_get_generic, put=_put_generic),
    Row("logging.driver", TASK + "LogDriver/Name", TEXT, absent=""),
    Row("logging.options", TASK + "LogDriver/Options", LABELS, absent={}),
)


def read_service(document: Mapping[str, Any]) -> Item:
    """A service from an entry of GET /services whose networks were turned from IDs into names."""
    values = with_defaults(read(SERVICE, document))
    return Item(
        name=str(document["Spec"]["Name"]),
        values=values,
        id=str(document["ID"]),
        version=int(document["Version"]["Index"]),
        document=document,
    )


def with_defaults(values: dict[str, Any]) -> dict[str, Any]:
    """The values with the numbers of tasks that the Engine chooses (moby daemon/cluster/convert/service.go)."""
    defaults: dict[str, Any] = {}
    if values["mode"] == "replicated":
        defaults = {"replicas": 1}
    elif values["mode"] == "replicated-job":
        concurrent = 1 if values["max_concurrent"] is None else values["max_concurrent"]
        defaults = {"max_concurrent": concurrent, "total_completions": concurrent}
    return {**values, **{name: value for name, value in defaults.items() if values[name] is None}}


def forced_updates(document: Mapping[str, Any]) -> int:
    """How many times the tasks of a service were run anew though nothing else had changed (ForceUpdate)."""
    return int(dig(document, FORCED) or 0)


def with_forced(document: Mapping[str, Any], count: int) -> Mapping[str, Any]:
    """The service with that count of forced updates."""
    if count == forced_updates(document):
        return document
    spec = document["Spec"]
    return {**document, "Spec": {**spec, "TaskTemplate": {**spec["TaskTemplate"], "ForceUpdate": count}}}


def named_networks(document: Mapping[str, Any], names: Mapping[str, str]) -> Json:
    """The service with the names of its networks in place of their IDs; `names` maps ID to name.

    Networks of the old place, Spec.Networks, are told under TaskTemplate too, where updates take them.
    """
    spec: Json = dict(document["Spec"])
    template: Json = dict(spec.get("TaskTemplate") or {})
    targets = template.get("Networks") or spec.pop("Networks", None) or []
    template["Networks"] = [{**each, "Target": names.get(each["Target"], each["Target"])} for each in targets]
    spec["TaskTemplate"] = template
    return {**document, "Spec": spec}
