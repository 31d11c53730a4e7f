# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process is known by pid and start time: a pid given to somebody else is never touched."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.meshwork.swarm.tests.lab.meshlab.process import Process, start_time


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield running
    running.kill()
    running.wait()


def fake_proc(root: Path, *, pid: int, started: int, state: str = "S", boot: str = "this-boot") -> Path:
    (root / str(pid)).mkdir()
    fields = [state, "1", str(pid), *["0"] * 16, str(started), "0"]
    (root / str(pid) / "stat").write_text(f"{pid} (linux.uml (x) y) {' '.join(fields)}\n")
    (root / "sys/kernel/random").mkdir(parents=True)
    (root / "sys/kernel/random/boot_id").write_text(boot + "\n")
    return root


def test_start_time_is_read_behind_a_name_with_brackets(tmp_path: Path) -> None:
    assert start_time(7, fake_proc(tmp_path, pid=7, started=4711)) == 4711


@pytest.mark.parametrize(
    ("entry", "runs"),
    [
        (Process(7, 4711, "this-boot"), True),
        (Process(7, 4712, "this-boot"), False),  # the pid was given to somebody else
        (Process(7, 4711, "earlier-boot"), False),  # the machine was started anew since
        (Process(8, 4711, "this-boot"), False),
    ],
)
def test_only_the_very_process_runs(tmp_path: Path, entry: Process, runs: bool) -> None:
    assert entry.runs(fake_proc(tmp_path, pid=7, started=4711)) is runs


def test_a_zombie_does_not_run(tmp_path: Path) -> None:
    assert start_time(7, fake_proc(tmp_path, pid=7, started=1, state="Z")) is None


def test_kill_ends_the_process_it_knows(child: subprocess.Popen[bytes]) -> None:
    process = Process.of(child.pid)
    assert process.runs()
    assert process.kill() is True
    assert process.kill() is False


def test_kill_spares_a_process_that_was_given_the_pid(child: subprocess.Popen[bytes]) -> None:
    process = Process.of(child.pid)
    reused = dataclasses.replace(process, started=process.started - 1)
    assert reused.kill() is False
    assert child.poll() is None
    assert process.runs()
