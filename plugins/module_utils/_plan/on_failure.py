# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done about services that do not come to run after they were changed: the option on_failure."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._model.errors import InvalidOption, NotReady
from .._model.item import Item
from .._model.service import JOBS
from .._model.table import dig
from .convergence import Progress
from .plan import Call, Step

ROLLED_BACK = "rolled-back:"
ACTION = "update_config.failure_action"


def with_on_failure(item: Item, policy: str) -> Item:
    """The service with what its on_failure asks of its spec: the swarm pauses an update by its failure_action, and in no other way.

    Raises InvalidOption where the two contradict each other, and for a job, which is run and not updated.
    """
    if policy == "fail":
        return item
    if item.values.get("mode") in JOBS:
        raise InvalidOption(f"{item.where}.on_failure", "fail for a job, which is run and not updated", policy)
    if policy == "rollback":
        return item
    written = item.values.get(ACTION)
    if written not in (None, "pause"):
        raise InvalidOption(f"{item.where}.on_failure", f"fail or rollback with {ACTION} {written}", policy)
    return replace(item, values={**item.values, ACTION: "pause"})


def taken_back(
    items: Sequence[Item], found: Sequence[Progress], policies: Mapping[str, str], updated: Container[str], created: Container[str]
) -> tuple[list[Step], list[str]]:
    """The rollbacks of services that were `updated` and do not run, and what has to be said of others. `policies` is on_failure by name.

    What was neither updated nor `created` now fails for a reason of its own, such as a node that was lost.
    """
    by_name = {item.name: item for item in items}
    steps: list[Step] = []
    words: list[str] = []
    for each in found:
        policy = policies.get(each.name, "fail")
        if each.done or each.job or policy == "fail" or each.name not in by_name or each.updating.startswith("rollback"):
            continue
        if policy == "rollback" and each.name in updated:
            steps.append(_roll_back(by_name[each.name]))
        elif policy == "rollback" and each.name in created:
            words.append(f"service {each.name} is new, and has no spec to go back to")
        elif policy == "pause" and each.name in updated and each.updating != "paused":
            words.append(f"the swarm pauses the update of service {each.name} when a task fails, and cannot be told to")
    return steps, words


def _roll_back(there: Item) -> Step:
    query: dict[str, Any] = {"version": there.version, "rollback": "previous"}
    call = Call("POST", f"/services/{there.id}/update", query, there.document["Spec"])
    told = f"service {there.name}: roll back to the spec that it had before"
    return Step("rollback", f"service {there.name}", told, call, awaits=f"{ROLLED_BACK}{there.name}")


def rolled_back(awaited: str, items: Sequence[Item]) -> bool:
    """Whether the rollback that a step awaits has ended. Raises NotReady when the swarm has stopped it."""
    for item in items:
        state = dig(item.document, ("UpdateStatus", "State"))
        if awaited == f"{ROLLED_BACK}{item.name}" and state == "rollback_paused":
            raise NotReady(f"service {item.name}: the swarm has paused its rollback, too")
        if awaited == f"{ROLLED_BACK}{item.name}" and state == "rollback_started":
            return False
    return True
