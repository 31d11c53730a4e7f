# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plans of an archive of the swarm's state: taken from a manager, and put back onto a host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .._model.archive import Manifest
from .._model.item import Item
from .._model.membership import Membership
from .._model.node import leader, manager, reachable
from .cluster import not_a_live_manager
from .plan import Blocker, Call, Plan, Step
from .quorum import arithmetic, majority

BACKUP = "backup"
RESTORE = "restore"
PLAIN = (
    "autolock is off: the archive holds the keys to all that is in it, the swarm's CA and secrets among it. Whoever can read it can read "
    "these, and can be a manager"
)


@dataclass(frozen=True)
class Work:
    """In place of a call: what the module does on the host itself."""

    what: str

    def __str__(self) -> str:
        return self.what


@dataclass(frozen=True)
class Held:
    """What the backup module reads: this host's membership and, on a live manager, its nodes and whether the archive has been taken."""

    membership: Membership
    manifest: Manifest | None = None
    nodes: tuple[Item, ...] = ()
    taken: bool = False


def plan_backup(path: str, allow_interruption: bool, found: Held) -> Plan[Held]:
    """Stop the Engine, take the archive, start the Engine, and unlock it where it comes back locked."""
    if found.taken:
        return Plan(found, found)
    if not found.membership.live_manager or found.manifest is None:
        return Plan(found, found, blockers=(not_a_live_manager(found.membership, BACKUP),))
    lost = _majority_lost(found.nodes)
    blockers = () if allow_interruption or not lost else (Blocker(BACKUP, lost, "choose another time, or set allow_interruption: true"),)
    leads = any(leader(node) and node.id == found.membership.node_id for node in found.nodes)
    costs = "the tasks of this host end; other managers start them elsewhere when it takes long"
    if lost:
        costs = "the tasks of this host end, and nobody manages the swarm until the Engine is back"
    elif leads:
        costs += "; the managers elect another leader"
    steps = [
        Step("stop", BACKUP, "stop the Engine of this host", Work("systemctl stop docker.socket docker.service"), costs),
        Step("archive", BACKUP, f"write the state of the swarm to {path}", Work(f"write {path}")),
        Step("start", BACKUP, "start the Engine", Work("systemctl start docker.service")),
    ]
    if found.manifest.autolock:
        steps.append(Step("unlock", BACKUP, "unlock this manager with the key that it had in use", Call("POST", "/swarm/unlock")))
    warnings = () if found.manifest.autolock else (PLAIN,)
    return Plan(found, replace(found, taken=True), tuple(steps), blockers, warnings)


def _majority_lost(nodes: Sequence[Item]) -> str:
    """Why the swarm would be without a majority while one of its reachable managers is stopped, or nothing."""
    managers = [node for node in nodes if manager(node)]
    left = sum(1 for node in managers if reachable(node)) - 1
    if left >= majority(len(managers)):
        return ""
    if len(managers) == 1:
        return "it is the only manager, and while its Engine is stopped nobody manages the swarm"
    return f"while its Engine is stopped the majority would be lost: {arithmetic(len(managers), left)}"


@dataclass(frozen=True)
class Target:
    """What the restore module reads of its host and of the archive. `occupied`: there is other state in the folder."""

    membership: Membership
    manifest: Manifest
    folder: str
    occupied: bool = False


@dataclass(frozen=True)
class WantedState:
    """What the user wrote: the archive, and whether other state may be moved aside for it."""

    path: str
    replace: bool = False
    unlock_key: str = field(default="", repr=False)


def plan_restore(wanted: WantedState, found: Target, aside: str) -> Plan[Target]:
    """Put the archive's state in the place of none, or by name in the place of other state, which is moved aside."""
    if found.membership.node_id == found.manifest.node_id:
        return Plan(found, found)
    after = replace(found, occupied=True, membership=_restored(found))
    blockers = (*_no_key(wanted, found), *_in_use(wanted, found))
    steps = [
        Step("stop", RESTORE, "stop the Engine of this host", Work("systemctl stop docker.socket docker.service"), "its containers stop")
    ]
    if found.occupied:
        steps.append(Step("set_aside", RESTORE, f"move the state that is in {found.folder} to {aside}", Work(f"move to {aside}")))
    lock = ", and take the lock of autolock off" if found.manifest.autolock else ""
    told = f"put the state of node {found.manifest.hostname} ({found.manifest.node_id}) of {found.manifest.taken} into {found.folder}{lock}"
    steps.append(Step("put_back", RESTORE, told, Work(f"unpack {wanted.path}")))
    steps.append(Step("start", RESTORE, "start the Engine", Work("systemctl start docker.service")))
    return Plan(found, after, tuple(steps), blockers)


def _restored(found: Target) -> Membership:
    manifest = found.manifest
    address = manifest.node_addr
    return replace(
        found.membership,
        state="active",
        node_id=manifest.node_id,
        node_addr=address,
        control=True,
        error="",
        managers=tuple((node.id, f"{node.address}:2377") for node in manifest.nodes if node.role == "manager"),
    )


def _no_key(wanted: WantedState, found: Target) -> tuple[Blocker, ...]:
    if not found.manifest.autolock or wanted.unlock_key:
        return ()
    return (Blocker(RESTORE, "the archive was taken with autolock on, and is of no use without the unlock key", "give it as unlock_key"),)


def _in_use(wanted: WantedState, found: Target) -> tuple[Blocker, ...]:
    if wanted.replace:
        return ()
    membership = found.membership
    if membership.state != "inactive":
        reason = f"this host is in a swarm (state {membership.state}, node {membership.node_id or 'unknown'})"
        remedy = "make it leave (meshwork.swarm.membership, state left), or set replace: true to have the archive in that state's place"
        return (Blocker(RESTORE, reason, remedy),)
    if found.occupied:
        return (Blocker(RESTORE, f"{found.folder} is not empty", "set replace: true to have what is in it moved aside"),)
    return ()
