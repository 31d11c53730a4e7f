# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kernel parameters (sysctls) as files say them, and which file has the last word at boot.

The rules are those of sysctl.d(5): files of all folders are taken in the order of their names, a file hides those of its name in later
folders, a key that is written out beats a pattern wherever it stands, and `-pattern` without a value keeps keys from being matched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
"""Where such files are; an earlier folder hides files of the same name in later ones."""
_NAME = re.compile(r"(?!-)[\w@:,*?\[\]!+-]+(?:[./][\w@:,*?\[\]!+-]+)+")


@dataclass(frozen=True)
class Setting:
    """One line of a file: `key` in its canonical form, which may be a pattern; `value` is None where keys are only excluded."""

    path: str
    key: str
    value: str | None

    @property
    def pattern(self) -> bool:
        return any(sign in self.key for sign in "*?[")


def canonical(name: str) -> str:
    """The path of a parameter below /proc/sys: "net.ipv4.ip_forward" is "net/ipv4/ip_forward".

    Dots and slashes change places when the first of them is a dot. Raises ValueError with what was expected.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("a kernel parameter such as net.ipv4.ip_forward")
    first = next(sign for sign in name if sign in "./")
    return name if first == "/" else name.translate(str.maketrans("./", "/."))


def dotted(key: str) -> str:
    """A canonical key as people write it; with slashes where a part of it has a dot, such as the interface eth0.100."""
    return key if "." in key else key.replace("/", ".")


def same(wanted: str, found: str) -> bool:
    """Whether two values mean the same; the kernel shows lists with tabs between their numbers."""
    return wanted.split() == found.split()


def enough(wanted: str, found: str) -> bool:
    """Whether a number is at least another; text that is no number is not."""
    return found.strip().lstrip("-").isdigit() and int(found) >= int(wanted)


def read_settings(path: str, content: str) -> tuple[Setting, ...]:
    """The settings of one file, in their order; lines that set nothing are left out."""
    found: list[Setting] = []
    for line in content.splitlines():
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        name, equals, value = stripped.partition("=")
        try:
            key = canonical(name.strip().lstrip("-").strip())
        except ValueError:
            continue
        if equals:
            found.append(Setting(path, key, " ".join(value.split())))
        elif stripped.startswith("-"):
            found.append(Setting(path, key, None))
    return tuple(found)


def in_boot_order(paths: Sequence[str]) -> tuple[str, ...]:
    """The files that count at boot, the last word last. Takes all paths below FOLDERS."""
    chosen: dict[str, str] = {}
    for path in sorted(paths, key=_precedence):
        chosen.setdefault(path.rpartition("/")[2], path)
    return tuple(chosen[name] for name in sorted(chosen))


def _precedence(path: str) -> int:
    folder = path.rpartition("/")[0]
    return FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)


def decisive(key: str, settings: Sequence[Setting]) -> Setting | None:
    """The setting that a key has after boot, out of all settings in the order of their files; None when no file names it."""
    written = [each for each in settings if each.key == key]
    if written:
        valued = [each for each in written if each.value is not None]
        return valued[-1] if valued else None
    if any(each.value is None and fnmatchcase(key, each.key) for each in settings if each.pattern):
        return None
    matched = [each for each in settings if each.pattern and each.value is not None and _matches(key, each.key)]
    return matched[-1] if matched else None


def _matches(key: str, pattern: str) -> bool:
    """As glob(7): a star does not go beyond a slash."""
    parts, wanted = key.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(fnmatchcase(part, each) for part, each in zip(parts, wanted))


def file_text(note: str, values: Mapping[str, tuple[str, str]]) -> str:
    """A file that sets each key to its value, with the reason above it: {key: (value, reason)}."""
    lines, above = [note.rstrip("\n")], ""
    for key, (value, why) in values.items():
        if why != above:
            lines.append(f"# {why}")
        above = why
        lines.append(f"{dotted(key)} = {value}")
    return "\n".join(lines) + "\n"
