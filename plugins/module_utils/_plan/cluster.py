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
from . import authority
from .addresses import READDRESS, moved, not_on_host, resolved, told_to_engine, unfit_data_path
from .membership import await_gossip
from .plan import Blocker, Call, Plan, Step
from .recovery import OnDisk, begin_anew
from .states import own_state

ROTATIONS = {
    "worker_token": "rotateWorkerToken",
    "manager_token": "rotateManagerToken",
    "unlock_key": "rotateManagerUnlockKey",
    "ca": "",
}
"""The secrets that can be made anew, with the flag of POST /swarm/update; the CA has none, its ForceRotate counts up."""
IMMUTABLE_REMEDY = (
    "it is fixed when the swarm is made: write in the inventory what the swarm has, "
    "or make a new swarm (the playbooks reset and site; services, networks, secrets and configs of this one end with it)"
)


@dataclass(frozen=True)
class Cluster:
    """What the cluster module reads: this host's membership, the swarm when it is a manager, its interfaces and nodes when they matter."""

    membership: Membership
    swarm: Item | None = None
    interfaces: Interfaces = field(default_factory=dict)
    gossip_free: bool = True
    nodes: tuple[Item, ...] = ()
    on_disk: OnDisk = field(default_factory=OnDisk)


@dataclass(frozen=True)
class WantedCluster:
    """What the user wrote: swarm-wide values by option name, this host's addresses, and the secrets to make anew in this run.

    `signing_ca_key` belongs to the value signing_ca_cert. It goes into the body of the call that changes the certificate, and nowhere else.
    """

    values: Mapping[str, Any]
    addresses: Addresses = field(default_factory=Addresses)
    availability: str | None = None
    rotate: tuple[str, ...] = ()
    signing_ca_key: str | None = field(default=None, repr=False)
    force_new_cluster: bool = False
    unlock_key: str = field(default="", repr=False)


def plan_cluster(wanted: WantedCluster, found: Cluster) -> Plan[Cluster]:
    """Init where this host is in no swarm; otherwise the settings that differ."""
    membership = found.membership
    if wanted.force_new_cluster:
        return _begin_anew(wanted, found)
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
    blockers += unfit_data_path(wanted.addresses, found.interfaces, found.membership.engine_version, "swarm")
    # Pools without a size stop the allocator for good ("invalid pools size: 0", seen with Engine 20.10); the docker CLI always sends one.
    base = {"Spec": {"Name": "default"}, "SubnetSize": DEFAULT_SUBNET_SIZE, **told_to_engine(wanted.addresses, found.interfaces).body()}
    if authority.CERTIFICATE in wanted.values:
        external = wanted.values.get("external_cas") or ()
        blockers += tuple(authority.unsigned(wanted.values[authority.CERTIFICATE], wanted.signing_ca_key, external))
    body = write(SWARM, wanted.values, base)
    body.pop("TLSInfo", None)
    body["Spec"] = _with_key(body["Spec"], wanted)
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


def _begin_anew(wanted: WantedCluster, found: Cluster) -> Plan[Cluster]:
    """The swarm from the state of this host alone. Its settings come with that state, and are not compared in the same run."""
    steps, blockers = begin_anew(wanted.addresses, found.membership, found.interfaces, found.on_disk, bool(wanted.unlock_key))
    if not steps:
        return Plan(found, found, blockers=blockers)
    address = resolved(wanted.addresses.advertise_addr or found.membership.node_addr, found.interfaces)
    alone = replace(found.membership, state="active", control=True, error="", node_addr=address, managers=())
    return Plan(found, replace(found, membership=alone), steps, blockers)


def _update(wanted: WantedCluster, found: Cluster, swarm: Item) -> Plan[Cluster]:
    coming = authority.is_coming(wanted.values, swarm)
    changes = tuple(
        change for change in differences(SWARM, wanted.values, swarm.values) if not (coming and change.option == authority.CERTIFICATE)
    )
    blockers = [Blocker("swarm", str(change), IMMUTABLE_REMEDY) for change in changes if not change.mutable]
    blockers += [Blocker("swarm", str(each), READDRESS) for each in moved(wanted.addresses, found.membership, found.interfaces)]
    blockers += authority.contradiction(wanted.values, wanted.rotate)
    warnings = tuple(authority.held_up(swarm, found.nodes))
    mutable = tuple(change for change in changes if change.mutable)
    if not mutable and not wanted.rotate:
        return Plan(found, found, blockers=tuple(blockers), warnings=warnings)
    values: dict[str, Any] = {change.option: wanted.values[change.option] for change in mutable}
    document = write(SWARM, values, swarm.document)
    settled = merged(SWARM, values, swarm.values)
    blockers += _no_key(wanted, values, swarm)
    if authority.CERTIFICATE in values:
        blockers += authority.unsigned(values[authority.CERTIFICATE], wanted.signing_ca_key, settled["external_cas"])
    if "ca" in wanted.rotate:
        signing = document["Spec"].setdefault("CAConfig", {})
        signing["ForceRotate"] = int(signing.get("ForceRotate") or 0) + 1
        settled[authority.CERTIFICATE] = ""  # nobody knows yet what the swarm will make
    query = {"version": swarm.version, **{ROTATIONS[secret]: True for secret in wanted.rotate if ROTATIONS[secret]}}
    call = Call("POST", "/swarm/update", query, _with_key(document["Spec"], wanted))
    after = replace(swarm, values=settled, document=document)
    return Plan(found, replace(found, swarm=after), (_change(mutable, wanted.rotate, call),), tuple(blockers), warnings)


def _with_key(spec: Mapping[str, Any], wanted: WantedCluster) -> Mapping[str, Any]:
    """The spec, with the key beside a new root certificate."""
    signing = spec.get("CAConfig") or {}
    if "SigningCACert" not in signing or not wanted.signing_ca_key:
        return spec
    return {**spec, "CAConfig": {**signing, "SigningCAKey": wanted.signing_ca_key}}


def _no_key(wanted: WantedCluster, values: Mapping[str, Any], swarm: Item) -> list[Blocker]:
    locked = values.get("autolock_managers", swarm.values["autolock_managers"])
    if "unlock_key" not in wanted.rotate or locked:
        return []
    return [Blocker("swarm", "it has no unlock key, since autolock_managers is off", "turn it on, or leave unlock_key out of rotate")]


def _change(changes: tuple[Difference, ...], rotate: tuple[str, ...], call: Call) -> Step:
    roots = [change for change in changes if change.option == authority.CERTIFICATE]
    others = [change for change in changes if change.option != authority.CERTIFICATE]
    pairs = [(change.option, authority.readable(change.found), authority.readable(change.wanted)) for change in others]
    told = ["change " + ", ".join(f"{option} from {there!r} to {asked!r}" for option, there, asked in pairs)] if pairs else []
    told += [authority.told(change.wanted, change.found) for change in roots]
    told += ["make anew: " + ", ".join(secret.replace("_", " ") for secret in rotate)] if rotate else []
    action = "rotate" if rotate or roots else "update"
    return Step(action, "swarm", "; ".join(told), call, authority.COSTS if roots or "ca" in rotate else "")
