# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab as a whole: up, down, and what stands in between."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import access, addresses, fault, image, network, node, state
from .errors import LabError
from .process import Process, start_time
from .requirements import RUN_PROGRAMS, require
from .state import Lab, Options

_ROOM_PER_NODE = 600 << 20
Say = Callable[[str], None]


def up(name: str, nodes: int | None, asked: dict[str, Any], timeout: float, say: Say) -> Lab:
    """Bring the lab ``name`` to ``nodes`` running nodes, adding to what runs already.

    ``asked`` holds the options that were given (keys of Options). Raises LabError when the machine cannot, when a
    lab of that name runs with other options, or when a node does not boot within ``timeout`` seconds.
    """
    lab = state.load(name)
    options = _options(lab, asked)
    count = nodes or (len(lab.nodes) if lab and lab.nodes else 3)
    if not 1 <= count <= addresses.MAX_NODES:
        raise LabError(f"--nodes {count}: expected 1 to {addresses.MAX_NODES}")
    require(RUN_PROGRAMS, {state.STATE_ROOT: count * _ROOM_PER_NODE, Path("/dev/shm"): count * _ROOM_PER_NODE})
    disk = lab.image if lab else str(image.ensure(options.suite, bare=options.bare, say=say))
    with state.locked(state.STATE_ROOT / f"{name}.lock"):
        lab = state.load(name)
        if lab is None:
            shutil.rmtree(state.folder(name), ignore_errors=True)
            state.folder(name).mkdir(parents=True)
            lab = Lab(name, options, disk)
            lab.save()
        _bring_up(lab, count, timeout, say)
    return lab


def _options(lab: Lab | None, asked: dict[str, Any]) -> Options:
    if lab is None:
        return replace(Options(), **asked)
    for key, value in asked.items():
        if getattr(lab.options, key) != value:
            raise LabError(
                f"lab {lab.name!r} is up with {key} {getattr(lab.options, key)}, not {value}: "
                f"`lab --name {lab.name} down` first, or give the other lab another --name"
            )
    return lab.options


def _bring_up(lab: Lab, count: int, timeout: float, say: Say) -> None:
    _end_strays(lab)
    network.ensure(lab.netns, lab.options.nics, lab.options.mtu)
    to_boot = []
    known = list(lab.nodes)
    for name in addresses.node_names(max(count, len(known))):
        entry = lab.nodes.get(name)
        if entry is not None and entry.ready:
            say(f"{name} {addresses.address(name)} already runs")
            continue
        if entry is not None and entry.process is not None and entry.boot_seconds is None:
            # A start that never came to its end: what it left on the disk is worth nothing.
            node.kill(lab, name)
            node.discard_disk(lab, name)
        lab.nodes.setdefault(name, state.Node())
        to_boot.append(name)
    access.write_config(lab)
    for name in to_boot:
        access.hang_up(lab, name)
        node.boot(lab, name)
    node.wait_ready(lab, to_boot, timeout, say)
    if len(lab.nodes) > len(known):
        for name in known:
            if name not in to_boot:
                access.on_node(lab, name, ["/usr/lib/meshlab/network", "hosts", node.hosts_word(lab.nodes)])


def start(lab: Lab, names: Sequence[str], timeout: float, say: Say) -> None:
    """Boot nodes that were killed, all at once, on the disks that they left."""
    to_boot = []
    for name in names:
        if lab.nodes[name].ready:
            say(f"{name} already runs")
            continue
        stop(lab, name)
        node.boot(lab, name)
        to_boot.append(name)
    node.wait_ready(lab, to_boot, timeout, say)


def stop(lab: Lab, name: str) -> bool:
    """End a node as a power cut does; True when it ran."""
    access.hang_up(lab, name)
    return node.kill(lab, name)


def down(name: str, say: Say) -> None:
    """End everything that the lab ``name`` started and forget it; a lab that is not there is no error."""
    with state.locked(state.STATE_ROOT / f"{name}.lock"):
        folder = state.folder(name)
        if not folder.exists() and not network.exists(state.netns(name)):
            say(f"lab {name} is not up")
            return
        try:
            lab = state.load(name)
        except LabError as error:
            say(str(error))
            lab = None
        lab = lab or Lab(name, Options(), "")
        for entry in lab.nodes:
            stop(lab, entry)
        _end_strays(lab)
        network.remove(lab.netns)
        shutil.rmtree(folder, ignore_errors=True)
        say(f"lab {name} is down")


def _end_strays(lab: Lab) -> None:
    """End kernels of this lab that the state file does not know: the program was cut off before it could write them."""
    known = {entry.process.pid for entry in lab.nodes.values() if entry.process}
    mark = f"uml_dir={lab.folder / 'uml'}/".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in known:
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            group = int((entry / "stat").read_text().rpartition(")")[2].split()[2])
        except (OSError, ValueError, IndexError):
            continue
        if mark in words and group not in known and start_time(group) is not None:
            Process.of(group).kill()


def status(lab: Lab) -> dict[str, Any]:
    """The lab as plain values: what runs, with which addresses, since when, how long its boot took."""
    nodes = {}
    for name, entry in lab.nodes.items():
        running = entry.process is not None and entry.process.runs()
        nodes[name] = {
            "state": ("up" if entry.ready else "booting") if running else "off",
            "addresses": [str(nic.ipv4) for nic in addresses.nics(name, lab.options.nics)],
            "pid": entry.process.pid if running and entry.process else None,
            "booted_at": entry.booted_at,
            "boot_seconds": entry.boot_seconds,
            "guest_seconds": entry.guest_seconds,
            "docker": entry.docker,
            "failed_units": entry.failed_units,
            "resident_mib": _resident_mib(entry.process.pid) if running and entry.process else None,
        }
    return {
        "name": lab.name,
        "netns": lab.netns,
        "folder": str(lab.folder),
        "image": lab.image,
        "ssh_config": str(access.config_path(lab)),
        "options": vars(lab.options),
        "nodes": nodes,
        "faults": [fault.of_state(raw).describe() for raw in lab.faults],
    }


def _resident_mib(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return next((int(line.split()[1]) >> 10 for line in text.splitlines() if line.startswith("VmRSS:")), None)
