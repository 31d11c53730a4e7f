# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the modules `secrets` and `configs`."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .._model.content import (
    Family,
    check_content,
    content_of,
    content_options,
    generations,
    number,
    read_content,
)
from .._model.content_use import UNDER_WAY, moved
from .._model.digest import SALT_BYTES
from .._model.errors import OutOfSequence
from .._model.item import Item, parse_items
from .._model.table import argument_spec, check_api, dig, show
from .._plan.contents import MOVED, Contents, Move, WantedContents, plan_contents
from .._plan.convergence import awaited as unfinished
from .._plan.plan import Call, Plan, Step
from . import client, observe
from .swarm_wide import SwarmWide, apply_call


def contents_options(family: Family, more: Mapping[str, Any]) -> dict[str, Any]:
    """The argument spec of the module of a family; `more` are suboptions that only its entries have."""
    suboptions = {**client.named_item(), **content_options(), **more, **argument_spec(family.table)}
    return {
        **client.argument_spec(),
        **client.wait_option(),
        family.plural: {"type": "list", "elements": "dict", "required": True, "options": suboptions, "no_log": False},
        "exclusive": {"type": "bool", "default": False},
        "leaving_services": {"type": "list", "elements": "str", "default": []},
        "left_to_services": {"type": "list", "elements": "str", "default": []},
    }


class ContentsWork(SwarmWide[Contents]):
    """The secrets or configs that the options describe."""

    def __init__(self, module: Any, family: Family) -> None:
        self.family = family
        entries = module.params[family.plural]
        items = parse_items(family.table, entries, family.plural)
        contents = {}
        for item, entry in zip(items, entries):
            check_content(item)
            content = content_of(family, item, entry) if item.state == "present" else None
            if content is not None:
                contents[item.name] = content
        self._forced = frozenset(entry["name"] for entry in entries if entry["force"])
        self.wanted = WantedContents(
            items,
            contents,
            secrets.token_bytes(SALT_BYTES),
            plain=frozenset(entry["name"] for entry in entries if entry.get("digest") is False),
            exclusive=module.params["exclusive"],
            leaving=frozenset(module.params["leaving_services"] if module.check_mode else ()),
            left=frozenset(module.params["left_to_services"]),
        )
        self.listed: observe.ServiceList | None = None
        super().__init__(module, family.plural)
        for item in items:
            check_api(family.table, item.values, self.engine.api, item.where)

    def observe(self) -> Contents:
        if not self.on_manager():
            return Contents()
        self.listed = observe.ServiceList(self.engine)
        found = self.engine.get(self.family.path) or ()
        return Contents(tuple(read_content(self.family, document) for document in found), tuple(self.listed.documents))

    def plan(self, found: Contents) -> Plan[Contents]:
        if self._forced:
            there = generations(found.items)
            beyond = {name: number(there[name][-1]) if name in there else 0 for name in self._forced}
            self.wanted, self._forced = replace(self.wanted, beyond=beyond), frozenset()
        return self.told(plan_contents(self.family, self.wanted, found))

    def apply(self, step: Step) -> None:
        """Make one step; a service that goes over is read anew for it. Raises EngineError."""
        apply_call(self.engine, replace(step, call=self._update(step.call)) if isinstance(step.call, Move) else step)

    def _update(self, move: Move) -> Call:
        ids = {str(each["Spec"]["Name"]): str(each["ID"]) for each in self.engine.get(self.family.path) or ()}
        service = next((each for each in self.engine.get("/services") or () if each["ID"] == move.id), None)
        if service is None or not set(move.successors.values()) <= set(ids):
            raise OutOfSequence(str(move), 404, f"service {move.service} or what it goes over to is not there any more")
        successors = {old: (ids[name], name) for old, name in move.successors.items()}
        body = moved(service["Spec"], self.family.noun, successors)
        return Call("POST", f"/services/{move.id}/update", {"version": service["Version"]["Index"]}, body)

    def settled(self, awaited: str, found: Contents) -> bool:
        return not self._left(awaited, found)

    def holding(self, awaited: str, found: Contents) -> str:
        return "; ".join(self._left(awaited, found))

    def _left(self, awaited: str, found: Contents) -> list[str]:
        """What services have still to come to. Raises NotReady once the swarm has given the update of one up."""
        kind, _colon, written = awaited.partition(":")
        names = written.split()
        if f"{kind}:" == MOVED:
            return unfinished(self.listed.progress(names)) if self.listed else []
        busy = [each["Spec"]["Name"] for each in found.services if dig(each, ("UpdateStatus", "State")) in UNDER_WAY]
        return [f"service {name} is being updated" for name in names if name in busy]

    def show(self, state: Contents) -> Mapping[str, Any]:
        return {name: self._shown(objects) for name, objects in generations(state.items).items()}

    def _shown(self, objects: list[Item]) -> dict[str, Any]:
        older = {"older": [each.name for each in objects[:-1]]} if len(objects) > 1 else {}
        return {**show(self.family.table, objects[-1].values), "object": objects[-1].name, **older}

    def returned(self, state: Contents) -> Mapping[str, Any]:
        return self.read_back(state)

    def read_back(self, found: Contents) -> Mapping[str, Any]:
        there = generations(found.items)
        wanted = [item.name for item in self.wanted.items if item.name in there]
        return {self.family.plural: [{"name": name, **self._shown(there[name])} for name in wanted]}
