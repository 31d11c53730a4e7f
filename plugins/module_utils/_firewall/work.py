# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module `firewall`: the backend of this host, from observation to the last step."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Callable, Protocol

from .._local.host import Host
from .._model.errors import SwarmError
from .._model.firewall import Desired, Entry, Layer, parse_firewall
from .._plan.firewall import LOCAL, MEANING, PUBLISHED, Backend, Observed, Requires, plan
from .._plan.lifeline import cut_off, read_connection
from .._plan.plan import Plan, Step
from .._run import Reconciliation
from . import way_back
from .choice import choose, read_active
from .exposed import DockersRules, open_to_all, read_dockers_rules
from .firewalld import RELOAD, Firewalld, make_reload
from .iptables import Iptables
from .nftables import Nftables


class Reading(Backend, Protocol):
    """A backend with its host."""

    def observe(self) -> Observed:
        """Read what is there. Raises CommandFailed."""


BACKENDS: Mapping[str, Callable[[Host], Reading]] = {
    "firewalld": Firewalld,
    "ufw": lambda host: Iptables(host, "ufw"),
    "nftables": Nftables,
    "iptables": Iptables,
}


class FirewallWork(Reconciliation[Observed]):
    """Makes the swarm's ports reachable for its hosts, and for nobody else."""

    deadline = 20.0

    def __init__(self, options: Mapping[str, Any], host: Host) -> None:
        """Takes the module's options. Raises InvalidOption, CommandFailed."""
        self._host = host
        self._missing: list[str] = []
        self._docker: DockersRules | None = None
        self._reloads = False
        self._waits = False
        self._desired: Desired = parse_firewall(options)
        self._name, self._objections = choose(options["backend"], read_active(host), self._desired.present)
        if not self._objections:
            cut = cut_off(self._desired, read_connection(host.ssh_connection())) if self._desired.present else ()
            self._objections = cut + way_back.objections(host, self._desired.confirm_within)
        self._backend: Reading = BACKENDS[self._name](host)

    def observe(self) -> Observed:
        """Read what is there; nothing is read where the backend itself is in doubt."""
        if self._objections:
            return Observed(self._name, obstacles=self._objections)
        # those before a reload: what is gone after it is not closed but lost
        self._docker = self._docker or read_dockers_rules(self._host, self._name == "firewalld")
        return self._backend.observe()

    def plan(self, found: Observed) -> Plan[Observed]:
        """The steps from what was found to what is wanted."""
        self._missing = list(found.missing)
        planned = plan(self._desired, found, self._backend)
        self._reloads |= any(step.action == RELOAD for step in planned.steps)
        secured = way_back.secured(planned, self._backend, self._desired.confirm_within, os.getpid())
        self._waits |= len(secured.steps) > len(planned.steps)
        return secured

    def apply(self, step: Step) -> None:
        """Make one step. Raises CommandFailed; SwarmError when a package has to be installed first."""
        if isinstance(step.call, Requires):
            package, role = step.call.package, "meshwork.swarm.firewall"
            raise SwarmError(f"the package {package} is not installed on this host: install it, or use the role {role}, which does")
        if step.action == RELOAD:
            make_reload(self._host, step.call)
        else:
            self._host.do(step.call)

    def show(self, state: Observed) -> Mapping[str, Any]:
        """Peers and rules, by layer."""
        layers = {"in force": state.runtime, "at boot": state.permanent}
        return {name: _shown(families) for name, families in layers.items() if not all(held.empty for held in families.values())}

    def returned(self, state: Observed) -> Mapping[str, Any]:
        """The backend, the peers and the rules; what Docker's own rules do and lack; and the packages that are missing."""
        docker = self._docker or DockersRules()
        return {
            "backend": self._name,
            "peers": [address for addresses in self._desired.peers.values() for address in addresses],
            "rules": [rule.shown() for rule in self._desired.rules],
            "reloads_firewalld": self._reloads,
            "confirmation_awaited": self._waits,
            "docker_serves": docker.serves,
            "docker_lacks": list(docker.lacks),
            "open_ports": open_to_all(docker.published | docker.published_in_ipv6, self._desired),
            "missing_packages": self._missing,
        }


def _shown(families: Mapping[int, Layer]) -> dict[str, Any]:
    """One layer; the rules stand once where they are the same for all address families."""
    rules = {family: [_said(entry, MEANING) for entry in held.entries or ()] for family, held in families.items()}
    same = all(said == rules[4] for said in rules.values())
    published = [_said(entry, PUBLISHED) for held in families.values() for entry in held.published or ()]
    local = [_said(entry, LOCAL) for held in families.values() for entry in held.local or ()]
    return {
        "peers": [address for held in families.values() for address in held.peers or ()],
        "reached by packets": all(held.attached for held in families.values()),
        **({"rules": rules[4]} if same else {f"rules for IPv{family}": said for family, said in rules.items()}),
        **({"published ports": list(dict.fromkeys(published))} if published else {}),
        **({"what the host sends": list(dict.fromkeys(local))} if local else {}),
    }


def _said(entry: Entry, meaning: Mapping[str, str]) -> str:
    return meaning[entry.verb].format(entry.subject, "peers") if entry.verb else entry.text
