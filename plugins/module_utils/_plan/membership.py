# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of one host's membership: join, leave, or the reason why neither."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from .._model.membership import GOSSIP_PORT, Addresses, Interfaces, Membership
from .addresses import READDRESS, moved, not_on_host, resolved, told_to_engine, unfit_data_path
from .plan import Blocker, Call, Plan, Step, Wait
from .states import own_state

ITEM = "membership"
GOSSIP_FREE = "gossip port free"


@dataclass(frozen=True)
class Host:
    """What the membership module reads of its host. `gossip_free` tells, outside a swarm, whether the gossip port can be listened on."""

    membership: Membership
    interfaces: Interfaces = field(default_factory=dict)
    gossip_free: bool = True


@dataclass(frozen=True)
class WantedMembership:
    """What the user wrote. `node_ids` are the nodes that the swarm has, as one of its managers lists them; empty: not checked.

    While only `planning`, the join token may still be unknown, since the swarm may still have to be made.
    """

    state: str = "joined"
    role: str = "worker"
    remote_addrs: tuple[str, ...] = ()
    join_token: str = field(default="", repr=False)
    addresses: Addresses = field(default_factory=Addresses)
    availability: str | None = None
    node_ids: frozenset[str] = frozenset()
    force: bool = False
    unlock_key: str = field(default="", repr=False)
    planning: bool = False


def plan_membership(wanted: WantedMembership, found: Host) -> Plan[Host]:
    """Join or leave, where the host is not already as wanted."""
    if wanted.state == "left":
        return _leave(wanted, found)
    if found.membership.state == "inactive":
        return _join(wanted, found)
    if found.membership.state == "locked":
        return _unlock(wanted, found)
    return Plan(found, found, blockers=_misfits(wanted, found))


def _unlock(wanted: WantedMembership, found: Host) -> Plan[Host]:
    if not wanted.unlock_key:
        return Plan(found, found, blockers=_misfits(wanted, found))
    step = Step("unlock", ITEM, "unlock this manager", Call("POST", "/swarm/unlock", body={"UnlockKey": wanted.unlock_key}))
    return Plan(found, replace(found, membership=replace(found.membership, state="active", control=True)), (step,))


def await_gossip(free: bool) -> tuple[Step, ...]:
    """Wait for the gossip port before a host enters a swarm.

    After a leave that was given up half-way and made again, Docker holds the port until it is restarted. A host that joins then
    becomes a node that is Ready and reaches no
    container on other nodes: "agentInit: failed to create memberlist ... address already in use" (seen with Engine 20.10).
    """
    if free:
        return ()
    says = f"wait until port {GOSSIP_PORT}/tcp is free; if it is Docker that still holds it, after a leave, restart Docker"
    return (Step("wait", ITEM, says, Wait(f"nothing listens on {GOSSIP_PORT}/tcp any more"), awaits=GOSSIP_FREE),)


def _join(wanted: WantedMembership, found: Host) -> Plan[Host]:
    blockers = not_on_host(wanted.addresses, found.interfaces, ITEM)
    blockers += unfit_data_path(wanted.addresses, found.interfaces, found.membership.engine_version, ITEM)
    if not wanted.remote_addrs:
        blockers += (Blocker(ITEM, "remote_addrs is empty", "give the address of a manager of the swarm, such as 10.0.0.11:2377"),)
    if not wanted.join_token and not wanted.planning:
        blockers += (
            Blocker(
                ITEM,
                "this host has to join and join_token is empty",
                "read it on a manager with meshwork.swarm.cluster_info, gather: [join_tokens]",
            ),
        )
    body: dict[str, Any] = {
        **told_to_engine(wanted.addresses, found.interfaces).body(),
        "RemoteAddrs": list(wanted.remote_addrs),
        "JoinToken": wanted.join_token,
    }
    if wanted.availability:
        body["Availability"] = wanted.availability
    where = ", ".join(wanted.remote_addrs)
    step = Step("join", ITEM, f"join the swarm at {where} as {wanted.role}", Call("POST", "/swarm/join", body=body))
    joined = replace(
        found.membership,
        state="active",
        control=wanted.role == "manager",
        node_id=found.membership.node_id or "(given by the swarm)",
        node_addr=resolved(wanted.addresses.advertise_addr or "", found.interfaces),
    )
    return Plan(found, replace(found, membership=joined, gossip_free=True), (*await_gossip(found.gossip_free), step), blockers)


def _misfits(wanted: WantedMembership, found: Host) -> tuple[Blocker, ...]:
    """Why a host that is in a swarm is not the member that was wanted."""
    membership = found.membership
    finding = own_state(membership)
    if finding:
        return (finding.blocker(ITEM),)
    if wanted.node_ids and membership.node_id not in wanted.node_ids:
        managers = ", ".join(address for _id, address in membership.managers)
        reason = f"this host is in another swarm (node {membership.node_id}, managers {managers}), or this swarm has removed it"
        return (Blocker(ITEM, reason, "make it leave that swarm on purpose (state: left), then run again"),)
    if membership.role != wanted.role:
        reason = f"role: wanted {wanted.role}, found {membership.role}"
        return (Blocker(ITEM, reason, "a manager changes roles: use meshwork.swarm.nodes"),)
    return tuple(Blocker(ITEM, str(each), READDRESS) for each in moved(wanted.addresses, membership, found.interfaces))


def _leave(wanted: WantedMembership, found: Host) -> Plan[Host]:
    membership = found.membership
    if membership.state == "inactive":
        return Plan(found, found)
    blockers: tuple[Blocker, ...] = ()
    if membership.role == "manager" and not wanted.force:
        blockers = (
            Blocker(
                ITEM, "this host is a manager", "demote it first (meshwork.swarm.nodes), or set force: true to give its part of Raft up"
            ),
        )
    call = Call("POST", "/swarm/leave", {"force": wanted.force})
    step = Step("leave", ITEM, f"leave the swarm as {membership.role}", call, "stops this host's tasks")
    after = replace(membership, state="inactive", node_id="", node_addr="", cluster_id="", control=False, error="", managers=())
    return Plan(found, replace(found, membership=after), (step,), blockers)
