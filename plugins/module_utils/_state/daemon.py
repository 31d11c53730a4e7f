# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Engine's configuration file and its service on this host."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from .._local.host import Command, Finished, Host, RemoveFile, WriteFile
from .._local.packages import installed, libraries
from .._model.daemon import effects, known_keys, merge, read_settings, render, same_settings
from .._model.errors import CommandFailed
from .._model.packages import LIBRARIES, alternatives
from .._plan.daemon import Daemon, Marker, WantedDaemon, argument, missing, plan_daemon, show_daemon
from .._plan.plan import Plan, Step
from .._run import Reconciliation
from .record import read_record
from .start import KEPT, PutBack, keep, start_or_go_back

MARKER = "/run/meshwork-swarm/daemon.json"
"""Below /run, since a boot starts the Engine with the file as it is."""
PROPERTIES = ("MainPID", "ActiveState", "UnitFileState", "ExecStart")
VALIDATES = (23, 0)
"""`dockerd --validate` came with Engine 23.0."""
DATA_ROOT = "/var/lib/docker"


class DaemonWork(Reconciliation[Daemon]):
    """The settings in the file, and the Engine reloaded where that is enough."""

    def __init__(self, module: Any, host: Host | None = None) -> None:
        """Takes the AnsibleModule."""
        params = module.params
        self._checking = bool(module.check_mode)
        self._host = host or Host(float(params["wait_timeout"]))
        self._started = False
        self._put_back = False
        self._marker = Marker()
        self._version: tuple[int, ...] = ()
        secret = {} if params["proxies"] is None else {"proxies": params["proxies"]}
        settings = {**params["settings"], **secret}
        self.wanted = WantedDaemon(
            params["path"], settings, params["swarm"], tuple(params["packages"]), params["libraries"], params["restart"]
        )

    def observe(self) -> Daemon:
        """Raises SwarmError when the file is no JSON, or a program fails."""
        settings = read_settings(self._host.read(self.wanted.path), self.wanted.path)
        unit = read_unit(self._host.output(Command(("systemctl", "show", "docker.service", f"--property={','.join(PROPERTIES)}"))))
        running = unit["ActiveState"] in ("active", "reloading")
        arguments = self._arguments(unit["ExecStart"], unit["MainPID"] if running else "")
        self._marker = self._read_marker().of(self._engine(unit["MainPID"]) if running else "")
        before = settings or {}
        after = merge(before, self.wanted.settings)
        there = self._host.has("dockerd")
        differ = not same_settings(before, after)
        if there and (differ or "firewall-backend" in after):
            self._version = self._version or read_version(self._host.output(Command(("dockerd", "--version"))))
        record = read_record(self._host)
        root = argument(arguments, "--data-root") or str(before.get("data-root") or DATA_ROOT)
        return Daemon(
            settings=settings,
            installed=there,
            running=running,
            enabled=unit["UnitFileState"] == "enabled",
            # what makes the Engine start as a member (moby daemon/cluster: loadPersistentState)
            member=self._host.exists(f"{root}/swarm/docker-state.json"),
            version=self._version,
            arguments=arguments,
            objection=self._objection(after, arguments) if differ and there else "",
            reload=self._marker.reload,
            restart=self._marker.restart,
            recorded=record.availability,
            recorded_node=record.node_id,
            packages=installed(self._host, [name for asked in self.wanted.packages for name, _version in alternatives(asked)]),
            libraries=libraries(tuple(LIBRARIES), sys.path) if self.wanted.libraries else {},
            python=sys.executable,
            kept=self._host.exists(KEPT),
            started=self._started,
        )

    def _arguments(self, written: Sequence[str], pid: str) -> tuple[str, ...]:
        """Those of the unit; the variables in them are known of the process only."""
        if any("$" in word for word in written) and pid:
            # the process may have ended meanwhile, and then the unit's own are all that is known
            line = self._host.read(f"/proc/{pid}/cmdline") or ""
            return tuple(word for word in line.split("\0")[1:] if word) or tuple(written[1:])
        return tuple(word for word in written[1:] if "$" not in word)

    def _engine(self, pid: str) -> str:
        """The process, told apart from others that had its number: the number and when it was started."""
        stat = self._host.read(f"/proc/{pid}/stat") or ""
        return f"{pid}:{stat.rpartition(')')[2].split()[19]}" if stat else ""

    def _read_marker(self) -> Marker:
        text = self._host.read(MARKER)
        try:
            found = json.loads(text or "{}")
            return Marker(str(found["engine"]), tuple(found["reload"]), tuple(found["restart"]))
        except (ValueError, KeyError, TypeError):
            return Marker()

    def _write_marker(self, reload: Sequence[str], restart: Sequence[str]) -> None:
        if not self._marker.engine:
            return
        document = {"engine": self._marker.engine, "reload": list(reload), "restart": list(restart)}
        self._host.write(WriteFile(MARKER, json.dumps(document) + "\n"))

    def _objection(self, settings: Mapping[str, Any], arguments: Sequence[str]) -> str:
        """What this dockerd says against the settings; an old one is only asked which keys it knows."""
        if self._version < VALIDATES:
            known = known_keys(self._host.output(Command(("dockerd", "--help"))))
            unknown = sorted(set(settings) - known)
            return f"it does not know {', '.join(unknown)}" if unknown else ""
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="meshwork-", suffix=".json") as file:
            file.write(render(settings))
            file.flush()
            done = self._host.run(Command(("dockerd", "--validate", f"--config-file={file.name}", *_without_file(arguments))))
            return "" if done.status == 0 else read_objection(done, file.name)

    def plan(self, found: Daemon) -> Plan[Daemon]:
        self._planned = plan_daemon(self.wanted, found, self._checking)
        return self._planned

    def apply(self, step: Step) -> None:
        """The marker first: a run that is cut off between the file and the Engine is ended by the next one."""
        before, after = self._planned.before, self._planned.after
        if step.action == "write":
            self._write_marker(sorted({*before.reload, *effects(before.settings or {}, after.settings or {})[0]}), after.restart)
            # what the Engine runs with stays kept where an earlier change waits for the same restart
            if before.running and (after.kept or self.wanted.restart) and not (before.kept and before.restart):
                keep(self._host.read(self.wanted.path))
            write_kept(self.wanted.path, render(after.settings or {}))
        elif step.action == "reload":
            self._host.output(Command(("systemctl", "reload", "docker.service")))
            self._write_marker((), after.restart)
        elif step.action == "forget":
            self._host.remove(RemoveFile(KEPT))
        elif step.action == "restart":
            self._started = True
            self._start()

    def _start(self) -> None:
        try:
            start_or_go_back(self._host, self.wanted.path, write_kept)
        except PutBack:
            self._put_back = True
            raise

    def measured(self) -> Mapping[str, Any]:
        return {"put_back": self._put_back}

    def show(self, state: Daemon) -> Mapping[str, Any]:
        return show_daemon(self.wanted, state)

    def returned(self, state: Daemon) -> Mapping[str, Any]:
        missing_packages, missing_libraries = missing(self.wanted, state)
        return {
            "installed": state.installed,
            "missing_packages": list(missing_packages),
            "missing_libraries": list(missing_libraries),
            "python": state.python,
            "running": state.running,
            "enabled": state.enabled,
            "member": state.member,
            "restart": list(state.restart),
            "recorded": state.recorded,
            "recorded_node": state.recorded_node,
        }


def read_unit(shown: str) -> dict[str, Any]:
    """The properties that `systemctl show` prints; ExecStart as the list of its words."""
    found: dict[str, Any] = dict.fromkeys(PROPERTIES, "")
    for line in shown.splitlines():
        name, _equals, value = line.partition("=")
        found[name] = value
    written = re.search(r"argv\[\]=(.*?) ; ignore_errors=", found["ExecStart"])
    found["ExecStart"] = shlex.split(written[1]) if written else []
    return found


def read_version(shown: str) -> tuple[int, ...]:
    """(20, 10) from "Docker version 20.10.24+dfsg1, build 297e128"; () where there is none."""
    found = re.search(r"version v?(\d+)\.(\d+)", shown)
    return (int(found[1]), int(found[2])) if found else ()


def _without_file(arguments: Sequence[str]) -> list[str]:
    """The arguments without --config-file, which dockerd is given another one of."""
    kept: list[str] = []
    skipping = False
    for word in arguments:
        if not skipping and word != "--config-file" and not word.startswith("--config-file="):
            kept.append(word)
        skipping = word == "--config-file"
    return kept


def read_objection(done: Finished, name: str) -> str:
    """What `dockerd --validate` said, without the name of the file that was made for it."""
    said = (done.errors.strip() or done.output.strip() or f"status {done.status}").splitlines()[-1]
    return said.replace(f"unable to configure the Docker daemon with file {name}: ", "").strip()


def write_kept(path: str, text: str) -> None:
    """Replace a file in one move, with the mode and owner that it had; a link stays one. Raises CommandFailed."""
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    try:
        os.makedirs(folder, mode=0o755, exist_ok=True)
        had = os.stat(target) if os.path.exists(target) else None
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".meshwork-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, had.st_mode & 0o7777 if had else 0o644)
            if had:
                os.chown(temporary, had.st_uid, had.st_gid)
            os.replace(temporary, target)
        except OSError:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise CommandFailed(f"cannot write {path}: {error}") from None
