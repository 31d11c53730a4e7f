# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel does with ESP."""

from __future__ import annotations

import os
from pathlib import Path

OFFLOADS = ("esp4_offload", "esp6_offload")


def decrypts_before_captures() -> bool:
    """Whether incoming ESP may be decrypted before a packet socket sees it.

    With the offload modules the receive path does so while it merges packets (net/ipv4/esp4_offload.c, esp4_gro_receive), which is
    earlier than packet sockets are served: the lab's captures showed only what was decrypted once esp4_offload was loaded.
    """
    if any(Path("/sys/module", name).exists() for name in OFFLOADS):
        return True
    try:
        builtin = Path("/lib/modules", os.uname().release, "modules.builtin").read_text(encoding="utf-8")
    except OSError:
        return False
    return any(f"/{name}.ko" in builtin for name in OFFLOADS)
