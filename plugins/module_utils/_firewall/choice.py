# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which firewall a host has."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .._plan.plan import Blocker
from .host import Command, Host


@dataclass(frozen=True)
class Active:
    """The firewalls of this host: which programs are there, which of them are at work."""

    firewalld_installed: bool = False
    firewalld: bool = False
    ufw: bool = False


def read_active(host: Host) -> Active:
    """Look which firewalls are at work. Runs firewall-cmd once where it is installed. Raises CommandFailed."""
    installed = host.has("firewall-cmd")
    running = installed and host.run(Command(("firewall-cmd", "--state"))).status == 0
    enabled = re.search(r"^\s*ENABLED\s*=\s*[\"']?yes", host.read("/etc/ufw/ufw.conf") or "", re.MULTILINE | re.IGNORECASE)
    return Active(installed, running, host.has("ufw") and enabled is not None)


def choose(asked: str, active: Active) -> tuple[str, tuple[Blocker, ...]]:
    """The backend for what the user asked (auto, firewalld, iptables) on such a host, and what forbids it."""
    chosen = asked if asked != "auto" else "firewalld" if active.firewalld else "iptables"
    return chosen, tuple(_objections(asked, chosen, active))


def _objections(asked: str, chosen: str, active: Active) -> tuple[Blocker, ...]:
    if active.firewalld and active.ufw:
        return (
            Blocker(
                "backend",
                "firewalld and ufw are both active, and each undoes what the other does",
                "disable one: `ufw disable` or `systemctl disable --now firewalld`",
            ),
        )
    if chosen == "firewalld" and not active.firewalld:
        state = "is not running" if active.firewalld_installed else "is not installed"
        return (Blocker("backend", f"firewalld was asked for and {state}", "start it (`systemctl enable --now firewalld`) or use backend=auto"),)
    if chosen == "iptables" and active.firewalld:
        return (
            Blocker(
                "backend",
                "iptables was asked for and firewalld is running: it would drop our rules at its next reload",
                "use backend=auto, or disable firewalld",
            ),
        )
    if active.ufw and asked == "auto":
        return (
            Blocker(
                "backend",
                "ufw is active, and this release has no backend for it",
                "set backend=iptables to have our rules evaluated before those of ufw, or disable ufw",
            ),
        )
    return ()
