# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node: what a manager can change of it (GET /nodes, POST /nodes/{id}/update)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .item import Item
from .kinds import LABELS, choice
from .table import Row, Table, read

NODE: Table = (
    Row("role", "Spec/Role", choice("worker", "manager"), absent="worker"),
    Row("availability", "Spec/Availability", choice("active", "pause", "drain"), absent="active"),
    Row("labels", "Spec/Labels", LABELS, absent={}),
)


def read_node(document: Mapping[str, Any]) -> Item:
    """A node from an entry of GET /nodes; it is known by its ID, its hostname is only shown."""
    return Item(
        name=str(document["ID"]),
        values=read(NODE, document),
        id=str(document["ID"]),
        version=int(document["Version"]["Index"]),
        document=document,
    )


def hostname(node: Item) -> str:
    """What people call the node."""
    return str((node.document.get("Description") or {}).get("Hostname") or node.id)


def platform(node: Item) -> str:
    """The operating system of the node, "linux" or "windows"."""
    return str(((node.document.get("Description") or {}).get("Platform") or {}).get("OS") or "")


def reachable(node: Item) -> bool:
    """Whether the node takes part in Raft now."""
    return (node.document.get("ManagerStatus") or {}).get("Reachability") == "reachable"


def leader(node: Item) -> bool:
    """Whether the node leads Raft now."""
    return bool((node.document.get("ManagerStatus") or {}).get("Leader"))


def manager(node: Item) -> bool:
    """Whether the node is among the managers of Raft, also when it is to be a worker soon."""
    return bool(node.document.get("ManagerStatus"))


def running_tasks(node: Item) -> int:
    """How many tasks the node still has to run; the observer counts them where it matters."""
    return int(node.document.get("RunningTasks") or 0)


def ready(node: Item) -> bool:
    """Whether the node's agent is in touch with the managers."""
    return (node.document.get("Status") or {}).get("State") == "ready"


def takes_tasks(node: Item) -> bool:
    """Whether the swarm gives the node tasks."""
    return ready(node) and node.values["availability"] == "active"


def paused(node: Item) -> bool:
    """Whether the node keeps the tasks that it has and gets no others."""
    return ready(node) and bool(node.values["availability"] == "pause")
