# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add up several runs of pytest: one line for each JUnit file, then the sum in the words of pytest's own last line.

Usage: ``counts.py RESULTS.xml...``. Exits with 1 when a test failed, when a file is missing and when a run had no test.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from dataclasses import astuple, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Counts:
    failed: int = 0
    passed: int = 0
    skipped: int = 0
    errors: int = 0
    seconds: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        named = {"failed": self.failed, "passed": self.passed, "skipped": self.skipped, "errors": self.errors}
        told = ", ".join(f"{count} {name}" for name, count in named.items() if count) or "no tests ran"
        return f"{told} in {self.seconds:.2f}s"


def read(path: Path) -> Counts:
    """The counts of one file as pytest's ``--junitxml`` writes it."""
    total = Counts()
    for suite in ET.parse(path).getroot().iter("testsuite"):
        tests, failed, errors, skipped = (int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped"))
        passed = tests - failed - errors - skipped
        total += Counts(failed, passed, skipped, errors, float(suite.get("time", 0)))
    return total


def main(paths: list[Path]) -> int:
    total, complete = Counts(), True
    for path in paths:
        if not path.exists():
            print(f"{path.stem:<12} no results: {path} is missing")
            complete = False
            continue
        counts = read(path)
        complete = complete and counts.passed > 0
        total += counts
        print(f"{path.stem:<12} {counts}")
    print(f" {total} ".center(80, "="))
    return 0 if complete and not total.failed and not total.errors else 1


if __name__ == "__main__":
    sys.exit(main([Path(name) for name in sys.argv[1:]]))
