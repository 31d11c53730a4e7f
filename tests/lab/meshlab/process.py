# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes known by pid *and* start time, so that a pid that was given to somebody else is never touched."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


def boot_id(proc: Path = _PROC) -> str:
    """The identity of this boot of the machine: start times are counted from it."""
    return (proc / "sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int, proc: Path = _PROC) -> int | None:
    """Clock ticks from the machine's boot to the start of ``pid`` (field 22 of proc(5) stat); None when there is none.

    A zombie counts as gone: nothing of it runs any more.
    """
    try:
        stat = (proc / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] == "Z" else int(fields[19])


@dataclass(frozen=True)
class Process:
    """One process that the lab started, leader of a process group of its own."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Process:
        """The process that has ``pid`` now; ProcessLookupError when there is none."""
        started = start_time(pid)
        if started is None:
            raise ProcessLookupError(pid)
        return cls(pid, started, boot_id())

    def runs(self, proc: Path = _PROC) -> bool:
        """Whether this very process still runs, not another one with its number."""
        return self.boot == boot_id(proc) and start_time(self.pid, proc) == self.started

    def kill(self, deadline: float = 10.0) -> bool:
        """End the process and its group at once, as a power cut does; True when it ran.

        Raises TimeoutError when it is still there after ``deadline`` seconds.
        """
        if not self.runs():
            return False
        os.killpg(self.pid, signal.SIGKILL)
        until = time.monotonic() + deadline
        while self.runs():
            if time.monotonic() > until:
                raise TimeoutError(f"process {self.pid} is still there {deadline:.0f} s after SIGKILL")
            time.sleep(0.02)
        return True
