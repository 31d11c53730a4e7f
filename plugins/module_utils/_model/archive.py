# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an archive of a manager's swarm state says about itself, so that it is known before anything is put back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .errors import SwarmError
from .item import Item
from .membership import Membership
from .node import hostname, manager


@dataclass(frozen=True)
class Member:
    """A node of the swarm when the archive was made."""

    id: str
    hostname: str
    role: str
    address: str


@dataclass(frozen=True)
class Manifest:
    """One archive: the swarm and the manager that it was taken from, and when (UTC, ISO 8601). It holds no secret.

    With `autolock` the Raft log and the node's key in the archive are encrypted with the swarm's unlock key, which is not in it.
    """

    cluster_id: str
    node_id: str
    hostname: str
    node_addr: str
    engine_version: str
    autolock: bool
    taken: str
    nodes: tuple[Member, ...] = ()

    @property
    def managers(self) -> int:
        """How many managers the swarm had, and so whether it has a majority without the others."""
        return sum(1 for node in self.nodes if node.role == "manager")


def describe_state(membership: Membership, swarm: Item, nodes: Sequence[Item], taken: str) -> Manifest:
    """The manifest of the state that the manager of this membership holds."""
    return Manifest(
        cluster_id=membership.cluster_id,
        node_id=membership.node_id,
        hostname=membership.hostname,
        node_addr=membership.node_addr,
        engine_version=membership.engine_version,
        autolock=bool(swarm.values["autolock_managers"]),
        taken=taken,
        nodes=tuple(_member(node) for node in nodes),
    )


def _member(node: Item) -> Member:
    document = node.document
    # the Status of a manager may hold 0.0.0.0; what the others reach it by is its ManagerStatus
    raft = str((document.get("ManagerStatus") or {}).get("Addr") or "").rpartition(":")[0]
    address = raft or str((document.get("Status") or {}).get("Addr") or "")
    return Member(node.id, hostname(node), "manager" if manager(node) else str(node.values["role"]), address)


def show_manifest(manifest: Manifest) -> dict[str, Any]:
    """The manifest as people and archives have it."""
    return {**asdict(manifest), "nodes": [asdict(node) for node in manifest.nodes]}


def read_manifest(document: Any) -> Manifest:
    """The manifest from what an archive holds. Raises SwarmError."""
    try:
        fields: Mapping[str, Any] = {**document, "nodes": tuple(Member(**node) for node in document["nodes"])}
        return Manifest(**fields)
    except (TypeError, KeyError, ValueError):
        raise SwarmError("the archive's description is not one of this collection's; was it made by meshwork.swarm.backup?") from None
