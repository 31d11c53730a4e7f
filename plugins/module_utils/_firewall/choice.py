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
    """Look which firewalls are at work. Runs one program where firewalld is installed. Raises CommandFailed.

    systemd is asked first, where it runs, because firewall-cmd takes ten times as long to answer.
    """
    installed = host.has("firewall-cmd")
    asking = ("systemctl", "is-active", "firewalld") if host.exists("/run/systemd/system") else ("firewall-cmd", "--state")
    running = installed and host.run(Command(asking)).status == 0
    enabled = re.search(r"^\s*ENABLED\s*=\s*[\"']?yes", host.read("/etc/ufw/ufw.conf") or "", re.MULTILINE | re.IGNORECASE)
    return Active(installed, running, host.has("ufw") and enabled is not None)


def choose(asked: str, active: Active, present: bool) -> tuple[str, tuple[Blocker, ...]]:
    """The backend for what the user asked (auto, firewalld, ufw, iptables) on such a host, and what forbids it.

    Rules can be removed (`present` is false) from a firewall that is not the one to put them into.
    """
    chosen = asked if asked != "auto" else "firewalld" if active.firewalld else "ufw" if active.ufw else "iptables"
    if chosen == "firewalld" and not active.firewalld:
        state = "is not running" if active.firewalld_installed else "is not installed"
        return chosen, (
            _blocker(f"firewalld was asked for and {state}", "start it (`systemctl enable --now firewalld`) or use backend=auto"),
        )
    return chosen, _conflicts(chosen, active) if present else ()


def _conflicts(chosen: str, active: Active) -> tuple[Blocker, ...]:
    if active.firewalld and active.ufw:
        way = "disable one: `ufw disable` or `systemctl disable --now firewalld`"
        return (_blocker("firewalld and ufw are both active, and each undoes what the other does", way),)
    if chosen == "ufw" and not active.ufw:
        return (_blocker("ufw was asked for and is not active", "enable it (`ufw enable`) or use backend=auto"),)
    if chosen != "firewalld" and active.firewalld:
        reason = f"{chosen} was asked for and firewalld is running, which does not know such rules: it drops them, or decides without them"
        return (_blocker(reason, "use backend=auto, or disable firewalld"),)
    return ()


def _blocker(reason: str, remedy: str) -> Blocker:
    return Blocker("backend", reason, remedy)
