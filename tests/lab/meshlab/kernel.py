# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The User Mode Linux kernel: its command line, and a run of it outside any lab."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from .errors import LabError
from .process import Process
from .processor import preloaded
from .state import cache_folder

START_KERNEL = Path(__file__).resolve().parent.parent / "start-kernel"


def command_line(umid: str, uml_dir: Path, disk: str, memory: int, words: Sequence[str]) -> list[str]:
    """The kernel's argv: ``disk`` is BASE or COW,BASE; ``memory`` in MiB; ``words`` more arguments of the kernel."""
    return [
        str(START_KERNEL),
        f"mem={memory}M",
        f"umid={umid}",
        f"uml_dir={uml_dir}/",
        f"ubd0={disk}",
        "root=/dev/ubda",
        "rw",
        "con=null",
        "con0=null,fd:1",
        "ssl=null",
        "quiet",
        "systemd.show_status=0",
        "net.ifnames=0",
        "panic=-1",
        *words,
    ]


def spawn(argv: Sequence[str], console: Path) -> Process:
    """Start a kernel, its console written to the end of ``console``; its pages lie in /dev/shm, not on a disk."""
    environment = {"PATH": os.environ["PATH"], "TMPDIR": "/dev/shm", "TMP": "/dev/shm", "HOME": "/root"}
    library = preloaded(cache_folder())
    if library:
        environment["LD_PRELOAD"] = str(library)
    with console.open("ab") as output:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True)
    return Process.of(child.pid)


def tail(console: Path, lines: int = 25) -> str:
    """The last lines of a console, for an error message."""
    try:
        text = console.read_text(errors="replace")
    except FileNotFoundError:
        return "(no console)"
    return "\n".join(f"  | {line}" for line in text.splitlines()[-lines:]) or "  | (empty)"


def run_once(disk: Path, work: Path, *, word: str, done: str, deadline: float) -> None:
    """Boot ``disk`` itself without a network, wait until the node powers off, and look for ``done`` on its console.

    Raises LabError with the end of the console when it does not come within ``deadline`` seconds.
    """
    console = work / "console.log"
    process = spawn(command_line("seed", work / "uml", str(disk), 1500, [word]), console)
    until = time.monotonic() + deadline
    while process.runs() and time.monotonic() < until:
        time.sleep(0.2)
    process.kill()
    if done not in console.read_text(errors="replace"):
        raise LabError(f"the node that finishes the image did not say {done!r}; the end of its console:\n{tail(console)}")
