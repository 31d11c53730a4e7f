# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which firewall a host has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .._local.host import Command, Host, failed
from .._model.errors import CommandFailed
from .._plan.plan import Blocker
from . import boot, nftables_boot
from .ruleset import read_ruleset
from .swarm_table import KEY

UNIT_FILES = {"iptables": boot.UNIT_FILE, "nftables": nftables_boot.UNIT_FILE}
FIREWALLD_LINK = "/etc/systemd/system/multi-user.target.wants/firewalld.service"
FIREWALLD_UNIT = "/etc/systemd/system/firewalld.service"
"""An empty one, as `systemctl mask` makes it, is never started."""
WANTED_LINKS = tuple(f"/etc/systemd/system/{target}.target.wants/nftables.service" for target in ("sysinit", "multi-user"))


@dataclass(frozen=True)
class Active:
    """The firewalls of this host: which programs are there, which of them are at work.

    `nftables` names what shows that the administrator has a ruleset of nftables; `ours` are the backends that have rules of ours.
    `firewalld_at_boot` says that the next boot starts it.
    """

    firewalld_installed: bool = False
    firewalld: bool = False
    ufw: bool = False
    nftables: tuple[str, ...] = ()
    ours: tuple[str, ...] = ()
    firewalld_at_boot: bool = False


def read_active(host: Host) -> Active:
    """Look which firewalls are at work. Runs one program where firewalld is installed, and one for nftables. Raises CommandFailed.

    systemd is asked first, where it runs, because firewall-cmd takes ten times as long to answer.
    """
    installed = host.has("firewall-cmd")
    asking = ("systemctl", "is-active", "firewalld") if host.exists("/run/systemd/system") else ("firewall-cmd", "--state")
    running = installed and host.run(Command(asking)).status == 0
    enabled = re.search(r"^\s*ENABLED\s*=\s*[\"']?yes", host.read("/etc/ufw/ufw.conf") or "", re.MULTILINE | re.IGNORECASE)
    nftables, held = _read_nftables(host)
    ours = tuple(name for name, path in UNIT_FILES.items() if host.exists(path) or (held and name == "nftables"))
    at_boot = installed and host.exists(FIREWALLD_LINK) and host.read(FIREWALLD_UNIT) != ""
    return Active(installed, running, host.has("ufw") and enabled is not None, nftables, ours, at_boot)


def _read_nftables(host: Host) -> tuple[tuple[str, ...], bool]:
    """What shows that nftables is the administrator's firewall, and whether our own table is there.

    Its service does, and so does a chain that packets for this host come by and that neither iptables nor another program has made.
    """
    if not host.has("nft"):
        return (), False
    chains = _chains(host)
    tables = read_ruleset(chains) if chains else {}
    signs = ["nftables.service"] if any(host.exists(link) for link in WANTED_LINKS) else []
    for place, table in tables.items():
        theirs = place != KEY and not table.of_program
        if theirs and any(chain.on_input() and not chain.of_iptables for chain in table.chains.values()):
            signs.append(f"table {' '.join(place)}")
    return tuple(signs), KEY in tables


_WITHOUT_NFTABLES = re.compile(r"(Protocol|Operation) not supported|cache initialization failed: Invalid argument")
"""What nft says on a kernel that has no nf_tables (nfnetlink refuses a subsystem that it does not know with EINVAL)."""


def _chains(host: Host) -> str:
    """All chains of nftables, "" on a kernel without it. Raises CommandFailed: what cannot be read may be there all the same."""
    command = Command(("nft", "-j", "list", "chains"))
    done = host.run(command)
    if done.status == 0:
        return done.output
    if "JSON support not compiled" in done.errors:
        reason = "the nft of this host cannot print JSON, so its ruleset cannot be read"
        raise CommandFailed(f"{reason}; install an nft that is built with JSON (libjansson), or remove it where nothing needs it")
    if _WITHOUT_NFTABLES.search(done.errors):
        return ""
    raise failed(command, done)


def choose(asked: str, active: Active, present: bool) -> tuple[str, tuple[Blocker, ...]]:
    """The backend for what the user asked (auto, firewalld, ufw, nftables, iptables) on such a host, and what forbids it.

    Rules can be removed (`present` is false) from a firewall that is not the one to put them into.
    """
    chosen = asked if asked != "auto" else _running(active)
    if chosen == "firewalld" and not active.firewalld:
        state = "is not running" if active.firewalld_installed else "is not installed"
        return chosen, (
            _blocker(f"firewalld was asked for and {state}", "start it (`systemctl enable --now firewalld`) or use backend=auto"),
        )
    return chosen, (_conflicts(asked, chosen, active) or _left(chosen, active)) if present else ()


def _running(active: Active) -> str:
    if active.firewalld or active.ufw:
        return "firewalld" if active.firewalld else "ufw"
    return "nftables" if active.nftables or "nftables" in active.ours else "iptables"


def _conflicts(asked: str, chosen: str, active: Active) -> tuple[Blocker, ...]:
    if active.firewalld and active.ufw:
        way = "disable one: `ufw disable` or `systemctl disable --now firewalld`"
        return (_blocker("firewalld and ufw are both active, and each undoes what the other does", way),)
    if chosen == "ufw" and not active.ufw:
        return (_blocker("ufw was asked for and is not active", "enable it (`ufw enable`) or use backend=auto"),)
    if chosen != "firewalld" and active.firewalld:
        reason = f"{chosen} was asked for and firewalld is running, which does not know such rules: it drops them, or decides without them"
        return (_blocker(reason, "use backend=auto, or disable firewalld"),)
    other = "firewalld" if active.firewalld else "ufw" if active.ufw else ""
    if active.firewalld_at_boot and not active.firewalld:
        reason = "firewalld is not running and will be after the next boot, when it decides without the rules of this run"
        return (_blocker(reason, "start it (`systemctl start firewalld`), or disable it (`systemctl disable firewalld`)"),)
    if active.nftables and other and (asked == "auto" or chosen == "nftables"):
        way = f"disable one: `{DISABLING[other]}`, or `systemctl disable --now nftables` and remove the tables that are left"
        signs = ", ".join(active.nftables)
        return (_blocker(f"{other} is active and the host has a ruleset of nftables besides ({signs}): a packet has to pass both", way),)
    return ()


CARRIER: Mapping[str, str] = {"ufw": "iptables"}
"""The backend whose rules serve another."""
DISABLING: Mapping[str, str] = {"firewalld": "systemctl disable --now firewalld", "ufw": "ufw disable"}


def _left(chosen: str, active: Active) -> tuple[Blocker, ...]:
    """Rules of ours that an earlier run with another backend has made would go on letting in whoever they name."""
    return tuple(
        _blocker(
            f"this host still has our rules of {name} from an earlier run, and {chosen} does not know them",
            f"remove them first, with state=absent and backend={name}",
        )
        for name in active.ours
        if name != CARRIER.get(chosen, chosen)
    )


def _blocker(reason: str, remedy: str) -> Blocker:
    return Blocker("backend", reason, remedy)
