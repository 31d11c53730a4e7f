# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mounts of a service.

Bind options that the API has for containers only are no options here: CreateMountpoint, ReadOnlyNonRecursive and ReadOnlyForceRecursive
are dropped on the way into a swarm (moby daemon/cluster/convert/container.go up to August 2026).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .kinds import BOOLEAN, LABELS, PERMISSIONS, SIZE, TEXT, choice, words
from .records import Entry, Records
from .table import Kind, Row, Table, Unfit

TYPES = ("bind", "volume", "tmpfs", "npipe", "cluster")
SECTIONS = {"bind_options": "bind", "volume_options": "volume", "tmpfs_options": "tmpfs"}
PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")

PROPAGATION = replace(choice(*PROPAGATIONS), same=lambda wanted, found: wanted == (found or "rprivate"))


def _tmpfs_words(value: Any) -> tuple[str, ...]:
    """Options of mount(8): "exec" or "uid=1000"."""
    return tuple(sorted(words(value)))


def _read_tmpfs(value: Sequence[Sequence[str]]) -> tuple[str, ...]:
    return tuple(sorted("=".join(pair) for pair in value))


def _write_tmpfs(value: Sequence[str]) -> list[list[str]]:
    return [word.split("=", 1) for word in value]


TMPFS_OPTIONS = Kind("list", _tmpfs_words, list, _read_tmpfs, _write_tmpfs, elements="str")
ROWS: Table = (
    Row("target", "Target", TEXT),
    Row("type", "Type", choice(*TYPES)),
    Row("source", "Source", TEXT, absent=""),
    Row("read_only", "ReadOnly", BOOLEAN, absent=False, quiet=True),
    Row("bind_options.propagation", "BindOptions/Propagation", PROPAGATION, absent=""),
    Row("bind_options.non_recursive", "BindOptions/NonRecursive", BOOLEAN, absent=False, quiet=True),
    Row("volume_options.no_copy", "VolumeOptions/NoCopy", BOOLEAN, absent=False, quiet=True),
    Row("volume_options.labels", "VolumeOptions/Labels", LABELS, absent={}),
    Row("volume_options.driver", "VolumeOptions/DriverConfig/Name", TEXT, absent=""),
    Row("volume_options.driver_opts", "VolumeOptions/DriverConfig/Options", LABELS, absent={}),
    Row("volume_options.subpath", "VolumeOptions/Subpath", TEXT, absent="", since=(1, 45)),
    Row("tmpfs_options.size", "TmpfsOptions/SizeBytes", SIZE, absent=0),
    Row("tmpfs_options.mode", "TmpfsOptions/Mode", PERMISSIONS, absent=0),
    Row("tmpfs_options.options", "TmpfsOptions/Options", TMPFS_OPTIONS, absent=(), since=(1, 46)),
)


def _check(entry: Entry, place: str) -> Entry:
    """What tasks would fail of, though the Engine accepts it for a service."""
    kind, source, target = entry.get("type"), str(entry.get("source") or ""), str(entry["target"])
    if kind != "npipe" and not _absolute(target):
        raise Unfit("an absolute path", f"{place}.target", target)
    if kind is None and _absolute(source):
        raise Unfit("a type: bind for a folder of the node", place, source)
    if kind == "bind" and not _absolute(source):
        raise Unfit("an absolute path of the node", f"{place}.source", source)
    if kind == "volume" and _absolute(source):
        raise Unfit("the name of a volume", f"{place}.source", source)
    if kind == "tmpfs" and source:
        raise Unfit("no source of a tmpfs", f"{place}.source", source)
    for option in entry:
        section, dot, _name = option.partition(".")
        if dot and kind is not None and SECTIONS[section] != kind:
            raise Unfit(f"no {section} of a mount of type {kind}", f"{place}.{section}", _section(entry, section))
    return entry


def _absolute(path: str) -> bool:
    """A path of Linux or of Windows; a drive letter or a pipe is enough for the latter."""
    return path.startswith(("/", "\\")) or path[1:2] == ":"


def _section(entry: Mapping[str, Any], section: str) -> dict[str, Any]:
    return {option.partition(".")[2]: value for option, value in entry.items() if option.startswith(f"{section}.")}


MOUNTS = Records(ROWS, ("target",), fresh={"Type": "volume"}, renewed=("type",), complete=_check)
