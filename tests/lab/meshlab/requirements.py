# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine must have before a lab can start, all of it said at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from .errors import LabError
from .processor import needed_programs

# Program -> the Debian package that brings it.
RUN_PROGRAMS = {
    "linux.uml": "user-mode-linux",
    "ip": "iproute2",
    "nft": "nftables",
    "nsenter": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
BUILD_PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "dpkg-deb": "dpkg",
}
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


def missing_packages(programs: Mapping[str, str], find: Callable[[str], str | None]) -> list[str]:
    """The packages whose programs ``find`` does not find, each once, sorted."""
    return sorted({package for program, package in programs.items() if find(program) is None})


def _find(program: str) -> str | None:
    return shutil.which(program, path=os.environ.get("PATH", "/usr/bin:/bin") + ":" + _SBIN)


def _free_bytes(path: Path) -> int:
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def require_root() -> None:
    """LabError unless the program runs as root."""
    if os.geteuid() != 0:
        raise LabError("the lab makes network namespaces and taps: run it as root (sudo tests/lab/lab ...)")


def require(programs: Mapping[str, str], room: Mapping[Path, int]) -> None:
    """LabError that names everything this machine lacks: rights, devices, programs, room (bytes needed per folder)."""
    require_root()
    faults = []
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        faults.append(f"/dev/net/tun cannot be opened ({error.strerror}): `modprobe tun`, or give the container --device /dev/net/tun")
    packages = missing_packages({**programs, **needed_programs()}, _find)
    if packages:
        faults.append(
            f"programs of these packages are missing: {', '.join(packages)}; apt-get install --no-install-recommends {' '.join(packages)}"
        )
    for path, needed in room.items():
        free = _free_bytes(path)
        if free < needed:
            faults.append(f"{path} has {free >> 20} MiB free, {needed >> 20} MiB are needed: make room")
    if faults:
        raise LabError("this machine cannot run the lab:\n" + "\n".join(f"- {fault}" for fault in faults))
    os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":" + _SBIN
