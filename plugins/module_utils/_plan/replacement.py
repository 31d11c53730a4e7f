# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of networks of which some are made anew: at once where nothing uses them, else by way of a parallel network (migration)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .._model.errors import NotReady
from .._model.item import JOURNAL, OWNER_LABEL, Item
from .._model.network import NETWORK, VNI_OPTION, allocated, subnets_of
from .._model.relocation import Relocation, holds_host_port, knows, networks_of, set_aside, settings_for_moving
from .._model.subnets import completed_pools
from .._model.table import Json, read, write
from .address_plan import Surroundings
from .allocation import DefaultPools
from .migration import CREATE, END, GONE, JOIN, LEAVE, NEW, OLD, PART, REMOVE, Action, Place, Stage, parallel_name, way
from .networks import Networks, WantedNetworks, create_step, describe, plan_networks, remove_step
from .obstacles import cramped, losses, obstacles, overlapping, unsuitable
from .plan import Blocker, Call, Plan, Step, Wait
from .used_networks import Member, Replacement, UsedNetworks, with_users

PARALLEL_LABEL = JOURNAL + "parallel-to"
"""The label of a parallel network, with the name of the one that it stands in for."""
SUCCESSOR_LABEL = JOURNAL + "successor"
"""The label of a parallel network with the body of the creation that follows, since by then the old network is gone."""
REMOVED, ALLOCATED, MOVED = "gone:", "allocated:", "moved:"
TAKEN_BACK = ("rollback_completed", "rollback_paused")
"""How an update ends that fails where its service has failure_action rollback: all tasks run, and on the networks of before."""
NOWHERE = Surroundings()
UNUSED = "nothing uses it any more"
UPDATES = 4
"""How often the tasks of a service are replaced: it joins and leaves, on the way out and on the way back."""


def replacements(wanted: WantedNetworks, found: Networks) -> list[Replacement]:
    """The networks that differ and may be made anew, and those whose replacement is under way."""
    if wanted.scope != "swarm":
        return []
    by_name = {item.name: item for item in found.items if item.values["scope"] == "swarm"}
    parallel = parallels(found)
    listed = [Replacement(item, by_name.get(item.name), parallel.get(item.name)) for item in wanted.items if item.state == "present"]
    return [each for each in listed if each.parallel or (each.policy != "never" and each.changes and allocated(each.there or each.wanted))]


def parallels(found: Networks) -> dict[str, Item]:
    """The parallel networks by the names of those that they stand in for."""
    labelled = [((item.document.get("Labels") or {}).get(PARALLEL_LABEL), item) for item in found.items]
    return {str(name): item for name, item in labelled if name}


def _forgotten(wanted: WantedNetworks, found: Networks) -> list[str]:
    """Replacements that were cut off, and that nobody asks to be ended."""
    asked = {item.name for item in wanted.items if item.state == "present"}
    return [
        f"network {item.name}: the replacement of network {name} was cut off, and {name} is not in the list; "
        f"write it with replace: rolling, which brings its services back and removes {item.name}"
        for name, item in parallels(found).items()
        if name not in asked and wanted.scope == "swarm"
    ]


def plan_with_replacements(wanted: WantedNetworks, found: Networks, around: Surroundings = NOWHERE) -> Plan[Networks]:
    """Removals, then replacements one after the other, then creations. Parallel networks lie where no host of `around` has addresses."""
    state = found
    steps: list[Step] = []
    blockers: list[Blocker] = []
    warnings = _forgotten(wanted, found)
    for each in replacements(wanted, found):
        if each.there and each.parallel and not allocated(each.there):
            # it settles first: whether it is the old network or the new one shows in what it was given
            state = replace(state, items=tuple(item for item in state.items if item is not each.parallel))
            continue
        plan = _plan_one(each, state if isinstance(state, UsedNetworks) else with_users(state), around)
        state = plan.after
        steps += plan.steps
        blockers += plan.blockers
        warnings += plan.warnings
    rest = plan_networks(wanted, state)
    removals = [step for step in rest.steps if step.action == "remove"]
    creations = [step for step in rest.steps if step.action != "remove"]
    return Plan(found, rest.after, (*removals, *steps, *creations), (*blockers, *rest.blockers), (*warnings, *rest.warnings))


def _plan_one(replacement: Replacement, found: UsedNetworks, around: Surroundings) -> Plan[Networks]:
    successor = renewed(replacement)
    others = [item for item in found.items if item.id not in replacement.ids]
    users = tuple(sorted({name for each in replacement.ids for name in found.users.get(each, ())}))
    after = replace(found, items=(*others, successor), users={**found.users, successor.id: users})
    stage = stage_of(replacement, found)
    blockers = obstacles(replacement, stage, found)
    blockers += overlapping(replacement, others, around) or unsuitable(replacement, stage, found, successor, others)
    moving = bool(replacement.parallel or stage.places)
    parallel = replacement.parallel or (_parallel(replacement, found, successor, around) if moving else None)
    if moving and parallel is None:
        reason = "the pools of the swarm have no subnet left for a parallel network" + (" that no host has" if around.taken else "")
        blockers.append(Blocker(replacement.wanted.where, reason, "give one outside of them as replace_subnet"))
    blockers = blockers or cramped(replacement, stage, found, parallel, successor)
    steps: list[Step] = []
    if not blockers:
        steps = _unsettled(replacement, found)
        steps += [_step(here, action, replacement, parallel or successor, successor, found) for here, action in way(stage)]
    return Plan(found, after, tuple(steps), tuple(blockers), losses(stage, found))


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
    targets = {str(each["Target"]) for each in networks_of(spec)}
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
        base["Options"] = _numberless(document)
        base["Labels"] = {**(document.get("Labels") or {}), OWNER_LABEL: "true"}
        base["IPAM"] = {"Config": (document.get("IPAM") or {}).get("Config") or []}
        if there.values["ipam_driver"] != "default" or there.values["ipam_opts"]:
            base["IPAM"].update(Driver=there.values["ipam_driver"], Options=dict(there.values["ipam_opts"]))
    elif parallel:
        base = json.loads(parallel.document["Labels"][SUCCESSOR_LABEL])
    values = dict(replacement.wanted.values)
    if "subnets" in values:
        values["subnets"] = completed_pools(values["subnets"], read(NETWORK, base)["subnets"])
    return write(NETWORK, values, base)


def _numberless(document: Mapping[str, Any]) -> Json:
    """A network's options without its VNIs, which no two networks share."""
    return {name: value for name, value in (document.get("Options") or {}).items() if name != VNI_OPTION}


def _parallel(replacement: Replacement, found: UsedNetworks, successor: Item, around: Surroundings) -> Item | None:
    """The parallel network: as its successor will be, but with a subnet of its own. None where the pools have none left that no host has.

    It is internal where the old network is, so that containers ask both in the order of their names.
    """
    there = replacement.there or successor
    subnet = replacement.wanted.values.get("replace_subnet")
    if not subnet:
        taken = [each for item in (*found.items, successor) for each in subnets_of(item)] + [each.subnet for each in around.taken]
        subnet = found.pools.last_free(_size(found, found.pools), taken) if found.pools else ""
    if not subnet:
        return None
    body: Json = {
        "Name": parallel_name(replacement.wanted.name),
        "CheckDuplicate": True,
        "Driver": "overlay",
        "Internal": bool(there.document.get("Internal")),
        "Options": _numberless(successor.document),
        "IPAM": {"Config": [{"Subnet": subnet}]},
        "Labels": {
            OWNER_LABEL: "true",
            PARALLEL_LABEL: replacement.wanted.name,
            SUCCESSOR_LABEL: json.dumps(successor.document, sort_keys=True),
        },
    }
    return Item(body["Name"], read(NETWORK, {"Scope": "swarm", **body}), id=f"(new network {body['Name']})", document=body)


def _size(found: UsedNetworks, pools: DefaultPools) -> int:
    """A prefix length with room for what the swarm takes addresses for: the gateway, each node and service, and tasks old and new."""
    needed = 3 + found.nodes + sum(1 + 2 * member.progress.wanted for member in found.members.values())
    return min(pools.size, 32 - needed.bit_length())


def _unsettled(replacement: Replacement, found: UsedNetworks) -> list[Step]:
    """What an interrupted run left: a network without its subnet, updates that are under way, and those that the swarm has given up."""
    parallel = replacement.parallel
    if not parallel:
        return []
    steps = []
    if not allocated(parallel):
        until = f"the swarm has given network {parallel.name} its subnet"
        steps.append(Step("wait", f"network {parallel.name}", f"wait until {until}", Wait(until), awaits=ALLOCATED + parallel.name))
    for name, member in found.members.items():
        # one that was taken back moves from where it is now, and its next move awaits what is left of it
        if member.settled or member.progress.updating == TAKEN_BACK[0]:
            continue
        if not any(each["Target"] in replacement.ids for each in networks_of(member.spec)):
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
        change = Relocation(service, identity, leaves=leaves, like=parallel if out else name)
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


def settled(awaited: str, found: Networks) -> bool:
    """Whether what a step awaits has come about. Raises NotReady where the swarm has given the update up, or taken it back."""
    kind, _colon, name = awaited.partition(":")
    if kind + ":" == MOVED:
        member = _awaited_member(awaited, found)
        if member and (member.progress.stopped or member.progress.updating in TAKEN_BACK):
            way = "took the update back" if member.progress.updating in TAKEN_BACK else "gave the update up"
            raise NotReady(f"the swarm {way}: {member}; mend that and run again, which goes on from here")
        return member is None or (member.settled and member.progress.done)
    if kind + ":" == ALLOCATED:
        return any(item.name == name and item.values["scope"] == "swarm" and allocated(item) for item in found.items)
    return all(name not in (item.id, item.name) for item in found.items)


def holding(awaited: str, found: Networks) -> str:
    """How far the tasks of the service are that is awaited."""
    member = _awaited_member(awaited, found)
    return str(member) if member else ""


def _awaited_member(awaited: str, found: Networks) -> Member | None:
    kind, _colon, name = awaited.partition(":")
    return found.members.get(name) if kind + ":" == MOVED and isinstance(found, UsedNetworks) else None
