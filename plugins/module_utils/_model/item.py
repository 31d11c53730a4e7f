# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a planner compares: one object, wanted or found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import InvalidOption
from .table import Table, parse

OUR_LABELS = "io.meshwork.swarm."
"""What the names of this collection's own labels begin with. They are neither compared nor dropped when a user writes labels."""
OWNER_LABEL = OUR_LABELS + "owned"
"""The label that marks what this collection made; `exclusive: true` removes nothing that does not carry it."""
JOURNAL = OUR_LABELS + "journal."
"""How labels begin under which work of several steps writes down what it needs to go on after an interruption."""


@dataclass(frozen=True)
class Item:
    """One object. `values` are canonical values by option name.

    Wanted: only the options that were written, `state` and `where` ("networks[3] (backend)").
    Found: every option of the table, with the Engine's `id`, its whole `document` (JSON) and the `version` that an update names.
    """

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    state: str = "present"
    where: str = ""
    id: str = ""
    version: int = 0
    document: Mapping[str, Any] = field(default_factory=dict)


def parse_items(table: Table, entries: Sequence[Mapping[str, Any]], option: str, key: str = "name") -> tuple[Item, ...]:
    """The wanted items of a list option. Raises InvalidOption that names the entry, also when a name stands twice."""
    items: list[Item] = []
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries):
        name = str(entry.get(key) or "")
        label = str(entry.get("name") or name)
        where = f"{option}[{index}] ({label})" if label else f"{option}[{index}]"
        if name and name in seen:
            raise InvalidOption(where, f"every {key} once", name, f"{option}[{seen[name]}] has it already")
        seen[name] = index
        state = str(entry.get("state") or "present")
        items.append(Item(name, parse(table, entry, where), state, where))
    return tuple(items)


def owned(labels: Mapping[str, str]) -> bool:
    """Whether the labels of an object say that this collection made it."""
    return OWNER_LABEL in labels


def of_users(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that belong to the user."""
    return {name: value for name, value in labels.items() if not name.startswith(OUR_LABELS)}


def of_ours(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that belong to this collection."""
    return {name: value for name, value in labels.items() if name.startswith(OUR_LABELS)}


def check_labels(item: Item) -> None:
    """Raises InvalidOption for a label with a name of ours: what is written there would be compared with nothing."""
    for name in of_ours(item.values.get("labels") or {}):
        raise InvalidOption(
            f"{item.where}.labels", f"names that do not begin with {OUR_LABELS}, which this collection keeps for itself", name
        )
