# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in the way of a network's replacement, and what costs requests although it does not."""

from __future__ import annotations

from collections.abc import Sequence

from .._model.item import Item
from .._model.network import NETWORK, subnets_of, wanted_driver
from .._model.relocation import holds_host_port
from .._model.service import is_job
from .._model.table import differences
from .address_plan import Surroundings, several
from .addresses import overlap
from .capacity import Need, Room, size
from .migration import NEW, OLD, Stage
from .networks import vni_for_windows, vni_taken
from .paused_nodes import held_by_paused
from .plan import Blocker
from .used_networks import Member, Replacement, UsedNetworks


def obstacles(replacement: Replacement, stage: Stage, found: UsedNetworks) -> list[Blocker]:
    """Why services and network cannot be touched; what is under way already goes on."""
    where, there = replacement.wanted.where, replacement.there
    if replacement.parallel and replacement.policy != "rolling":
        users = ", ".join(place.name for place in stage.places) or "no service"
        reason = f"its replacement is under way, with {users} on {replacement.parallel.name}"
        return [Blocker(where, reason, "write replace: rolling until it has ended")]
    blockers: list[Blocker] = []
    if there is None or stage.network != OLD:
        return blockers
    if there.document.get("Ingress"):
        reason = f"this is the ingress network, and it differs: {replacement.changes}"
        return [Blocker(where, reason, "leave it out here; the module ingress_network looks after it")]
    if there.values["driver"] != "overlay" or wanted_driver(replacement.wanted) != "overlay" or there.values["config_from"]:
        reason = f"it differs ({replacement.changes}), and only overlay networks are made anew, by overlay networks"
        return [Blocker(where, reason, "remove it (state: absent) and run again")]
    if found.attached.get(there.id):
        reason = f"standalone containers are attached to it, and only services are moved: {', '.join(found.attached[there.id])}"
        remedy = (
            f"note their aliases and addresses and disconnect each on its node (docker network disconnect {there.name} CONTAINER; with "
            "state: absent in swarm_attachments the role attachments does it), run again, and connect them anew as they were"
        )
        blockers.append(Blocker(where, reason, remedy))
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
    if is_job(member.document):
        return [Blocker(where, f"service {member.progress.name} is a job, and an update would run it again", "remove it first")]
    if member.stuck:
        return [held_by_paused(where, [(node, member.progress.name) for node in member.stuck])]
    if not member.settled:
        return [Blocker(where, f"before anything is moved, all has to run: {member}", "mend or end that, and run again")]
    return []


def overlapping(replacement: Replacement, others: Sequence[Item], around: Surroundings) -> list[Blocker]:
    """Subnets of the successor against all other networks, and that of the parallel network, where one is written, against the hosts, too.

    What the hosts say to the successor is told with all other networks that are to be made (placement).
    """
    where, parallel = replacement.wanted.where, replacement.wanted.values.get("replace_subnet")
    wanted = subnets_of(replacement.wanted)
    rivals = [(f"network {item.name}", subnet) for item in others for subnet in subnets_of(item)]
    blockers = [
        Blocker(where, f"its subnet {mine} overlaps {rival} of {owner}", "give it a subnet that is free")
        for mine in wanted
        for owner, rival in rivals
        if overlap(mine, rival)
    ]
    if not parallel or replacement.parallel:
        return blockers
    there = subnets_of(replacement.there) if replacement.there else ()
    told = {subnet for _owner, subnet in rivals}
    rivals += [("the network itself", each) for each in dict.fromkeys((*there, *wanted))]
    rivals += [(each.by, each.subnet) for each in around.taken if each.subnet not in told]
    remedy = "give one that is free on every host, or leave it out: one is chosen from the pools of the swarm then"
    return blockers + [
        Blocker(where, f"its replace_subnet {parallel} overlaps {rival} of {owner}", remedy)
        for owner, rival in rivals
        if overlap(parallel, rival)
    ]


def unsuitable(replacement: Replacement, stage: Stage, found: UsedNetworks, successor: Item, others: Sequence[Item]) -> list[Blocker]:
    """Why the swarm could not make the successor, or would make another than is wanted: known before anything has moved."""
    wanted = replacement.wanted
    if stage.network == NEW:
        return []
    blockers = [blocker for other in others for blocker in vni_taken(wanted, other)] + vni_for_windows(wanted, found.windows)
    untrue = differences(NETWORK, wanted.values, successor.values)
    if untrue:
        reason = f"made anew with what is written it would still differ: {'; '.join(map(str, untrue))}"
        blockers.append(Blocker(wanted.where, reason, "write what the swarm can make true"))
    return blockers


def cramped(replacement: Replacement, stage: Stage, found: UsedNetworks, parallel: Item | None, successor: Item) -> list[Blocker]:
    """Networks on the way without room for the services: a task without an address waits for ever, half-way between two networks."""
    wanted, begun = replacement.wanted, replacement.parallel is not None
    if not stage.places or stage.network == NEW:
        return []
    asked = [(successor, "it", "give it a larger subnet")]
    if not begun and parallel:
        asked.append((parallel, "the parallel network", "give a larger one as replace_subnet"))
    if not begun and replacement.there:
        asked.append((replacement.there, "the network that is there", "give its services fewer tasks for as long as it takes"))
    members = [found.members[place.name] for place in stage.places]
    need = Need(
        vips=sum(place.vip for place in stage.places),
        tasks=sum(member.progress.wanted for member in members),
        extra=max(_at_a_time(member) for member in members),
        placed=any((member.spec["TaskTemplate"].get("Placement") or {}).get("Constraints") for member in members),
    )
    blockers = []
    for item, called, remedy in asked:
        room = Room(tuple(item.values.get("subnets") or ()))
        whole, rest = size(room.pools), need.at_rest(room, found.nodes)
        if room.pools and rest + need.extra > whole:
            names = several([place.name for place in stage.places])
            given = ", ".join(pool.ip_range or pool.subnet for pool in room.pools)
            reason = f"{called} has {whole} addresses ({given}), and its services ({names}) need {rest}"
            reason += f" and {need.extra} more while they are moved" if need.extra else ""
            blockers.append(Blocker(wanted.where, reason, remedy))
    return blockers


def _at_a_time(member: Member) -> int:
    """How many new tasks of a service run beside those that they replace."""
    return 0 if holds_host_port(member.spec) else member.at_once


def losses(stage: Stage, found: UsedNetworks) -> tuple[str, ...]:
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
