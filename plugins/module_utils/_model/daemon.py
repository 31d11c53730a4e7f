# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Engine's configuration file (daemon.json): read strictly, merged key by key, and what a change of it takes to come into force."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import SwarmError

Settings = Mapping[str, Any]

RELOADED = frozenset(
    {
        "allow-nondistributable-artifacts",
        "debug",
        "default-cgroupns-mode",
        "default-ipc-mode",
        "default-runtime",
        "default-shm-size",
        "insecure-registries",
        "labels",
        "live-restore",
        "registry-mirrors",
        "runtimes",
        "shutdown-timeout",
    }
)
"""Keys that SIGHUP takes up when they are there. One that was removed keeps its value until a restart.

Source: moby daemon/reload.go and reload_unix.go, IsValueSet.
"""

RESET = frozenset(
    {"authorization-plugins", "max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts", "network-diagnostic-port"}
)
"""Keys that SIGHUP sets anew, to their default where they are not there."""

_SHORT = {
    "H": "host",
    "D": "debug",
    "g": "data-root",
    "graph": "data-root",
    "l": "log-level",
    "s": "storage-driver",
    "G": "group",
    "b": "bridge",
    "p": "pidfile",
}
_OTHERWISE_NAMED = {"add-runtime": "runtimes"}
WITHOUT_FLAG = frozenset({"builder", "features", "network-diagnostic-port"})
"""Keys that an Engine before 23.0 takes from the file only (moby daemon/config: fields without a flag)."""


def read_settings(text: str | None, path: str) -> dict[str, Any] | None:
    """The settings in the text of the file; None where there is no file. dockerd takes an empty one for one without settings.

    Raises SwarmError with line and column where it is no JSON, and where a key stands twice: dockerd takes the last one, and a merge would
    lose the others.
    """
    if text is None:
        return None
    if not text.strip():
        return {}
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        where = f"{path}, line {error.lineno}, column {error.colno}"
        raise SwarmError(
            f"{where}: expected JSON, got {_shown(text, error.lineno)}: {error.msg}; mend the file, nothing was changed"
        ) from None
    except _Twice as error:
        raise SwarmError(f"{path}: expected every key once, got {error} twice; remove one of the two, nothing was changed") from None
    if not isinstance(found, dict):
        raise SwarmError(f"{path}: expected a JSON object ({{...}}), got {type(found).__name__}; mend the file, nothing was changed")
    return found


class _Twice(ValueError):
    pass


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise _Twice(repr(name))
        result[name] = value
    return result


def _shown(text: str, line: int) -> str:
    lines = text.splitlines()
    return repr(mask(lines[min(line, len(lines)) - 1].strip())[:60])


def merge(found: Settings, written: Settings) -> dict[str, Any]:
    """The settings with those that were written: objects are merged, everything else is replaced, None takes a key out."""
    result = dict(found)
    for name, value in written.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            there = result.get(name)
            merged = merge(there if isinstance(there, Mapping) else {}, value)
            # what takes keys out of an object that is not there makes none
            if merged or not value or name in result:
                result[name] = merged
        else:
            result[name] = value
    return result


def render(settings: Settings) -> str:
    """The text of the file."""
    return json.dumps(settings, indent=2, ensure_ascii=False) + "\n"


_USERINFO = re.compile(r"//[^\s\"]*@|^[^/@\s:]+:(?!//)[^\s]*@")


def mask(value: Any) -> Any:
    """The value without the names and passwords that stand in URLs, such as those of proxies."""
    if isinstance(value, Mapping):
        return {name: mask(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask(each) for each in value]
    if isinstance(value, str):
        return _USERINFO.sub(lambda match: "//***@" if match[0].startswith("//") else "***@", value)
    return value


def changes(before: Settings, after: Settings, prefix: str = "") -> tuple[str, ...]:
    """Each difference in words, without passwords."""
    said: list[str] = []
    for name in sorted({*before, *after}):
        old, new, key = before.get(name), after.get(name), prefix + name
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            said += changes(old, new, f"{key}.")
        elif name not in after:
            said.append(f"remove {key} (was {json.dumps(mask(old))})")
        elif name not in before:
            said.append(f"set {key} to {json.dumps(mask(new))}")
        elif not _same(old, new):
            said.append(f"change {key} from {json.dumps(mask(old))} to {json.dumps(mask(new))}")
    return tuple(said)


def _same(one: Any, other: Any) -> bool:
    """JSON knows true and 1 apart, Python does not."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def same_settings(one: Settings, other: Settings) -> bool:
    """Whether both say the same to dockerd."""
    return _same(one, other)


def effects(before: Settings, after: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys whose change a running Engine takes up when it is reloaded, and those that need a restart."""
    reload: list[str] = []
    restart: list[str] = []
    for name in sorted({*before, *after}):
        if name in before and name in after and _same(before[name], after[name]):
            continue
        taken_up = name in RESET or (name in RELOADED and name in after) or (name == "features" and _only_buildkit(before, after))
        (reload if taken_up else restart).append(name)
    return tuple(reload), tuple(restart)


def _only_buildkit(before: Settings, after: Settings) -> bool:
    """Features are reloaded as a whole, but others than buildkit are looked at when the Engine starts (containerd-snapshotter)."""
    old, new = before.get("features", {}), after.get("features", {})
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return False
    return _same(*({name: value for name, value in features.items() if name != "buildkit"} for features in (old, new)))


def flag_keys(arguments: Sequence[str]) -> dict[str, str]:
    """The keys that the arguments of dockerd set, each with the flag that sets it. dockerd does not start when the file sets one, too."""
    keys: dict[str, str] = {}
    for word in arguments:
        if not word.startswith("-") or word == "-":
            continue
        flag = word.partition("=")[0]
        name = flag.lstrip("-")
        if not flag.startswith("--") and name[:1] in _SHORT:
            flag, name = flag[:2], name[:1]
        for key in _keys_of(_SHORT.get(name, name)):
            keys[key] = flag
    return keys


def _keys_of(flag: str) -> tuple[str, ...]:
    """A flag that may be given several times stands in the file in the plural: --label and labels, --insecure-registry."""
    plural = flag[:-1] + "ies" if flag.endswith("y") else flag + "s"
    return (flag, plural, _OTHERWISE_NAMED.get(flag, flag))


def known_keys(help_text: str) -> frozenset[str]:
    """The keys that a dockerd knows whose `--help` has this text."""
    flags = re.findall(r"^\s+(?:-\w, )?--([a-z0-9-]+)", help_text, flags=re.MULTILINE)
    return WITHOUT_FLAG | {key for flag in flags for key in _keys_of(flag)}
