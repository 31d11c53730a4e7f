# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that are lists of entries, such as the mounts of a service: each entry has a field table of its own.

The list is exact when it is given. Inside an entry, unset is unmanaged: what was not written of an entry that is there already is kept,
fields that no table knows among them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from . import table
from .table import Json, Kind, Row, Table, Unfit


class Entry(dict[str, Any]):
    """Canonical values of one entry by option name; what a user wrote is a plain mapping."""


Entries = tuple[Entry, ...]


def _as_it_is(entry: Entry, _place: str) -> Entry:
    return entry


@dataclass(frozen=True)
class Records:
    """What the entries of a list are.

    `key` names the options that tell entries apart, `required` those that have to be written (the key, unless told). `ordered`: their
    order counts. `fresh` is what a new entry starts from in the Engine's JSON. An entry of which one of `renewed` changes keeps nothing
    of what was there. `complete` fills in and checks a written entry (its values and its place, "[1]"); it raises Unfit.
    """

    rows: Table
    key: tuple[str, ...]
    ordered: bool = False
    fresh: Mapping[str, Any] | None = None
    renewed: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    complete: Callable[[Entry, str], Entry] = _as_it_is

    def kind(self) -> Kind:
        """The kind of an option with such entries."""
        options = table.argument_spec(self.rows)
        for name in self.required or self.key:
            options[name]["required"] = True
        return Kind(
            "list",
            self.parse,
            self.show,
            self.read,
            self.write,
            self.same,
            self.merge,
            elements="dict",
            options=options,
            rows=self.rows,
        )

    def row(self, option: str, path: str, since: tuple[int, int] = (1, 41)) -> Row:
        """The row of an option with such entries, which the Engine keeps as a list under `path`."""
        *parents, name = path.split("/")

        def put(document: Json, value: Entries) -> None:
            level = document
            for parent in parents:
                if not isinstance(level.get(parent), dict):
                    level[parent] = {}
                level = level[parent]
            level[name] = self.put(level.get(name) or (), value)

        return Row(option, path, self.kind(), absent=(), since=since, put=put)

    def name(self, entry: Mapping[str, Any]) -> tuple[Any, ...]:
        """What tells the entry from others."""
        return tuple(entry.get(option) for option in self.key)

    def parse(self, value: Any) -> Entries:
        """Canonical entries. Raises Unfit with the place of what is wrong."""
        entries: list[Entry] = []
        for index, written in enumerate(value):
            place = f"[{index}]"
            entry = written if isinstance(written, Entry) else self.complete(self._parsed(written, place), place)
            if any(self.name(entry) == self.name(other) for other in entries):
                told = "/".join(str(part) for part in self.name(entry))
                raise Unfit(f"every {' and '.join(self.key)} once", place, f"{told} twice")
            entries.append(entry)
        return self._in_order(entries)

    def _parsed(self, written: Any, place: str) -> Entry:
        if not isinstance(written, Mapping):
            raise Unfit("an entry with the options " + ", ".join(row.option for row in self.rows), place, written)
        entry = Entry()
        for row in self.rows:
            value = table.dig(written, row.option.split("."))
            if value is None:
                continue
            try:
                entry[row.option] = row.kind.parse(value)
            except Unfit as error:
                raise Unfit(str(error), f"{place}.{row.option}{error.place}", error.found) from None
            except ValueError as error:
                raise Unfit(str(error), f"{place}.{row.option}", value) from None
        return entry

    def _in_order(self, entries: Sequence[Entry]) -> Entries:
        return tuple(entries) if self.ordered else tuple(sorted(entries, key=lambda entry: [str(part) for part in self.name(entry)]))

    def show(self, entries: Entries) -> list[dict[str, Any]]:
        """Entries as people write them."""
        return [table.show(self.rows, entry) for entry in entries]

    def read(self, value: Sequence[Mapping[str, Any]]) -> Entries:
        """Entries from the Engine's list."""
        found = [{row.option: table.get(row, raw) for row in self.rows} for raw in value]
        return self._in_order([Entry((option, each) for option, each in entry.items() if each is not None) for entry in found])

    def write(self, entries: Entries) -> list[Json]:
        """The Engine's list, made from nothing."""
        return self.put((), entries)

    def put(self, there: Sequence[Mapping[str, Any]], entries: Entries) -> list[Json]:
        """The Engine's list: entries that are there already keep what was not written."""
        raws = {self.name(entry): raw for raw in there for entry in self.read([raw])}
        written = []
        for entry in entries:
            raw = raws.get(self.name(entry))
            keeps = raw is not None and not self._renews(entry, self.read([raw])[0])
            written.append(table.write(self.rows, entry, raw if raw is not None and keeps else copy.deepcopy(dict(self.fresh or {}))))
        return written

    def _renews(self, wanted: Entry, found: Entry) -> bool:
        return any(option in wanted and wanted[option] != found.get(option) for option in self.renewed)

    def same(self, wanted: Entries, found: Entries) -> bool:
        """The same entries, each with what was written of it."""
        there = {self.name(entry): entry for entry in found}
        if len(wanted) != len(there) or (self.ordered and [self.name(each) for each in wanted] != [self.name(each) for each in found]):
            return False
        return all(self.name(entry) in there and self._agrees(entry, there[self.name(entry)]) for entry in wanted)

    def _agrees(self, wanted: Entry, found: Entry) -> bool:
        return all(row.kind.same(wanted[row.option], found.get(row.option)) for row in self.rows if row.option in wanted)

    def merge(self, wanted: Entries, found: Entries | None) -> Entries:
        """The wanted entries with what they keep of those found."""
        there = {self.name(entry): entry for entry in found or ()}
        merged = []
        for entry in wanted:
            kept = there.get(self.name(entry), Entry())
            merged.append(entry if self._renews(entry, kept) else Entry({**kept, **entry}))
        return self._in_order(merged)
