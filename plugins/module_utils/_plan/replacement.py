# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of networks of which some are made anew: at once where nothing uses them, else by way of a parallel network (migration)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._model.errors import NotReady
from .._model.item import JOURNAL, OWNER_LABEL, Item
from .._model.network import NETWORK, VNI_OPTION, allocated, subnets_of
from .._model.relocation import Relocation, attachments, holds_host_port, knows, set_aside, settings_for_moving
from .._model.table import Json, differences, read, write
from .addresses import free_subnet, overlap
from .convergence import Progress
from .migration import CREATE, END, GONE, JOIN, LEAVE, NEW, OLD, PART, REMOVE, Action, Place, Stage, parallel_name, way
from .networks import Networks, WantedNetworks, create_step, describe, plan_networks, remove_step
from .plan import Blocker, Call, Plan, Step, Wait

PARALLEL_LABEL = JOURNAL + "parallel-to"
"""The label of a parallel network, with the name of the one that it stands in for."""
SUCCESSOR_LABEL = JOURNAL + "successor"
"""The label of a parallel network with the body of the creation that follows, since by then the old network is gone."""
REMOVED, ALLOCATED, MOVED = "gone:", "allocated:", "moved:"
UNUSED = "nothing uses it any more"
UPDATES = 4
"""How often the tasks of a service are replaced: it joins and leaves, on the way out and on the way back."""


@dataclass(frozen=True)
class Member:
    """A service that uses a network which is to be replaced: its document (GET /services?status=true), how far its tasks are, and how many
    of those that were told to stop still run on nodes that are up.
    """

    document: Mapping[str, Any]
    progress: Progress
    lingering: int = 0

    @property
    def spec(self) -> Mapping[str, Any]:
        spec: Mapping[str, Any] = self.document["Spec"]
        return spec

    @property
    def settled(self) -> bool:
        """Whether all tasks are of the newest spec and the others have ended, however the update is called."""
        progress = self.progress
        return progress.running == progress.wanted and not self.lingering and progress.updating not in ("updating", "rollback_started")

    def __str__(self) -> str:
        return f"{self.progress}" + (f", {self.lingering} old tasks still to end" if self.lingering else "")

    @property
    def batches(self) -> int:
        """In how many parts its tasks are replaced."""
        update = self.spec.get("UpdateConfig")
        parallelism = 1 if update is None else int(update.get("Parallelism") or 0)
        return max(1, -(-self.progress.wanted // parallelism)) if parallelism else 1


@dataclass(frozen=True)
class UsedNetworks(Networks):
    """The same with what a replacement has to know: the services by name, standalone containers by network ID ("db on node2"), and the
    pools from which the swarm takes subnets. `nodes` is how many nodes there are.
    """

    members: Mapping[str, Member] = field(default_factory=dict)
    attached: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pools: tuple[str, ...] = ()
    subnet_size: int = 24
    nodes: int = 1


@dataclass(frozen=True)
class Replacement:
    """One network that is to be made anew: what is wanted, what is there, and the parallel network."""

    wanted: Item
    there: Item | None
    parallel: Item | None

    @property
    def policy(self) -> str:
        return str(self.wanted.values.get("replace") or "never")

    @property
    def ids(self) -> tuple[str, ...]:
        """The IDs of the networks that are there."""
        return tuple(item.id for item in (self.there, self.parallel) if item)

    @property
    def changes(self) -> str:
        """The differences in words."""
        return "; ".join(str(each) for each in differences(NETWORK, self.wanted.values, self.there.values)) if self.there else ""


def replacements(wanted: WantedNetworks, found: Networks) -> list[Replacement]:
    """The networks that differ and may be made anew, and those whose replacement is under way."""
    by_name = {item.name: item for item in found.items}
    parallel = {str((item.document.get("Labels") or {}).get(PARALLEL_LABEL)): item for item in found.items}
    listed = [Replacement(item, by_name.get(item.name), parallel.get(item.name)) for item in wanted.items if item.state == "present"]
    return [each for each in listed if each.parallel or (each.policy != "never" and each.changes and allocated(each.there or each.wanted))]


def plan_with_replacements(wanted: WantedNetworks, found: Networks) -> Plan[Networks]:
    """Removals, then replacements one after the other, then creations."""
    state = found
    steps: list[Step] = []
    blockers: list[Blocker] = []
    warnings: list[str] = []
    for each in replacements(wanted, found):
        if each.there and each.parallel and not allocated(each.there):
            # it settles first: whether it is the old network or the new one shows in what it was given
            continue
        plan = _plan_one(each, state if isinstance(state, UsedNetworks) else UsedNetworks(state.items, state.users))
        state = plan.after
        steps += plan.steps
        blockers += plan.blockers
        warnings += plan.warnings
    rest = plan_networks(wanted, state)
    removals = [step for step in rest.steps if step.action == "remove"]
    creations = [step for step in rest.steps if step.action != "remove"]
    return Plan(found, rest.after, (*removals, *steps, *creations), (*blockers, *rest.blockers), tuple(warnings))


def _plan_one(replacement: Replacement, found: UsedNetworks) -> Plan[Networks]:
    successor = renewed(replacement)
    others = [item for item in found.items if item.id not in replacement.ids]
    users = tuple(sorted({name for each in replacement.ids for name in found.users.get(each, ())}))
    after = replace(found, items=(*others, successor), users={**found.users, successor.id: users})
    stage = stage_of(replacement, found)
    blockers = _blockers(replacement, stage, found) + _overlapping(replacement, others)
    moving = bool(replacement.parallel or stage.places)
    parallel = replacement.parallel or (_parallel(replacement, found, successor) if moving else None)
    if moving and parallel is None:
        reason = "the pools of the swarm have no subnet left for a parallel network"
        blockers.append(Blocker(replacement.wanted.where, reason, "give one as replace_subnet"))
    steps: list[Step] = []
    if not blockers:
        steps = _unsettled(replacement, found)
        steps += [_step(here, action, replacement, parallel or successor, successor, found) for here, action in way(stage)]
    return Plan(found, after, tuple(steps), tuple(blockers), _warnings(stage, found))


def stage_of(replacement: Replacement, found: UsedNetworks) -> Stage:
    """How far a replacement is, from what the swarm has."""
    there, parallel = replacement.there, replacement.parallel
    network = GONE if there is None else OLD if replacement.changes else NEW
    places = [_place(member, there, parallel) for member in found.members.values()]
    order = replacement.wanted.values.get("replace_order") or ()

    def rank(place: Place) -> tuple[int, bool, str]:
        """As written, then those that publish ports, since they are rather callers than called."""
        ports = (found.members[place.name].spec.get("EndpointSpec") or {}).get("Ports")
        return (order.index(place.name) if place.name in order else len(order), not ports, place.name)

    return Stage(network, parallel is not None, tuple(sorted((each for each in places if each.here or each.beside), key=rank)))


def _place(member: Member, there: Item | None, parallel: Item | None) -> Place:
    spec = member.spec
    targets = {str(each["Target"]) for each in attachments(spec)}
    return Place(
        str(spec["Name"]),
        here=bool(there) and there.id in targets if there else False,
        beside=parallel.id in targets if parallel else False,
        knows=knows(spec),
        aside=set_aside(spec),
        fits=settings_for_moving(spec) is None,
        vip=(spec.get("EndpointSpec") or {}).get("Mode") != "dnsrr",
    )


def renewed(replacement: Replacement) -> Item:
    """The network as it will be: what is written, and all else as it was. The swarm gives it numbers (VNI) of its own."""
    body = network_to_be(replacement)
    return Item(replacement.wanted.name, read(NETWORK, body), id=f"(new network {replacement.wanted.name})", document=body)


def network_to_be(replacement: Replacement) -> Json:
    """The body of POST /networks/create of the successor. When the old network has gone, it is written down at the parallel one."""
    there, parallel = replacement.there, replacement.parallel
    base: Json = {"Name": replacement.wanted.name, "CheckDuplicate": True, "Driver": "overlay", "Labels": {OWNER_LABEL: "true"}}
    if there:
        document = there.document
        base.update({key: document[key] for key in ("Driver", "Scope", "Internal", "Attachable", "EnableIPv6") if document.get(key)})
        base["Options"] = {name: value for name, value in (document.get("Options") or {}).items() if name != VNI_OPTION}
        base["Labels"] = {**(document.get("Labels") or {}), OWNER_LABEL: "true"}
        base["IPAM"] = {"Config": (document.get("IPAM") or {}).get("Config") or []}
    elif parallel:
        base = json.loads(parallel.document["Labels"][SUCCESSOR_LABEL])
    return write(NETWORK, replacement.wanted.values, base)


def _parallel(replacement: Replacement, found: UsedNetworks, successor: Item) -> Item | None:
    """The parallel network: as its successor will be, but with a subnet of its own. None where the pools have none left.

    It is internal where the old network is, so that containers ask both in the order of their names.
    """
    there = replacement.there or successor
    subnet = replacement.wanted.values.get("replace_subnet")
    if not subnet:
        taken = [each for item in (*found.items, successor) for each in subnets_of(item)]
        subnet = free_subnet(found.pools, _size(found), taken)
    if not subnet:
        return None
    body: Json = {
        "Name": parallel_name(replacement.wanted.name),
        "CheckDuplicate": True,
        "Driver": "overlay",
        "Internal": bool(there.document.get("Internal")),
        "Options": dict(successor.document.get("Options") or {}),
        "IPAM": {"Config": [{"Subnet": subnet}]},
        "Labels": {
            OWNER_LABEL: "true",
            PARALLEL_LABEL: replacement.wanted.name,
            SUCCESSOR_LABEL: json.dumps(successor.document, sort_keys=True),
        },
    }
    return Item(body["Name"], read(NETWORK, {"Scope": "swarm", **body}), id=f"(new network {body['Name']})", document=body)


def _size(found: UsedNetworks) -> int:
    """A prefix length with room for what the swarm takes addresses for: the gateway, each node and service, and tasks old and new."""
    needed = 3 + found.nodes + sum(1 + 2 * member.progress.wanted for member in found.members.values())
    return min(found.subnet_size, 32 - needed.bit_length())


def _blockers(replacement: Replacement, stage: Stage, found: UsedNetworks) -> list[Blocker]:
    where, there = replacement.wanted.where, replacement.there
    if replacement.parallel and replacement.policy != "rolling":
        users = ", ".join(place.name for place in stage.places) or "no service"
        reason = f"its replacement is under way, with {users} on {replacement.parallel.name}"
        return [Blocker(where, reason, "write replace: rolling until it has ended")]
    blockers: list[Blocker] = []
    if there is None or stage.network != OLD:
        return blockers
    if there.values["driver"] != "overlay" or there.document.get("Ingress"):
        kind = "the ingress network" if there.document.get("Ingress") else f"a network of the driver {there.values['driver']}"
        return [Blocker(where, f"it differs ({replacement.changes}), and {kind} is not made anew here", "see the module ingress_network")]
    if found.attached.get(there.id):
        reason = f"standalone containers are attached to it: {', '.join(found.attached[there.id])}"
        blockers.append(Blocker(where, reason, f"disconnect them there (docker network disconnect {replacement.wanted.name} CONTAINER)"))
    names = [place.name for place in stage.places]
    if names and replacement.policy != "rolling":
        reason = f"it differs ({replacement.changes}) and is used by {', '.join(names)}"
        blockers.append(Blocker(where, reason, "write replace: rolling to move them over a parallel network without an interruption"))
    unknown = [each for each in replacement.wanted.values.get("replace_order") or () if each not in names]
    if unknown and replacement.policy == "rolling" and not replacement.parallel:
        reason = f"{', '.join(unknown)} does not use the network"
        blockers.append(Blocker(f"{where}.replace_order", reason, f"it is used by {', '.join(names) or 'no service'}"))
    if not replacement.parallel:
        blockers += [blocker for each in names for blocker in _unmovable(where, found.members[each])]
    return blockers


def _unmovable(where: str, member: Member) -> list[Blocker]:
    if any(mode.endswith("Job") for mode in member.spec["Mode"]):
        return [Blocker(where, f"service {member.progress.name} is a job, and an update would run it again", "remove it first")]
    if not member.settled:
        return [Blocker(where, f"before anything is moved, all has to run: {member}", "mend or end that, and run again")]
    return []


def _overlapping(replacement: Replacement, others: Sequence[Item]) -> list[Blocker]:
    """Subnets of the successor, and of the parallel network where one is written, against all other networks."""
    there = subnets_of(replacement.there) if replacement.there else ()
    parallel = replacement.wanted.values.get("replace_subnet")
    wanted = subnets_of(replacement.wanted)
    rivals = [(f"network {item.name}", subnet) for item in others for subnet in subnets_of(item)]
    pairs = [("subnet", mine, owner, rival) for mine in wanted for owner, rival in rivals]
    if parallel and not replacement.parallel:
        own = [("the network itself", each) for each in (*there, *wanted)]
        pairs += [("replace_subnet", parallel, owner, rival) for owner, rival in (*rivals, *own)]
    return [
        Blocker(replacement.wanted.where, f"its {option} {mine} overlaps {rival} of {owner}", "give it a subnet that is free")
        for option, mine, owner, rival in pairs
        if overlap(mine, rival)
    ]


def _unsettled(replacement: Replacement, found: UsedNetworks) -> list[Step]:
    """What an interrupted run left: updates that are still under way, and those that the swarm has given up."""
    steps = []
    if not replacement.parallel:
        return []
    for name, member in found.members.items():
        if member.settled or not any(each["Target"] in replacement.ids for each in attachments(member.spec)):
            continue
        item, awaits = f"service {name}", MOVED + name
        if member.progress.stopped:
            again = Relocation(name, str(member.document["ID"]))
            says = f"{item}: go on with the update that was given up"
            steps.append(Step("update", item, says, again, _cost(member), awaits, member.batches))
        else:
            until = f"the update of service {name} has ended"
            steps.append(Step("wait", item, f"wait until {until}", Wait(until), "", awaits, member.batches))
    return steps


def _step(stage: Stage, action: Action, replacement: Replacement, parallel: Item, successor: Item, found: UsedNetworks) -> Step:
    """The step that an action is."""
    if action.kind == PART:
        return replace(create_step(parallel, dict(parallel.document)), costs=_total(stage, found), awaits=ALLOCATED + parallel.name)
    if action.kind == REMOVE and replacement.there:
        return remove_step(replacement.there, UNUSED, REMOVED + replacement.there.id)
    if action.kind == CREATE:
        return replace(create_step(successor, dict(successor.document)), awaits=ALLOCATED + successor.name)
    if action.kind == END:
        call = Call("DELETE", f"/networks/{parallel.id}" if replacement.parallel else f"/networks/{parallel.name}")
        return Step("remove", f"network {parallel.name}", f"remove {describe(parallel)}", call, UNUSED, REMOVED + parallel.name)
    return _move(stage, action, found.members[action.service], successor.name, parallel.name)


def _move(stage: Stage, action: Action, member: Member, name: str, parallel: str) -> Step:
    service, identity, item = action.service, str(member.document["ID"]), f"service {action.service}"
    out = stage.network == OLD
    if action.kind == JOIN:
        joins, like = (parallel, name) if out else (name, parallel)
        known = not out and any(other.here and other.vip for other in stage.places)
        says = f"{item}: join {joins} beside {like}" + (", with the addresses there of those before it" if known else "")
        change = Relocation(service, identity, joins=joins, like=like, known=not out)
    elif action.kind == LEAVE:
        leaves = name if out else parallel
        says = f"{item}: leave {leaves}"
        change = Relocation(service, identity, leaves=leaves)
    else:
        return Step("update", item, f"{item}: take up its own update settings again", Relocation(service, identity, restores=True))
    return Step("update", item, says, change, _cost(member), MOVED + service, member.batches)


def _cost(member: Member) -> str:
    order = "old ones first" if holds_host_port(member.spec) else "new ones first"
    return f"replaces {_tasks(member.progress.wanted)}, {order}" if member.progress.wanted else ""


def _total(stage: Stage, found: UsedNetworks) -> str:
    told = ", ".join(f"{place.name} ({_tasks(found.members[place.name].progress.wanted)})" for place in stage.places)
    return f"{UPDATES * len(stage.places)} updates follow, {UPDATES} of each service: {told}"


def _tasks(count: int) -> str:
    return f"{count} task" + ("" if count == 1 else "s")


def _warnings(stage: Stage, found: UsedNetworks) -> tuple[str, ...]:
    """What costs requests, whatever the order: told by name."""
    warnings = []
    for place in stage.places:
        spec = found.members[place.name].spec
        check = (spec["TaskTemplate"].get("ContainerSpec") or {}).get("Healthcheck") or {}
        if not check.get("Test") or check["Test"] == ["NONE"]:
            warnings.append(
                f"service {place.name} has no healthcheck of its own: unless its image has one, "
                "its new tasks get requests before they listen, each time they are replaced"
            )
        if holds_host_port(spec):
            warnings.append(
                f"service {place.name} publishes a port in host mode, which its old task holds: it stops before the new one starts, "
                "and the requests of that time are lost on its node"
            )
    return tuple(warnings)


def settled(awaited: str, found: Networks) -> bool:
    """Whether what a step awaits has come about. Raises NotReady where the swarm has given the update up."""
    kind, _colon, name = awaited.partition(":")
    if kind + ":" == MOVED:
        member = _awaited_member(awaited, found)
        if member and member.progress.stopped:
            raise NotReady(f"the swarm gave the update up: {member}; mend that and run again, which goes on from here")
        return member is None or (member.settled and member.progress.done)
    if kind + ":" == ALLOCATED:
        return any(item.name == name and allocated(item) for item in found.items)
    return all(name not in (item.id, item.name) for item in found.items)


def so_far(awaited: str, found: Networks) -> str:
    """How far the tasks of the service are that is awaited."""
    member = _awaited_member(awaited, found)
    return str(member) if member else ""


def _awaited_member(awaited: str, found: Networks) -> Member | None:
    kind, _colon, name = awaited.partition(":")
    return found.members.get(name) if kind + ":" == MOVED and isinstance(found, UsedNetworks) else None
