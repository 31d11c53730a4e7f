# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a swarm that is begun anew from one manager's state, with its services, networks, secrets and configs (force-new-cluster)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._model.membership import Addresses, Interfaces, Membership
from .addresses import not_on_host, resolved
from .plan import Blocker, Call, Step

ITEM = "swarm"


@dataclass(frozen=True)
class OnDisk:
    """What lies in the Engine's state folder. `key_locked` tells that the node's key is encrypted with the swarm's unlock key."""

    folder: str = ""
    raft: bool = False
    key_locked: bool = False


@dataclass(frozen=True)
class Detach:
    """In place of a call: the Engine is restarted without the file by which it knows that it is in a swarm; the swarm's state stays.

    With `unlock` the lock of autolock is taken off that state.
    """

    folder: str
    unlock: bool = False

    def __str__(self) -> str:
        lock = "; take the lock off its key" if self.unlock else ""
        return (
            f"systemctl stop docker.socket docker.service; move {self.folder}/docker-state.json aside{lock}; systemctl start docker.service"
        )


def begin_anew(
    addresses: Addresses, membership: Membership, interfaces: Interfaces, disk: OnDisk, has_key: bool
) -> tuple[tuple[Step, ...], tuple[Blocker, ...]]:
    """The steps that make this host the only manager of its swarm, or why they are refused; neither when it is that already.

    The Engine is made to forget that it is in a swarm first. Told to begin anew while it is in one, Engine 20.10 ends the tasks
    of this host and
    refuses new ones until it is restarted ("cannot create a swarm scoped network when swarm is not active"), or gives up half-way ("context
    deadline exceeded", seen on the lab).
    """
    if membership.live_manager and _alone(addresses, membership, interfaces):
        return (), ()
    blockers = _refusals(membership, disk, has_key) or not_on_host(addresses, interfaces, ITEM)
    detach = Step(
        "detach",
        ITEM,
        "restart the Engine of this host outside the swarm, with the swarm's state kept",
        Detach(disk.folder, disk.key_locked),
        "the tasks of this host end, and run again in the new cluster",
    )
    where = f" at {addresses.advertise_addr}" if addresses.advertise_addr else ""
    body: dict[str, Any] = {**addresses.body(), "ForceNewCluster": True, "Spec": {"Name": "default"}}
    begin = Step(
        "force_new_cluster",
        ITEM,
        f"begin a new cluster{where} from the state of this host, with it as the only manager",
        Call("POST", "/swarm/init", body=body),
        "what only the other managers knew is lost; they must not come back as a majority with the old state",
    )
    ready = membership.state == "inactive" and not disk.key_locked
    return ((begin,) if ready else (detach, begin)), blockers


def _alone(addresses: Addresses, membership: Membership, interfaces: Interfaces) -> bool:
    others = [node for node, _address in membership.managers if node != membership.node_id]
    moved = addresses.advertise_addr and resolved(addresses.advertise_addr, interfaces) != membership.node_addr
    return not others and not moved


def _refusals(membership: Membership, disk: OnDisk, has_key: bool) -> tuple[Blocker, ...]:
    others = [address for node, address in membership.managers if node != membership.node_id]
    if membership.live_manager and others:
        return (
            Blocker(
                ITEM,
                f"it has a leader, and other managers ({', '.join(others)}), so that there is nothing to recover",
                "remove managers that are lost (meshwork.swarm.nodes, or playbooks/remove_node.yml)",
            ),
        )
    if membership.state == "inactive" and not disk.raft:
        return (
            Blocker(ITEM, "this host is in no swarm and has no state of one", "name a host that was a manager, or restore a backup to it"),
        )
    if membership.state not in ("inactive", "locked") and membership.role != "manager":
        return (Blocker(ITEM, "this host is a worker, and only managers have the state of the swarm", "name a host that was a manager"),)
    if disk.key_locked and not has_key:
        return (
            Blocker(
                ITEM,
                "its state here is locked with the unlock key (autolock), and Docker cannot begin a new cluster from it (moby#36852)",
                "give the unlock key as unlock_key",
            ),
        )
    return ()
