# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames on the lab's bridge, caught and counted by tcpdump."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .machines import Machines, run

BRIDGE = "br0"
ESP = "ip proto 50"
VXLAN = "udp dst port 4789"


def vni(number: int) -> str:
    """The filter for VXLAN frames of one network: the VNI is the three bytes behind the eight of UDP and four of flags (RFC 7348)."""
    return f"{VXLAN} and udp[12:4] >> 8 = {number}"


class Capture:
    """What was caught; readable once the capture has ended."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def count(self, expression: str) -> int:
        """How many frames match a filter of tcpdump."""
        return len(run(["tcpdump", "-n", "-r", str(self.path), expression]).stdout.splitlines())


@contextmanager
def captured(machines: Machines, path: Path, bridge: str = BRIDGE, expression: str = f"({ESP}) or ({VXLAN})") -> Iterator[Capture]:
    """Catch what matches `expression` on a bridge between the nodes for as long as the block runs; ESP and VXLAN unless told."""
    command = [
        "ip",
        "netns",
        "exec",
        machines.netns,
        "tcpdump",
        "-n",
        "-U",
        # else what the kernel still holds back is lost when tcpdump is ended
        "--immediate-mode",
        "-Z",
        "root",
        "-i",
        bridge,
        "-w",
        str(path),
        expression,
    ]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if "listening on" in line:
                    break
            assert process.poll() is None, "tcpdump ended at once"
            yield Capture(path)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
