# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Field tables: one row an option, from which everything that has to know an option is derived.

The argument spec, the parsing of what the user wrote, the reading of what the Engine holds, the comparison, the writing into
the Engine's JSON and the showing in diffs all walk the same rows. Values are kept flat, by option name ("update_config.order"),
in one canonical form. An option that is not among the wanted values is unmanaged: it is neither compared nor written.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Callable

from .errors import InvalidOption

Json = dict[str, Any]
Values = Mapping[str, Any]
Path = tuple[str, ...]
ENGINES: Mapping[tuple[int, int], str] = {
    (1, 41): "20.10",
    (1, 42): "23.0",
    (1, 43): "24.0",
    (1, 44): "25.0",
    (1, 45): "26.0",
    (1, 46): "27.0",
    (1, 48): "28.0",
    (1, 52): "29.0",
}
"""The first release of the Engine with each API version (docs.docker.com/reference/api/engine)."""
NOTHING: tuple[Any, ...] = ("", (), {})
EMPTY: tuple[Any, ...] = (*NOTHING, 0)


def _same(wanted: Any, found: Any) -> bool:
    return bool(wanted == found)


def _identity(value: Any) -> Any:
    return value


def _wanted(wanted: Any, _found: Any) -> Any:
    return wanted


@dataclass(frozen=True)
class Kind:
    """What values of a row look like: in the argument spec, in the canonical form, to people and in the Engine's JSON.

    `parse` takes what the user wrote and gives the canonical form, or raises ValueError with what was expected; it leaves a
    canonical value as it is. `show` gives what the user would have written. `read` and `write` turn the Engine's JSON value
    into the canonical form and back. `same` compares wanted with found, and `merge` gives what comes of the two: wanted, and what
    wanted leaves open. `rows` are the fields of each entry, where a value is a list of entries.
    """

    type: str
    parse: Callable[[Any], Any] = _identity
    show: Callable[[Any], Any] = _identity
    read: Callable[[Any], Any] = _identity
    write: Callable[[Any], Any] = _identity
    same: Callable[[Any, Any], bool] = _same
    merge: Callable[[Any, Any], Any] = _wanted
    elements: str | None = None
    choices: tuple[str, ...] = ()
    options: Mapping[str, Any] | None = None
    rows: tuple[Row, ...] = ()


class Unfit(ValueError):
    """A part of a value is not what was expected: `place` says which ("[1].gateway"), `found` is that part."""

    def __init__(self, expected: str, place: str, found: Any) -> None:
        super().__init__(expected)
        self.place = place
        self.found = found


@dataclass(frozen=True)
class Row:
    """One option of an object.

    `option` is its name, dotted where it is a suboption. `path` is where the Engine keeps it, keys joined by "/"; `get` and
    `put` replace the path where one value depends on several keys. `absent` is the canonical value that a missing key means.
    `since` is the first API version that has it. An immutable row can only be given when the object is created. A quiet row is shown only
    where its value is another than `absent`. `no_log` is false where only the option's name sounds like a secret.
    """

    option: str
    path: str
    kind: Kind
    absent: Any = None
    mutable: bool = True
    since: tuple[int, int] = (1, 41)
    quiet: bool = False
    no_log: bool | None = None
    get: Callable[[Mapping[str, Any]], Any] | None = None
    put: Callable[[Json, Any], None] | None = None

    @property
    def keys(self) -> Path:
        return tuple(self.path.split("/"))


Table = tuple[Row, ...]


@dataclass(frozen=True)
class Difference:
    """One option that is not as wanted; `wanted` and `found` are as people write them."""

    option: str
    wanted: Any
    found: Any
    mutable: bool

    def __str__(self) -> str:
        return f"{self.option}: wanted {self.wanted!r}, found {self.found!r}"


def argument_spec(table: Table) -> dict[str, Any]:
    """The argument spec of an object's options, suboptions nested."""
    spec: dict[str, Any] = {}
    for row in table:
        entry: dict[str, Any] = {"type": row.kind.type}
        if row.no_log is not None:
            entry["no_log"] = row.no_log
        if row.kind.elements:
            entry["elements"] = row.kind.elements
        if row.kind.choices:
            entry["choices"] = list(row.kind.choices)
        if row.kind.options is not None:
            entry["options"] = copy.deepcopy(dict(row.kind.options))
        *parents, name = row.option.split(".")
        level = spec
        for parent in parents:
            level = level.setdefault(parent, {"type": "dict", "options": {}})["options"]
        level[name] = entry
    return spec


def parse(table: Table, options: Mapping[str, Any], item: str) -> dict[str, Any]:
    """Canonical values of the options that were given (None and missing mean: not given).

    Raises InvalidOption, which names `item` and the option.
    """
    values: dict[str, Any] = {}
    for row in table:
        written = dig(options, row.option.split("."))
        if written is None:
            continue
        try:
            values[row.option] = row.kind.parse(written)
        except Unfit as error:
            raise InvalidOption(f"{item}.{row.option}{error.place}", str(error), error.found) from None
        except ValueError as error:
            raise InvalidOption(f"{item}.{row.option}", str(error), written) from None
    return values


def read(table: Table, document: Mapping[str, Any]) -> dict[str, Any]:
    """Canonical values of every row from the Engine's JSON."""
    return {row.option: get(row, document) for row in table}


def write(table: Table, values: Values, document: Mapping[str, Any]) -> Json:
    """A copy of the Engine's JSON in which the given values, and nothing else, are set."""
    result: Json = copy.deepcopy(dict(document))
    for row in table:
        if row.option in values:
            _put(row, result, values[row.option])
    return result


def differences(table: Table, wanted: Values, found: Values) -> tuple[Difference, ...]:
    """The wanted options that are not as found, in the order of the table."""
    return tuple(
        Difference(
            row.option,
            row.kind.show(row.kind.merge(wanted[row.option], found.get(row.option))),
            _shown(row, found.get(row.option)),
            row.mutable,
        )
        for row in table
        if row.option in wanted and not row.kind.same(wanted[row.option], found.get(row.option))
    )


def merged(table: Table, wanted: Values, found: Values) -> dict[str, Any]:
    """What the object is once the wanted options are true: those that already agree keep the form in which they were found."""
    result = dict(found)
    for row in table:
        if row.option in wanted and not row.kind.same(wanted[row.option], found.get(row.option)):
            result[row.option] = row.kind.merge(wanted[row.option], found.get(row.option))
    return result


def show(table: Table, values: Values) -> dict[str, Any]:
    """The values as a user would write them, suboptions nested; options that are empty as they are when never set are left out."""
    result: dict[str, Any] = {}
    for row in table:
        value = values.get(row.option)
        if value is None or _as_if_unset(row, value):
            continue
        *parents, name = row.option.split(".")
        level = result
        for parent in parents:
            level = level.setdefault(parent, {})
        level[name] = row.kind.show(value)
    return result


def too_new(table: Table, values: Values, api: tuple[int, int]) -> list[tuple[str, tuple[int, int]]]:
    """The given options that the Engine's API does not have yet, each with the first version that has it; those of entries, too."""
    found = [(row.option, row.since) for row in table if row.option in values and row.since > api]
    for row in table:
        for entry in values.get(row.option) or () if row.kind.rows else ():
            inner = [(f"{row.option}.{option}", since) for option, since in too_new(row.kind.rows, entry, api)]
            found += [each for each in inner if each not in found]
    return found


def check_api(table: Table, values: Values, api: tuple[int, int], item: str) -> None:
    """Raises InvalidOption for an option that the Engine's API does not have yet: it would be dropped in silence."""
    for option, since in too_new(table, values, api):
        raise InvalidOption(f"{item}.{option}", f"an Engine with {_engine(since)}", f"one with {_engine(api)}", "leave it out")


def _engine(api: tuple[int, int]) -> str:
    newest = max((each for each in ENGINES if each <= api), default=None)
    return f"API {api[0]}.{api[1]}" + (f" (Docker {ENGINES[newest]})" if newest else "")


def _as_if_unset(row: Row, value: Any) -> bool:
    if row.quiet:
        return bool(value == row.absent)
    return value in NOTHING if row.absent is None else value in EMPTY and value == row.absent and not isinstance(value, bool)


def _shown(row: Row, value: Any) -> Any:
    return None if value is None else row.kind.show(value)


def get(row: Row, document: Mapping[str, Any]) -> Any:
    """The canonical value of a row in the Engine's JSON."""
    if row.get is not None:
        return row.get(document)
    value = dig(document, row.keys)
    return row.absent if value is None else row.kind.read(value)


def _put(row: Row, document: Json, value: Any) -> None:
    if row.put is not None:
        row.put(document, value)
        return
    *parents, name = row.keys
    level: MutableMapping[str, Any] = document
    for parent in parents:
        if not isinstance(level.get(parent), dict):
            level[parent] = {}
        level = level[parent]
    level[name] = row.kind.write(value)


def dig(document: Mapping[str, Any] | Any, keys: Iterable[str]) -> Any:
    """What stands under keys inside keys, None where one of them is missing."""
    for key in keys:
        if not isinstance(document, Mapping):
            return None
        document = document.get(key)
    return document
