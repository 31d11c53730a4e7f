# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host is: its kernel's modules and parameters, the files that set them at boot, its network services and cards."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from glob import glob
from pathlib import Path

from .._local.host import Command, Host
from .._model.host import FAULTY_DRIVER, MODULES, OFFLOADS, Desired
from .._model.hostfiles import FILES, NETWORKD, NETWORKMANAGER, OF_DOCKER, SYSCTL_FILE
from .._model.sysctl import FOLDERS, Setting, in_boot_order, read_settings
from .._plan.host import RP_FILTER, Card, Observed
from .tries import try_features

PROC_SYS = "/proc/sys/"
LATE_FILE = "/etc/sysctl.conf"
CARDS = "/sys/class/net"
ETHTOOL = ("/usr/sbin/ethtool", "/sbin/ethtool", "/usr/bin/ethtool")
_FEATURE = re.compile(r"^\s*([\w-]+): (on|off)(.*)$", re.MULTILINE)
_MODULE = re.compile(r"^[^:]*/([^/:]+)\.ko(?:\.\w+)?:", re.MULTILINE)


def observe_host(host: Host, desired: Desired) -> Observed:
    """What is there, as far as it matters for what is desired. Raises SwarmError."""
    files = {path: text for path, text in ((path, host.read(path)) for path in FILES) if text is not None}
    if not desired.present:
        return Observed(files=files, services=_services(host) if files else {})
    features = try_features(host, desired.features)
    services = _services(host) if desired.unmanaged else {}
    release = os.uname().release
    ethtool = next((path for path in ETHTOOL if os.access(path, os.X_OK)), "")
    return Observed(
        release=release,
        ipv6=os.path.isdir(f"{PROC_SYS}net/ipv6"),
        loaded=frozenset(line.split()[0] for line in (host.read("/proc/modules") or "").splitlines()),
        loadable=loadable(host.read(f"/lib/modules/{release}/modules.dep") or ""),
        features=features,
        parameters=_parameters(desired),
        settings=_settings(host, in_boot_order([path for folder in FOLDERS for path in glob(f"{folder}/*.conf") if path != SYSCTL_FILE])),
        late=read_settings(LATE_FILE, host.read(LATE_FILE) or ""),
        files=files,
        services=services,
        taken=_taken(host) if services.get(NETWORKMANAGER) == "active" else (),
        cards=_cards(host, desired, ethtool),
        ethtool=ethtool,
    )


def loadable(dependencies: str) -> frozenset[str]:
    """The modules of ours that a modules.dep has a file for; what is built into the kernel has none and need not be loaded."""
    ours = {row.name for row in MODULES}
    return frozenset(ours & {name.replace("-", "_") for name in _MODULE.findall(dependencies)})


def _parameters(desired: Desired) -> dict[str, str]:
    keys = [row.key for row in desired.parameters]
    if desired.rp_filter is not None:
        keys += [path[len(PROC_SYS) :] for path in glob(PROC_SYS + RP_FILTER.format("*"))]
    found = {key: read_parameter(key) for key in keys}
    return {key: value for key, value in found.items() if value is not None}


def read_parameter(key: str) -> str | None:
    """The value of a kernel parameter with single blanks; None where the kernel does not have it, or does not show it."""
    try:
        return " ".join(Path(PROC_SYS, key).read_text(encoding="utf-8").split())
    except OSError:
        return None


def _settings(host: Host, paths: Iterable[str]) -> tuple[Setting, ...]:
    return tuple(setting for path in paths for setting in read_settings(path, host.read(path) or ""))


def _services(host: Host) -> dict[str, str]:
    """Which of the network's services this host has in use: active, or enabled and not running now."""
    names = (NETWORKD, NETWORKMANAGER)
    if not host.exists("/run/systemd/system"):
        return {}
    asked = Command(("systemctl", "show", "--property=Id,ActiveState,UnitFileState", *names))
    found = {}
    for part in host.output(asked).split("\n\n"):
        told = dict(line.partition("=")[::2] for line in part.splitlines())
        if told.get("ActiveState") == "active":
            found[told["Id"]] = "active"
        elif told.get("UnitFileState") == "enabled":
            found[told["Id"]] = "enabled"
    return found


def _taken(host: Host) -> tuple[str, ...]:
    if not host.has("nmcli"):
        return ()
    return read_taken(host.output(Command(("nmcli", "--terse", "--fields", "DEVICE,STATE", "device"))))


def read_taken(told: str) -> tuple[str, ...]:
    """The interfaces of Docker's that NetworkManager manages in some way, "connected (externally)" too; from lines of device:state."""
    states = dict(line.partition(":")[::2] for line in told.splitlines())
    return tuple(
        sorted(name for name, state in states.items() if state != "unmanaged" and any(fnmatchcase(name, each) for each in OF_DOCKER))
    )


def _cards(host: Host, desired: Desired, ethtool: str) -> tuple[Card, ...]:
    """The cards of the host; what they can do is read of those that matter."""
    if desired.offload is None:
        return ()
    found = []
    for folder in sorted(glob(f"{CARDS}/*/device/driver")):
        name, driver = folder.split("/")[-3], os.path.basename(os.path.realpath(folder))
        matters = bool(ethtool) and (desired.offload == "always" or (desired.offload == "auto" and driver == FAULTY_DRIVER))
        found.append(Card(name, driver, read_features(host.output(Command((ethtool, "-k", name)))) if matters else {}))
    return tuple(found)


def read_features(told: str) -> dict[str, bool]:
    """The offloads that matter and can be changed, and whether each is on, from what `ethtool -k` prints."""
    return {name: state == "on" for name, state, rest in _FEATURE.findall(told) if name in OFFLOADS and "[fixed]" not in rest}
