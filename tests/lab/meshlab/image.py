# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk images, built once and kept in a cache outside the repository."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from . import kernel
from .command import run
from .errors import LabError
from .recipe import MODULES_ROOT, RECIPE_FOLDER, Recipe, recipe
from .requirements import BUILD_PROGRAMS, RUN_PROGRAMS, require
from .state import cache_folder, every_lab, locked

DISK_SIZE = "8G"
_ROOM_TO_BUILD = 3 << 30
_SEED_DEADLINE = 300.0
_UNUSED_AFTER = 14 * 86400.0
# Documentation and translations are a third of a minimal Debian; /usr/share/doc/*/copyright stays.
_LEFT_OUT = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/lintian/*",
)


def ssh_key() -> Path:
    """The lab's private SSH key, made when there is none; the public one is beside it with .pub."""
    key = cache_folder() / "ssh" / "id_ed25519"
    with locked(cache_folder() / "ssh.lock"):
        if not key.exists():
            key.parent.mkdir(parents=True, exist_ok=True)
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "meshwork-lab", "-f", str(key)])
    return key


def kernel_modules() -> Path:
    """The folder of the modules that belong to the installed User Mode Linux kernel."""
    versions = sorted(MODULES_ROOT.glob("*")) if MODULES_ROOT.is_dir() else []
    if len(versions) != 1:
        found = ", ".join(path.name for path in versions) or "none"
        raise LabError(f"{MODULES_ROOT}: expected the modules of one kernel, found {found}: reinstall user-mode-linux")
    return versions[0]


def ensure(suite: str, *, bare: bool, say: Callable[[str], None]) -> Path:
    """The disk of the image for ``suite``, built first when the cache does not hold it.

    Raises LabError when something is missing, no mirror answers or the build fails.
    """
    require(RUN_PROGRAMS, {})
    public_key = ssh_key().with_suffix(".pub")
    wanted = recipe(suite, bare=bare, kernel=kernel_modules().name, public_key=public_key.read_text())
    folder = cache_folder() / wanted.name
    with locked(cache_folder() / "build.lock"):
        if not (folder / "disk.img").exists():
            require(RUN_PROGRAMS | BUILD_PROGRAMS, {cache_folder(): _ROOM_TO_BUILD})
            _build(wanted, folder, public_key, say)
            _forget_unused(say)
        os.utime(folder)
    return folder / "disk.img"


def _build(wanted: Recipe, folder: Path, public_key: Path, say: Callable[[str], None]) -> None:
    for leftover in cache_folder().glob(".building-*"):
        discard(leftover)
    work = cache_folder() / f".building-{wanted.name}"
    work.mkdir()
    clock = _Clock(say)
    say(f"building the image {wanted.name} (once; kept in {cache_folder()})")
    root = work / "root"
    _bootstrap(wanted, root, public_key, work / "mmdebstrap.log")
    if wanted.in_apt_source:
        write_package_index(root / "var/lib/meshwork-apt")
    clock.lap(f"Debian {wanted.suite} installed")
    disk = work / "disk.img"
    mke2fs = "mke2fs -q -t ext4 -L meshlab -m 0 -J size=16 -E lazy_itable_init=0 -d"
    run([*mke2fs.split(), str(root), str(disk), DISK_SIZE], timeout=300)
    shutil.rmtree(root)
    clock.lap("disk written")
    if not wanted.bare:
        kernel.run_once(disk, work, word="meshlab.seed", done="meshlab-seed done", deadline=_SEED_DEADLINE)
        clock.lap("container image meshwork-lab:1 loaded")
    disk.chmod(0o444)
    (work / "recipe.json").write_text(json.dumps(vars(wanted) | {"seconds": clock.laps}, indent=1))
    work.rename(folder)
    say(f"image {wanted.name}: {(folder / 'disk.img').stat().st_blocks * 512 >> 20} MiB on disk")


def mounts_below(folder: Path, mounts: str) -> list[str]:
    """The mount points below ``folder`` in the text of /proc/self/mounts, innermost first."""
    points = [line.split()[1] for line in mounts.splitlines() if line.split()[1].startswith(f"{folder}/")]
    return sorted(points, reverse=True)


def discard(folder: Path) -> None:
    """Remove what a build that was cut off has left, without following the mounts that its chroot may still have.

    Raises LabError where something is still mounted or at work there: /dev of this machine may be what is mounted.
    """
    for point in mounts_below(folder, Path("/proc/self/mounts").read_text()):
        run(["umount", point])
    if mounts_below(folder, Path("/proc/self/mounts").read_text()):
        raise LabError(f"{folder} has mounts in it: a build that was cut off may still be at work; end its mmdebstrap, run again")
    shutil.rmtree(folder)


def _forget_unused(say: Callable[[str], None]) -> None:
    """Remove images that no lab stands on and nobody asked for in two weeks: every change of the recipe leaves one."""
    in_use = {Path(lab.image).parent for lab in every_lab()}
    for folder in cache_folder().glob("*-*/"):
        idle = time.time() - folder.stat().st_mtime
        if (folder / "recipe.json").exists() and folder not in in_use and idle > _UNUSED_AFTER:
            shutil.rmtree(folder)
            say(f"image {folder.name} removed: not used for {idle / 86400:.0f} days")


class _Clock:
    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last = time.monotonic()
        self.laps: dict[str, float] = {}

    def lap(self, what: str) -> None:
        now = time.monotonic()
        self.laps[what] = round(now - self._last, 1)
        self._say(f"  {what} ({now - self._last:.0f} s)")
        self._last = now


def _bootstrap(wanted: Recipe, root: Path, public_key: Path, log: Path) -> None:
    argv = [
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        f"--include={','.join(wanted.packages)}",
        '--aptopt=Acquire::Check-Valid-Until "false"',
        '--aptopt=Acquire::Languages "none"',
        *(f"--aptopt={line}" for line in _proxies()),
        *(f"--dpkgopt={line}" for line in _LEFT_OUT),
        f'--customize-hook="{RECIPE_FOLDER}/customize" "$1" "{MODULES_ROOT / wanted.kernel}" "{RECIPE_FOLDER}" '
        f'"{public_key}" {" ".join(wanted.in_apt_source)}',
        wanted.suite,
        str(root),
    ]
    mirror = os.environ.get("MESHWORK_LAB_MIRROR")
    if mirror:
        argv.append(mirror)
    with log.open("w") as output:
        code = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False).returncode
    if code != 0:
        said = log.read_text(errors="replace")
        if "Could not connect" in said or "Could not resolve" in said or "Failed to fetch" in said:
            advice = "no Debian mirror answers: see the network, or name one in MESHWORK_LAB_MIRROR"
        else:
            advice = f"see {log}"
        end = "\n".join(said.splitlines()[-15:])
        raise LabError(f"mmdebstrap ended with {code}: {advice}\n{end}")


def _proxies() -> list[str]:
    """The machine's own apt proxy settings, for the apt that mmdebstrap runs."""
    dump = run(["apt-config", "dump", "Acquire::http::Proxy", "Acquire::https::Proxy"])
    return [line.rstrip(";") for line in dump.splitlines() if '""' not in line]


def write_package_index(folder: Path) -> None:
    """Make a flat apt source of the .deb files in ``folder``: write its Packages file."""
    entries = []
    for deb in sorted(folder.glob("*.deb")):
        control = run(["dpkg-deb", "-f", str(deb)]).strip()
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        entries.append(f"{control}\nFilename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n")
    if not entries:
        raise LabError(f"no package was downloaded into {folder}")
    (folder / "Packages").write_text("\n".join(entries))
