# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell the stories of the firewall on every ground, side by side as far as there are nodes, and print them as a table.

Usage: ``firewall_matrix.py NODES RESULTS``: how many nodes of the lab LAB_NAME to use, and the folder for the JUnit files and for what
pytest says meanwhile (``firewall-*.txt``), which is printed when a part has ended. The table and the sum come last. Exits with 1 when a
story failed or a part did not come to its end.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FILES = ("tests/integration/firewall/test_stories.py", "tests/integration/firewall/test_way_back.py")
ON_THE_LAB = ("iptables and not firewalld", "ufw", "firewalld-iptables")
"""The grounds in the order of their seats, as pytest selects them."""
IN_NAMESPACES = ("nftables and not firewalld", "firewalld-nftables")


def parts(nodes: int) -> Iterator[str]:
    """What runs side by side: grounds on this machine need nothing of each other, and those of one node follow each other."""
    yield from IN_NAMESPACES
    for node in range(min(nodes, len(ON_THE_LAB))):
        yield " or ".join(f"({ground})" for ground in ON_THE_LAB[node::nodes])


def tell(selected: str, nodes: int, results: Path) -> int:
    """Run one part, and print what it said."""
    words = (sys.executable, "-m", "pytest", *FILES, "-k", selected, f"--junitxml={results}")
    with results.with_suffix(".txt").open("w+") as said:
        done = subprocess.run(words, env={**os.environ, "FIREWALL_NODES": str(nodes)}, stdout=said, stderr=said, check=False)
        said.seek(0)
        print(said.read(), flush=True)
    return done.returncode


def main(nodes: int, folder: Path) -> int:
    selected = list(parts(nodes))
    files = [folder / f"firewall-{number}.xml" for number in range(len(selected))]
    for old in folder.glob("firewall-*.xml"):
        old.unlink()
    with ThreadPoolExecutor(len(selected)) as pool:
        ended = list(pool.map(lambda part: tell(part[0], nodes, part[1]), zip(selected, files, strict=True)))
    printed = subprocess.run([sys.executable, str(Path(__file__).with_name("matrix.py")), *map(str, files)], check=False)
    return int(bool(printed.returncode or any(ended)))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2])))
