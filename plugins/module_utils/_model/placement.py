# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the tasks of a service may run: constraints, preferences and platforms, and whether a node meets them.

As swarmkit does it: manager/constraint/constraint.go and the platform filter of manager/scheduler/filter.go.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .item import Item
from .kinds import TEXT, words
from .records import Entry, Records
from .table import Kind, Row, Unfit, dig

KEYS = ("node.id", "node.hostname", "node.ip", "node.role", "node.platform.os", "node.platform.arch")
LABEL_PREFIXES = ("node.labels.", "engine.labels.")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_CONSTRAINT = re.compile(r"\s*([A-Za-z_][A-Za-z0-9\-_.]+)\s*(==|!=)\s*([A-Za-z0-9:\-_\s.*()?+\[\]\\^$|/]+)")


def _split(constraint: str) -> tuple[str, str, str] | None:
    """Key, operator and value; None where the Engine would not understand it."""
    match = _CONSTRAINT.fullmatch(constraint)
    return (match.group(1), match.group(2), match.group(3).strip()) if match and match.group(3).strip() else None


def _canonical(constraint: str) -> str:
    parts = _split(constraint)
    return " ".join(parts) if parts else constraint


def constraints(value: Any) -> tuple[str, ...]:
    """A set of constraints such as "node.role == worker". Raises Unfit for those that no node can meet."""
    found = []
    for index, written in enumerate(words(value)):
        parts = _split(written)
        if parts is None:
            raise Unfit("a constraint such as node.labels.zone == a, with == or !=", f"[{index}]", written)
        key = parts[0].lower()
        if key not in KEYS and not any(key.startswith(prefix) and len(key) > len(prefix) for prefix in LABEL_PREFIXES):
            raise Unfit("one of " + ", ".join((*KEYS, *(f"{prefix}NAME" for prefix in LABEL_PREFIXES))), f"[{index}]", parts[0])
        found.append(" ".join(parts))
    return tuple(sorted(set(found)))


def _read(value: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({_canonical(each) for each in value}))


CONSTRAINTS = Kind("list", constraints, list, _read, list, elements="str")


def _spread(entry: Entry, place: str) -> Entry:
    """The scheduler passes over what is no label."""
    spread = str(entry["spread"])
    if not any(spread.startswith(prefix) and len(spread) > len(prefix) for prefix in LABEL_PREFIXES):
        raise Unfit("node.labels.NAME or engine.labels.NAME", f"{place}.spread", spread)
    return entry


PREFERENCES = Records((Row("spread", "Spread/SpreadDescriptor", TEXT),), ("spread",), ordered=True, complete=_spread)
PLATFORMS = Records((Row("os", "OS", TEXT, absent=""), Row("architecture", "Architecture", TEXT, absent="")), ("os", "architecture"))


def _facts(node: Item) -> dict[str, str]:
    """What constraints may ask of a node, by key in small letters."""
    document = node.document
    return {
        "node.id": node.id,
        "node.hostname": str(dig(document, ("Description", "Hostname")) or ""),
        "node.role": str(node.values["role"]),
        "node.platform.os": str(dig(document, ("Description", "Platform", "OS")) or ""),
        "node.platform.arch": str(dig(document, ("Description", "Platform", "Architecture")) or ""),
    }


def _holds(key: str, wanted: str, node: Item) -> bool:
    """Whether key equals wanted on the node. Values are compared without case, names of labels with it."""
    lowered = key.lower()
    if lowered == "node.ip":
        try:
            address = ipaddress.ip_address(str(dig(node.document, ("Status", "Addr")) or ""))
            return address in ipaddress.ip_network(wanted, strict=False)
        except ValueError:
            return False
    if lowered.startswith("node.labels."):
        found = dig(node.document, ("Spec", "Labels")) or {}
        return str(found.get(key[len("node.labels.") :]) or "").lower() == wanted.lower()
    if lowered.startswith("engine.labels."):
        found = dig(node.document, ("Description", "Engine", "Labels")) or {}
        return str(found.get(key[len("engine.labels.") :]) or "").lower() == wanted.lower()
    facts = _facts(node)
    return lowered in facts and facts[lowered].lower() == wanted.lower()


def meets(constraint: str, node: Item) -> bool:
    """Whether the node meets a constraint; nobody meets one that the Engine would not understand."""
    parts = _split(constraint)
    if parts is None:
        return False
    key, operator, wanted = parts
    return _holds(key, wanted, node) == (operator == "==")


def suits(platforms: Sequence[Mapping[str, Any]], node: Item) -> bool:
    """Whether the node is of one of the platforms; an empty part of a platform stands for any, no platforms for all."""
    facts = _facts(node)
    system, architecture = facts["node.platform.os"], _architecture(facts["node.platform.arch"])
    return not platforms or any(
        each.get("os") in (None, "", system) and _architecture(each.get("architecture") or "") in ("", architecture) for each in platforms
    )


def _architecture(name: str) -> str:
    return ARCHITECTURES.get(name, name)
