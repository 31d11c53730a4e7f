# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan is a value: what will be done, what it costs, what stands before and after, and what forbids it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

State = TypeVar("State")


@dataclass(frozen=True)
class Call:
    """One call of the Engine API. `body` may hold secrets and is never shown, nor is `auth`, the credentials of a registry."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = field(default=None, repr=False)
    auth: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Wait:
    """In place of a call: nothing is done, and the step is over when what it awaits holds."""

    until: str

    def __str__(self) -> str:
        return f"wait until {self.until}"


@dataclass(frozen=True)
class Step:
    """One change. `says` is the sentence for the operator, `costs` what the users of the cluster will feel.

    `call` is how it is made: a Call of the Engine, or another value that the applier of the module knows and that reads well as text.
    `awaits` is set where the next step has to wait until a predicate of the module's observation holds ("gone:ingress"). `parts` says
    how many times the module's deadline that may take: the tasks of a service are replaced in parts.
    Steps of one `stage` (not 0) that follow each other neither need nor hinder each other, await nothing, and are made at the same time.
    """

    action: str
    item: str
    says: str
    call: Any
    costs: str = ""
    awaits: str = ""
    parts: int = 1
    stage: int = 0

    def shown(self) -> dict[str, str]:
        """The step as it is returned to the user."""
        return {"action": self.action, "item": self.item, "says": self.says, "call": str(self.call), "costs": self.costs}


@dataclass(frozen=True)
class Blocker:
    """A refusal: which item, why, and which way out there is."""

    item: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.item}: {self.reason}; {self.remedy}"


@dataclass(frozen=True)
class Plan(Generic[State]):
    """Steps that lead from `before` to `after`; nothing is touched when there is a blocker."""

    before: State
    after: State
    steps: tuple[Step, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.steps)

    def table(self) -> str:
        """The steps as lines of a table, for a terminal."""
        rows: list[tuple[str, str]] = [(step.action, step.says + (f" ({step.costs})" if step.costs else "")) for step in self.steps]
        width = max((len(action) for action, _says in rows), default=0)
        return "".join(f"{number:>3}  {action:<{width}}  {says}\n" for number, (action, says) in enumerate(rows, 1))
