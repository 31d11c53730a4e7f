# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print parametrized tests as a table: a row for each story, a column for each ground, then the sum.

Usage: ``matrix.py RESULTS.xml...``, JUnit files of pytest. A cell is ``ok``, ``FAILED`` or ``-`` (skipped; the reason stands below the
table). The last line is ``N passed, M failed``. Exits with 1 when a story failed, when a file is missing and when no story was told.
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

OK, FAILED, SKIPPED = "ok", "FAILED", "-"
_NAME = re.compile(r"test_(?P<story>\w+)\[(?P<ground>[^\]]+)\]")


def read(paths: Sequence[Path]) -> tuple[dict[tuple[str, str], str], list[str]]:
    """The cells by story and ground, and the reasons for those that were skipped."""
    cells: dict[tuple[str, str], str] = {}
    reasons: list[str] = []
    for case in (each for path in paths for each in ET.parse(path).getroot().iter("testcase")):
        name = _NAME.fullmatch(case.get("name", ""))
        if name is None:
            continue
        place = (name["story"].replace("_", " "), name["ground"])
        skipped = case.find("skipped")
        failed = case.find("failure") is not None or case.find("error") is not None
        if skipped is not None and not failed:
            reasons.append(f"{SKIPPED} {place[0]}, {place[1]}: {skipped.get('message', '')}")
        # a story that failed at its end stands there twice
        if cells.get(place) != FAILED:
            cells[place] = FAILED if failed else SKIPPED if skipped is not None else OK
    return cells, reasons


def table(cells: dict[tuple[str, str], str]) -> list[str]:
    """The lines of the table; stories and grounds in the order in which they were told."""
    stories, grounds = (list(dict.fromkeys(place[index] for place in cells)) for index in (0, 1))
    width = max((len(story) for story in stories), default=0)
    lines = [" ".join([" " * width, *(f" {ground}" for ground in grounds)])]
    for story in stories:
        row = [f" {cells.get((story, ground), ''):<{len(ground)}}" for ground in grounds]
        lines.append(" ".join([f"{story:<{width}}", *row]).rstrip())
    return lines


def main(*paths: Path) -> int:
    missing = [path for path in paths if not path.exists()]
    cells, reasons = read([path for path in paths if path.exists()])
    said = list(cells.values())
    print("\n".join([*table(cells), *reasons, *(f"no results: {path} is missing" for path in missing)]))
    print(f"{said.count(OK)} passed, {said.count(FAILED)} failed")
    return 0 if OK in said and FAILED not in said and not missing else 1


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
