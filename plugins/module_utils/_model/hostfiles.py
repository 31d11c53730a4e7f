# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that are written on a host, and what is in them. Each belongs to us as a whole; nothing else is ever written or removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .sysctl import file_text

NOTE = "# Written by the Ansible module meshwork.swarm.host; changes made here are lost.\n"
MODULES_FILE = "/etc/modules-load.d/meshwork-swarm.conf"
# behind 99-sysctl.conf, which is /etc/sysctl.conf, and all other files that keep to two digits
SYSCTL_FILE = "/etc/sysctl.d/99-zz-meshwork-swarm.conf"
# the first file that matches an interface has it (systemd.network(5)), so it has to be before all others
NETWORKD_FILE = "/etc/systemd/network/00-meshwork-swarm.network"
NETWORKMANAGER_FILE = "/etc/NetworkManager/conf.d/90-meshwork-swarm.conf"
OFFLOAD_FILE = "/etc/udev/rules.d/90-meshwork-swarm-offload.rules"
FILES = (MODULES_FILE, SYSCTL_FILE, NETWORKD_FILE, NETWORKMANAGER_FILE, OFFLOAD_FILE)

NETWORKD, NETWORKMANAGER = "systemd-networkd.service", "NetworkManager.service"
OF_DOCKER = ("veth*", "docker_gwbridge", "ov-*", "vx-*")
"""The interfaces that Docker makes for a swarm; overlay interfaces have these names before they move into their namespace."""


def modules_text(names: Sequence[str]) -> str:
    """What systemd-modules-load takes."""
    return NOTE + "".join(f"{name}\n" for name in names)


def sysctl_text(values: Mapping[str, tuple[str, str]]) -> str:
    """What systemd-sysctl takes: {key: (value, reason)}."""
    return file_text(NOTE, values)


def networkd_text() -> str:
    """Docker's interfaces are left to Docker by systemd-networkd."""
    return f"{NOTE}[Match]\nName={' '.join(OF_DOCKER)}\n\n[Link]\nUnmanaged=yes\n"


def networkmanager_text() -> str:
    """Docker's interfaces are left to Docker by NetworkManager.

    A section of its own (NetworkManager.conf(5), device sections): the list `unmanaged-devices` would replace what other files have in it.
    """
    devices = ",".join(f"interface-name:{name}" for name in OF_DOCKER)
    return f"{NOTE}[device-meshwork-swarm]\nmatch-device={devices}\nmanaged=0\n"


def offload_text(program: str, features: Mapping[str, Sequence[str]]) -> str:
    """What udev does with each new card: {driver: features to turn off}."""
    lines = [
        f'ACTION=="add", SUBSYSTEM=="net", DRIVERS=="{driver}", RUN+="{program} -K $name {off_words(names)}"\n'
        for driver, names in sorted(features.items())
    ]
    return NOTE + "".join(lines)


def off_words(features: Sequence[str]) -> str:
    """The words that turn features off with `ethtool -K`."""
    return " ".join(f"{name} off" for name in features)
