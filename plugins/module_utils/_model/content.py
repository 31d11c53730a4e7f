# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets and configs: a name that services refer to, and objects of the Engine, of which each new content is another.

The Engine changes nothing of an object but its labels. The first object is called as the secret or config itself, each further one NAME-2,
NAME-3 ...; labels tell which name an object belongs to. The newest one counts. Inside containers the file keeps its name.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InvalidOption
from .item import OUR_LABELS, Item
from .kinds import LABELS, TEXT, choice
from .stack import labels_row
from .table import Json, Row, Table, read

NAME_LABEL = OUR_LABELS + "name"
"""The name that services refer to, on each object that this collection made for it."""
DIGEST_LABEL = OUR_LABELS + "digest"
VERSION_LABEL = OUR_LABELS + "version"
LONGEST_NAME = 64
Named = tuple[str, str]
"""ID and name of an object."""
_NAME = re.compile(r"[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?")
SOURCES = ("content", "content_base64", "src")

COMMON: Table = (
    Row("template_driver", "Spec/Templating/Name", choice("golang"), mutable=False),
    Row("version", f"Spec/Labels/{VERSION_LABEL}", TEXT, mutable=False),
    labels_row("labels", "Spec/Labels"),
)


@dataclass(frozen=True)
class Family:
    """Secrets, or configs. `limit` is the number of bytes that the Engine refuses, `told`: it gives the content back."""

    noun: str
    limit: int
    table: Table
    told: bool

    @property
    def plural(self) -> str:
        return f"{self.noun}s"

    @property
    def path(self) -> str:
        return f"/{self.plural}"


SECRET = Family(
    "secret",
    500 * 1024,
    (
        Row("driver.name", "Spec/Driver/Name", TEXT, absent="", mutable=False),
        Row("driver.options", "Spec/Driver/Options", LABELS, absent={}, mutable=False),
        *COMMON,
    ),
    told=False,
)
CONFIG = Family("config", 1000 * 1024, COMMON, told=True)


def content_options() -> dict[str, Any]:
    """The suboptions of an entry that are no row of a table."""
    hidden = {"type": "str", "no_log": True}
    return {
        "content": dict(hidden),
        "content_base64": dict(hidden),
        "src": {"type": "path"},
        "force": {"type": "bool", "default": False},
    }


def content_of(family: Family, item: Item, entry: Mapping[str, Any]) -> bytes | None:
    """The content that an entry gives, None when it gives none. Reads the file `src`. Raises InvalidOption, never with the content."""
    given = [name for name in SOURCES if entry.get(name) is not None]
    if len(given) > 1:
        raise InvalidOption(item.where, f"one of {', '.join(SOURCES)}", " and ".join(given))
    if not given:
        return None
    if item.values.get("driver.name"):
        raise InvalidOption(f"{item.where}.{given[0]}", "nothing beside driver, which gives the content itself", "a content")
    content = _read(item, given[0], entry[given[0]])
    if not 0 < len(content) < family.limit:
        told = f"1 to {family.limit - 1} bytes, which is what the Engine takes for a {family.noun}"
        raise InvalidOption(f"{item.where}.{given[0]}", told, "more" if content else "nothing")
    return content


def _read(item: Item, source: str, written: str) -> bytes:
    where = f"{item.where}.{source}"
    if source == "src":
        try:
            return Path(written).read_bytes()
        except OSError as error:
            raise InvalidOption(
                where, "a file that can be read on the host on which the module runs", f"{written} ({error.strerror})"
            ) from None
    try:
        return base64.b64decode(written, validate=True) if source == "content_base64" else written.encode()
    except (binascii.Error, ValueError):
        raise InvalidOption(where, "base64", "something else") from None


def check_content(item: Item) -> None:
    """What no secret or config can be called or be. Raises InvalidOption."""
    if not _NAME.fullmatch(item.name) or len(item.name) > LONGEST_NAME:
        told = f"letters, digits and -_. inside, {LONGEST_NAME} characters at most"
        raise InvalidOption(f"{item.where}.name", told, item.name)
    if item.values.get("driver.options") and not item.values.get("driver.name"):
        raise InvalidOption(f"{item.where}.driver.name", "the driver whose options are given", None)


def read_content(family: Family, document: Mapping[str, Any]) -> Item:
    """An object from an entry of GET /secrets or GET /configs."""
    version = int((document.get("Version") or {}).get("Index") or 0)
    return Item(str(document["Spec"]["Name"]), read(family.table, document), id=str(document["ID"]), version=version, document=document)


def to_come(family: Family, name: str, called: str) -> Item:
    """The object of a name that is still to be made."""
    spec = {"Name": called, "Labels": {NAME_LABEL: name}}
    return read_content(family, {"ID": f"(new {family.noun} {called})", "Spec": spec})


def labels_of(item: Item) -> Mapping[str, str]:
    """All labels of an object, our own among them."""
    return (item.document.get("Spec") or {}).get("Labels") or {}


def logical_name(item: Item) -> str:
    """The name that services refer to; that of the object itself where it is not one of ours."""
    return str(labels_of(item).get(NAME_LABEL) or item.name)


def number(item: Item) -> int:
    """Which object of its name it is: 1 for NAME, 2 for NAME-2."""
    written = item.name[len(logical_name(item)) + 1 :]
    return int(written) if written.isdigit() else 1


def generations(items: Iterable[Item]) -> dict[str, list[Item]]:
    """The objects of each name, the newest last."""
    found: dict[str, list[Item]] = {}
    for item in sorted(items, key=number):
        found.setdefault(logical_name(item), []).append(item)
    return found


def called(items: Iterable[Item]) -> dict[str, Named]:
    """ID and name of the newest object of each name."""
    return {name: (objects[-1].id, objects[-1].name) for name, objects in generations(items).items()}


def names_by_id(items: Iterable[Item]) -> dict[str, str]:
    """What a service that refers to an object names: "db" is the newest of that name, "db (superseded)" an older one."""
    return {
        each.id: name if each is objects[-1] else f"{each.name} (superseded)"
        for name, objects in generations(items).items()
        for each in objects
    }


def object_name(name: str, number_of: int) -> str:
    """What an object is called."""
    return name if number_of == 1 else f"{name}-{number_of}"


def config_data(item: Item) -> bytes:
    """The content of a config, which the Engine tells."""
    return base64.b64decode((item.document.get("Spec") or {}).get("Data") or "")


def without_content(document: Mapping[str, Any]) -> Json:
    """The spec of an object as an update takes it: the Engine refuses another content, and none is no other."""
    return {key: value for key, value in document["Spec"].items() if key != "Data"}
