# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Engine that is restarted with other settings, and what becomes of those with which it does not start."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._local.host import Command, Finished, Host
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._run import Outcome, reconcile
from ansible_collections.meshwork.swarm.plugins.module_utils._state import daemon, start

OLD = '{"log-driver": "local"}\n'
GRAPH = "failed to start daemon: error initializing graphdriver: driver not supported: nope\n"


class EngineHost(Host):
    """A host whose Engine starts with some settings and not with others. `starts` are the texts that it was started with."""

    def __init__(self, folder: Path, fails: str = "nope") -> None:
        super().__init__()
        self.folder, self.fails = folder, fails
        self.file = folder / "daemon.json"
        self.starts: list[str] = []
        self.pid = 100
        self.says = GRAPH

    def has(self, program: str) -> bool:
        return True

    def read(self, path: str) -> str | None:
        if path.startswith("/proc/"):
            return f"{self.pid} (dockerd) " + " ".join(["0"] * 18 + [str(self.pid)] + ["0"]) if self.pid else None
        return super().read(path)

    def run(self, command: Command) -> Finished:
        words = command.argv
        if words[:2] == ("systemctl", "show"):
            state = "active" if self.pid else "failed"
            return Finished(0, f"MainPID={self.pid}\nActiveState={state}\nUnitFileState=enabled\nExecStart=\n", "")
        if words[:2] == ("systemctl", "restart"):
            self.starts.append(self.file.read_text() if self.file.exists() else "")
            self.pid = 0 if self.fails in self.starts[-1] else 100 + len(self.starts)
            return Finished(0 if self.pid else 1, "", "")
        if words[0] == "journalctl":
            return Finished(0, f"starting up\n{self.says}level=info msg=stopping\n", "")
        return Finished(0, "Docker version 28.0.1, build x" if words[1:] == ("--version",) else "", "")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineHost:
    monkeypatch.setattr(start, "KEPT", str(tmp_path / "kept"))
    monkeypatch.setattr(daemon, "KEPT", str(tmp_path / "kept"))
    monkeypatch.setattr(daemon, "MARKER", str(tmp_path / "marker"))
    return EngineHost(tmp_path)


def run(host: EngineHost, restart: bool = False, **settings: Any) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in settings.items()}
    params = {"settings": named, "proxies": None, "path": str(host.file), "swarm": False, "packages": [], "libraries": False}
    outcome, failure = Outcome(), ""
    work = daemon.DaemonWork(SimpleNamespace(params={**params, "restart": restart, "wait_timeout": 5}, check_mode=False), host)
    try:
        reconcile(work, False, outcome)
    except SwarmError as error:
        failure = str(error)
    return {**outcome.shown(False), **work.measured(), "failure": failure}


def test_settings_that_do_not_start_give_way_to_those_before(host: EngineHost, tmp_path: Path) -> None:
    host.file.write_text(OLD)
    assert run(host, storage_driver="nope")["restart"] == ["storage-driver"]
    assert (tmp_path / "kept").read_text() == OLD and (tmp_path / "kept").stat().st_mode & 0o777 == 0o600
    told = run(host, restart=True)
    assert told["put_back"] and host.pid and host.file.read_text() == OLD
    assert GRAPH.strip() in told["failure"] and 'remove storage-driver (was "nope")' in told["failure"]
    assert not (tmp_path / "kept").exists()


def test_the_change_and_the_restart_may_be_one_run(host: EngineHost) -> None:
    host.file.write_text(OLD)
    told = run(host, restart=True, storage_driver="nope")
    assert told["put_back"] and host.file.read_text() == OLD
    assert run(host, restart=True, log_driver="journald")["failure"] == "" and len(host.starts) == 3


def test_a_file_that_was_not_there_goes_again(host: EngineHost) -> None:
    run(host, storage_driver="nope")
    assert run(host, restart=True)["put_back"]
    assert not host.file.exists() and host.starts[1:] == [""]


def test_a_restart_that_works_forgets_what_was_before(host: EngineHost, tmp_path: Path) -> None:
    host.file.write_text(OLD)
    run(host, log_driver="journald")
    told = run(host, restart=True)
    assert (told["failure"], told["put_back"], told["changed"], len(host.starts)) == ("", False, True, 1)
    assert not (tmp_path / "kept").exists()
    assert not run(host, log_driver="journald")["changed"]


def test_what_was_before_is_what_the_engine_has_run_with(host: EngineHost, tmp_path: Path) -> None:
    """Two runs without a restart, the second over the first."""
    host.file.write_text(OLD)
    run(host, storage_driver="other")
    run(host, storage_driver="nope")
    assert (tmp_path / "kept").read_text() == OLD
    # restarted by hand, it has proved what is in the file
    host.fails = "no such text"
    host.run(start.START)
    assert [step["action"] for step in run(host)["steps"]] == ["forget"]
    assert not run(host)["changed"] and not (tmp_path / "kept").exists()


def test_a_run_that_was_cut_off_after_the_failure_goes_on(host: EngineHost) -> None:
    host.file.write_text(OLD)
    run(host, storage_driver="nope")
    host.run(start.START)
    assert not host.pid
    assert not run(host, storage_driver="nope")["changed"]
    told = run(host, restart=True)
    assert told["put_back"] and host.pid and host.file.read_text() == OLD


def test_another_reason_is_not_blamed_on_the_settings(host: EngineHost) -> None:
    host.file.write_text(OLD)
    host.fails = "local"
    told = run(host, restart=True)
    assert not told["put_back"] and "nothing was put back" in told["failure"] and len(host.starts) == 1


def test_an_engine_that_does_not_start_with_either_is_told(host: EngineHost) -> None:
    host.file.write_text(OLD)
    run(host, storage_driver="nope")
    host.fails = "local"
    told = run(host, restart=True)
    assert not told["put_back"] and "with that it does not start either" in told["failure"] and host.file.read_text() == OLD


PROXY = json.dumps({"proxies": {"http-proxy": "http://me:hu%sh@proxy:1"}, "log-opts": {"splunk-token": "abc-def"}})


@pytest.mark.parametrize(
    "line",
    ['failed to start daemon: parse "http://me:hu%sh@proxy:1": invalid URL escape "%sh"', "failed to start daemon: abc-def is no token"],
)
def test_no_secret_is_shown(line: str) -> None:
    said = start.reason(f"{line}\n", None, PROXY)
    assert "hu%sh" not in said and '"%sh"' not in said and "abc-def" not in said
    assert start.reason("failed to start daemon: no space left\n", PROXY) == "failed to start daemon: no space left"
