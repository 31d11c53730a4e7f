# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible as a user runs it, with every result kept."""

from __future__ import annotations

import functools
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .machines import CHECKOUT

LOGS = CHECKOUT / ".build" / "stories"
CALLBACKS = CHECKOUT / "tests" / "integration" / "callback"
CONTROLLER_SIDE = (
    "set_fact",
    "assert",
    "include_role",
    "import_role",
    "include_tasks",
    "import_tasks",
    "validate_argument_spec",
    "meta",
    "debug",
)


@dataclass(frozen=True)
class Result:
    """What one task said on one host: the host that really ran it, the module's full name, ok, failed, skipped or unreachable."""

    host: str
    task: str
    action: str
    status: str
    seconds: float
    values: Mapping[str, Any]

    @property
    def message(self) -> str:
        return str(self.values.get("msg") or "")

    @property
    def changed(self) -> bool:
        return bool(self.values.get("changed"))

    @property
    def says(self) -> list[str]:
        """The sentences of the plan."""
        return [str(step["says"]) for step in self.values.get("steps") or ()]


@dataclass(frozen=True)
class Run:
    """One run of ansible or ansible-playbook. `seconds` is the wall time."""

    returncode: int
    output: str
    seconds: float
    results: list[Result] = field(repr=False)

    @property
    def failures(self) -> list[Result]:
        return [result for result in self.results if result.status in ("failed", "unreachable")]

    @property
    def on_hosts(self) -> list[Result]:
        """The results of modules that ran on a host, not on the controller."""
        return [result for result in self.results if result.status == "ok" and result.action.rpartition(".")[2] not in CONTROLLER_SIDE]

    @property
    def only(self) -> Result:
        """The one result of a run of one module on one host."""
        assert len(self.results) == 1, self.output
        return self.results[0]

    def of(self, module: str) -> list[Result]:
        """What a module of the collection said, wherever it ran."""
        return [result for result in self.results if result.action == f"meshwork.swarm.{module}" and result.status != "skipped"]

    def refused(self) -> str:
        """The message of the one failure."""
        assert self.returncode != 0, self.output
        assert len(self.failures) == 1 and "Traceback" not in self.output, self.output
        return self.failures[0].message

    def succeeded(self) -> Run:
        told = [f"{failure.host}: {failure.task}: {failure.message}" for failure in self.failures]
        assert self.returncode == 0, "\n".join([self.output[-3000:], *told])
        return self


class Ansible:
    """Runs Ansible in the checkout against the lab's inventory. What it says is kept in `logs`."""

    def __init__(self, lab: str, logs: Path = LOGS) -> None:
        self._count = 0
        self.environment = {
            **os.environ,
            "LAB_NAME": lab,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "story_results",
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
        }
        self._logs = logs
        logs.mkdir(parents=True, exist_ok=True)
        for earlier in logs.glob("*.*"):
            earlier.unlink()

    def playbook(self, name: str, *arguments: str, managers: int | str = 1, interrupt_at: str = "", timeout: float = 400) -> Run:
        """A playbook of the collection; `managers` says how many nodes are to be managers, or which ("node2,node3").

        With `interrupt_at`, it gets SIGINT as soon as its output holds that text."""
        command = ["ansible-playbook", "-i", "inventories/lab", f"playbooks/{name}", *arguments]
        return self._run(command, {"LAB_MANAGERS": str(managers)}, interrupt_at, timeout)

    def module(
        self,
        host: str,
        name: str,
        options: Mapping[str, Any] | None = None,
        *arguments: str,
        check: bool = False,
        timeout: float = 200,
        terminal: bool = False,
    ) -> Run:
        """One module of the collection on one host; on a `terminal` it believes that somebody sits there."""
        command = [
            "ansible",
            host,
            "-i",
            "inventories/lab",
            "-m",
            f"meshwork.swarm.{name}",
            *(["-a", json.dumps(options)] if options else []),
        ]
        return self._run([*command, *(["--check", "--diff"] if check else []), *arguments], {}, "", timeout, terminal)

    def _run(
        self, command: Sequence[str], environment: Mapping[str, str], interrupt_at: str, timeout: float, terminal: bool = False
    ) -> Run:
        self._count += 1
        log, told = self._logs / f"{self._count:03}.log", self._logs / f"{self._count:03}.results"
        told.write_text("")
        began = time.monotonic()
        words = [str(Path(sys.executable).with_name(command[0])), *command[1:]]
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["script", "--quiet", "--return", "--command", shlex.join(words), "/dev/null"] if terminal else words,
                cwd=CHECKOUT,
                env={**self.environment, **environment, "STORY_RESULTS": str(told)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # a run in the background of a script is started with SIGINT ignored, and so would be what it starts
                preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            )
        try:
            if interrupt_at:
                _wait_for(interrupt_at, log, process, timeout)
                _interrupt(process)
            process.wait(timeout)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        seconds = time.monotonic() - began
        results = [Result(**json.loads(line)) for line in told.read_text().splitlines()]
        return Run(process.returncode, log.read_text(errors="replace"), seconds, results)


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """SIGINT until the run ends: one that comes while Python releases a lock is lost ("Exception ignored in")."""
    for _time in range(10):
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            continue
        return


def _wait_for(text: str, log: Path, process: subprocess.Popen[bytes], timeout: float) -> None:
    until = time.monotonic() + timeout
    while text not in log.read_text(errors="replace"):
        assert process.poll() is None, f"ended before it came to {text!r}:\n{log.read_text(errors='replace')[-3000:]}"
        assert time.monotonic() < until, f"did not come to {text!r} within {timeout:g} s"
        time.sleep(0.05)
