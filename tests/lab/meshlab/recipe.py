# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image is made of, and the key it is kept under: same parts, same key."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

RECIPE_FOLDER = Path(__file__).resolve().parent.parent / "image"
MODULES_ROOT = Path("/usr/lib/uml/modules")
# To be raised when image.py builds something else from the same parts.
RECIPE_VERSION = 1

# Since Debian 13 the docker command is a package of its own, which docker.io only recommends.
ENGINE_PACKAGES = {
    "bookworm": ("docker.io", "python3-docker", "python3-pyroute2"),
    "trixie": ("docker.io", "docker-cli", "python3-docker", "python3-pyroute2"),
}
SUITES = tuple(ENGINE_PACKAGES)
# What else a bare node may be asked to install: a virtual environment, what writes the file of a repository, another owner of interfaces.
ALSO_IN_APT_SOURCE = ("python3-venv", "python3-debian", "network-manager")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what an image contains."""

    suite: str
    bare: bool
    packages: tuple[str, ...]
    in_apt_source: tuple[str, ...]
    kernel: str
    public_key: str
    parts: str

    @property
    def key(self) -> str:
        """12 hex digits over all parts."""
        whole = json.dumps([RECIPE_VERSION, *vars(self).values()])
        return hashlib.sha256(whole.encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """The image's folder name in the cache."""
        return f"{self.suite}{'-bare' if self.bare else ''}-{self.key}"


def digest_of(folder: Path) -> str:
    """SHA-256 over the names, permissions and contents of all files under ``folder``."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            mode = stat.S_IMODE(os.stat(path).st_mode) & 0o111
            digest.update(f"{path.relative_to(folder)}\0{mode}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def base_packages(path: Path) -> tuple[str, ...]:
    """The package names in ``path``: separated by blanks, lines that begin with # are comments."""
    lines = path.read_text().splitlines()
    return tuple(name for line in lines if not line.startswith("#") for name in line.split())


def recipe(suite: str, *, bare: bool, kernel: str, public_key: str, folder: Path = RECIPE_FOLDER) -> Recipe:
    """The recipe for one image; ``kernel`` is the version of the User Mode Linux modules."""
    base, engine = base_packages(folder / "packages"), ENGINE_PACKAGES[suite]
    return Recipe(
        suite=suite,
        bare=bare,
        packages=base if bare else base + engine,
        in_apt_source=engine + ALSO_IN_APT_SOURCE if bare else (),
        kernel=kernel,
        public_key=public_key,
        parts=digest_of(folder),
    )
