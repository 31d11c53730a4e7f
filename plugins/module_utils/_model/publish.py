# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a service is reached: its published ports and the networks that it is attached to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from .kinds import integer, labels, words
from .table import Json, Kind, Unfit

Port = tuple[int, int, str, str]
"""Target port, published port (0: the swarm chooses one), protocol, mode."""

PORT_OPTIONS: dict[str, Any] = {
    "target_port": {"type": "int", "required": True},
    "published_port": {"type": "int"},
    "protocol": {"type": "str", "choices": ["tcp", "udp", "sctp"], "default": "tcp"},
    "mode": {"type": "str", "choices": ["ingress", "host"], "default": "ingress"},
}
PORTS = range(1, 65536)


def parse_ports(value: Any) -> tuple[Port, ...]:
    """Ports in an order of their own, since theirs has no meaning."""
    return tuple(sorted(_port(entry, f"[{index}]") for index, entry in enumerate(value)))


def _port(entry: Any, place: str) -> Port:
    if not isinstance(entry, Mapping):
        return (entry[0], entry[1], entry[2], entry[3])
    port = (
        integer(entry["target_port"]),
        integer(entry.get("published_port") or 0),
        str(entry.get("protocol") or "tcp"),
        str(entry.get("mode") or "ingress"),
    )
    if port[0] not in PORTS:
        raise Unfit("a port from 1 to 65535", f"{place}.target_port", port[0])
    if port[1] and port[1] not in PORTS:
        raise Unfit("a port from 1 to 65535", f"{place}.published_port", port[1])
    return port


def show_ports(ports: Sequence[Port]) -> list[dict[str, Any]]:
    """Ports as people write them."""
    shown = []
    for target, published, protocol, mode in ports:
        entry: dict[str, Any] = {"target_port": target, "published_port": published, "protocol": protocol, "mode": mode}
        shown.append({name: value for name, value in entry.items() if value})
    return shown


def port_text(port: Port) -> str:
    """A publication in a word: "8080->80/tcp"."""
    target, published, protocol, _mode = port
    return f"{published or 'any'}->{target}/{protocol}"


def same_ports(wanted: Sequence[Port], found: Sequence[Port]) -> bool:
    """The same publications; one without a published port is content with any."""
    left = list(found)
    for port in sorted(wanted, key=lambda each: each[1] == 0):
        match = next((each for each in left if each == port or (port[1] == 0 and each[0] == port[0] and each[2:] == port[2:])), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def _read_ports(value: Any) -> tuple[Port, ...]:
    return tuple(
        sorted(
            (
                int(each["TargetPort"]),
                int(each.get("PublishedPort") or 0),
                str(each.get("Protocol") or "tcp"),
                str(each.get("PublishMode") or "ingress"),
            )
            for each in value
        )
    )


def _write_ports(ports: Sequence[Port]) -> list[Json]:
    return [
        {"TargetPort": target, "Protocol": protocol, "PublishMode": mode, **({"PublishedPort": published} if published else {})}
        for target, published, protocol, mode in ports
    ]


PUBLISH = Kind("list", parse_ports, show_ports, _read_ports, _write_ports, same_ports, elements="dict", options=PORT_OPTIONS)

Attachment = tuple[str, Optional[tuple[str, ...]], Optional[tuple[tuple[str, str], ...]]]
"""Network name, aliases and driver options of the endpoint; None where they were not written."""

ATTACHMENT_OPTIONS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "aliases": {"type": "list", "elements": "str"},
    "driver_opts": {"type": "dict"},
}


def parse_attachments(value: Any) -> tuple[Attachment, ...]:
    """Attachments by name of the network, each network once."""
    attachments = sorted((_attachment(entry) for entry in value), key=lambda each: each[0])
    for one, other in zip(attachments, attachments[1:]):
        if one[0] == other[0]:
            raise Unfit("each network once", "", f"{one[0]} twice")
    return tuple(attachments)


def _attachment(entry: Any) -> Attachment:
    if not isinstance(entry, Mapping):
        return (entry[0], entry[1], entry[2])
    aliases = None if entry.get("aliases") is None else tuple(sorted(words(entry["aliases"])))
    options = None if entry.get("driver_opts") is None else tuple(sorted(labels(entry["driver_opts"]).items()))
    return (str(entry["name"]), aliases, options)


def show_attachments(attachments: Sequence[Attachment]) -> list[dict[str, Any]]:
    """Attachments as people write them."""
    shown = []
    for name, aliases, options in attachments:
        entry: dict[str, Any] = {"name": name}
        if aliases:
            entry["aliases"] = list(aliases)
        if options:
            entry["driver_opts"] = dict(options)
        shown.append(entry)
    return shown


def same_attachments(wanted: Sequence[Attachment], found: Sequence[Attachment]) -> bool:
    """The same networks, with the aliases and driver options that were written."""
    there = {each[0]: each for each in found}
    return len(wanted) == len(there) and all(
        each[0] in there and all(value is None or value == (other or ()) for value, other in zip(each[1:], there[each[0]][1:]))
        for each in wanted
    )


def get_attachments(document: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Attachments from a service whose networks are told by name."""
    targets = (((document.get("Spec") or {}).get("TaskTemplate") or {}).get("Networks")) or ()
    return tuple(
        sorted(
            (str(each["Target"]), tuple(sorted(each.get("Aliases") or ())), tuple(sorted((each.get("DriverOpts") or {}).items())))
            for each in targets
        )
    )


def put_attachments(document: Json, value: Sequence[Attachment]) -> None:
    """Set the networks; what was not written of an attachment that stays is kept."""
    template = document.setdefault("Spec", {}).setdefault("TaskTemplate", {})
    there = {each["Target"]: each for each in template.get("Networks") or ()}
    networks = []
    for name, aliases, options in value:
        entry = {**there.get(name, {}), "Target": name}
        if aliases is not None:
            entry["Aliases"] = list(aliases)
        if options is not None:
            entry["DriverOpts"] = dict(options)
        networks.append(entry)
    template["Networks"] = networks


ATTACHMENTS = Kind("list", parse_attachments, show_attachments, same=same_attachments, elements="dict", options=ATTACHMENT_OPTIONS)
