# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service: its spec, as POST /services/create and /services/{id}/update take it and GET /services gives it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import InvalidOption
from .item import Item, of_ours, of_users
from .kinds import BOOLEAN, CPUS, DURATION, ENVIRONMENT, INTEGER, LABELS, NAMES, RATIO, SIZE, TEXT, WORDS, choice, text
from .publish import ATTACHMENTS, PUBLISH, get_attachments, put_attachments
from .table import Json, Kind, Row, Table, read

SECOND = 10**9
TASK = "Spec/TaskTemplate/"
CONTAINER = TASK + "ContainerSpec/"
DEFAULT_UPDATE: Json = {
    "Parallelism": 1,
    "FailureAction": "pause",
    "Delay": 0,
    "Monitor": 5 * SECOND,
    "MaxFailureRatio": 0,
    "Order": "stop-first",
}
"""What swarmkit does without an UpdateConfig (api/defaults/service.go); with one, a missing Parallelism would mean all at once."""


def _same_image(wanted: str, found: Any) -> bool:
    """The same reference; a digest that was not written does not count, since clients pin one."""
    return wanted == found or ("@" not in wanted and wanted == str(found).partition("@")[0])


IMAGE = Kind("str", text, same=_same_image)


def _get_mode(document: Mapping[str, Any]) -> str:
    modes = {"Replicated": "replicated", "Global": "global", "ReplicatedJob": "replicated-job", "GlobalJob": "global-job"}
    there = (document.get("Spec") or {}).get("Mode") or {}
    return next((mode for key, mode in modes.items() if key in there), "replicated")


def _put_mode(document: Json, value: str) -> None:
    """Set the mode; one that is there already keeps what it holds, such as the number of replicas."""
    spec = document.setdefault("Spec", {})
    key = "Global" if value == "global" else "Replicated"
    spec["Mode"] = {key: (spec.get("Mode") or {}).get(key) or {}}


def _user_labels(document: Mapping[str, Any]) -> dict[str, str]:
    return of_users((document.get("Spec") or {}).get("Labels") or {})


def _put_labels(document: Json, value: Mapping[str, str]) -> None:
    spec = document.setdefault("Spec", {})
    spec["Labels"] = {**value, **of_ours(spec.get("Labels") or {})}


def _rolling(section: str) -> Table:
    """The rows of UpdateConfig or RollbackConfig. A section that is not there yet begins with the Engine's own defaults."""
    key = {"update_config": "UpdateConfig", "rollback_config": "RollbackConfig"}[section]
    actions = choice("pause", "continue", "rollback") if section == "update_config" else choice("pause", "continue")

    def row(name: str, field: str, kind: Kind) -> Row:
        def put(document: Json, value: Any) -> None:
            spec = document.setdefault("Spec", {})
            spec[key] = {**DEFAULT_UPDATE, **(spec.get(key) or {}), field: kind.write(value)}

        return Row(f"{section}.{name}", f"Spec/{key}/{field}", kind, absent=DEFAULT_UPDATE[field], put=put)

    return (
        row("parallelism", "Parallelism", INTEGER),
        row("delay", "Delay", DURATION),
        row("failure_action", "FailureAction", actions),
        row("monitor", "Monitor", DURATION),
        row("max_failure_ratio", "MaxFailureRatio", RATIO),
        row("order", "Order", choice("stop-first", "start-first")),
    )


SERVICE: Table = (
    Row("image", CONTAINER + "Image", IMAGE),
    Row("mode", "Spec/Mode", choice("replicated", "global"), mutable=False, get=_get_mode, put=_put_mode),
    Row("replicas", "Spec/Mode/Replicated/Replicas", INTEGER),
    Row("command", CONTAINER + "Command", WORDS, absent=()),
    Row("args", CONTAINER + "Args", WORDS, absent=()),
    Row("env", CONTAINER + "Env", ENVIRONMENT, absent=()),
    Row("labels", "Spec/Labels", LABELS, get=_user_labels, put=_put_labels),
    Row("container_labels", CONTAINER + "Labels", LABELS, absent={}),
    Row("hostname", CONTAINER + "Hostname", TEXT, absent=""),
    Row("user", CONTAINER + "User", TEXT, absent=""),
    Row("working_dir", CONTAINER + "Dir", TEXT, absent=""),
    Row("init", CONTAINER + "Init", BOOLEAN, absent=False),
    Row("read_only", CONTAINER + "ReadOnly", BOOLEAN, absent=False),
    Row("stop_signal", CONTAINER + "StopSignal", TEXT, absent=""),
    Row("stop_grace_period", CONTAINER + "StopGracePeriod", DURATION, absent=10 * SECOND),
    Row("healthcheck.test", CONTAINER + "Healthcheck/Test", WORDS, absent=()),
    Row("healthcheck.interval", CONTAINER + "Healthcheck/Interval", DURATION, absent=0),
    Row("healthcheck.timeout", CONTAINER + "Healthcheck/Timeout", DURATION, absent=0),
    Row("healthcheck.retries", CONTAINER + "Healthcheck/Retries", INTEGER, absent=0),
    Row("healthcheck.start_period", CONTAINER + "Healthcheck/StartPeriod", DURATION, absent=0),
    Row("networks", TASK + "Networks", ATTACHMENTS, get=get_attachments, put=put_attachments),
    Row("endpoint_mode", "Spec/EndpointSpec/Mode", choice("vip", "dnsrr"), absent="vip"),
    Row("publish", "Spec/EndpointSpec/Ports", PUBLISH, absent=()),
    *_rolling("update_config"),
    *_rolling("rollback_config"),
    Row("restart_policy.condition", TASK + "RestartPolicy/Condition", choice("none", "on-failure", "any"), absent="any"),
    Row("restart_policy.delay", TASK + "RestartPolicy/Delay", DURATION, absent=5 * SECOND),
    Row("restart_policy.max_attempts", TASK + "RestartPolicy/MaxAttempts", INTEGER, absent=0),
    Row("restart_policy.window", TASK + "RestartPolicy/Window", DURATION, absent=0),
    Row("placement.constraints", TASK + "Placement/Constraints", NAMES, absent=()),
    Row("placement.replicas_max_per_node", TASK + "Placement/MaxReplicas", INTEGER, absent=0),
    Row("limits.cpus", TASK + "Resources/Limits/NanoCPUs", CPUS, absent=0),
    Row("limits.memory", TASK + "Resources/Limits/MemoryBytes", SIZE, absent=0),
    Row("reservations.cpus", TASK + "Resources/Reservations/NanoCPUs", CPUS, absent=0),
    Row("reservations.memory", TASK + "Resources/Reservations/MemoryBytes", SIZE, absent=0),
    Row("logging.driver", TASK + "LogDriver/Name", TEXT, absent=""),
    Row("logging.options", TASK + "LogDriver/Options", LABELS, absent={}),
)


def check_service(item: Item) -> None:
    """What the Engine refuses in one service, whatever else there is. Raises InvalidOption."""
    values, where = item.values, item.where
    ports: tuple[tuple[int, int, str, str], ...] = values.get("publish") or ()
    if values.get("mode") == "global" and "replicas" in values:
        raise InvalidOption(f"{where}.replicas", "no replicas in mode global, which runs one task a node", values["replicas"])
    if values.get("endpoint_mode") == "dnsrr" and any(port[3] == "ingress" for port in ports):
        raise InvalidOption(
            f"{where}.endpoint_mode", "vip where a port is published in ingress mode", "dnsrr", "publish it in host mode, or use vip"
        )
    published = [(port[1], port[2]) for port in ports if port[1]]
    for port, protocol in published:
        if published.count((port, protocol)) > 1:
            raise InvalidOption(f"{where}.publish", "every port published once", f"{port}/{protocol} twice")
    if values.get("update_config.order") == "start-first" and any(port[3] == "host" and port[1] for port in ports):
        raise InvalidOption(
            f"{where}.update_config.order", "stop-first with a port in host mode, which the old task still holds", "start-first"
        )


def read_service(document: Mapping[str, Any]) -> Item:
    """A service from an entry of GET /services whose networks were turned from IDs into names."""
    values = read(SERVICE, document)
    if values["mode"] == "replicated" and values["replicas"] is None:
        values["replicas"] = 1
    return Item(
        name=str(document["Spec"]["Name"]),
        values=values,
        id=str(document["ID"]),
        version=int(document["Version"]["Index"]),
        document=document,
    )


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
