# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the networks: created, removed, or a difference reported, since no network can be updated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._model.item import OWNER_LABEL, Item, owned
from .._model.network import NETWORK, aligned, allocated, subnets_of, wanted_driver
from .._model.subnets import Pool
from .._model.table import Json, differences, merged, read, write
from .addresses import overlaps
from .allocation import DefaultPools, shared_vnis
from .plan import Blocker, Call, Plan, Step

WINDOWS_VNI = 4096
"""The least VNI that a Windows node takes (Microsoft HNS)."""


@dataclass(frozen=True)
class Networks:
    """The networks that a host knows, with the names of what uses each by network ID: services, or on a host for itself containers.

    `attached` are the containers of no service that are on each network of a swarm ("db on node2"), by its ID. `pools` are the swarm's
    default pools. `windows` names the Windows nodes, read where that
    matters. `interfaces` are those of the host, None where they cannot be read.
    """

    items: tuple[Item, ...] = ()
    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    users_are: str = "service"
    attached: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pools: DefaultPools | None = None
    windows: tuple[str, ...] = ()
    interfaces: frozenset[str] | None = None


@dataclass(frozen=True)
class WantedNetworks:
    """The networks that the user wrote, all of one scope: the swarm's, or this host's own.

    `exclusive` removes those of ours and of this scope that are not among them.
    """

    items: tuple[Item, ...]
    exclusive: bool = False
    scope: str = "swarm"


def plan_networks(wanted: WantedNetworks, found: Networks) -> Plan[Networks]:
    """Removals first, so that their subnets are free; then what is missing."""
    by_name = {item.name: item for item in found.items if item.values["scope"] == wanted.scope}
    absent = [item for item in wanted.items if item.state == "absent"]
    present = [item for item in wanted.items if item.state == "present"]
    doomed = [by_name[item.name] for item in absent if item.name in by_name]
    if wanted.exclusive:
        names = {item.name for item in wanted.items}
        doomed += [item for item in by_name.values() if item.name not in names and removable(item)]
    gone = {item.id for item in doomed}
    kept = tuple(item for item in found.items if item.id not in gone)
    missing = [item for item in present if item.name not in by_name]
    blockers = [blocker for item in doomed for blocker in _not_removable(item, found, kept)]
    for item in present:
        if item.name in by_name:
            blockers += _different(item, by_name[item.name], found)
        else:
            blockers += _in_the_way(item, wanted, replace(found, items=kept))
    blockers += _overlapping(missing, kept)
    # A network needs its config-only network, which goes last and comes first. Then those that name their subnets: what is allocated
    # without one takes the first that is free.
    doomed.sort(key=lambda item: bool(item.values["config_only"]))
    missing.sort(key=lambda item: (not item.values.get("config_only"), not subnets_of(item)))
    made = tuple(predicted(item) for item in missing)
    steps = tuple(remove_step(item) for item in doomed) + tuple(create_step(item, network_body(item)) for item in missing)
    warnings = _without_config(missing, found) if wanted.scope == "swarm" else ()
    return Plan(found, replace(found, items=kept + made), steps, tuple(blockers), warnings)


def removable(item: Item) -> bool:
    """Whether `exclusive` may remove the network: it is ours and carries nothing for the swarm itself."""
    document = item.document
    return owned(document.get("Labels") or {}) and not document.get("Ingress")


def in_use(item: Item, found: Networks) -> Blocker:
    """Why a network cannot go."""
    return Blocker(f"network {item.name}", f"it is used by {_users(found, item)}", "take the network out of them first")


def _users(found: Networks, item: Item) -> str:
    kinds = ((found.users_are, found.users.get(item.id, ())), ("container", found.attached.get(item.id, ())))
    return ", ".join(f"{kind}{'' if len(names) == 1 else 's'} {', '.join(names)}" for kind, names in kinds if names)


def _not_removable(item: Item, found: Networks, kept: Sequence[Item]) -> list[Blocker]:
    if item.document.get("Ingress"):
        return [Blocker(f"network {item.name}", "it is the ingress network", "the module ingress_network looks after it")]
    made_from = [other.name for other in kept if item.values["config_only"] and other.values["config_from"] == item.name]
    if made_from:
        reason = f"networks are made from it: {', '.join(made_from)}"
        return [Blocker(f"network {item.name}", reason, "remove those first")]
    return [in_use(item, found)] if _users(found, item) else []


def _different(item: Item, there: Item, found: Networks) -> list[Blocker]:
    changes = differences(NETWORK, aligned(item, there).values, there.values)
    # one that is only planned was judged where it was planned
    if not changes or not allocated(there) or "Id" not in there.document:
        return []
    told = "; ".join(str(change) for change in changes)
    if there.document.get("Ingress"):
        remedy = "leave it out here; the module ingress_network looks after it, and it can never be attachable"
        return [Blocker(item.where, f"this is the ingress network, and it differs: {told}", remedy)]
    if there.values["driver"] != "overlay":
        remedy = "write what it has, or remove it (state: absent) and run again to make it anew"
        if _users(found, there):
            remedy += f"; {_users(found, there)} would have to leave it first"
    elif found.users.get(there.id):
        users = _users(found, there)
        remedy = f"write what it has, or replace: rolling, which moves {users} over a parallel network while it is made anew"
    else:
        remedy = "write what it has, or replace: unused, which removes it and makes it anew"
    return [Blocker(item.where, f"a network cannot be changed, and this one differs: {told}", remedy)]


def _in_the_way(item: Item, wanted: WantedNetworks, found: Networks) -> list[Blocker]:
    """What else than an overlap keeps a new network from being made, or from being of use."""
    return [
        *next((taken for taken in (name_taken(item, other) for other in found.items) if taken), []),
        *(blocker for other in (*found.items, *_before(item, wanted.items)) for blocker in vni_taken(item, other)),
        *vni_for_windows(item, found.windows),
        *(_config_missing(item, wanted, found) if wanted.scope == "local" else ()),
        *parent_missing(item, found.interfaces),
    ]


def _before(item: Item, items: Sequence[Item]) -> Sequence[Item]:
    return items[: items.index(item)]


def name_taken(item: Item, other: Item) -> list[Blocker]:
    """The Engine refuses a second network of a name, and takes the beginning of an ID for a name."""
    if other.name == item.name:
        scope, driver = other.values["scope"], other.values["driver"]
        owner = "this host's own" if scope == "local" else "the swarm's"
        reason = f"there is a network of this name already, and it is {owner} (scope {scope}, driver {driver})"
        return [Blocker(item.where, reason, "choose another name, or remove that one")]
    if other.id.startswith(item.name):
        reason = f"its name is the beginning of the ID of network {other.name} ({other.id}), by which Docker knows that one, too"
        return [Blocker(item.where, reason, "choose another name")]
    return []


def vni_taken(item: Item, other: Item) -> list[Blocker]:
    """The swarm gives a number to one network only, and a second one that asks for it waits for ever."""
    owner = other.where or f"network {other.name}"
    return [Blocker(item.where, f"its VNI {vni} is that of {owner}", "choose one that is free") for vni in shared_vnis(item, other)]


def vni_for_windows(item: Item, windows: Sequence[str]) -> list[Blocker]:
    """What nodes with Windows do not take."""
    small = [str(vni) for vni in item.values.get("vnis") or () if vni < WINDOWS_VNI]
    if not small or not windows:
        return []
    reason = f"Windows nodes ({', '.join(windows)}) take no VNI below {WINDOWS_VNI}, and it is to have {', '.join(small)}"
    return [Blocker(item.where, reason, f"choose one from {WINDOWS_VNI} on")]


def _config_only(items: Sequence[Item]) -> set[str]:
    return {item.name for item in items if item.values.get("config_only") and item.state == "present"}


def _config_missing(item: Item, wanted: WantedNetworks, found: Networks) -> list[Blocker]:
    name = item.values.get("config_from")
    if not name or name in _config_only(found.items) | _config_only(wanted.items):
        return []
    reason = f"there is no config-only network {name} on this host"
    return [Blocker(item.where, reason, "write it in the same list, with config_only: true")]


def _without_config(missing: Sequence[Item], found: Networks) -> tuple[str, ...]:
    """No error in itself, since a manager need not run tasks; the role networks looks at every host."""
    there = _config_only(found.items)
    named = [(item.where, item.values.get("config_from")) for item in missing]
    return tuple(
        f"{where}: there is no config-only network {name} on this manager, and a node without it rejects the tasks"
        for where, name in named
        if name and name not in there
    )


def parent_of(item: Item) -> str:
    """The interface of the host on which a macvlan or ipvlan network stands; "" where none is written."""
    return str((item.values.get("driver_opts") or {}).get("parent") or "")


def parent_missing(item: Item, interfaces: frozenset[str] | None) -> list[Blocker]:
    """Docker makes the sub-interface of a VLAN, eth1.10, by itself, and looks at the parent of a config-only network when a task comes."""
    parent = parent_of(item)
    card, _dot, vlan = parent.rpartition(".")
    if not parent or interfaces is None or parent in interfaces or (card in interfaces and vlan.isdigit() and 1 <= int(vlan) <= 4094):
        return []
    cards = ", ".join(sorted(interfaces - {"lo"}))
    reason = f"its parent {parent} is no interface of this host"
    return [Blocker(item.where, reason, f"give one of {cards}, or with a dot and the number of a VLAN behind it what Docker makes of it")]


def _overlapping(missing: Sequence[Item], kept: Sequence[Item]) -> list[Blocker]:
    """Subnets of new networks against each other and against every network that stays. Config-only networks take none themselves."""
    subnets: dict[str, tuple[str, ...]] = {item.where: subnets_of(item) for item in missing if not item.values.get("config_only")}
    new = set(subnets)
    subnets.update({f"network {item.name}": subnets_of(item) for item in kept if not item.values["config_only"]})
    return [
        Blocker(owner, f"its subnet {subnet} overlaps {rival} of {other}", "give it a subnet that is free")
        for owner, subnet, other, rival in overlaps(subnets)
        if owner in new
    ]


def network_body(item: Item, **extra: Any) -> Json:
    """The body of POST /networks/create: the written options, our mark, and a driver where none was written.

    The Engine refuses labels, and so our mark, beside ConfigFrom, and a driver and a scope beside ConfigOnly.
    """
    base: Json = {"Name": item.name, "CheckDuplicate": True, **_driver_and_mark(item), **extra}
    return write(NETWORK, item.values, base)


def _driver_and_mark(item: Item) -> Json:
    mark: Json = {} if item.values.get("config_from") else {"Labels": {OWNER_LABEL: "true"}}
    return mark if item.values.get("config_only") else {"Driver": wanted_driver(item), **mark}


def predicted(item: Item) -> Item:
    """The network that a creation leads to, as far as it can be known before the swarm allocates."""
    body = network_body(item)
    scope = "swarm" if body.get("Driver") == "overlay" else "local"
    values = merged(NETWORK, item.values, read(NETWORK, {"Scope": scope, **body}))
    return Item(item.name, values, id=f"(new network {item.name})", document=body)


def describe(item: Item) -> str:
    """A network in a few words: "overlay network backend 10.20.1.0/24, encrypted, attachable"."""
    values = item.values
    kind = "config-only" if values.get("config_only") else wanted_driver(item)
    traits = [trait for trait in ("encrypted", "attachable", "internal") if values.get(trait)]
    mtu = [f"MTU {values['mtu']}"] if values.get("mtu") else []
    parent = [f"parent {parent_of(item)}"] if parent_of(item) else []
    return ", ".join([f"{kind} network {item.name} {_addresses(item)}", *parent, *traits, *mtu])


def _addresses(item: Item) -> str:
    if item.values.get("config_from"):
        return f"from config-only network {item.values['config_from']}"
    return " ".join(pool_text(pool) for pool in item.values.get("subnets") or ()) or "with a subnet from the default pool"


def pool_text(pool: Pool) -> str:
    """A subnet with its gateway and its range, where they were written."""
    parts = [f"gateway {pool.gateway}"] if pool.gateway else []
    parts += [f"range {pool.ip_range}"] if pool.ip_range else []
    return pool.subnet + (f" ({', '.join(parts)})" if parts else "")


def create_step(item: Item, body: Json, awaits: str = "") -> Step:
    """The step that makes a network."""
    call = Call("POST", "/networks/create", body=body)
    return Step("create", f"network {item.name}", f"create {describe(item)}", call, awaits=awaits)


def remove_step(item: Item, costs: str = "", awaits: str = "") -> Step:
    """The step that removes a network."""
    return Step("remove", f"network {item.name}", f"remove {describe(item)}", Call("DELETE", f"/networks/{item.id}"), costs, awaits)
