# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the services: created, updated field by field, removed; what the swarm would refuse is found across all of them first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .._model.content import Named
from .._model.content_use import UNDER_WAY
from .._model.errors import InvalidOption
from .._model.item import OWNER_LABEL, Item, owned
from .._model.node import takes_tasks
from .._model.parked import is_parked
from .._model.publish import Port, port_text, ranges, with_chosen
from .._model.references import config_names, secret_names, with_ids, with_names
from .._model.service import SERVICE, forced_updates, with_defaults, with_forced
from .._model.service_check import check_service
from .._model.table import Difference, Json, differences, dig, merged, read, write
from .capacity import Room, crowded, takes_addresses
from .handover import in_turn
from .on_the_way import left_alone
from .patience import impatient
from .places import asks_for_nodes, lacking, suitable_nodes, task_count
from .plan import Blocker, Call, Plan, Step, Wait
from .rollout import costs, tasks_text
from .stacks import stack_blockers, stack_warnings

_FIRST = {kind: f"declare it in {kind}s first" for kind in ("network", "secret", "config")}
STAGES = {"remove": 1, "create": 2, "update": 3}
"""What is made at once. Updates that take a port from others have later stages of their own."""


@dataclass(frozen=True)
class Services:
    """The services of a swarm, the names of its swarm-wide networks, and how many tasks each service should run.

    `parallel` has, by name, the networks over which a replacement moves services, with the name of the one that is replaced.
    `rooms` are the networks as those who share their addresses see them, by name; `secrets` and `configs` have ID and name of the newest
    object of each name. These and the nodes are empty where they were not read, because nothing that is wanted depends on them.
    """

    items: tuple[Item, ...] = ()
    networks: frozenset[str] = frozenset()
    desired_tasks: Mapping[str, int] = field(default_factory=dict)
    nodes: tuple[Item, ...] = ()
    rooms: Mapping[str, Room] = field(default_factory=dict)
    secrets: Mapping[str, Named] = field(default_factory=dict)
    configs: Mapping[str, Named] = field(default_factory=dict)
    parallel: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WantedServices:
    """The services that the user wrote; `exclusive` removes those of ours that are not among them.

    `planned` has the names of the networks, secrets and configs that an earlier task of the same run makes, in check mode, and `newest`
    what the newest objects of secrets and configs are called then, by their names.
    `recreate` names those that may be removed and made anew, `stacks` has the stack that an entry names, and `supersede` replaces
    updates that are under way in place of waiting for their end. `force` has the count of forced updates that a service is to have come to,
    `patience` for how many seconds the run waits for all of them, None where it does not. `registries` are those with credentials.
    """

    items: tuple[Item, ...]
    exclusive: bool = False
    recreate: frozenset[str] = frozenset()
    stacks: Mapping[str, str] = field(default_factory=dict)
    supersede: bool = False
    planned: Mapping[str, frozenset[str]] = field(default_factory=dict)
    newest: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    force: Mapping[str, int] = field(default_factory=dict)
    patience: float | None = None
    registries: frozenset[str] = frozenset()


def lists_needed(wanted: WantedServices, items: Sequence[Item]) -> frozenset[str]:
    """Which lists besides services, networks, secrets and configs the plan depends on: rooms, nodes."""
    present = [item for item in wanted.items if item.state == "present"]
    there = {item.name: item.values for item in items}
    shares = any(takes_addresses(item.values) for item in (*items, *present))
    asked = {
        "rooms": shares,
        "nodes": shares or any(asks_for_nodes({**there.get(item.name, {}), **item.values}) for item in present),
    }
    return frozenset(name for name, needed in asked.items() if needed)


def updating(item: Item) -> bool:
    """Whether an update of the service, or its rollback, is under way."""
    return dig(item.document, ("UpdateStatus", "State")) in UNDER_WAY


@dataclass
class _Draft:
    """The plan as it grows."""

    after: dict[str, Item]
    blockers: list[Blocker] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    waits: list[Step] = field(default_factory=list)
    removals: list[Step] = field(default_factory=list)
    updates: list[Step] = field(default_factory=list)
    creations: list[Step] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)


def plan_services(wanted: WantedServices, found: Services, assumed: bool = False) -> Plan[Services]:
    """Removals first, so that their ports are free; then updates, once those under way have ended; then creations.

    `assumed` is set when the swarm is still to be built: its networks, secrets and configs are then not known, and not checked.
    """
    by_name = {item.name: item for item in found.items}
    items, on_the_way = left_alone(wanted.items, by_name, found.parallel)
    wanted = replace(wanted, items=items)
    present = [item for item in wanted.items if item.state == "present"]
    doomed = [by_name[item.name] for item in wanted.items if item.state == "absent" and item.name in by_name]
    if wanted.exclusive:
        names = {item.name for item in wanted.items}
        doomed += [item for item in found.items if item.name not in names and owned(dig(item.document, ("Spec", "Labels")) or {})]
    draft = _Draft({item.name: item for item in found.items if item not in doomed})
    draft.warnings += on_the_way
    draft.removals = [_remove(item, found) for item in doomed]
    for item in wanted.items:
        if item.state == "absent":
            draft.blockers += stack_blockers(item, by_name.get(item.name), wanted.stacks.get(item.name, ""), ())
    for item in present:
        draft.blockers += [] if assumed else _unknown(item, found, wanted.planned)
        if item.name in by_name:
            _change(draft, item, by_name[item.name], wanted, found)
        else:
            draft.blockers += _incomplete(item) + stack_blockers(item, None, wanted.stacks.get(item.name, ""), ())
            draft.creations.append(_create(item, found))
            draft.after[item.name] = _predicted(item)
            draft.touched.add(item.name)
    draft.blockers += _contradictions([item for item in present if item.name not in draft.refused], draft.after, by_name)
    draft.blockers += _clashes(draft.after)
    draft.warnings += impatient(present, draft.after, draft.touched, wanted.patience)
    draft.warnings += stack_warnings(present, by_name, frozenset(draft.touched))
    if found.nodes:
        _make_room(draft, present, found)
    updates, refused = in_turn(draft.updates, by_name, draft.after, STAGES["update"])
    draft.blockers += refused
    steps = (*draft.waits, *draft.removals, *updates, *draft.creations)
    return Plan(found, replace(found, items=tuple(draft.after.values())), steps, tuple(draft.blockers), tuple(draft.warnings))


def _make_room(draft: _Draft, present: Sequence[Item], found: Services) -> None:
    """What nodes and networks say to all services as they will be."""
    takers = [node for node in found.nodes if takes_tasks(node)]
    tasks = {item.name: _tasks_at_once(item, takers, found) for item in draft.after.values()}
    for refused, told in (
        lacking(present, frozenset(draft.touched), draft.after, found.nodes),
        crowded(draft.after.values(), tasks, found.rooms, len(takers), draft.touched),
    ):
        draft.blockers += refused
        draft.warnings += told


def _tasks_at_once(item: Item, takers: Sequence[Item], found: Services) -> int:
    """How many tasks a service will have at a time: with one a node, as many as the swarm tells, or as there are nodes for a new one.

    Tasks of a job that have ended (ServiceStatus.CompletedTasks since API 1.41) take nothing any more.
    """
    places = len(suitable_nodes(item.values, takers))
    if item.values["mode"] == "global":
        places = found.desired_tasks.get(item.id, places)
    completed = dig(item.document, ("ServiceStatus", "CompletedTasks")) or 0
    return task_count(item.values, places, int(completed))


def _change(draft: _Draft, item: Item, there: Item, wanted: WantedServices, found: Services) -> None:
    """What an entry asks of a service that is there: nothing, an update, or to be made anew."""
    changes = differences(SERVICE, item.values, there.values)
    anew = any(not change.mutable for change in changes)
    draft.blockers += stack_blockers(item, there, wanted.stacks.get(item.name, ""), changes)
    if is_parked(there.document.get("Spec") or {}):
        off = _parked(item)
        draft.blockers += [off] if changes else []
        draft.warnings += [] if changes else [str(off)]
        return
    forced = max(forced_updates(there.document), wanted.force.get(item.name, 0))
    if not changes and forced == forced_updates(there.document):
        return
    draft.touched.add(item.name)
    if anew and item.name in wanted.recreate:
        again = _again(item, there, changes, found)
        draft.removals.append(_remove(there, found))
        draft.creations.append(again)
        names = {identity: name for named in (found.secrets, found.configs) for name, (identity, _object) in named.items()}
        draft.after[item.name] = _read_back(item.name, with_names({"Spec": again.call.body}, names)["Spec"])
        return
    if anew:
        draft.refused.add(item.name)
        draft.blockers += _immutable(item, changes, found.desired_tasks.get(there.id, 0))
    after = replace(there, values=merged(SERVICE, item.values, there.values), document=with_forced(there.document, forced))
    draft.after[item.name] = after
    if updating(there) and not wanted.supersede:
        draft.waits.append(_wait(there))
    draft.updates.append(_update(item, replace(there, document=after.document), changes, found, wanted.registries))


def _unknown(item: Item, found: Services, planned: Mapping[str, frozenset[str]]) -> list[Blocker]:
    """Networks, secrets and configs that the swarm does not have."""
    asked = {
        "network": ([entry["name"] for entry in item.values.get("networks") or ()], found.networks, "networks for services"),
        "secret": (sorted(secret_names(item.values)), found.secrets, "secrets"),
        "config": (sorted(config_names(item.values)), found.configs, "configs"),
    }
    return [
        Blocker(
            item.where,
            f"the swarm has no {kind} {name!r}",
            f"its {kinds} are: {', '.join(sorted(known)) or 'none'}; {_FIRST[kind]}",
        )
        for kind, (names, known, kinds) in asked.items()
        for name in names
        if name not in known and name not in planned.get(f"{kind}s", ())
    ]


def _incomplete(item: Item) -> list[Blocker]:
    if item.values.get("image"):
        return []
    return [Blocker(item.where, "the service does not exist yet and no image was given", "give its image")]


def _immutable(item: Item, changes: Sequence[Difference], tasks: int) -> list[Blocker]:
    stops = f", which stops its {tasks_text(tasks)} first" if tasks else ""
    return [
        Blocker(
            item.where,
            f"{change.option} cannot be changed: wanted {change.wanted!r}, found {change.found!r}",
            f"set recreate: true to have the service removed and made anew{stops}",
        )
        for change in changes
        if not change.mutable
    ]


def _parked(item: Item) -> Blocker:
    """An update would bring the ports back before their network is there."""
    reason = "its published ports are off, since a replacement of the ingress network was cut off"
    return Blocker(item.where, reason, "run the module ingress_network (site.yml with the tag ingress), which publishes them again")


def _contradictions(present: Sequence[Item], after: Mapping[str, Item], before: Mapping[str, Item]) -> list[Blocker]:
    """What was written may be right in itself and still contradict what the service keeps.

    What a service that somebody else made contradicts in itself, and the swarm puts up with, is not ours to refuse.
    """
    blockers = []
    for item in present:
        reason = _contradiction(replace(item, values={**after[item.name].values, **item.values}))
        if reason and not (item.name in before and reason == _contradiction(replace(item, values=before[item.name].values))):
            blockers.append(Blocker(item.where, f"with what the service has already, {reason}", "change one of the two"))
    return blockers


def _contradiction(item: Item) -> str:
    try:
        check_service(replace(item, values={option: value for option, value in item.values.items() if value is not None}))
    except InvalidOption as error:
        return str(error)[len(item.where) + 1 :]
    return ""


def _clashes(services: Mapping[str, Item]) -> list[Blocker]:
    """The same port published by two services, or chosen for one: refused by the swarm where both are in ingress mode, or one is."""
    holders: dict[tuple[int, str], list[tuple[str, str]]] = {}
    for item in services.values():
        for port in with_chosen(item.values.get("publish") or (), item.document):
            if port.published:
                holders.setdefault((port.published, port.protocol), []).append((item.name, port.mode))
    clashes: dict[tuple[tuple[str, ...], str], list[int]] = {}
    for (number, protocol), held in holders.items():
        names = tuple(sorted({name for name, _mode in held}))
        if len(names) > 1 and any(mode == "ingress" for _name, mode in held):
            clashes.setdefault((names, protocol), []).append(number)
    return [
        Blocker(
            ("port " if len(numbers) == 1 else "ports ") + f"{ranges(numbers)}/{protocol}",
            ("it is" if len(numbers) == 1 else "they are") + " published by " + " and ".join(names),
            "give each service a port of its own",
        )
        for (names, protocol), numbers in clashes.items()
    ]


def _predicted(item: Item) -> Item:
    """What a new service will be."""
    return _read_back(item.name, service_spec(item))


def _read_back(name: str, spec: Json) -> Item:
    """What the Engine will tell of a service that is made with this spec."""
    document = {"Spec": spec}
    return Item(name, with_defaults(read(SERVICE, document)), id=f"(new service {name})", document=document)


def service_spec(item: Item) -> Json:
    """The body of POST /services/create: what was written, and our mark."""
    base: Json = {
        "Spec": {"Name": item.name, "Labels": {OWNER_LABEL: "true"}, "EndpointSpec": {"Mode": "vip"}, "TaskTemplate": {"ContainerSpec": {}}}
    }
    base["Spec"]["Mode"] = {"Replicated": {}}
    spec: Json = write(SERVICE, item.values, base)["Spec"]
    return spec


def _identified(spec: Json, found: Services) -> Json:
    return with_ids(spec, found.secrets, found.configs)


def _create(item: Item, found: Services) -> Step:
    body = _identified(service_spec(item), found)
    call = Call("POST", "/services/create", body=body)
    return Step("create", f"service {item.name}", f"create {describe(item)}", call, stage=STAGES["create"])


def _again(item: Item, there: Item, changes: Sequence[Difference], found: Services) -> Step:
    """Make a service anew that was removed, with all that was not written as it was."""
    told = f"make service {item.name} anew, in mode {item.values['mode']}, and all that is not written as it was"
    call = Call("POST", "/services/create", body=_changed(item, there, changes, found))
    return Step("create", f"service {item.name}", told, call, stage=STAGES["create"])


def _changed(item: Item, there: Item, changes: Sequence[Difference], found: Services) -> Json:
    """The whole spec of a service that is there, with what differs set."""
    return _identified(write(SERVICE, {change.option: item.values[change.option] for change in changes}, there.document)["Spec"], found)


def _wait(there: Item) -> Step:
    told = f"wait until the update of service {there.name} that is under way has ended (supersede_updates does not wait)"
    return Step("wait", f"service {there.name}", told, Wait(f"service {there.name} is not being updated"), awaits=f"updated:{there.name}")


def _update(item: Item, there: Item, changes: Sequence[Difference], found: Services, registries: frozenset[str]) -> Step:
    call = Call("POST", f"/services/{there.id}/update", {"version": there.version}, _changed(item, there, changes, found))
    told = ", ".join(f"{change.option} from {change.found!r} to {change.wanted!r}" for change in changes)
    image = str(item.values.get("image") or there.values.get("image") or "")
    felt = costs(changes, there, image, found.desired_tasks.get(there.id, 0), registries)
    says = f"service {item.name}: " + (f"change {told}" if changes else "run its tasks anew")
    return Step("update", f"service {item.name}", says, call, felt, stage=STAGES["update"])


def _remove(item: Item, found: Services) -> Step:
    tasks = found.desired_tasks.get(item.id, 0)
    return Step(
        "remove",
        f"service {item.name}",
        f"remove service {item.name}",
        Call("DELETE", f"/services/{item.id}"),
        f"stops {tasks_text(tasks)}" if tasks else "",
        stage=STAGES["remove"],
    )


def describe(item: Item) -> str:
    """A service in a few words: "service web, 3 x nginx:1.27, networks front, published 8080->80/tcp (ingress)"."""
    values = item.values
    counts = {
        "global": "one a node,",
        "global-job": "a job on every node,",
        "replicated-job": f"a job {values.get('total_completions', values.get('max_concurrent', 1))} x",
    }
    count = counts.get(values.get("mode", ""), f"{values.get('replicas', 1)} x")
    parts = [f"service {item.name}, {count} {values.get('image', '')}".rstrip()]
    if values.get("networks"):
        parts.append("networks " + " ".join(entry["name"] for entry in values["networks"]))
    ports: tuple[Port, ...] = values.get("publish") or ()
    if ports:
        parts.append("published " + " ".join(f"{port_text(port)} ({port.mode})" for port in ports))
    return ", ".join(parts)
