# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows on the terminal how far services are while the module `services` waits for them; the result is that of the module alone.

A module can tell nothing before it ends. So where somebody watches, it ends as soon as a service has moved, and is run again to go on
with its wait, until all is true or its deadline has come. A run that finds everything as it should be is one run of the module.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

MODULE = "meshwork.swarm.services"
VARIABLE = "swarm_progress"
ON_TERMINAL = sys.stdout.isatty()
"""Seen when the strategy loads this file, before the processes begin that run tasks and have no terminal."""
ADDED = ("steps", "diff", "warnings", "deprecations")
"""What each run tells for itself."""


class ActionModule(ActionBase):
    """Runs the module for as long as it says that it is unfinished."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The module's result."""
        super().run(tmp, task_vars)
        in_background = bool(self._task.async_val) and not self._connection.has_native_async
        if in_background or not self._watched(task_vars or {}):
            result = self._module({}, task_vars, in_background)
        else:
            result = self._run_watched(task_vars)
        if not in_background:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _watched(self, task_vars: Mapping[str, Any]) -> bool:
        """Whether somebody watches: stdout is a terminal, unless swarm_progress says otherwise."""
        if self._task.check_mode or self._task.no_log:
            return False
        wanted = self._templar.template(task_vars.get(VARIABLE))
        return ON_TERMINAL if wanted is None else bool(boolean(wanted))

    def _run_watched(self, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """One run of the module after the other. Each ends when something has moved, and the wait has one end for all of them."""
        shown: dict[str, str] = {}
        result = self._module({"_progress": {}}, task_vars, False)
        progress = result.pop("progress", None) or {}
        while "until" in progress:
            _show(progress["lines"], shown)
            following = self._module({"_progress": progress}, task_vars, False)
            result = joined(result, following)
            progress = result.pop("progress", None) or {}
        # what is true at once is not told
        _show({name: line for name, line in (progress.get("lines") or {}).items() if name in shown}, shown)
        return result

    def _module(self, options: Mapping[str, Any], task_vars: dict[str, Any] | None, in_background: bool) -> dict[str, Any]:
        arguments = {**self._task.args, **options}
        told: dict[str, Any] = self._execute_module(MODULE, arguments, task_vars=task_vars, wrap_async=in_background)
        return told


def joined(first: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a run and of the one that went on with it, as one run would have told it."""
    added = {key: [*(first.get(key) or []), *(then.get(key) or [])] for key in ADDED if key in first or key in then}
    if "warnings" in added:
        # a run that has made nothing yet plans again, and warns again
        added["warnings"] = [each for place, each in enumerate(added["warnings"]) if each not in added["warnings"][:place]]
    return {**first, **then, **added, "changed": bool(first.get("changed") or then.get("changed"))}


def _show(lines: Mapping[str, str], shown: dict[str, str]) -> None:
    """A line for each service that has moved since it was shown."""
    for name, line in sorted(lines.items()):
        if shown.get(name) != line:
            Display().display(line)
    shown.update(lines)
