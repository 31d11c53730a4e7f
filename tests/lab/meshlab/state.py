# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab consists of, written to disk after every step, so that nothing it started is ever lost."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .errors import LabError
from .process import Process

STATE_ROOT = Path("/var/tmp/meshwork-lab")


@dataclass(frozen=True)
class Options:
    """What `up` was asked for; a running lab has one set of them."""

    suite: str = "bookworm"
    bare: bool = False
    nics: int = 1
    mtu: int = 1500
    memory: int = 1500


@dataclass
class Node:
    """One machine: the process it runs as, and how its last boot went."""

    process: Process | None = None
    booted_at: float | None = None
    boot_seconds: float | None = None
    guest_seconds: float | None = None
    docker: str | None = None
    failed_units: list[str] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        """Whether the node runs and has said that its boot is over."""
        return self.boot_seconds is not None and self.process is not None and self.process.runs()


@dataclass
class Lab:
    """A lab as it stands on disk."""

    name: str
    options: Options
    image: str
    nodes: dict[str, Node] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where disks, consoles, sockets and the state file of this lab are."""
        return folder(self.name)

    @property
    def netns(self) -> str:
        """The network namespace of this lab, as `ip netns` names it."""
        return netns(self.name)

    def save(self) -> None:
        """Write the state file whole, in one step."""
        target = self.folder / "state.json"
        fresh = target.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self), indent=1))
        os.replace(fresh, target)


def check_name(name: str) -> str:
    """``name`` itself; LabError when it cannot be part of a path and of a namespace's name."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,19}", name):
        raise LabError(f"lab name {name!r}: expected a lower-case letter, then up to 19 of a-z, 0-9 and -")
    return name


def cache_folder() -> Path:
    """Where images and the lab's SSH key are kept: MESHWORK_LAB_CACHE or /var/cache/meshwork-lab."""
    return Path(os.environ.get("MESHWORK_LAB_CACHE") or "/var/cache/meshwork-lab")


def folder(name: str) -> Path:
    """The state folder of the lab ``name``."""
    return STATE_ROOT / check_name(name)


def netns(name: str) -> str:
    """The network namespace of the lab ``name``."""
    return f"meshlab-{check_name(name)}"


def parse(text: str) -> Lab:
    """A lab from the text of its state file."""
    raw = json.loads(text)
    nodes = {}
    for name, entry in raw["nodes"].items():
        process = entry.pop("process")
        nodes[name] = Node(process=Process(**process) if process else None, **entry)
    return Lab(raw["name"], Options(**raw["options"]), raw["image"], nodes, raw["faults"])


def load(name: str) -> Lab | None:
    """The lab ``name``, or None when there is none."""
    try:
        text = (folder(name) / "state.json").read_text()
    except FileNotFoundError:
        return None
    try:
        return parse(text)
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(f"{folder(name) / 'state.json'} cannot be read ({error}): `lab down` clears it away") from error


def every_lab() -> list[Lab]:
    """All labs of this machine that can be read, whatever their state."""
    names = [path.parent.name for path in STATE_ROOT.glob("*/state.json")]
    return [lab for name in names if (lab := load(name))]


def need(name: str) -> Lab:
    """The lab ``name``; LabError when it is not up."""
    lab = load(name)
    if lab is None:
        raise LabError(f"lab {name!r} is not up: `lab --name {name} up` starts it")
    return lab


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` while one process changes what it guards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
