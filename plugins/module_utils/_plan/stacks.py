# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that `docker stack deploy` has made: adjusted freely, taken over only by who names the stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._model.item import Item
from .._model.stack import stack_of
from .._model.table import Difference
from .plan import Blocker


def stack_blockers(item: Item, there: Item | None, stack: str, changes: Sequence[Difference]) -> list[Blocker]:
    """Why an entry may not do to a service what it says; `stack` is the stack that the entry names, "" when none.

    A service of a stack is removed, made anew or given another image only where the stack is named: the compose file has them, too,
    and the name may be taken by chance.
    """
    found = stack_of(there.document) if there else ""
    if stack and there is None and item.state == "present":
        return [Blocker(item.where, f"the stack {stack} has no service {item.name}", "deploy the stack first, or leave out stack")]
    if there is not None and stack and found != stack:
        told = f"is of the stack {found}" if found else "is of no stack"
        return [Blocker(item.where, f"the service {told}, not of {stack}", "name the stack that it is of, or leave out stack")]
    if not found or stack:
        return []
    taken = "state: absent" if item.state == "absent" else next((each.option for each in changes if _takes_over(each)), "")
    if not taken:
        return []
    return [
        Blocker(
            item.where,
            f"a service of that name belongs to the stack {found}, and {taken} would take it from it",
            f"choose another name, change the stack's compose file, or write stack: {found} to have it done nevertheless",
        )
    ]


def _takes_over(change: Difference) -> bool:
    return change.option == "image" or not change.mutable


def stack_warnings(present: Sequence[Item], found: Mapping[str, Item], touched: frozenset[str]) -> list[str]:
    """What the next `docker stack deploy` will do to services that are touched."""
    stacks = {stack_of(item.document) for item in found.values()} - {""}
    told = []
    for item in present:
        there = found.get(item.name)
        stack = stack_of(there.document) if there else ""
        clash = next((each for each in sorted(stacks) if item.name.startswith(f"{each}_")), "")
        if stack and item.name in touched:
            told.append(f"{item.where}: the next docker stack deploy of {stack} sets what its compose file has of this back")
        elif there is None and clash:
            inner = item.name[len(clash) + 1 :]
            told.append(f"{item.where}: a service {inner} in the compose file of the stack {clash} would be refused for this name")
    return told
