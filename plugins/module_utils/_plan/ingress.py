# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the ingress network: removed and made anew where it differs, with the ports of services off it in the meantime.

A step of a service is worked out from the service as it is when its turn has come. Whatever was done already shows in the labels of
the services, so that a run that was cut off anywhere is planned to its end by the next one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._model.item import Item
from .._model.membership import instant
from .._model.network import NETWORK, allocated, subnets_of
from .._model.node import hostname, ready
from .._model.parked import PARKED_LABEL, kept, mesh_ports, park, restore
from .._model.publish import PUBLISH, Port, port_text
from .._model.service import is_job
from .._model.subnets import Pool
from .._model.table import differences
from .addresses import overlap
from .convergence import Progress
from .networks import Networks, create_step, name_taken, network_body, predicted, remove_step
from .nodes import Nodes
from .paused_nodes import held_by_paused
from .plan import Blocker, Call, Plan, Step, Wait

GONE = "gone:"
LEFT = "left"
MADE = "made"


@dataclass(frozen=True)
class WantedIngress:
    """The ingress network that the user wrote; with `in_use` it is replaced also while services publish through it.

    With `only_finish` nothing is wanted but that ports which are off come back, through the network that is there or one as written.
    """

    network: Item
    in_use: bool = False
    only_finish: bool = False


@dataclass(frozen=True)
class Ingress:
    """The ingress network (None: the swarm has none), the other networks, and the services that have to do with it.

    `stale` are the IDs of older ingress networks that are still listed. The rest is only known when there is something to do: the
    nodes, who is still on the network ("web on node2 (running)"), who of them no update moves (hostname and service), and how far each
    of the services is.
    """

    network: Item | None
    others: Networks = field(default_factory=Networks)
    services: tuple[Item, ...] = ()
    stale: tuple[str, ...] = ()
    nodes: Nodes = ()
    held: tuple[str, ...] = ()
    stuck: tuple[tuple[str, str], ...] = ()
    progress: tuple[Progress, ...] = ()

    @property
    def publishing(self) -> tuple[Item, ...]:
        """The services that publish through it."""
        return tuple(service for service in self.services if service.values["publish"])

    @property
    def parked(self) -> tuple[Item, ...]:
        """The services whose ports were taken off it and not given back."""
        return tuple(service for service in self.services if service.values["parked"] and not service.values["publish"])


@dataclass(frozen=True)
class Rewrite:
    """An update of a service as it is found when the turn of its step has come.

    The `change` "again" sends the spec as it is, which lets the swarm try an update again that it has given up.
    """

    service: str
    change: str

    def __str__(self) -> str:
        return f"POST /services/{self.service}/update"

    def call(self, document: Mapping[str, Any]) -> Call:
        """The call that changes this service's spec, and nothing else of it."""
        spec = dict(document["Spec"]) if self.change == "again" else (park if self.change == "park" else restore)(document["Spec"])
        return Call("POST", f"/services/{self.service}/update", {"version": document["Version"]["Index"]}, spec)


def read_publisher(document: Mapping[str, Any]) -> Item:
    """A service with the ports that it publishes through the ingress network, and those that are kept in its label."""
    spec = document["Spec"]
    values = {"publish": PUBLISH.read(mesh_ports(spec.get("EndpointSpec"))), "parked": PUBLISH.read(mesh_ports(kept(spec)))}
    return Item(str(spec["Name"]), values, id=str(document["ID"]), version=int(document["Version"]["Index"]), document=document)


def plan_ingress(wanted: WantedIngress, found: Ingress) -> Plan[Ingress]:
    """Nothing, a creation or a replacement, and the ports of services back where they were."""
    there = found.network
    if wanted.only_finish and not any(service.values["parked"] for service in found.services):
        return Plan(found, found)
    told = "" if wanted.only_finish else _differs(wanted.network, there)
    returned = [_restore(service) for service in found.services if service.values["parked"]]
    after = replace(found, services=tuple(_restored(service) for service in found.services), held=(), stuck=(), progress=(), stale=())
    if there is not None and not told:
        steps = returned if allocated(there) else []
        return Plan(found, after if steps else found, tuple(steps), (), _stale(found))
    made = replace(after, network=predicted(wanted.network))
    create = create_step(wanted.network, network_body(wanted.network, Ingress=True), awaits=MADE)
    blockers = [blocker for other in found.others.items for blocker in name_taken(wanted.network, other)]
    blockers += [*_overlapping(wanted.network, found.others), *_too_small(wanted.network, found)]
    if there is None:
        return Plan(found, made, (create, *returned), tuple(blockers))
    blockers += [*_consent(wanted, found, told), *_jobs(wanted.network, found), *_nodes(wanted.network, found)]
    blockers += [held_by_paused(wanted.network.where, found.stuck)] if found.stuck else []
    steps = [_park(service) for service in found.publishing]
    given_up = {each.name for each in found.progress if each.stopped}
    steps += [_again(service) for service in found.parked if service.name in given_up]
    if steps or found.held:
        steps.append(_leave(found))
    steps += [remove_step(there, "nothing is published through it", GONE + there.id), create]
    steps += [_restore(_parked(service)) for service in found.services]
    return Plan(found, made, tuple(steps), tuple(blockers), (*_lost(wanted.network, there), *_warnings(found), *_stale(found)))


def parked_for(found: Ingress, clock: float | None) -> float:
    """For how many seconds ports have been off, by the swarm's own clock (`clock`: what it shows now); 0 where it does not tell."""
    since = [instant(str((each.document.get("UpdateStatus") or {}).get("StartedAt") or "")) for each in found.parked]
    begun = [each for each in since if each is not None]
    return max(0.0, clock - min(begun)) if begun and clock is not None else 0.0


def settled(awaited: str, found: Ingress) -> bool:
    """Whether what a step awaits holds: nobody is on the network, the one named by its ID has left the list, the new one is there."""
    if awaited == LEFT:
        return not found.held
    if awaited == MADE:
        return found.network is not None and allocated(found.network)
    return found.network is None or GONE + found.network.id != awaited


def holding(awaited: str, found: Ingress) -> str:
    """What it is that does not settle, and what can be done about it."""
    if awaited == LEFT:
        late = [str(each) for each in found.progress if each.failure]
        return "; ".join([f"still on the ingress network: {', '.join(found.held)}", *late])
    if awaited.startswith(GONE):
        return f"the Engine of this manager still has the removed ingress network {awaited[len(GONE) :]}; restart Docker on this host"
    return ""


def _differs(wanted: Item, there: Item | None) -> str:
    if there is None or not allocated(there):
        return ""
    told = [str(change) for change in differences(NETWORK, wanted.values, there.values)]
    return "; ".join(told + ([f"name: wanted {wanted.name!r}, found {there.name!r}"] if there.name != wanted.name else []))


def _ports(ports: Sequence[Port]) -> str:
    return ", ".join(port_text(port) for port in ports)


def _desired(service: Item) -> int:
    return int((service.document.get("ServiceStatus") or {}).get("DesiredTasks") or 0)


def _replaces(service: Item) -> str:
    count = _desired(service)
    return f"replaces {count} task{'' if count == 1 else 's'}"


def _park(service: Item) -> Step:
    says = f"service {service.name}: take {_ports(service.values['publish'])} off the ingress network, kept in its label {PARKED_LABEL}"
    costs = f"{_replaces(service)}; what it published answers nowhere until it is published again"
    return Step("unpublish", f"service {service.name}", says, Rewrite(service.id, "park"), costs)


def _again(service: Item) -> Step:
    """Tasks that still publish keep the network in use for as long as nobody goes on with it."""
    says = f"service {service.name}: go on with the update that was given up, which takes its ports off the ingress network"
    return Step("update", f"service {service.name}", says, Rewrite(service.id, "again"), _replaces(service))


def _restore(service: Item) -> Step:
    if service.values["publish"]:
        says = f"service {service.name}: drop its label {PARKED_LABEL}, since its ports were published anew"
        return Step("update", f"service {service.name}", says, Rewrite(service.id, "restore"))
    says = f"service {service.name}: publish {_ports(service.values['parked'])} again"
    return Step("publish", f"service {service.name}", says, Rewrite(service.id, "restore"), _replaces(service))


def _parked(service: Item) -> Item:
    return replace(service, values={"publish": (), "parked": service.values["publish"] or service.values["parked"]})


def _restored(service: Item) -> Item:
    return replace(service, values={"publish": service.values["publish"] or service.values["parked"], "parked": ()})


def _leave(found: Ingress) -> Step:
    """A node that still has a task on the network cannot let go of it, and is left without a mesh until its Docker is restarted."""
    until = "no task is left on the ingress network on any node"
    return Step("wait", f"network {found.network.name if found.network else ''}", f"wait until {until}", Wait(until), awaits=LEFT)


def _consent(wanted: WantedIngress, found: Ingress, told: str) -> list[Blocker]:
    if wanted.in_use or not found.publishing:
        return []
    names = ", ".join(service.name for service in found.publishing)
    off = ", ".join(service.name for service in found.parked)
    remedy = (
        "to take their ports off for the length of a replacement and publish them again, write replace: in_use; or unpublish them first"
    )
    if off:
        remedy += f" (the ports of {off} are off since a run that was cut off: write the network as it is to have them back as they were)"
    return [Blocker(wanted.network.where, f"it differs ({told}) and {names} publish through it", remedy)]


def _jobs(wanted: Item, found: Ingress) -> list[Blocker]:
    """Each update of a job runs it anew from its beginning (swarmkit: JobIteration)."""
    names = [service.name for service in found.publishing if is_job(service.document)]
    if not names:
        return []
    reason = f"{', '.join(names)} publish{'es' if len(names) == 1 else ''} through it as a job, and taking its ports off would run it again"
    return [Blocker(wanted.where, reason, "remove it first, and make it anew afterwards")]


def _nodes(wanted: Item, found: Ingress) -> list[Blocker]:
    """What keeps a node from letting go of the network. Once ports are off, the way forward is the shortest one, so nothing does."""
    if found.parked:
        return []
    versions = {hostname(node): _version(node) for node in found.nodes}
    blockers = []
    if len(set(versions.values())) > 1:
        shown = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
        reason = f"its nodes have Engines of different versions ({shown}), and Docker removes it reliably from equal ones only"
        blockers.append(Blocker(wanted.where, reason, "bring all nodes to one version first"))
    down = _down(found)
    if down and found.publishing:
        reason = f"{down} is down and would come back with tasks on the removed network, and so without the mesh"
        blockers.append(Blocker(wanted.where, reason, "bring it back, or remove it from the swarm, first"))
    return blockers


def _version(node: Item) -> str:
    return str(((node.document.get("Description") or {}).get("Engine") or {}).get("EngineVersion") or "")


def _down(found: Ingress) -> str:
    return ", ".join(sorted(hostname(node) for node in found.nodes if not ready(node)))


def _lost(wanted: Item, there: Item) -> list[str]:
    """What the network that is there was given and the new one will not have, since it is made as it is written."""
    made = predicted(wanted).values
    unwritten = {option: made[option] for option in ("encrypted", "mtu", "driver_opts", "labels") if option not in wanted.values}
    lost = [f"{each.option} {each.found!r}" for each in differences(NETWORK, unwritten, there.values)]
    told = "which is not written, so that the new one will not have it; write what is to stay"
    return [f"network {there.name} has {', '.join(lost)}, {told}"] if lost else []


def _warnings(found: Ingress) -> list[str]:
    """What the operator should know although it stops nothing."""
    warnings = [
        f"service {service.name} has a port that the swarm chose, and may get another one"
        for service in found.services
        if _dynamic(service)
    ]
    down = _down(found)
    if down:
        warnings.append(f"{down} is down; if published ports do not answer there when it is back, restart its Docker")
    return warnings


def _dynamic(service: Item) -> bool:
    return any(port.published == 0 for port in (*service.values["publish"], *service.values["parked"]))


def _stale(found: Ingress) -> tuple[str, ...]:
    return tuple(
        f"this manager's Engine still has an older ingress network ({each}); if that stays so, restart Docker on this host"
        for each in found.stale
    )


def _too_small(wanted: Item, found: Ingress) -> list[Blocker]:
    """Every node has an address on it, and each service that publishes, and each of its tasks."""
    pools: Sequence[Pool] = wanted.values.get("subnets") or ()
    if not pools or any(ipaddress.ip_network(pool[0]).version != 4 for pool in pools):
        return []
    free = sum(_free(pool) for pool in pools)
    tasks = sum(_desired(service) for service in found.services)
    needed = len(found.nodes) + len(found.services) + tasks
    if needed <= free:
        return []
    shown = ", ".join(pool[0] for pool in pools)
    parts = f"{len(found.nodes)} for nodes, {len(found.services)} for services that publish, {tasks} for their tasks"
    return [Blocker(wanted.where, f"{shown} has {free} addresses to give, and {needed} are needed ({parts})", "give it a larger subnet")]


def _free(pool: Pool) -> int:
    """The addresses that a pool has to give: without those of the network, of broadcasts and of the gateway."""
    network = ipaddress.ip_network(pool[0])
    given = ipaddress.ip_network(pool[2] or pool[0])
    apart = {network.network_address, network.broadcast_address, ipaddress.ip_address(pool[1]) if pool[1] else network.network_address + 1}
    return given.num_addresses - sum(1 for address in apart if address in given)


def _overlapping(wanted: Item, others: Networks) -> list[Blocker]:
    return [
        Blocker(wanted.where, f"its subnet {subnet} overlaps {rival} of network {other.name}", "give it a subnet that is free")
        for other in others.items
        for subnet in subnets_of(wanted)
        for rival in subnets_of(other)
        if overlap(subnet, rival)
    ]
