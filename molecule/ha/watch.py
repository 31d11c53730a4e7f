# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch from outside who manages a lab's swarm: every node is asked with the docker CLI, every second.

Usage: ``watch.py LAB FILE``. One line of JSON a second: {"second", "managers", "reachable", "leader"}, as the first node told that
answered as a manager in that second; "leader" is empty when none did. Ends when FILE.stop is there, and after 15 minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

LAB = Path(__file__).resolve().parents[2] / "tests" / "lab" / "lab"
LONGEST = 900
ASKED = """while sleep 1; do echo $(docker node ls --format '{{.Hostname}}={{.ManagerStatus}}' 2>/dev/null); done"""


class Watch:
    """What one node says, line by line, as long as its shell lives."""

    def __init__(self, lab: str, node: str) -> None:
        self.told: list[str] = []
        self._shell = subprocess.Popen([LAB, "--name", lab, "exec", node, "--", ASKED], stdout=subprocess.PIPE, text=True)
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._shell.stdout or ():
            self.told.append(line)

    def since(self) -> list[dict[str, str]]:
        """The answers that came since the last question: each manager with its status."""
        told, self.told = self.told, []
        answers = [dict(word.split("=", 1) for word in line.split()) for line in told]
        return [{name: status for name, status in answer.items() if status} for answer in answers if "Leader" in answer.values()]

    def end(self) -> None:
        self._shell.terminate()
        self._shell.wait(10)


def summary(answer: dict[str, str]) -> dict[str, object]:
    return {
        "managers": sorted(answer),
        "reachable": sorted(name for name, status in answer.items() if status in ("Leader", "Reachable")),
        "leader": next((name for name, status in answer.items() if status == "Leader"), ""),
    }


def main() -> None:
    lab, file = sys.argv[1], Path(sys.argv[2])
    stop = Path(f"{file}.stop")
    file.parent.mkdir(parents=True, exist_ok=True)
    stop.unlink(missing_ok=True)
    status = subprocess.run([LAB, "--name", lab, "status", "--json"], capture_output=True, text=True, check=True)
    watches = [Watch(lab, node) for node in json.loads(status.stdout)["nodes"]]
    began = time.monotonic()
    try:
        with file.open("w") as lines:
            while not stop.exists() and time.monotonic() - began < LONGEST:
                time.sleep(1)
                answers = [answer for watch in watches for answer in watch.since()]
                second = round(time.monotonic() - began, 1)
                print(json.dumps({"second": second, **summary(answers[0] if answers else {})}), file=lines, flush=True)
    finally:
        for watch in watches:
            watch.end()


if __name__ == "__main__":
    main()
