# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the networks: created, removed, or a difference reported, since no network can be updated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .._model.item import OWNER_LABEL, Item, owned
from .._model.network import NETWORK, Pool, allocated, subnets_of
from .._model.table import Json, differences, merged, read, write
from .addresses import overlaps
from .plan import Blocker, Call, Plan, Step
from .pools import Pools


@dataclass(frozen=True)
class Networks:
    """The networks of a swarm with the names of the services that use each, by network ID.

    `attached` are the containers of no service that are on each ("db on node2"), `pools` where networks without a subnet get one.
    """

    items: tuple[Item, ...] = ()
    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    attached: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pools: Pools | None = None


@dataclass(frozen=True)
class WantedNetworks:
    """The networks that the user wrote; `exclusive` removes those of ours that are not among them."""

    items: tuple[Item, ...]
    exclusive: bool = False


def plan_networks(wanted: WantedNetworks, found: Networks) -> Plan[Networks]:
    """Removals first, so that their subnets are free; then what is missing."""
    by_name = {item.name: item for item in found.items}
    absent = [item for item in wanted.items if item.state == "absent"]
    present = [item for item in wanted.items if item.state == "present"]
    doomed = [by_name[item.name] for item in absent if item.name in by_name]
    if wanted.exclusive:
        names = {item.name for item in wanted.items}
        doomed += [item for item in found.items if item.name not in names and removable(item)]
    # those that name their subnets first: what is allocated without one takes the first that is free
    missing = sorted((item for item in present if item.name not in by_name), key=lambda item: not subnets_of(item))
    blockers = [in_use(item, found) for item in doomed if used_by(item, found)]
    for item in present:
        if item.name in by_name:
            blockers += _different(item, by_name[item.name], found)
    gone = {item.id for item in doomed}
    kept = tuple(item for item in found.items if item.id not in gone)
    blockers += _overlapping(missing, kept)
    made = tuple(predicted(item) for item in missing)
    steps = tuple(remove_step(item) for item in doomed) + tuple(create_step(item, network_body(item)) for item in missing)
    return Plan(found, replace(found, items=kept + made), steps, tuple(blockers))


def removable(item: Item) -> bool:
    """Whether `exclusive` may remove the network: it is ours and carries nothing for the swarm itself."""
    document = item.document
    return owned(document.get("Labels") or {}) and not document.get("Ingress")


def used_by(item: Item, found: Networks) -> str:
    """Who is on a network: "services api, web, container db on node2"; "" when nobody is."""
    services, containers = found.users.get(item.id, ()), found.attached.get(item.id, ())
    return ", ".join(_named(kind, names) for kind, names in (("service", services), ("container", containers)) if names)


def _named(kind: str, names: tuple[str, ...]) -> str:
    return f"{kind}{'' if len(names) == 1 else 's'} {', '.join(names)}"


def in_use(item: Item, found: Networks) -> Blocker:
    """Why a network cannot go."""
    return Blocker(f"network {item.name}", f"it is used by {used_by(item, found)}", "take the network out of them first")


def _different(item: Item, there: Item, found: Networks) -> list[Blocker]:
    changes = differences(NETWORK, item.values, there.values)
    if not changes or not allocated(there):
        return []
    used = used_by(there, found)
    told = "; ".join(str(change) for change in changes)
    remedy = "write what it has, or remove it (state: absent) and run again to make it anew"
    if used:
        remedy += f"; {used} would have to leave it first"
    return [Blocker(item.where, f"a network cannot be changed, and this one differs: {told}", remedy)]


def _overlapping(missing: list[Item], kept: tuple[Item, ...]) -> list[Blocker]:
    """Subnets of new networks against each other and against every network that stays."""
    subnets: dict[str, tuple[str, ...]] = {item.where: subnets_of(item) for item in missing}
    subnets.update({f"network {item.name}": subnets_of(item) for item in kept})
    new = {item.where for item in missing}
    return [
        Blocker(owner, f"its subnet {subnet} overlaps {rival} of {other}", "give it a subnet that is free")
        for owner, subnet, other, rival in overlaps(subnets)
        if owner in new
    ]


def network_body(item: Item, **extra: Any) -> Json:
    """The body of POST /networks/create: the written options, our mark, and the driver overlay where none was written."""
    base: Json = {"Name": item.name, "CheckDuplicate": True, "Driver": "overlay", "Labels": {OWNER_LABEL: "true"}, **extra}
    return write(NETWORK, item.values, base)


def predicted(item: Item) -> Item:
    """The network that a creation leads to, as far as it can be known before the swarm allocates."""
    body = network_body(item)
    driver = body["Driver"]
    values = merged(NETWORK, item.values, read(NETWORK, {"Scope": "swarm" if driver == "overlay" else "local", **body}))
    return Item(item.name, values, id=f"(new network {item.name})", document=body)


def describe(item: Item) -> str:
    """A network in a few words: "overlay network backend 10.20.1.0/24, encrypted, attachable"."""
    values = item.values
    subnets = " ".join(pool_text(pool) for pool in values.get("subnets") or ()) or "with a subnet from the default pool"
    traits = [trait for trait in ("encrypted", "attachable", "internal") if values.get(trait)]
    mtu = [f"MTU {values['mtu']}"] if "mtu" in values else []
    return ", ".join([f"{values.get('driver', 'overlay')} network {item.name} {subnets}", *traits, *mtu])


def pool_text(pool: Pool) -> str:
    """A subnet with its gateway, where one was written."""
    return pool[0] + (f" (gateway {pool[1]})" if pool[1] else "")


def create_step(item: Item, body: Json) -> Step:
    """The step that makes a network."""
    return Step("create", f"network {item.name}", f"create {describe(item)}", Call("POST", "/networks/create", body=body))


def remove_step(item: Item, costs: str = "", awaits: str = "") -> Step:
    """The step that removes a network."""
    return Step("remove", f"network {item.name}", f"remove {describe(item)}", Call("DELETE", f"/networks/{item.id}"), costs, awaits)
