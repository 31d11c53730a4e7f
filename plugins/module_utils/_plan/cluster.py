# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the swarm itself: made here, or its settings changed, one field without another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .._model.item import Item
from .._model.membership import Addresses, Interfaces, Membership
from .._model.swarm import DEFAULT_SUBNET_SIZE, SWARM
from .._model.table import Difference, differences, merged, write
from .addresses import not_on_host, resolved
from .membership import await_gossip
from .plan import Blocker, Call, Plan, Step
from .states import own_state

ROTATIONS = {
    "worker_token": "rotateWorkerToken",
    "manager_token": "rotateManagerToken",
    "unlock_key": "rotateManagerUnlockKey",
    "ca": "",
}
"""The secrets that can be made anew, with the flag of POST /swarm/update; the CA has none, its ForceRotate counts up."""
IMMUTABLE_REMEDY = "it is fixed when the swarm is made: write in the inventory what the swarm has, or build a new swarm"
ADVERTISE_REMEDY = "an address is fixed when a node joins: the node has to leave and join again with the new one"


@dataclass(frozen=True)
class Cluster:
    """What the cluster module reads: this host's membership, the swarm when it is a manager, its interfaces when they matter."""

    membership: Membership
    swarm: Item | None = None
    interfaces: Interfaces = field(default_factory=dict)
    gossip_free: bool = True


@dataclass(frozen=True)
class WantedCluster:
    """What the user wrote: swarm-wide values by option name, this host's addresses, and the secrets to make anew in this run."""

    values: Mapping[str, Any]
    addresses: Addresses = field(default_factory=Addresses)
    availability: str | None = None
    rotate: tuple[str, ...] = ()


def plan_cluster(wanted: WantedCluster, found: Cluster) -> Plan[Cluster]:
    """Init where this host is in no swarm; otherwise the settings that differ."""
    membership = found.membership
    if membership.state == "inactive":
        return _init(wanted, found)
    if not membership.live_manager or found.swarm is None:
        return Plan(found, found, blockers=(not_a_live_manager(membership, "swarm"),))
    return _update(wanted, found, found.swarm)


def not_a_live_manager(membership: Membership, item: str) -> Blocker:
    """Why swarm-wide work cannot be done on this host, and what to do."""
    finding = own_state(membership)
    if finding:
        return finding.blocker(item)
    if membership.state == "inactive":
        return Blocker(item, "this host is in no swarm", "run meshwork.swarm.cluster on it first, or run this on a manager of the swarm")
    managers = ", ".join(address for _id, address in membership.managers) or "none known"
    return Blocker(
        item,
        "this host is a worker, and only a manager can do swarm-wide work",
        f"run it on a manager; this worker knows of: {managers}",
    )


def _init(wanted: WantedCluster, found: Cluster) -> Plan[Cluster]:
    blockers = not_on_host(wanted.addresses, found.interfaces, "swarm")
    # Pools without a size stop the allocator for good ("invalid pools size: 0", seen with Engine 20.10); the docker CLI always sends one.
    base = {"Spec": {"Name": "default"}, "SubnetSize": DEFAULT_SUBNET_SIZE, **wanted.addresses.body()}
    body = write(SWARM, wanted.values, base)
    if wanted.availability:
        body["Availability"] = wanted.availability
    where = f" at {wanted.addresses.advertise_addr}" if wanted.addresses.advertise_addr else ""
    step = Step("init", "swarm", f"make a new swarm on this host{where}", Call("POST", "/swarm/init", body=body))
    defaults = {row.option: row.absent for row in SWARM}
    after = Cluster(
        replace(
            found.membership, state="active", control=True, node_addr=resolved(wanted.addresses.advertise_addr or "", found.interfaces)
        ),
        Item("swarm", merged(SWARM, wanted.values, defaults)),
        found.interfaces,
    )
    return Plan(found, after, (*await_gossip(found.gossip_free), step), blockers)


def _update(wanted: WantedCluster, found: Cluster, swarm: Item) -> Plan[Cluster]:
    changes = differences(SWARM, wanted.values, swarm.values)
    blockers = [Blocker("swarm", str(change), IMMUTABLE_REMEDY) for change in changes if not change.mutable]
    blockers += _moved(wanted.addresses, found)
    mutable = tuple(change for change in changes if change.mutable)
    if not mutable and not wanted.rotate:
        return Plan(found, found, blockers=tuple(blockers))
    values: dict[str, Any] = {change.option: wanted.values[change.option] for change in mutable}
    document = write(SWARM, values, swarm.document)
    blockers += _no_key(wanted, values, swarm)
    if "ca" in wanted.rotate:
        authority = document["Spec"].setdefault("CAConfig", {})
        authority["ForceRotate"] = int(authority.get("ForceRotate") or 0) + 1
    query = {"version": swarm.version, **{ROTATIONS[secret]: True for secret in wanted.rotate if ROTATIONS[secret]}}
    call = Call("POST", "/swarm/update", query, document.get("Spec"))
    after = replace(swarm, values=merged(SWARM, values, swarm.values), document=document)
    return Plan(found, replace(found, swarm=after), (_change(mutable, wanted.rotate, call),), tuple(blockers))


def _no_key(wanted: WantedCluster, values: Mapping[str, Any], swarm: Item) -> list[Blocker]:
    locked = values.get("autolock_managers", swarm.values["autolock_managers"])
    if "unlock_key" not in wanted.rotate or locked:
        return []
    return [Blocker("swarm", "it has no unlock key, since autolock_managers is off", "turn it on, or leave unlock_key out of rotate")]


def _change(changes: tuple[Difference, ...], rotate: tuple[str, ...], call: Call) -> Step:
    told = ["change " + ", ".join(f"{change.option} from {change.found!r} to {change.wanted!r}" for change in changes)] if changes else []
    told += ["make anew: " + ", ".join(secret.replace("_", " ") for secret in rotate)] if rotate else []
    costs = "every node gets a new certificate" if "ca" in rotate else ""
    return Step("update" if changes else "rotate", "swarm", "; ".join(told), call, costs)


def _moved(addresses: Addresses, found: Cluster) -> list[Blocker]:
    """The advertise address of a member cannot be changed; interface names are told by their address."""
    if not addresses.advertise_addr:
        return []
    wanted = resolved(addresses.advertise_addr, found.interfaces)
    if found.membership.node_addr == wanted:
        return []
    return [Blocker("swarm", f"advertise_addr: wanted {wanted}, found {found.membership.node_addr}", ADVERTISE_REMEDY)]
