# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Confirms a change of the firewall over a new connection, as soon as the module has ended on that host.

A task of its own would be too late: it begins when the last host has its rules, and by then the first may have gone back to what it had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible.plugins.action import ActionBase

MODULE = "meshwork.swarm.firewall"
ALONE = "-o ControlMaster=no -o ControlPath=none"
"""For an ssh that shares its connection with no other; it takes the first value that it is given."""


class ActionModule(ActionBase):
    """Runs the module, and where its change waits for a confirmation, once more over a connection of its own."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The module's result; a failure where the change could not be confirmed. Raises what a connection does that fails."""
        super().run(tmp, task_vars)
        in_background = bool(self._task.async_val) and not self._connection.has_native_async
        result: dict[str, Any] = self._execute_module(MODULE, self._task.args, task_vars=task_vars, wrap_async=in_background)
        if in_background:
            return result
        if self._waits(result):
            with self._new_connection():
                confirmed = self._execute_module(MODULE, {"state": "confirmed"}, task_vars=task_vars, wrap_async=False)
            result = joined(result, confirmed)
        self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _waits(self, result: Mapping[str, Any]) -> bool:
        return bool(result.get("confirmation_awaited")) and not self._task.check_mode and not result.get("failed")

    @contextmanager
    def _new_connection(self) -> Iterator[None]:
        """What is run in it does not go over a connection that is there: established ones often outlive a rule that forbids new ones."""
        try:
            arguments = self._connection.get_option("ssh_args") or ""
        except KeyError:
            self._connection.reset()
            yield
            return
        self._connection.set_option("ssh_args", f"{ALONE} {arguments}".strip())
        try:
            yield
        finally:
            self._connection.set_option("ssh_args", arguments)


def joined(made: Mapping[str, Any], confirmed: Mapping[str, Any]) -> dict[str, Any]:
    """The result of the change, with the confirmation's failure where it has failed."""
    if not confirmed.get("failed"):
        return {**made, "steps": [*made.get("steps", ()), *confirmed.get("steps", ())], "confirmation_awaited": False}
    return {**made, "failed": True, "msg": confirmed.get("msg", "the change could not be confirmed")}
