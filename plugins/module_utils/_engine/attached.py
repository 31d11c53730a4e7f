# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers of no service: which networks each host's own list and the manager's tasks show them on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .client import Engine

Document = Mapping[str, Any]
ATTACHMENTS = {"runtime": ["attachment"]}
"""The filter of GET /tasks for the attachments of containers, which are left out without it (moby daemon/cluster/tasks.go)."""
TASK_LABEL = "com.docker.swarm.task.id"
SHORT_ID = 12


def attachments(engine: Engine) -> Sequence[Document]:
    """The swarm's tasks that hold the place of a container on a swarm-wide network, on whatever node it runs."""
    found = engine.get("/tasks", {"filters": ATTACHMENTS}) or ()
    return [task for task in found if "NetworkAttachmentSpec" in task["Spec"] and task.get("DesiredState") == "running"]


def container_id(attachment: Document) -> str:
    """The container that an attachment is for."""
    return str(attachment["Spec"]["NetworkAttachmentSpec"].get("ContainerID") or "")


def show_attachments(engine: Engine) -> list[dict[str, str]]:
    """The attachments as people and the module `attachments` read them."""
    return [
        {
            "container_id": container_id(task),
            "node_id": str(task.get("NodeID") or ""),
            "network": str(each["Network"]["Spec"]["Name"]),
            "address": str(next(iter(each.get("Addresses") or ()), "")).partition("/")[0],
        }
        for task in attachments(engine)
        for each in task.get("NetworksAttachments") or ()
    ]


def attached_containers(engine: Engine) -> dict[str, tuple[str, ...]]:
    """Who is on each network and of no service, by network ID: containers of this host, and those elsewhere on swarm-wide networks.

    A manager knows the names of its own containers only, and of others the ID.
    """
    here = [each for each in engine.get("/containers/json", {"all": "true"}) or () if TASK_LABEL not in (each.get("Labels") or {})]
    users: dict[str, set[str]] = {}
    names = {str(each["Id"]): name_of(each) for each in here}
    for container in here:
        for network in ((container.get("NetworkSettings") or {}).get("Networks") or {}).values():
            users.setdefault(str(network.get("NetworkID") or ""), set()).add(names[str(container["Id"])])
    away = [task for task in attachments(engine) if container_id(task) not in names]
    hosts = {str(node["ID"]): str(node["Description"]["Hostname"]) for node in engine.get("/nodes")} if away else {}
    for task in away:
        node = str(task.get("NodeID") or "")
        for each in task.get("NetworksAttachments") or ():
            users.setdefault(str(each["Network"]["ID"]), set()).add(f"{container_id(task)[:SHORT_ID]} on {hosts.get(node, node)}")
    return {network: tuple(sorted(found)) for network, found in users.items()}


def as_asked(container: Document) -> Document:
    """A container (GET /containers/ID/json) without the addresses that the swarm chose for it.

    The Engine puts these where it keeps those that were asked for (moby daemon/container_operations.go: operIPAM), at once or when the
    container is started again, and notes which they are in its own file only. That is root's; to who may not read it, all were asked for.
    """
    try:
        kept = json.loads((Path(str(container.get("ResolvConfPath") or "/")).parent / "config.v2.json").read_text())
    except (OSError, ValueError):
        return container
    settings: Mapping[str, Any] = container.get("NetworkSettings") or {}
    noted = (kept.get("NetworkSettings") or {}).get("Networks") or {}
    chosen = {name for name, each in noted.items() if (each or {}).get("IPAMOperational")}
    places = {name: {**place, "IPAMConfig": None} if name in chosen else place for name, place in (settings.get("Networks") or {}).items()}
    return {**container, "NetworkSettings": {**settings, "Networks": places}}


def name_of(container: Document) -> str:
    """The name of a container from an entry of GET /containers/json."""
    return str((container.get("Names") or [container["Id"]])[0]).lstrip("/")
