# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a service is reached: its published ports and the networks that it is attached to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .kinds import LABELS, NAMES, TEXT
from .records import Records
from .table import Json, Kind, Row, Unfit


class Port(NamedTuple):
    """A publication. `published` 0: the swarm chooses the port; `name`: the Engine's own field, which no tool shows."""

    target: int
    published: int
    protocol: str
    mode: str
    name: str = ""


PORT_OPTIONS: dict[str, Any] = {
    "target_port": {"type": "str", "required": True},
    "published_port": {"type": "str"},
    "protocol": {"type": "str", "choices": ["tcp", "udp", "sctp"], "default": "tcp"},
    "mode": {"type": "str", "choices": ["ingress", "host"], "default": "ingress"},
    "name": {"type": "str"},
}
PORTS = range(1, 65536)


def parse_ports(value: Any) -> tuple[Port, ...]:
    """Ports in an order of their own, since theirs has no meaning. A range such as "8000-8005" is as many ports."""
    found: list[Port] = []
    for index, entry in enumerate(value):
        found += [entry] if isinstance(entry, Port) else _written(entry, f"[{index}]")
    return tuple(sorted(found))


def _written(entry: Mapping[str, Any], place: str) -> list[Port]:
    targets = _range(entry["target_port"], f"{place}.target_port")
    published = _range(entry.get("published_port") or 0, f"{place}.published_port")
    if published and len(targets) == 1:
        targets *= len(published)
    if published and len(targets) != len(published):
        raise Unfit(f"a range as long as target_port {entry['target_port']}", f"{place}.published_port", entry["published_port"])
    rest = (str(entry.get("protocol") or "tcp"), str(entry.get("mode") or "ingress"), str(entry.get("name") or ""))
    return [Port(target, port, *rest) for target, port in zip(targets, published or [0] * len(targets))]


def _range(written: Any, place: str) -> list[int]:
    """The ports of "8000" or "8000-8005"; none for 0, which stands for the swarm's choice."""
    first, dash, last = str(written).strip().partition("-")
    if not first.isdigit() or (dash and not last.isdigit()):
        raise Unfit("a port such as 8000 or a range such as 8000-8005", place, written)
    if not dash and int(first) == 0 and place.endswith("published_port"):
        return []
    ports = range(int(first), int(last or first) + 1)
    if not ports or ports[0] not in PORTS or ports[-1] not in PORTS:
        raise Unfit("a port from 1 to 65535, or a range of them", place, written)
    return list(ports)


def show_ports(ports: Sequence[Port]) -> list[dict[str, Any]]:
    """Ports as people write them, each by itself."""
    shown = []
    for port in ports:
        entry: dict[str, Any] = {"target_port": port.target, "published_port": port.published, "protocol": port.protocol, "mode": port.mode}
        shown.append({name: value for name, value in {**entry, "name": port.name}.items() if value})
    return shown


def port_text(port: Port) -> str:
    """A publication in a word: "8080->80/tcp"."""
    return f"{port.published or 'any'}->{port.target}/{port.protocol}"


def ranges(numbers: Iterable[int]) -> str:
    """Ports in a few words: "80 8000-8005"."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _meets(wanted: Port, found: Port) -> bool:
    """Whether a publication is content with another: without a published port or a name, with any."""
    return (
        (wanted.target, wanted.protocol, wanted.mode) == (found.target, found.protocol, found.mode)
        and wanted.published in (0, found.published)
        and wanted.name in ("", found.name)
    )


def _matched(wanted: Sequence[Port], found: Sequence[Port]) -> list[Port | None]:
    """For each wanted publication the one found that meets it, each of them once; those that name their port choose first."""
    left = list(found)
    matches: dict[int, Port | None] = {}
    for index in sorted(range(len(wanted)), key=lambda each: (wanted[each].published == 0, wanted[each].name == "")):
        match = next((each for each in left if _meets(wanted[index], each)), None)
        matches[index] = match
        if match is not None:
            left.remove(match)
    return [matches[index] for index in range(len(wanted))]


def same_ports(wanted: Sequence[Port], found: Sequence[Port]) -> bool:
    """The same publications; one without a published port is content with any."""
    return len(wanted) == len(found) and None not in _matched(wanted, found)


def merge_ports(wanted: Sequence[Port], found: Sequence[Port]) -> tuple[Port, ...]:
    """The wanted publications, those that are there already as they are."""
    return tuple(sorted(match or port for port, match in zip(wanted, _matched(wanted, found))))


def _port(raw: Mapping[str, Any]) -> Port:
    return Port(
        int(raw["TargetPort"]),
        int(raw.get("PublishedPort") or 0),
        str(raw.get("Protocol") or "tcp"),
        str(raw.get("PublishMode") or "ingress"),
        str(raw.get("Name") or ""),
    )


def read_ports(value: Sequence[Mapping[str, Any]]) -> tuple[Port, ...]:
    """Ports from the Engine's list."""
    return tuple(sorted(_port(raw) for raw in value))


def _raw(port: Port) -> Json:
    optional = {"PublishedPort": port.published, "Name": port.name}
    shown = {"TargetPort": port.target, "Protocol": port.protocol, "PublishMode": port.mode}
    return {**shown, **{key: value for key, value in optional.items() if value}}


def _write_ports(ports: Sequence[Port]) -> list[Json]:
    return [_raw(port) for port in ports]


def with_chosen(ports: Sequence[Port], document: Mapping[str, Any]) -> list[Port]:
    """The publications with the ports that the swarm has chosen for them, as its document tells."""
    chosen = read_ports((document.get("Endpoint") or {}).get("Ports") or ())
    return [port._replace(published=match.published) if match else port for port, match in zip(ports, _matched(ports, chosen))]


def put_ports(document: Json, value: Sequence[Port]) -> None:
    """Set the publications. One whose port the swarm has chosen names that port from now on.

    For any other change of the ports would make the swarm choose anew (swarmkit allocator/cnmallocator, seen with Engine 20.10).
    """
    endpoint = document.setdefault("Spec", {}).setdefault("EndpointSpec", {})
    named = with_chosen(read_ports(endpoint.get("Ports") or ()), document)
    endpoint["Ports"] = _write_ports(merge_ports(value, named))


PUBLISH = Kind("list", parse_ports, show_ports, read_ports, _write_ports, same_ports, merge_ports, elements="dict", options=PORT_OPTIONS)

ATTACHMENTS = Records(
    (Row("name", "Target", TEXT), Row("aliases", "Aliases", NAMES, absent=()), Row("driver_opts", "DriverOpts", LABELS, absent={})),
    ("name",),
)
"""The networks of a service, told by name."""
