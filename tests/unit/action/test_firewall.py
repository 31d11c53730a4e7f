# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin of firewall, with the runs of the module written down before."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.action import firewall

CHANGED = {"changed": True, "steps": ["way back", "rules"], "confirmation_awaited": True}
CONFIRMED = {"changed": True, "steps": ["confirm"]}
ALONE = "-o ControlMaster=no -o ControlPath=none"


class Connection:
    """A connection with options as ssh has them, or with none."""

    has_native_async = False

    def __init__(self, options: dict[str, Any]) -> None:
        self.options, self.resets = options, 0
        self._shell = SimpleNamespace(tmpdir=None)

    def get_option(self, name: str) -> Any:
        return self.options[name]

    def set_option(self, name: str, value: Any) -> None:
        self.options[name] = value

    def reset(self) -> None:
        self.resets += 1


class Runs:
    """The action with a task, whose module gives these results one after the other. `asked` are the options of each run and ssh_args."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, results: list[Any], options: dict[str, Any] | None = None, **task: Any) -> None:
        args = {"role": "worker", "confirm_within": 60}
        values = {"args": args, "async_val": 0, "check_mode": False, "no_log": False, "diff": False, "action": "firewall", **task}
        self.connection = Connection({"ssh_args": "-o ProxyJump=door"} if options is None else options)
        self.action = firewall.ActionModule(SimpleNamespace(**values), self.connection, None, None, None, None)
        self.asked: list[tuple[Any, Any]] = []
        self._results = results
        monkeypatch.setattr(self.action, "_execute_module", self._run)

    def _run(self, name: str, arguments: Mapping[str, Any], task_vars: Any, wrap_async: bool) -> dict[str, Any]:
        assert name == "meshwork.swarm.firewall"
        self.asked.append((arguments.get("state", "present"), self.connection.options.get("ssh_args")))
        result = self._results.pop(0)
        if isinstance(result, Exception):
            raise result
        return dict(result)

    def __call__(self) -> dict[str, Any]:
        result: dict[str, Any] = self.action.run(None, {})
        assert not self._results, "each run was asked for"
        return result


def test_a_change_is_confirmed_at_once_over_a_connection_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(monkeypatch, [CHANGED, CONFIRMED])
    assert runs() == {"changed": True, "steps": ["way back", "rules", "confirm"], "confirmation_awaited": False}
    # how the host is reached otherwise stays as it is written, in ansible.cfg or elsewhere
    assert runs.asked == [("present", "-o ProxyJump=door"), ("confirmed", f"{ALONE} -o ProxyJump=door")]
    assert runs.connection.options == {"ssh_args": "-o ProxyJump=door"} and not runs.connection.resets


def test_a_connection_that_is_not_of_ssh_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(monkeypatch, [CHANGED, CONFIRMED], options={})
    assert runs()["changed"] and runs.connection.resets == 1


def test_what_is_not_confirmed_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    result = Runs(monkeypatch, [CHANGED, {"failed": True, "msg": "nobody confirmed the last change in time"}])()
    assert (result["failed"], result["changed"], result["msg"]) == (True, True, "nobody confirmed the last change in time")
    runs = Runs(monkeypatch, [CHANGED, ConnectionError("refused")])
    with pytest.raises(ConnectionError, match="refused"):
        runs()
    assert runs.connection.options == {"ssh_args": "-o ProxyJump=door"}


@pytest.mark.parametrize(
    ("result", "task"),
    [
        ({"changed": False, "confirmation_awaited": False}, {}),
        (CHANGED, {"check_mode": True}),
        (CHANGED, {"async_val": 60}),
        ({**CHANGED, "failed": True, "msg": "`ipset` failed"}, {}),
        ({"failed": True, "msg": "role: expected manager or worker"}, {}),
    ],
)
def test_there_is_nothing_to_confirm(result: dict[str, Any], task: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(monkeypatch, [result], **task)
    assert runs() == result
    assert len(runs.asked) == 1
