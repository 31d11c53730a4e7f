#!/usr/bin/env python3
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a lab's swarm every second who its managers are, from outside and with the docker CLI.

Usage: ``watch.py LAB FILE``. One line of JSON a second: {"second", "asked", "managers", "reachable", "leader"}; "asked" is empty when
no node answered as a manager. Ends when FILE.stop is there, and after 15 minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

LAB = Path(__file__).resolve().parents[2] / "tests" / "lab" / "lab"
LONGEST = 900
SHOWN = "docker node ls --format '{{.Hostname}} {{.ManagerStatus}}'"


def managers_seen_by(lab: str, node: str) -> dict[str, str]:
    """The managers with their status, as one node tells them; empty when it cannot."""
    try:
        told = subprocess.run([LAB, "--name", lab, "exec", node, "--", SHOWN], capture_output=True, text=True, timeout=5, check=False)
    except subprocess.TimeoutExpired:
        return {}
    rows = [line.split(maxsplit=1) for line in told.stdout.splitlines()] if told.returncode == 0 else []
    return {row[0]: row[1] for row in rows if len(row) > 1}


def ask(lab: str, nodes: list[str]) -> dict[str, object]:
    """The first answer; the node that gave it is asked first the next time."""
    for node in list(nodes):
        seen = managers_seen_by(lab, node)
        if "Leader" in seen.values():
            nodes.remove(node)
            nodes.insert(0, node)
            reachable = [name for name, status in seen.items() if status in ("Leader", "Reachable")]
            leader = next(name for name, status in seen.items() if status == "Leader")
            return {"asked": node, "managers": sorted(seen), "reachable": sorted(reachable), "leader": leader}
    return {"asked": "", "managers": [], "reachable": [], "leader": ""}


def main() -> None:
    lab, file = sys.argv[1], Path(sys.argv[2])
    stop = Path(f"{file}.stop")
    file.parent.mkdir(parents=True, exist_ok=True)
    stop.unlink(missing_ok=True)
    status = subprocess.run([LAB, "--name", lab, "status", "--json"], capture_output=True, text=True, check=True)
    nodes = list(json.loads(status.stdout)["nodes"])
    began = time.monotonic()
    with file.open("w") as lines:
        while not stop.exists() and time.monotonic() - began < LONGEST:
            due = time.monotonic() + 1
            second = round(time.monotonic() - began, 1)
            print(json.dumps({"second": second, **ask(lab, nodes)}), file=lines, flush=True)
            time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
