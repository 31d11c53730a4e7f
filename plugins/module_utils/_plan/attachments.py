# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the places of standalone containers on networks: connected, connected anew, disconnected."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from .._model.attachment import ATTACHMENT, Container, place_name, read_place
from .._model.item import Item
from .._model.table import Json, differences, write
from .plan import Blocker, Call, Plan, Step

Place = tuple[str, str, Item]
UNCONNECTABLE = ("host", "none")
NEW = "(new)"
"""In place of the address of a place that is still to be given."""
ALONE = "which no container can be connected to beside others"


@dataclass(frozen=True)
class Told:
    """What is known of a network: on a worker from a manager, since its own Engine lists an overlay only once something is on it.

    `held` are the addresses of containers of no service on it by ID of the container; None where no manager has told.
    """

    attachable: bool
    swarm: bool
    subnets: tuple[str, ...] = ()
    held: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Attachments:
    """The wanted containers of this host that are there, by name, and the networks by name; `complete`: there are no others."""

    containers: Mapping[str, Container] = field(default_factory=dict)
    networks: Mapping[str, Told] = field(default_factory=dict)
    complete: bool = False


def plan_attachments(wanted: Sequence[Place], exclusive: bool, found: Attachments) -> Plan[Attachments]:
    """Disconnections first, so that their addresses are free; then what is missing or differs; then containers that did not come up.

    A container that is connected anew leaves just before that, so that a failure leaves the others where they are, unless another is to
    have its address.
    """
    blockers: list[Blocker] = []
    leaving: list[Step] = []
    joining: list[Step] = []
    after = dict(found.containers)
    for name, network, item in wanted:
        container = found.containers.get(name)
        blockers += _unfit(name, network, item, found, _yielding(wanted, network, found))
        if container is None or blockers:
            continue
        there = read_place(container, network) if network in container.places else None
        if item.state == "absent":
            leaving += [_leave(container, network)] if there else []
            after[name] = _without(after[name], network)
            continue
        why = _differs(item, container, there, found.networks.get(network))
        if why is None:
            continue
        if there:
            asked = {other.values.get("ipv4_address") for _name, on, other in wanted if on == network and other is not item}
            (leaving if there.document.get("IPAddress") in asked else joining).append(_leave(container, network, why))
        body = _endpoint(item, there)
        joining.append(_join(container, network, item, body))
        after[name] = _with(after[name], network, body)
    if exclusive:
        leaving += _others(wanted, found, after)
    starting = [_start(each) for each in found.containers.values() if each.failed and not each.task]
    after = {name: _started(each) if each.failed and not each.task else each for name, each in after.items()}
    return Plan(found, replace(found, containers=after), (*leaving, *joining, *starting), tuple(blockers))


def _yielding(wanted: Sequence[Place], network: str, found: Attachments) -> set[str]:
    """The IDs of containers whose addresses on a network are free before anybody is connected: they leave it, or get others."""
    yielding = set()
    for name, on, item in wanted:
        container = found.containers.get(name)
        if on == network and container is not None and network in container.places:
            asked, has = item.values.get("ipv4_address"), container.places[network].get("IPAddress")
            if item.state == "absent" or (asked and asked != has):
                yielding.add(container.id)
    return yielding


def _unfit(name: str, network: str, item: Item, found: Attachments, yielding: Set[str]) -> list[Blocker]:
    container = found.containers.get(name)
    if container is None:
        if item.state == "absent":
            return []
        return [Blocker(item.where, f"this host has no container {name}", "make it first, or take it out of the list")]
    if container.task:
        return [Blocker(item.where, f"{name} is a task of a service", "write the network among the networks of the service")]
    if item.state == "absent":
        return []
    if container.mode in UNCONNECTABLE or container.mode.startswith("container:"):
        reason = f"{name} was made with the network {container.mode}, {ALONE}"
        return [Blocker(item.where, reason, "make it anew without that network")]
    return _no_network(container, network, item, found, yielding)


def _no_network(container: Container, network: str, item: Item, found: Attachments, yielding: Set[str]) -> list[Blocker]:
    told = found.networks.get(network)
    if told is None:
        usable = ", ".join(sorted(name for name, each in found.networks.items() if each.swarm and each.attachable)) or "none"
        remedy = f"networks that containers can be attached to: {usable}"
        return [Blocker(item.where, f"there is no network {network!r}", remedy)] if found.complete else []
    if not told.attachable:
        reason = f"containers cannot be attached to network {network}, since it was not made with attachable"
        return [Blocker(item.where, reason, "write attachable: true for it; a network that is there has to be made anew")]
    wanted = item.values.get("ipv4_address")
    if not wanted:
        return []
    if told.subnets and not any(ipaddress.ip_address(wanted) in ipaddress.ip_network(subnet) for subnet in told.subnets):
        return [Blocker(item.where, f"ipv4_address {wanted} is in none of the subnets of {network}", f"they are {', '.join(told.subnets)}")]
    held = {other for other, address in (told.held or {}).items() if address == wanted}
    holder = next((other for other in sorted(held) if other != container.id and other not in yielding), None)
    if holder:
        reason = f"ipv4_address {wanted} has been given to the container {holder[:12]}"
        return [Blocker(item.where, reason, "give another, or disconnect that container first")]
    return []


def _differs(item: Item, container: Container, there: Item | None, told: Told | None) -> str | None:
    """Why a container has to be connected (anew); None when its place is as wanted."""
    if there is None:
        return ""
    changes = differences(ATTACHMENT, item.values, there.values)
    if changes:
        return "; ".join(map(str, changes))
    address = str(there.document.get("IPAddress") or "")
    if not container.running or told is None or not told.swarm or address == NEW:
        return None
    if not address:
        return "it has no address there"
    if told.held is not None and told.held.get(container.id) != address:
        # seen after an attempt that the Engine gave up: the container keeps an address that the swarm gives to others
        return f"the swarm does not know that it has {address}"
    return None


def _endpoint(item: Item, there: Item | None) -> Json:
    """What is asked for: the written options, and of the old place what was asked for there."""
    document = there.document if there else {}
    kept = {key: document[key] for key in ("Aliases", "IPAMConfig", "DriverOpts", "Links", "GwPriority") if document.get(key)}
    body = write(ATTACHMENT, item.values, kept)
    asked = {name: value for name, value in (body.pop("IPAMConfig", None) or {}).items() if value}
    return {**body, "IPAMConfig": asked} if asked else body


def _join(container: Container, network: str, item: Item, body: Json) -> Step:
    address = (body.get("IPAMConfig") or {}).get("IPv4Address")
    traits = [f"as {', '.join(body['Aliases'])}"] if body.get("Aliases") else []
    traits += [f"with {address}"] if address else []
    says = " ".join([f"connect container {container.name} to network {network}", *traits])
    call = Call("POST", f"/networks/{network}/connect", body={"Container": container.id, "EndpointConfig": body})
    return Step("connect", place_name(container.name, network), says, call)


def _leave(container: Container, network: str, why: str = "") -> Step:
    says = f"disconnect container {container.name} from network {network}" + (f", to connect it anew: {why}" if why else "")
    call = Call("POST", f"/networks/{network}/disconnect", body={"Container": container.id})
    costs = "connections over this network end" if container.running else ""
    return Step("disconnect", place_name(container.name, network), says, call, costs)


def _start(container: Container) -> Step:
    says = f"start container {container.name}, which the Engine could not start: {container.failed}"
    return Step("start", f"container {container.name}", says, Call("POST", f"/containers/{container.id}/start"))


def _others(wanted: Sequence[Place], found: Attachments, after: dict[str, Container]) -> list[Step]:
    """Steps that take the listed containers off the swarm's networks that are not in the list, and their outcome into `after`."""
    named = {(name, network) for name, network, _item in wanted}
    steps = []
    for name, container in found.containers.items():
        for network in container.places:
            told = found.networks.get(network)
            if told is not None and told.swarm and (name, network) not in named and not container.task:
                steps.append(_leave(container, network))
                after[name] = _without(after[name], network)
    return steps


def _without(container: Container, network: str) -> Container:
    return replace(container, places={name: each for name, each in container.places.items() if name != network})


def _with(container: Container, network: str, body: Mapping[str, Any]) -> Container:
    """The container with the place that was asked for."""
    return replace(container, places={**container.places, network: {**body, "IPAddress": NEW}})


def _started(container: Container) -> Container:
    """The container once the Engine has started it, with all its places."""
    return replace(container, running=True, failed="", places={name: {**each, "IPAddress": NEW} for name, each in container.places.items()})
