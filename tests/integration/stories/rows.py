# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rows of the requirements the stories showed, and what the swarm looked like after each story."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from .machines import CHECKOUT, Machines

RECORD = CHECKOUT / ".build" / "results" / "stories.txt"


@dataclass
class Rows:
    """The outcomes of stories by row: a story is named after its rows (test_A5_A6_...)."""

    outcomes: dict[str, list[bool]] = field(default_factory=dict)
    record: Path = RECORD

    def begin(self) -> None:
        self.record.parent.mkdir(parents=True, exist_ok=True)
        self.record.write_text("")

    def count(self, story: str, passed: bool) -> None:
        for row in rows_of(story):
            self.outcomes.setdefault(row, []).append(passed)

    def look(self, story: str, machines: Machines) -> None:
        """Write down the swarm's nodes after a story, as a manager lists them."""
        shown = "no node is a manager"
        for node in machines.nodes:
            listed = machines.shell(node, "docker node ls 2>/dev/null", check=False)
            if listed:
                shown = listed
                break
        with self.record.open("a") as lines:
            lines.write(f"{story}\n{shown}\n")

    def table(self) -> list[str]:
        """A line a row."""
        ordered = sorted(self.outcomes, key=lambda row: (row[0], int(row[1:])))
        return [f"{row:<4} {sum(self.outcomes[row])} of {len(self.outcomes[row])} stories passed" for row in ordered]


def rows_of(story: str) -> list[str]:
    """The rows in a story's name."""
    leading = re.match(r"test_((?:[A-H]\d+_)+)", story)
    return leading[1].rstrip("_").split("_") if leading else []
