# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which packages are installed, as dpkg or rpm has written down, and which libraries this Python finds. Nothing is imported."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .host import Command, Host

DPKG = ("dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package} ${Version}\\n")
RPM = ("rpm", "--query", "--queryformat=installed %{NAME} %{EPOCH} %{VERSION} %{RELEASE}\\n")


def installed(host: Host, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Those of the packages that are installed, each with the spellings of its version. Neither program fails for one that is not there:
    both end with a status that says so, after they have told of the others.
    """
    found: dict[str, tuple[str, ...]] = {}
    for argv in (DPKG, RPM):
        if names and not found and host.has(argv[0]):
            found = read_installed(host.run(Command((*argv, *names))).output)
    return found


def read_installed(output: str) -> dict[str, tuple[str, ...]]:
    """The lines of DPKG (status, name, version) and RPM (the same with epoch, version and release apart; no epoch is "(none)")."""
    found: dict[str, tuple[str, ...]] = {}
    for words in (line.split() for line in output.splitlines()):
        if words[:1] != ["installed"]:
            continue
        if len(words) == 3:
            found[words[1]] = (words[2],)
        elif len(words) == 5:
            epoch, version, release = words[2:]
            epoch = epoch if epoch.isdigit() else "0"
            plain = (version, f"{version}-{release}")
            found[words[1]] = (*plain, *(f"{epoch}:{each}" for each in plain))
    return found


def libraries(names: Sequence[str], folders: Sequence[str]) -> Mapping[str, str]:
    """Those of the libraries that Python finds in the folders of its path, each with its version; "" where none is written beside it."""
    found = {}
    for name in names:
        folder = next((Path(each) for each in folders if (Path(each) / name / "__init__.py").is_file()), None)
        if folder:
            written = re.compile(rf"{name}-([^-]+?)(?:-py[\d.]+)?\.(?:dist|egg)-info")
            beside = (written.fullmatch(each.name) for each in folder.glob(f"{name}-*-info"))
            found[name] = next((match[1] for match in beside if match), "")
    return found
