# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""firewall-cmd without its start, which takes nearly all of its time: Python has read the program once, and each call is a fork of that.

As a program, it answers each line of JSON, the words of one call, with one: the status, the output, the errors.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import CodeType

PROGRAM = "/usr/bin/firewall-cmd"


@functools.cache
def _program() -> CodeType:
    return compile(Path(PROGRAM).read_text(encoding="utf-8"), PROGRAM, "exec")


def prepare() -> None:
    """Have Python read the program and whatever it imports."""
    with contextlib.redirect_stdout(io.StringIO()):
        _run(["--help"])


def _run(words: Sequence[str]) -> int:
    sys.argv = [PROGRAM, *words]
    try:
        exec(_program(), {"__name__": "__main__"})
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def call(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """What comes of the program with these words after its name."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        child = os.fork()
        if not child:
            status = 1
            try:
                os.dup2(output.fileno(), 1)
                os.dup2(errors.fileno(), 2)
                status = _run(words)
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for file in (output, errors):
            file.seek(0)
        return subprocess.CompletedProcess([PROGRAM, *words], status, output.read(), errors.read())


if __name__ == "__main__":
    prepare()
    for line in sys.stdin:
        done = call(json.loads(line))
        print(json.dumps([done.returncode, done.stdout, done.stderr]), flush=True)
