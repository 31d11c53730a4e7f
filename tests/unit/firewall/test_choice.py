# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which firewall carries the rules, and which hosts are refused with a reason."""

from __future__ import annotations

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.choice import Active, choose, read_active

NOTHING = Active()
FIREWALLD = Active(firewalld_installed=True, firewalld=True)
STOPPED = Active(firewalld_installed=True)
UFW = Active(ufw=True)
BOTH = Active(firewalld_installed=True, firewalld=True, ufw=True)


@pytest.mark.parametrize(
    ("asked", "active", "chosen"),
    [
        ("auto", NOTHING, "iptables"),
        ("auto", STOPPED, "iptables"),
        ("auto", FIREWALLD, "firewalld"),
        ("firewalld", FIREWALLD, "firewalld"),
        ("iptables", NOTHING, "iptables"),
        ("auto", UFW, "ufw"),
        ("ufw", UFW, "ufw"),
        ("iptables", UFW, "iptables"),
    ],
)
def test_what_is_active_is_taken(asked: str, active: Active, chosen: str) -> None:
    assert choose(asked, active, present=True) == (chosen, ())


@pytest.mark.parametrize(
    ("asked", "active", "reason"),
    [
        ("auto", BOTH, "firewalld and ufw are both active"),
        ("firewalld", BOTH, "firewalld and ufw are both active"),
        ("ufw", NOTHING, "ufw was asked for and is not active"),
        ("firewalld", NOTHING, "firewalld was asked for and is not installed"),
        ("firewalld", STOPPED, "firewalld was asked for and is not running"),
        ("iptables", FIREWALLD, "iptables was asked for and firewalld is running"),
    ],
)
def test_a_refusal_says_why_and_what_to_do(asked: str, active: Active, reason: str) -> None:
    _chosen, (blocker,) = choose(asked, active, present=True)
    assert blocker.item == "backend"
    assert reason in blocker.reason
    assert blocker.remedy


def test_old_rules_can_be_removed_from_beside_firewalld() -> None:
    assert choose("iptables", FIREWALLD, present=False) == ("iptables", ())
    assert choose("firewalld", STOPPED, present=False)[1]


def test_reading_asks_systemd_and_the_configuration_of_ufw(host) -> None:
    assert read_active(host) == NOTHING
    assert host.runs == 0
    host.files["/etc/ufw/ufw.conf"] = "# comment\nENABLED=yes\nLOGLEVEL=low\n"
    assert read_active(host) == NOTHING, "left-over configuration of a removed ufw"
    host.programs.add("ufw")
    assert read_active(host) == UFW
    host.files["/etc/ufw/ufw.conf"] = "ENABLED=no\n"
    host.programs.add("firewall-cmd")
    assert read_active(host) == STOPPED
    host.start_firewalld()
    assert read_active(host) == FIREWALLD


def test_without_systemd_firewalld_itself_is_asked(host) -> None:
    host.paths.discard("/run/systemd/system")
    host.start_firewalld()
    assert read_active(host) == FIREWALLD
    assert host.commands == ["firewall-cmd --state"]
