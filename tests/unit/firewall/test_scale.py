# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of 200 hosts: how many programs a run starts, and how much of the processor its own code takes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.work import FirewallWork
from ansible_collections.meshwork.swarm.plugins.module_utils._run import Outcome, reconcile

MADE = Path(__file__).parent / "nft" / "made.json"
WEB = {"port": 8080, "protocol": "tcp", "sources": ["peers", "10.0.0.0/8", "fd00::/8"]}
HOSTS = 200


def addresses(hosts: int) -> list[str]:
    """Both addresses of each host."""
    return [address for number in range(1, hosts + 1) for address in (f"10.9.0.{number}", f"fd00:9::{number:x}")]


def ufw(host: Any) -> None:
    host.programs.add("ufw")
    host.files["/etc/ufw/ufw.conf"] = "ENABLED=yes\n"


def nftables(host: Any) -> None:
    """Rules that an earlier run has made, beside some thousand of the administrator's."""
    host.programs.add("nft")
    host.ruleset = MADE.read_text()


SET_UP: dict[str, Callable[[Any], None]] = {
    "iptables": lambda host: None,
    "ufw": ufw,
    "firewalld": lambda host: host.start_firewalld(),
    "nftables": nftables,
}
PROGRAMS = {"iptables": 5, "ufw": 5, "firewalld": 6, "nftables": 3}
"""What reading and planning starts: iptables-save and ipset for each address family; firewall-cmd four times; nft twice. And what tells
which firewall there is and what Docker publishes."""


def hold(host: Any, hosts: int) -> None:
    """Have a ruleset that nft has printed hold so many hosts, and more rules of the administrator's than anybody has."""
    held = json.loads(host.ruleset)
    for each in held["nftables"]:
        name = each.get("set", {}).get("name", "")
        if name.endswith(("peers4", "peers6")):
            each["set"]["elem"] = [address for address in addresses(hosts) if (":" in address) == name.endswith("6")]
    held["nftables"] += [each for each in held["nftables"] if each.get("rule", {}).get("chain") == "careful"] * 2000
    host.ruleset = json.dumps(held)


def planned(host: Any, options: dict[str, Any], checking: bool = True) -> tuple[Outcome, int, float]:
    """What a run says, how many programs it starts, and the seconds of the processor that it takes."""
    outcome, runs, start = Outcome(), host.runs, time.process_time()
    reconcile(FirewallWork(options, host), checking, outcome)
    return outcome, host.runs - runs, time.process_time() - start


@pytest.mark.parametrize("backend", SET_UP)
def test_two_hundred_hosts_are_read_and_planned_in_a_moment(new_host: Any, options: dict[str, Any], backend: str) -> None:
    counts = {}
    for hosts in (1, HOSTS):
        host = new_host()
        SET_UP[backend](host)
        known = {**options, "peers": addresses(hosts), "published": [WEB]}
        if backend == "nftables":
            hold(host, hosts)
        else:
            planned(host, known, checking=False)
        more = addresses(hosts + 1)
        outcome, programs, seconds = planned(host, {**known, "peers": more})
        counts[hosts] = programs
        assert outcome.returned["backend"] == backend
        said = " ".join(step.says for step in outcome.steps)
        assert all(address in said for address in more[-2:]) and more[0] not in said.split()
    assert counts[1] == counts[HOSTS] == PROGRAMS[backend]
    assert seconds < 1
