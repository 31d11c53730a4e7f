# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running other programs, with their own words in the error when they fail."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence

from .errors import LabError


def run(argv: Sequence[str], *, stdin: str | None = None, timeout: float = 60.0) -> str:
    """Run a program to its end and return what it wrote to stdout.

    Raises LabError with the program's stderr when it exits with anything but 0 or outlives ``timeout`` seconds.
    """
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(f"{argv[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{shlex.join(argv)} did not end within {timeout:.0f} s") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip() or "nothing on stderr"
        raise LabError(f"{shlex.join(argv)} ended with {done.returncode}: {said}")
    return done.stdout
