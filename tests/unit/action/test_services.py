# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin of services, with the runs of the module written down before."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.action import services

LINES = [{"web": "web 0/2 running, 2 starting (node1)"}, {"web": "web 1/2 running, 1 starting (node1)"}, {"web": "web 2/2 running"}]
DONE = {"changed": False, "steps": [], "diff": [], "services": ["as they are"], "ports": {}}


class Runs:
    """The action with a task, whose module gives these results one after the other. `asked` are the options of each run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, results: list[Mapping[str, Any]], **task: Any) -> None:
        values = {
            "args": {"services": []},
            "async_val": 0,
            "check_mode": False,
            "no_log": False,
            "diff": False,
            "action": "services",
            **task,
        }
        shell = SimpleNamespace(tmpdir=None)
        connection = SimpleNamespace(has_native_async=False, _shell=shell)
        templar = SimpleNamespace(template=lambda value: value)
        self.action = services.ActionModule(SimpleNamespace(**values), connection, None, None, templar, None)
        self.asked: list[tuple[dict[str, Any], bool]] = []
        self.shown: list[str] = []
        self._results = [dict(each) for each in results]
        monkeypatch.setattr(self.action, "_execute_module", self._run)
        monkeypatch.setattr(services.Display, "display", lambda _display, line: self.shown.append(line))

    def _run(self, name: str, arguments: dict[str, Any], task_vars: Any, wrap_async: bool) -> dict[str, Any]:
        assert name == "meshwork.swarm.services"
        self.asked.append((json.loads(json.dumps(arguments)), wrap_async))
        return self._results.pop(0)

    def __call__(self, **task_vars: Any) -> dict[str, Any]:
        result: dict[str, Any] = self.action.run(None, task_vars)
        assert not self._results, "each run was asked for"
        return result


def unfinished(number: int, **values: Any) -> dict[str, Any]:
    return {**DONE, "progress": {"lines": LINES[number], "until": 77.5, "kept": {"updated": ["web"]}}, **values}


STEP = {"action": "update", "says": "service web: change image"}


def test_the_module_is_run_until_it_has_finished_and_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    first = unfinished(0, changed=True, steps=[STEP], diff=[{"before": 1}], services=["as planned"], warnings=["one"])
    last = {**DONE, "progress": {"lines": LINES[2]}, "ports": {"web": [30000]}, "warnings": ["one", "two"]}
    runs = Runs(monkeypatch, [first, unfinished(1), last])
    assert runs(swarm_progress=True) == {
        "changed": True,
        "steps": [STEP],
        "diff": [{"before": 1}],
        "services": ["as they are"],
        "ports": {"web": [30000]},
        "warnings": ["one", "two"],
    }
    assert runs.shown == [each["web"] for each in LINES]
    assert [arguments["_progress"].get("lines") for arguments, _async in runs.asked] == [None, LINES[0], LINES[1]]
    assert runs.asked[1][0]["_progress"] == {"lines": LINES[0], "until": 77.5, "kept": {"updated": ["web"]}}


def test_a_failure_keeps_what_the_first_run_has_done(monkeypatch: pytest.MonkeyPatch) -> None:
    last = {**DONE, "failed": True, "msg": "not true after 5 s", "progress": {"lines": LINES[1]}, "steps": [{"action": "rollback"}]}
    result = Runs(monkeypatch, [unfinished(0, changed=True, steps=[STEP]), last])(swarm_progress=True)
    assert (result["failed"], result["changed"], result["msg"]) == (True, True, "not true after 5 s")
    assert result["steps"] == [STEP, {"action": "rollback"}] and "progress" not in result


def test_what_is_as_it_should_be_is_one_run_and_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(monkeypatch, [{**DONE, "progress": {"lines": {}}}])
    assert runs(swarm_progress="yes") == DONE
    assert (len(runs.asked), runs.shown) == (1, [])


@pytest.mark.parametrize(
    ("task", "variables", "terminal"),
    [
        ({}, {}, False),
        ({}, {"swarm_progress": False}, True),
        ({"check_mode": True}, {"swarm_progress": True}, True),
        ({"no_log": True}, {"swarm_progress": True}, True),
        ({"async_val": 60}, {"swarm_progress": True}, True),
    ],
)
def test_nobody_watches(task: dict[str, Any], variables: dict[str, Any], terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "ON_TERMINAL", terminal)
    runs = Runs(monkeypatch, [DONE], **task)
    assert runs(**variables) == DONE
    assert runs.asked == [({"services": []}, bool(task.get("async_val")))] and not runs.shown


def test_a_terminal_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "ON_TERMINAL", True)
    runs = Runs(monkeypatch, [unfinished(0), {**DONE, "progress": {"lines": LINES[2]}}])
    runs()
    assert runs.shown == [LINES[0]["web"], LINES[2]["web"]]


def test_a_pipe_is_no_terminal() -> None:
    program = "from ansible_collections.meshwork.swarm.plugins.action import services; print(services.ON_TERMINAL)"
    paths = [path for path in sys.path if path]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}; {program}"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"
