# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the Engine's configuration file: what is merged into it, how that comes into force, and what a swarm refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .._model.daemon import Settings, changes, effects, flag_keys, mask, merge, same_settings
from .._model.packages import Versions, missing_libraries, missing_packages
from .plan import Blocker, Plan, Step

DEFAULT_FILE = "/etc/docker/daemon.json"
SERVICE = "docker.service"
NFTABLES_REFUSED = ((29, 0), (29, 7))
"""Engines that refuse swarm mode with firewall-backend nftables (moby daemon/config IsSwarmCompatible)."""
LIVE_RESTORE = ("--live-restore", "--live-restore=true")
WITHOUT_IPTABLES = (
    "iptables is false: Docker makes no rules, and a swarm needs them for published ports and for encrypted networks, which are broken then"
)


@dataclass(frozen=True)
class Work:
    """In place of a call: what the module does on the host itself."""

    what: str

    def __str__(self) -> str:
        return self.what


@dataclass(frozen=True)
class WantedDaemon:
    """What the user wrote. `swarm` says that the host is to be a member of a swarm, `restart` that the Engine is started anew in this run.

    `packages` have to be there before anything is changed, and with `libraries` the libraries that the collection's other modules need.
    """

    path: str
    settings: Settings
    swarm: bool = True
    packages: tuple[str, ...] = ()
    libraries: bool = False
    restart: bool = False


@dataclass(frozen=True)
class Daemon:
    """What there is: the file's settings (None without a file), and the Engine that reads it.

    `arguments` are those of dockerd, `version` its (major, minor), () where it was not asked for. `objection` is what this dockerd says
    against the merged settings. `reload` and `restart` are keys that were changed and are not in force yet.
    `recorded` is the availability that a run which was cut off took from the node `recorded_node`. `packages` are the wanted ones
    that are installed, `libraries` those that `python` finds, with their versions.
    `kept` says that what the file was before a change is kept, for the way back; `started` that this run has started the Engine anew.
    """

    settings: Settings | None = None
    installed: bool = True
    running: bool = False
    enabled: bool = False
    member: bool = False
    version: tuple[int, ...] = ()
    arguments: tuple[str, ...] = ()
    objection: str = ""
    reload: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    recorded: str = ""
    recorded_node: str = ""
    packages: Versions = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    kept: bool = False
    started: bool = False


def missing(wanted: WantedDaemon, found: Daemon) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The packages and the libraries that have to be there before the settings are merged, and are not."""
    return missing_packages(wanted.packages, found.packages), missing_libraries(found.libraries) if wanted.libraries else ()


def plan_daemon(wanted: WantedDaemon, found: Daemon, checking: bool = False) -> Plan[Daemon]:
    """Write the merged settings, and reload the Engine where it takes them up so. A restart is told, and left to others."""
    before = found.settings or {}
    after = merge(before, wanted.settings)
    differ = not same_settings(before, after)
    reload, restart = effects(before, after) if found.running else ((), ())
    reload, restart = _union(found.reload, reload), _union(found.restart, restart)
    steps = []
    if differ:
        says = f"{wanted.path}: {'; '.join(changes(before, after))}"
        steps.append(Step("write", wanted.path, says, Work(f"write {wanted.path}")))
    start = wanted.restart and not found.started
    if start:
        says = "restart the Engine" if found.running else "start the Engine"
        costs = "the containers of this host end" if found.running else ""
        steps.append(Step("restart", SERVICE, says, Work(f"systemctl restart {SERVICE}"), costs))
    elif reload:
        says = f"reload the Engine, which takes up {', '.join(reload)}"
        steps.append(Step("reload", SERVICE, says, Work(f"systemctl reload {SERVICE}")))
    waits = found.running and not start and bool(restart)
    if found.kept and found.running and not waits and not start:
        steps.append(
            Step("forget", wanted.path, "forget what the Engine has run with before, as it runs with what is there now", Work("remove it"))
        )
    blockers = [] if checking else _missing(wanted, found)
    blockers += [*_other_file(wanted, found), *_swarm_refuses(wanted, found, after), *_set_twice(wanted, found, after)]
    if found.objection and not blockers:
        blockers.append(Blocker(wanted.path, f"dockerd refuses the settings: {found.objection}", "mend them; nothing was changed"))
    warnings = (WITHOUT_IPTABLES,) if after.get("iptables") is False else ()
    outcome = replace(
        found,
        settings=after if differ else found.settings,
        running=found.running or start,
        reload=(),
        restart=() if start else restart,
        objection="",
        kept=(found.kept or (waits and differ)) if waits or not (found.running or start) else False,
        started=found.started or start,
    )
    return Plan(found, outcome, tuple(steps), tuple(blockers), warnings)


def _union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*one, *other}))


def _missing(wanted: WantedDaemon, found: Daemon) -> list[Blocker]:
    packages, libraries = missing(wanted, found)
    blockers = []
    if not found.installed:
        remedy = "install Docker, or let the role meshwork.swarm.engine do it (engine_source: distribution or docker)"
        blockers.append(Blocker(wanted.path, "this host has no Docker Engine: no dockerd was found", remedy))
    if packages:
        reason = f"these packages are not installed: {', '.join(packages)}"
        blockers.append(Blocker(wanted.path, reason, "install them, or let the role meshwork.swarm.engine do it"))
    if libraries:
        remedy = "install them for it, set ansible_python_interpreter to the Python that has them, or engine_python to packages or venv"
        blockers.append(Blocker(found.python, f"this Python does not find {' and '.join(libraries)}", remedy))
    return blockers


def _other_file(wanted: WantedDaemon, found: Daemon) -> list[Blocker]:
    path = argument(found.arguments, "--config-file") or DEFAULT_FILE
    if path == wanted.path or not found.arguments:
        return []
    return [Blocker(wanted.path, f"the Engine of this host reads {path}", f"set path: {path}, or take --config-file out of the unit")]


def argument(arguments: tuple[str, ...], flag: str) -> str:
    """The value of a flag among arguments, as --flag value or --flag=value; "" where it is not given."""
    for index, word in enumerate(arguments):
        if word == flag and index + 1 < len(arguments):
            return arguments[index + 1]
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
    return ""


def _swarm_refuses(wanted: WantedDaemon, found: Daemon, after: Settings) -> list[Blocker]:
    """What dockerd calls incompatible with swarm mode. It is not looked at when the Engine is reloaded: the next start fails."""
    if not (wanted.swarm or found.member):
        return []
    whom = "this host is in a swarm, and its Engine would not start again" if found.member else "no swarm takes such a host in"
    blockers = []
    flag = next((word for word in found.arguments if word in LIVE_RESTORE), "")
    if flag:
        reason = (
            f"docker.service starts dockerd with {flag}, and {whom} (--live-restore daemon configuration is incompatible with swarm mode)"
        )
        blockers.append(Blocker(wanted.path, reason, "take it out of the unit's ExecStart (systemctl edit docker.service)"))
    if after.get("live-restore") is True:
        reason = f"live-restore is true, and {whom} (--live-restore daemon configuration is incompatible with swarm mode)"
        blockers.append(Blocker(wanted.path, reason, "take it out (live-restore: null), or set it to false"))
    features = after.get("features")
    tried = isinstance(features, Mapping) and features.get("swarm-nftables")
    nftables = after.get("firewall-backend") == "nftables" and after.get("iptables") is not False
    first, last = NFTABLES_REFUSED
    if nftables and not tried and found.version and first <= found.version[:2] <= last:
        reason = f"firewall-backend is nftables, which Engine {found.version[0]}.{found.version[1]} refuses in swarm mode, so that {whom}"
        blockers.append(Blocker(wanted.path, reason, "set firewall-backend to iptables, or install an Engine newer than 29.7"))
    return blockers


def _set_twice(wanted: WantedDaemon, found: Daemon, after: Settings) -> list[Blocker]:
    """dockerd does not start when a setting stands in the file and among its arguments."""
    given = flag_keys(found.arguments)
    return [
        Blocker(
            wanted.path,
            f"{key} stands in the file, and docker.service starts dockerd with {given[key]}: with both dockerd does not start",
            f"take {key} out of the file ({key}: null), or {given[key]} out of the unit's ExecStart (systemctl edit docker.service)",
        )
        for key in sorted(given)
        if key in after
    ]


def show_daemon(wanted: WantedDaemon, state: Daemon) -> dict[str, Any]:
    """The file as people see it in a diff; there is nothing to see of one that is not there."""
    shown: Any = mask(state.settings)
    return {} if state.settings is None else {wanted.path: shown}


@dataclass(frozen=True)
class Marker:
    """What a run wrote down of an Engine's process: the keys that this process has still to take up."""

    engine: str = ""
    reload: tuple[str, ...] = ()
    restart: tuple[str, ...] = field(default=())

    def of(self, engine: str) -> Marker:
        """The marker, where it is about this process; a restarted Engine has taken up everything."""
        return self if engine and self.engine == engine else Marker(engine)
