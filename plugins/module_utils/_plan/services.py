# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the services: created, updated field by field, removed; published ports checked across all of them first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .._model.errors import InvalidOption
from .._model.item import OWNER_LABEL, Item, owned
from .._model.parked import is_parked
from .._model.publish import Port, port_text
from .._model.service import SERVICE, check_service
from .._model.table import Difference, Json, differences, merged, read, write
from .capacity import Room, crowded
from .plan import Blocker, Call, Plan, Step

TASK_OPTIONS = frozenset({"mode", "replicas", "labels", "update_config", "rollback_config", "placement"})
"""Options (or sections) whose change alone leaves running tasks where they are (swarmkit: IsTaskDirty)."""


@dataclass(frozen=True)
class Services:
    """The services of a swarm, the names of its swarm-wide networks, and how many tasks each service should run.

    `rooms` are the networks as those who share their addresses see them, by name; `nodes` counts the nodes that take tasks.
    """

    items: tuple[Item, ...] = ()
    networks: frozenset[str] = frozenset()
    desired_tasks: Mapping[str, int] = field(default_factory=dict)
    rooms: Mapping[str, Room] = field(default_factory=dict)
    nodes: int = 0


@dataclass(frozen=True)
class WantedServices:
    """The services that the user wrote; `exclusive` removes those of ours that are not among them."""

    items: tuple[Item, ...]
    exclusive: bool = False


def plan_services(wanted: WantedServices, found: Services, assumed: bool = False) -> Plan[Services]:
    """Removals first, so that their ports are free; then updates, then creations.

    `assumed` is set when the swarm is still to be built: its networks are then not known, and not checked.
    """
    by_name = {item.name: item for item in found.items}
    present = [item for item in wanted.items if item.state == "present"]
    doomed = [by_name[item.name] for item in wanted.items if item.state == "absent" and item.name in by_name]
    if wanted.exclusive:
        names = {item.name for item in wanted.items}
        doomed += [item for item in found.items if item.name not in names and owned((item.document.get("Spec") or {}).get("Labels") or {})]
    blockers: list[Blocker] = []
    warnings: list[str] = []
    steps = [_remove(item, found) for item in doomed]
    after: dict[str, Item] = {item.name: item for item in found.items if item not in doomed}
    creations: list[Step] = []
    for item in present:
        there = by_name.get(item.name)
        blockers += [] if assumed else _unknown_networks(item, found.networks)
        if there is None:
            blockers += _incomplete(item)
            creations.append(_create(item))
            after[item.name] = _predicted(item)
            continue
        changes = differences(SERVICE, item.values, there.values)
        blockers += _immutable(item, changes)
        if is_parked(there.document.get("Spec") or {}):
            off = _parked(item)
            warnings += [] if changes else [str(off)]
            blockers += [off] if changes else []
        elif changes:
            after[item.name] = replace(there, values=merged(SERVICE, item.values, there.values))
            steps.append(_update(item, there, changes, found))
    blockers += _contradictions(present, after) + _clashes(after)
    moving = [item.name for item in after.values() if item not in found.items]
    tasks = {item.name: _task_count(item, found) for item in after.values()}
    refused, tight = crowded(after.values(), tasks, found.rooms, found.nodes, moving)
    result = replace(found, items=tuple(after.values()))
    return Plan(found, result, tuple(steps + creations), (*blockers, *refused), (*warnings, *tight))


def _task_count(item: Item, found: Services) -> int:
    """How many tasks a service will have: as many as are written, or one on each node that it has or may have."""
    if item.values.get("mode") == "replicated":
        return int(item.values.get("replicas") or 0)
    return found.desired_tasks.get(item.id, found.nodes)


def _unknown_networks(item: Item, networks: frozenset[str]) -> list[Blocker]:
    names = [attachment[0] for attachment in item.values.get("networks") or ()]
    known = ", ".join(sorted(networks)) or "none"
    return [
        Blocker(item.where, f"the swarm has no network {name!r}", f"its networks for services are: {known}; declare it in networks first")
        for name in names
        if name not in networks
    ]


def _incomplete(item: Item) -> list[Blocker]:
    if item.values.get("image"):
        return []
    return [Blocker(item.where, "the service does not exist yet and no image was given", "give its image")]


def _immutable(item: Item, changes: tuple[Difference, ...]) -> list[Blocker]:
    return [
        Blocker(
            item.where,
            f"{change.option} cannot be changed: wanted {change.wanted!r}, found {change.found!r}",
            "remove the service (state: absent) and run again to make it anew",
        )
        for change in changes
        if not change.mutable
    ]


def _parked(item: Item) -> Blocker:
    """An update would bring the ports back before their network is there."""
    reason = "its published ports are off, since a replacement of the ingress network was cut off"
    return Blocker(item.where, reason, "run the module ingress_network (site.yml with the tag ingress), which publishes them again")


def _contradictions(present: list[Item], after: Mapping[str, Item]) -> list[Blocker]:
    """What was written may be right in itself and still contradict what the service keeps."""
    blockers = []
    for item in present:
        try:
            check_service(replace(after[item.name], where=item.where, values=_checked(item, after[item.name])))
        except InvalidOption as error:
            reason = str(error)[len(item.where) + 1 :]
            blockers.append(Blocker(item.where, f"with what the service has already, {reason}", "change one of the two"))
    return blockers


def _checked(item: Item, after: Item) -> dict[str, object]:
    values = dict(after.values)
    if values.get("mode") == "global" and "replicas" not in item.values:
        values.pop("replicas", None)
    return values


def _clashes(services: Mapping[str, Item]) -> list[Blocker]:
    """The same port published by two services: refused by the swarm where both are in ingress mode, or one is."""
    holders: dict[tuple[int, str], list[tuple[str, str]]] = {}
    for item in services.values():
        ports: tuple[Port, ...] = item.values.get("publish") or ()
        for _target, published, protocol, mode in ports:
            if published:
                holders.setdefault((published, protocol), []).append((item.name, mode))
    return [
        Blocker(
            f"port {port}/{protocol}",
            "it is published by " + " and ".join(sorted({name for name, _mode in held})),
            "give each service a port of its own",
        )
        for (port, protocol), held in holders.items()
        if len({name for name, _mode in held}) > 1 and any(mode == "ingress" for _name, mode in held)
    ]


def _predicted(item: Item) -> Item:
    document = {"Spec": service_spec(item)}
    values = merged(SERVICE, item.values, read(SERVICE, document))
    if values["mode"] == "replicated" and values["replicas"] is None:
        values["replicas"] = 1
    return Item(item.name, values, id=f"(new service {item.name})", document=document)


def service_spec(item: Item) -> Json:
    """The body of POST /services/create: what was written, and our mark."""
    base: Json = {
        "Spec": {"Name": item.name, "Labels": {OWNER_LABEL: "true"}, "EndpointSpec": {"Mode": "vip"}, "TaskTemplate": {"ContainerSpec": {}}}
    }
    base["Spec"]["Mode"] = {"Replicated": {}}
    spec: Json = write(SERVICE, item.values, base)["Spec"]
    return spec


def _create(item: Item) -> Step:
    return Step("create", f"service {item.name}", f"create {describe(item)}", Call("POST", "/services/create", body=service_spec(item)))


def _update(item: Item, there: Item, changes: tuple[Difference, ...], found: Services) -> Step:
    spec = write(SERVICE, item.values, there.document)["Spec"]
    call = Call("POST", f"/services/{there.id}/update", {"version": there.version}, spec)
    told = ", ".join(f"{change.option} from {change.found!r} to {change.wanted!r}" for change in changes)
    replaces = any(change.option.partition(".")[0] not in TASK_OPTIONS for change in changes)
    tasks = found.desired_tasks.get(there.id, 0)
    costs = f"replaces {_tasks(tasks)}" if replaces and tasks else ""
    return Step("update", f"service {item.name}", f"service {item.name}: change {told}", call, costs)


def _remove(item: Item, found: Services) -> Step:
    tasks = found.desired_tasks.get(item.id, 0)
    return Step(
        "remove",
        f"service {item.name}",
        f"remove service {item.name}",
        Call("DELETE", f"/services/{item.id}"),
        f"stops {_tasks(tasks)}" if tasks else "",
    )


def _tasks(count: int) -> str:
    return f"{count} task" + ("" if count == 1 else "s")


def describe(item: Item) -> str:
    """A service in a few words: "service web, 3 x nginx:1.27, networks front, published 8080->80/tcp (ingress)"."""
    values = item.values
    count = "one a node," if values.get("mode") == "global" else f"{values.get('replicas', 1)} x"
    parts = [f"service {item.name}, {count} {values.get('image', '')}".rstrip()]
    if values.get("networks"):
        parts.append("networks " + " ".join(attachment[0] for attachment in values["networks"]))
    ports: tuple[Port, ...] = values.get("publish") or ()
    if ports:
        parts.append("published " + " ".join(f"{port_text(port)} ({port[3]})" for port in ports))
    return ", ".join(parts)
