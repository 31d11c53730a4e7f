# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What User Mode Linux needs on a processor with more registers than it knows."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from .command import run

SOURCE = Path(__file__).resolve().parent.parent / "large-xstate.c"
# Programs that have to be there on such a processor -> the Debian packages that bring them.
COMPILER = {"gcc": "gcc libc6-dev"}
_LARGE_STATES = frozenset({"amx_tile", "apx"})


def has_large_state(cpuinfo: str) -> bool:
    """Whether the register state of the processor that /proc/cpuinfo describes is larger than the 2696 bytes of User Mode Linux 6.1."""
    flags = next((line for line in cpuinfo.splitlines() if line.startswith("flags")), "")
    return bool(_LARGE_STATES & set(flags.split()))


def needed_programs() -> dict[str, str]:
    """What has to be installed for this machine's processor, as program and package."""
    return COMPILER if has_large_state(Path("/proc/cpuinfo").read_text()) else {}


def preloaded(cache: Path) -> Path | None:
    """The library that the nodes' kernels load first here, compiled into ``cache`` where it is not there; None where none is needed."""
    if not needed_programs():
        return None
    library = cache / f"large-xstate-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]}.so"
    if not library.exists():
        unfinished = library.with_suffix(f".{os.getpid()}")
        run(["gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(unfinished), str(SOURCE)])
        unfinished.rename(library)
    return library
