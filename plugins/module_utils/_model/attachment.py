# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The place of one container on one network: what POST /networks/{name}/connect takes and GET /containers/{id}/json gives back."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import InvalidOption
from .item import Item, parse_items
from .kinds import NAMES, address
from .table import Kind, Row, Table, read

SHORT_ID = 12


def _ipv4(value: Any) -> str:
    if value == "":
        return ""
    written = address(value)
    if ipaddress.ip_address(written).version != 4:
        raise ValueError("an IPv4 address")
    return written


ATTACHMENT: Table = (
    Row("aliases", "Aliases", NAMES, absent=()),
    Row("ipv4_address", "IPAMConfig/IPv4Address", Kind("str", _ipv4), absent=""),
)


@dataclass(frozen=True)
class Container:
    """A container of this host. `failed` is why its last start failed, where the Engine is to start it by itself ("" otherwise).

    `places` are its networks by name, as the Engine's JSON. `mode` is its network mode, `task` whether a service made it.
    """

    id: str
    name: str
    running: bool
    mode: str = "default"
    task: bool = False
    failed: str = ""
    places: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_container(document: Mapping[str, Any], task_label: str) -> Container:
    """A container from GET /containers/{id}/json."""
    state: Mapping[str, Any] = document.get("State") or {}
    host: Mapping[str, Any] = document.get("HostConfig") or {}
    policy = str((host.get("RestartPolicy") or {}).get("Name") or "")
    running = bool(state.get("Running"))
    # "on-failure" is not among them: it does not start a container after a boot
    failed = str(state.get("Error") or "") if not running and policy in ("always", "unless-stopped") else ""
    return Container(
        id=str(document["Id"]),
        name=str(document["Name"]).lstrip("/"),
        running=running,
        mode=str(host.get("NetworkMode") or "default"),
        task=task_label in ((document.get("Config") or {}).get("Labels") or {}),
        failed=failed,
        places=dict((document.get("NetworkSettings") or {}).get("Networks") or {}),
    )


def read_place(container: Container, network: str) -> Item:
    """The place that a container has on a network. Engines before API 1.45 put its short ID among the aliases."""
    document = dict(container.places[network])
    document["Aliases"] = [alias for alias in document.get("Aliases") or () if alias != container.id[:SHORT_ID]]
    return Item(place_name(container.name, network), read(ATTACHMENT, document), id=container.id, document=document)


def place_name(container: str, network: str) -> str:
    """What a place is called: "db on front"."""
    return f"{container} on {network}"


def parse_places(entries: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str, Item], ...]:
    """The wanted places as container, network and item. Raises InvalidOption, also when one stands twice or two share an address."""
    named = [{**entry, "name": place_name(str(entry["container"]), str(entry["network"]))} for entry in entries]
    items = parse_items(ATTACHMENT, named, "attachments")
    _alone(zip(entries, items))
    return tuple((str(entry["container"]), str(entry["network"]), item) for entry, item in zip(entries, items))


def _alone(pairs: Iterable[tuple[Mapping[str, Any], Item]]) -> None:
    held: dict[tuple[str, str], str] = {}
    for entry, item in pairs:
        wanted = item.values.get("ipv4_address")
        if wanted and item.state == "present":
            other = held.setdefault((str(entry["network"]), wanted), item.where)
            if other != item.where:
                raise InvalidOption(f"{item.where}.ipv4_address", "an address of its own", wanted, f"{other} has it already")
