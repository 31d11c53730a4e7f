# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of secrets and configs: another content is a new object, services go over to it, and the old one goes when nothing needs it.

What was cut off needs no record: the newest object is there, services still refer to an older one, or an older one is left over.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._model.content import (
    DIGEST_LABEL,
    LONGEST_NAME,
    NAME_LABEL,
    Family,
    config_data,
    generations,
    labels_of,
    number,
    object_name,
    read_content,
    without_content,
)
from .._model.content_use import RETURNABLE, UNDER_WAY, may_return, moved, used, users
from .._model.digest import digest, same_content
from .._model.item import OWNER_LABEL, Item, owned
from .._model.service import is_job
from .._model.stack import stack_of
from .._model.table import Json, differences, write
from .plan import Blocker, Call, Plan, Step, Wait

MOVED = "moved:"
RETURNED = "returned:"
"""What the steps await: these services have gone over, and these cannot go back any more (names after it)."""


@dataclass(frozen=True)
class Contents:
    """The objects of one family, and the services of the swarm as GET /services?status=true tells them."""

    items: tuple[Item, ...] = ()
    services: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class WantedContents:
    """The secrets or configs that the user wrote, and the content of those that have one, by name.

    `salt` is for the digests of new objects. `plain` are the names whose objects carry no digest. `beyond`: the newest object of these
    names has to have a higher number. `leaving` are services that an earlier task of the same run takes away or changes, in check mode.
    `left` are those that a later one gives the newest object, together with what else of them changes.
    """

    items: tuple[Item, ...]
    contents: Mapping[str, bytes] = field(default_factory=dict)
    salt: bytes = b""
    plain: frozenset[str] = frozenset()
    beyond: Mapping[str, int] = field(default_factory=dict)
    exclusive: bool = False
    leaving: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Move:
    """The update of a service that goes over from objects, given by their IDs, to others, given by their names."""

    service: str
    id: str
    successors: Mapping[str, str]

    def __str__(self) -> str:
        return f"POST /services/{self.id}/update"


@dataclass
class _Draft:
    """The plan as it grows."""

    family: Family
    services: tuple[Mapping[str, Any], ...]
    left: frozenset[str] = frozenset()
    kept: list[Item] = field(default_factory=list)
    creations: list[Step] = field(default_factory=list)
    labels: list[Step] = field(default_factory=list)
    waits: list[Step] = field(default_factory=list)
    moves: list[Step] = field(default_factory=list)
    removals: list[Step] = field(default_factory=list)
    blockers: list[Blocker] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    going: list[tuple[Item, Item]] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def named(self, item: Item) -> str:
        return f"{self.family.noun} {item.name}"


def plan_contents(family: Family, wanted: WantedContents, found: Contents) -> Plan[Contents]:
    """New objects first, then the services that go over to them, all at once; when these have, the old objects go."""
    there = generations(found.items)
    names = {item.name for item in wanted.items}
    draft = _Draft(family, found.services, wanted.left)
    draft.taken = {item.name for item in found.items}
    for name, objects in there.items():
        if name not in names:
            if wanted.exclusive and owned(labels_of(objects[-1])):
                _remove(draft, Item(name, where=f"{family.noun} {name}"), objects, wanted.leaving)
            else:
                draft.kept += objects
    for item in wanted.items:
        objects = there.get(item.name, [])
        if item.state == "absent":
            _remove(draft, item, objects, wanted.leaving)
        else:
            _keep(draft, item, objects, wanted)
    after = _move(draft)
    steps = (*draft.creations, *draft.labels, *draft.waits, *draft.moves, *draft.removals)
    return Plan(found, Contents(tuple(draft.kept), after), steps, tuple(draft.blockers), tuple(draft.warnings))


def _remove(draft: _Draft, item: Item, objects: Sequence[Item], leaving: frozenset[str]) -> None:
    """All objects of a name; refused while a service refers to one, or may go back to it."""
    noun = draft.family.noun
    ids = [each.id for each in objects]
    held = {name for identity in ids for name in users(draft.services, noun, identity)} - leaving
    returning = {name for identity in ids for name in may_return(draft.services, noun, identity, RETURNABLE)} - leaving
    if held or returning:
        reason = f"it is used by {_services(held)}" if held else f"the update of {_services(returning)} may go back to it"
        draft.blockers.append(Blocker(item.where, reason, "take it out of them first, and run again when their updates have ended"))
    draft.removals += [_removal(draft, each) for each in objects]


def _removal(draft: _Draft, item: Item) -> Step:
    call = Call("DELETE", f"{draft.family.path}/{item.id}")
    return Step("remove", draft.named(item), f"remove {draft.named(item)}, which nothing uses", call)


def _keep(draft: _Draft, item: Item, objects: Sequence[Item], wanted: WantedContents) -> None:
    """The newest object as it is to be, or one that is newer still; the others go."""
    newest = objects[-1] if objects else None
    reasons = _reasons(draft, item, newest, wanted)
    if reasons:
        made = _made(draft, item, newest, wanted)
        draft.taken.add(made.name)
        if newest is not None and not _has_content(draft.family, item, newest, wanted):
            told = f"{' and '.join(reasons)}, which takes a new object, and its content was not given"
            draft.blockers.append(Blocker(item.where, told, "give its content"))
        told = f"make {draft.named(made)}" + (f", the successor of {newest.name}: {' and '.join(reasons)}" if newest else "")
        body = {**made.document["Spec"], **_content_body(draft.family, item, newest, wanted)}
        draft.creations.append(Step("create", draft.named(made), told, Call("POST", f"{draft.family.path}/create", body=body)))
        draft.kept.append(replace(made, document={**made.document, "Spec": body} if draft.family.told else made.document))
        draft.going += [(each, made) for each in objects]
        return
    if newest is None:
        return
    draft.kept.append(_labelled(draft, item, newest, wanted))
    draft.going += [(each, newest) for each in objects[:-1]]


def _reasons(draft: _Draft, item: Item, newest: Item | None, wanted: WantedContents) -> list[str]:
    """Why a new object is needed, in words that tell no content; [] when none is."""
    content = wanted.contents.get(item.name)
    if newest is None:
        if content is None and not item.values.get("driver.name"):
            draft.blockers.append(Blocker(item.where, f"the {draft.family.noun} does not exist yet and no content was given", "give it"))
        return ["it is not there"]
    changes = differences(draft.family.table, item.values, newest.values)
    reasons = [f"{each.option} from {each.found!r} to {each.wanted!r}" for each in changes if not each.mutable]
    if number(newest) <= wanted.beyond.get(item.name, 0):
        reasons.append("it was asked for")
    if content is not None and _differs(draft, item, content, newest, wanted, bool(reasons)):
        reasons.append("its content differs")
    return reasons


def _differs(draft: _Draft, item: Item, content: bytes, newest: Item, wanted: WantedContents, anew: bool) -> bool:
    """Whether the newest object is known to have another content."""
    if draft.family.told:
        return config_data(newest) != content
    if newest.values.get("driver.name"):
        return not anew
    written = labels_of(newest).get(DIGEST_LABEL)
    if written:
        return item.name not in wanted.plain and not same_content(content, written)
    if not anew and item.values.get("version") is None:
        told = "has no digest, so that nobody can tell whether its content is the one that is wanted; it is left as it is"
        draft.warnings.append(f"{item.where}: {draft.named(newest)} {told} (force: true makes a new one, as does another version)")
    return False


def _has_content(family: Family, item: Item, newest: Item, wanted: WantedContents) -> bool:
    """Whether a new object could be made: from what was written, by its driver, or from what the Engine tells."""
    driver = item.values.get("driver.name", newest.values.get("driver.name"))
    return family.told or bool(driver) or item.name in wanted.contents


def _content_body(family: Family, item: Item, newest: Item | None, wanted: WantedContents) -> Json:
    """The content in the body of a new object; a config keeps what it has when none was written."""
    content = wanted.contents.get(item.name)
    if content is None and family.told and newest is not None:
        content = config_data(newest)
    return {} if content is None else {"Data": base64.b64encode(content).decode()}


def _free_name(draft: _Draft, item: Item, newest: Item | None, wanted: WantedContents) -> str:
    """What a new object is called; a name that another entry is to have is not taken."""
    others = draft.taken | {each.name for each in wanted.items if each.name != item.name}
    count = number(newest) + 1 if newest else 1
    while object_name(item.name, count) in others:
        count += 1
    name = object_name(item.name, count)
    if len(name) > LONGEST_NAME:
        reason = f"its next object would be called {name}, and names have {LONGEST_NAME} characters at most"
        draft.blockers.append(Blocker(item.where, reason, "give its content a shorter name, and let the services refer to that"))
    return name


def _made(draft: _Draft, item: Item, newest: Item | None, wanted: WantedContents) -> Item:
    """A new object: what was written, what was not as the newest had it, and our labels."""
    name = _free_name(draft, item, newest, wanted)
    kept: Json = {}
    if newest is not None:
        kept = {**without_content(newest.document), "Labels": dict(labels_of(newest))}
        if item.name in wanted.contents:
            kept.pop("Driver", None)
    spec: Json = write(draft.family.table, item.values, {"Spec": kept})["Spec"]
    labels = {**(spec.get("Labels") or {}), OWNER_LABEL: "true", NAME_LABEL: item.name}
    labels.pop(DIGEST_LABEL, None)
    content = wanted.contents.get(item.name)
    if content is not None and not draft.family.told and item.name not in wanted.plain:
        labels[DIGEST_LABEL] = digest(content, wanted.salt)
    document = {"ID": f"(new {draft.family.noun} {name})", "Version": {"Index": 0}, "Spec": {**spec, "Name": name, "Labels": labels}}
    return read_content(draft.family, document)


def _labelled(draft: _Draft, item: Item, newest: Item, wanted: WantedContents) -> Item:
    """The newest object with the labels that are wanted, which alone can be changed in place."""
    values = {"labels": item.values["labels"]} if "labels" in item.values else {}
    changes = differences(draft.family.table, values, newest.values)
    spec = without_content(newest.document)
    told = [f"{each.option} from {each.found!r} to {each.wanted!r}" for each in changes]
    written: Json = write(draft.family.table, values if changes else {}, {"Spec": spec})["Spec"]
    if item.name in wanted.plain and DIGEST_LABEL in labels_of(newest):
        written["Labels"] = {name: value for name, value in written["Labels"].items() if name != DIGEST_LABEL}
        told.append("no digest any more")
    if not told:
        return newest
    call = Call("POST", f"{draft.family.path}/{newest.id}/update", {"version": newest.version}, written)
    draft.labels.append(Step("update", draft.named(newest), f"{draft.named(newest)}: change {', '.join(told)}", call))
    return read_content(draft.family, {**newest.document, "Spec": {**newest.document["Spec"], **written}})


def _move(draft: _Draft) -> tuple[Mapping[str, Any], ...]:
    """The services that refer to objects that go, in one update each; gives all services as they will be."""
    noun = draft.family.noun
    successors = {old.id: (new.id, new.name) for old, new in draft.going}
    after: list[Mapping[str, Any]] = []
    gone_over: list[Mapping[str, Any]] = []
    for service in draft.services:
        own = {identity: successors[identity] for identity in sorted(used(service["Spec"], noun) & set(successors))}
        if not own or service["Spec"]["Name"] in draft.left:
            after.append(service)
            continue
        gone_over.append(service)
        draft.waits += _ended(service)
        draft.moves.append(_move_step(draft, service, {identity: name for identity, (_id, name) in own.items()}))
        status = {"UpdateStatus": {"State": "completed"}, "PreviousSpec": service["Spec"]}
        after.append({**service, "Spec": moved(service["Spec"], noun, own), **status})
    awaited = [service for service in gone_over if not is_job(service)]
    if awaited:
        draft.moves.append(_all_moved(draft, awaited))
    return tuple(_let_go(draft, after))


def _all_moved(draft: _Draft, services: Sequence[Mapping[str, Any]]) -> Step:
    names = sorted(str(each["Spec"]["Name"]) for each in services)
    objects = sorted({draft.named(new) for _old, new in draft.going})
    told = f"wait until {_services(names)} {'runs' if len(names) == 1 else 'run'} with {', '.join(objects)}"
    wait = Wait("their updates have ended")
    return Step("wait", draft.family.plural, told, wait, awaits=MOVED + " ".join(names), parts=max(map(_parts, services)))


def _services(names: Collection[str]) -> str:
    return f"service{'' if len(names) == 1 else 's'} {', '.join(sorted(names))}"


def _let_go(draft: _Draft, services: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The removal of what has a successor, once no update may go back to it; gives the services as they will be then."""
    noun = draft.family.noun
    awaited: set[str] = set()
    left = [each for each in services if each["Spec"]["Name"] in draft.left]
    for old, _new in draft.going:
        if users(left, noun, old.id) or may_return(left, noun, old.id, RETURNABLE):
            draft.kept.append(old)
            continue
        paused = may_return(services, noun, old.id, set(RETURNABLE) - set(UNDER_WAY))
        if paused:
            told = f"{draft.named(old)} stays, since the update of {_services(paused)} has stopped and may go back to it; mend that first"
            draft.warnings.append(told)
            draft.kept.append(old)
            continue
        awaited |= set(may_return(services, noun, old.id, UNDER_WAY))
        draft.removals.append(_removal(draft, old))
    if awaited:
        told = f"wait until the update of {_services(awaited)} cannot go back any more"
        wait = Step("wait", draft.family.plural, told, Wait("their updates have ended"), awaits=RETURNED + " ".join(sorted(awaited)))
        draft.removals.insert(0, wait)
    return [{**each, "UpdateStatus": {"State": "completed"}} if each["Spec"]["Name"] in awaited else each for each in services]


def _ended(service: Mapping[str, Any]) -> list[Step]:
    """The wait for an update that is under way already, which another would cut off."""
    name = str(service["Spec"]["Name"])
    if (service.get("UpdateStatus") or {}).get("State") not in UNDER_WAY:
        return []
    told = f"wait until the update of service {name} that is under way has ended"
    return [Step("wait", f"service {name}", told, Wait(f"service {name} is not being updated"), awaits=RETURNED + name)]


def _move_step(draft: _Draft, service: Mapping[str, Any], names: Mapping[str, str]) -> Step:
    old = {item.id: item.name for item, _new in draft.going}
    name = str(service["Spec"]["Name"])
    told = ", ".join(f"from {old[identity]} to {successor}" for identity, successor in names.items())
    tasks = int((service.get("ServiceStatus") or {}).get("DesiredTasks") or 0)
    costs = f"replaces {tasks} task{'' if tasks == 1 else 's'} in its own rolling update" if tasks else ""
    if is_job(service):
        costs = "the job runs again"
    stack = stack_of(service)
    if stack:
        draft.warnings.append(
            f"service {name}: the next docker stack deploy of {stack} looks for the {draft.family.noun} by the name in its compose file, "
            f"which is to be {', '.join(names.values())} from now on"
        )
    call = Move(name, str(service["ID"]), dict(names))
    return Step("update", f"service {name}", f"service {name}: go over {told}", call, costs)


def _parts(service: Mapping[str, Any]) -> int:
    """How many times the tasks of a service are replaced in a row; a parallelism of 0 is all of them at once."""
    tasks = int((service.get("ServiceStatus") or {}).get("DesiredTasks") or 0)
    settings: Mapping[str, Any] = service["Spec"].get("UpdateConfig") or {"Parallelism": 1}
    return max(1, -(-tasks // (settings.get("Parallelism") or max(1, tasks))))
