# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports, asked from outside with curl without pause."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .machines import Machines

EVERY = 0.2


@dataclass
class Answers:
    """When each URL was asked, and whether it answered."""

    asked: dict[str, list[tuple[float, bool]]] = field(default_factory=dict)

    def gap(self, url: str) -> float:
        """Seconds from the first question without an answer to the first one after it from which on all were answered."""
        failed = [at for at, answered in self.asked[url] if not answered]
        if not failed:
            return 0.0
        back = next((at for at, _answered in self.asked[url] if at > failed[-1]), time.monotonic())
        return back - failed[0]

    @property
    def longest(self) -> float:
        return max(self.gap(url) for url in self.asked)

    @property
    def failed(self) -> int:
        return sum(not answered for each in self.asked.values() for _at, answered in each)

    @property
    def questions(self) -> int:
        return sum(len(each) for each in self.asked.values())


@contextmanager
def asked(machines: Machines, ports: Iterable[int], patience: int = 2) -> Iterator[Answers]:
    """Ask every port on every node each 0.2 s for as long as the block runs; a node's ports in one curl, which waits `patience` seconds."""
    answers, ended = Answers(), threading.Event()
    urls = {node: [f"http://{machines.addresses[node]}:{port}/" for port in ports] for node in machines.nodes}
    answers.asked = {url: [] for each in urls.values() for url in each}

    def ask(node: str) -> None:
        words = [word for url in urls[node] for word in ("--output", "/dev/null", url)]
        shown = ("--write-out", "%{url_effective} %{http_code}\n", "--silent", "--max-time", str(patience), "--parallel")
        while not ended.is_set():
            at = time.monotonic()
            command = ["ip", "netns", "exec", machines.netns, "curl", *shown, *words]
            told = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20 + patience, check=False
            ).stdout
            codes = dict(line.split() for line in told.splitlines())
            for url in urls[node]:
                answers.asked[url].append((at, codes.get(url) == "200"))
            ended.wait(max(0.0, EVERY - (time.monotonic() - at)))

    threads = [threading.Thread(target=ask, args=(node,)) for node in machines.nodes]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        ended.set()
        for thread in threads:
            thread.join()
