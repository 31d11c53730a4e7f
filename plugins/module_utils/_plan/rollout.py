# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an update of a service does to its tasks."""

from __future__ import annotations

from collections.abc import Container, Sequence

from .._model.item import Item
from .._model.registry import registry_of
from .._model.service import JOBS
from .._model.table import Difference

TASK_OPTIONS = frozenset({"mode", "replicas", "labels", "update_config", "rollback_config", "placement"})
"""Options (or sections) whose change alone leaves running tasks where they are (swarmkit: IsTaskDirty)."""


def costs(changes: Sequence[Difference], there: Item, image: str, tasks: int, registries: Container[str]) -> str:
    """What the users of a service notice of an update. `registries` are those whose credentials go with it; `image` is that of the update.

    Other credentials than before leave running tasks where they are, but not beside another placement: swarmkit looks away from
    credentials only after it has asked whether nothing but the placement differs (IsTaskDirty).
    """
    if there.values["mode"] in JOBS:
        return "runs the job again"
    options = {change.option.partition(".")[0] for change in changes}
    if not tasks:
        return ""
    if not options or options - TASK_OPTIONS:
        return f"replaces {tasks_text(tasks)}"
    registry = registry_of(image)
    if "placement" in options and registry in registries:
        return f"replaces {tasks_text(tasks)} if the credentials of {registry} are others than before"
    return ""


def tasks_text(count: int) -> str:
    """The number of tasks in words."""
    return f"{count} task" + ("" if count == 1 else "s")
