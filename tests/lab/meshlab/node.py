# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One node: its disk, its kernel process, its boot."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from . import addresses, kernel, network
from .errors import LabError
from .state import Lab, Node

_READY = re.compile(r"^meshlab-ready uptime=(\S+) docker=(\S+) failed=(\S+)", re.MULTILINE)


def folder(lab: Lab, name: str) -> Path:
    """Where the node's disk and console are."""
    return lab.folder / "nodes" / name


def console(lab: Lab, name: str) -> Path:
    """The node's console, from its last start on."""
    return folder(lab, name) / "console.log"


def hosts_word(names: Iterable[str]) -> str:
    """The nodes and their management addresses in the form that the image's network script reads."""
    return ",".join(f"{name}:{addresses.address(name)}" for name in names)


def kernel_words(lab: Lab, name: str) -> list[str]:
    """What the kernel of ``name`` is told besides its disk: cards, identity, addresses."""
    options = lab.options
    words = [
        f"systemd.hostname={name}",
        f"systemd.machine_id={addresses.machine_id(lab.name, name)}",
        f"meshlab.node={name}",
        f"meshlab.mtu={options.mtu}",
        f"meshlab.hosts={hosts_word(lab.nodes)}",
        f"meshlab.gateway={addresses.segment(0).gateway}",
    ]
    for number, nic in enumerate(addresses.nics(name, options.nics)):
        segment = nic.segment
        words += [
            f"vec{number}:transport=tap,ifname={nic.tap},depth=128,gro=1,mac={nic.mac},mtu={options.mtu}",
            f"meshlab.nic{number}={nic.ipv4}/{segment.ipv4.prefixlen},{nic.ipv6}/{segment.ipv6.prefixlen}",
        ]
    return words


def boot(lab: Lab, name: str) -> None:
    """Start the node on its disk (a fresh one when it has none) and record the process; does not wait."""
    place = folder(lab, name)
    place.mkdir(parents=True, exist_ok=True)
    network.attach(lab.netns, name, lab.options.nics, lab.options.mtu)
    console(lab, name).write_bytes(b"")
    disk = f"{place / 'disk.cow'},{lab.image}"
    argv = kernel.command_line(name, lab.folder / "uml", disk, lab.options.memory, kernel_words(lab, name))
    process = kernel.spawn([*network.inside(lab.netns), *argv], console(lab, name))
    lab.nodes[name] = Node(process=process, booted_at=time.time())
    lab.save()


def kill(lab: Lab, name: str) -> bool:
    """End the node as a power cut does; True when it ran. Its disk stays."""
    process = lab.nodes[name].process
    ran = process.kill() if process else False
    lab.nodes[name] = Node()
    lab.save()
    return ran


def discard_disk(lab: Lab, name: str) -> None:
    """Forget everything the node ever wrote: its next boot starts from the image."""
    (folder(lab, name) / "disk.cow").unlink(missing_ok=True)


def wait_ready(lab: Lab, names: Iterable[str], deadline: float, say: Callable[[str], None]) -> None:
    """Wait until every node of ``names`` has said on its console that its boot is over.

    Raises LabError with the end of the console of the first node that died or was not ready in ``deadline`` seconds.
    """
    waiting = list(names)
    while waiting:
        for name in list(waiting):
            entry = lab.nodes[name]
            if _take_report(entry, console(lab, name)):
                waiting.remove(name)
                lab.save()
                say(f"{name} {addresses.address(name)} up after {entry.boot_seconds:.0f} s")
            elif entry.process is None or not entry.process.runs():
                raise LabError(
                    f"{name}: its kernel ended during the boot; the end of its console ({console(lab, name)}):\n"
                    f"{kernel.tail(console(lab, name))}"
                )
            elif time.time() - (entry.booted_at or 0.0) > deadline:
                raise LabError(
                    f"{name} did not boot within {deadline:.0f} s (--timeout allows more); the end of its console "
                    f"({console(lab, name)}):\n{kernel.tail(console(lab, name))}"
                )
        time.sleep(0.1)


def _take_report(entry: Node, path: Path) -> bool:
    match = _READY.search(path.read_text(errors="replace"))
    if not match:
        return False
    entry.boot_seconds = round(time.time() - (entry.booted_at or 0.0), 1)
    entry.guest_seconds = float(match.group(1))
    entry.docker = match.group(2)
    entry.failed_units = [] if match.group(3) == "none" else match.group(3).split(",")
    return True
