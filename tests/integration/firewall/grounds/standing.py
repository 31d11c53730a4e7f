# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that stands ready, and answers each line of JSON with one."""

from __future__ import annotations

import json
import select
import subprocess
from typing import Any


def ask(hand: subprocess.Popen[str] | None, what: Any, seconds: float) -> Any:
    """Its answer."""
    assert hand is not None and hand.stdin is not None and hand.stdout is not None
    hand.stdin.write(json.dumps(what) + "\n")
    hand.stdin.flush()
    if not select.select([hand.stdout], [], [], seconds)[0]:
        raise AssertionError(f"no answer to {what!r}")
    return json.loads(hand.stdout.readline())
