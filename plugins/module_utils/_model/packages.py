# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host has to have before its Engine is configured: packages as they are asked for, and the libraries of this collection."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase

Versions = Mapping[str, Collection[str]]
"""Installed packages, each with all spellings of its version that its package manager takes."""

LIBRARIES = {"docker": 5, "pyroute2": 0}
"""The libraries by the names of their packages of Python, and the first major version that does."""


def alternatives(asked: str) -> tuple[tuple[str, str], ...]:
    """(name, pattern of the version) of "docker.io=20.10.* | moby-engine"; the pattern is * where none is written."""
    named = (each.strip().partition("=") for each in asked.split("|"))
    return tuple((name, version or "*") for name, _equals, version in named if name)


def missing_packages(asked: Sequence[str], installed: Versions) -> tuple[str, ...]:
    """Those that were asked for and of which no alternative is installed with its version."""
    return tuple(each for each in asked if not any(_is_there(*one, installed) for one in alternatives(each)))


def _is_there(name: str, pattern: str, installed: Versions) -> bool:
    return any(fnmatchcase(version, pattern) for version in installed.get(name, ()))


def missing_libraries(found: Mapping[str, str]) -> tuple[str, ...]:
    """The libraries that a Python lacks, of those that it was found to have, with their versions ("" where none is known)."""
    return tuple(
        f"{name} {first}.0 or newer" + (f" (it has {found[name]})" if name in found else "") if first else name
        for name, first in LIBRARIES.items()
        if name not in found or _major(found[name], first) < first
    )


def _major(version: str, unknown: int) -> int:
    found = re.match(r"\d+", version)
    return int(found[0]) if found else unknown
