# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which firewall carries the rules, and which hosts are refused with a reason."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.choice import (
    FIREWALLD_LINK,
    FIREWALLD_UNIT,
    Active,
    choose,
    read_active,
)
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import CommandFailed

NOTHING = Active()
FIREWALLD = Active(firewalld_installed=True, firewalld=True)
STOPPED = Active(firewalld_installed=True)
AT_BOOT = Active(firewalld_installed=True, firewalld_at_boot=True)
UFW = Active(ufw=True)
NFTABLES = Active(nftables=("table inet filter",))
SERVICE = Active(nftables=("nftables.service",))
OURS_IN_NFTABLES = Active(ours=("nftables",))
OURS_IN_IPTABLES = Active(ours=("iptables",))
FIREWALLD_AND_NFTABLES = Active(firewalld_installed=True, firewalld=True, nftables=("table inet filter",))
UFW_AND_NFTABLES = Active(ufw=True, nftables=("nftables.service",))
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
        ("auto", NFTABLES, "nftables"),
        ("auto", OURS_IN_NFTABLES, "nftables"),
        ("auto", OURS_IN_IPTABLES, "iptables"),
        ("nftables", NOTHING, "nftables"),
        ("iptables", NFTABLES, "iptables"),
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
        ("nftables", FIREWALLD, "nftables was asked for and firewalld is running"),
        ("auto", FIREWALLD_AND_NFTABLES, "firewalld is active and the host has a ruleset of nftables besides (table inet filter)"),
        ("auto", UFW_AND_NFTABLES, "ufw is active and the host has a ruleset of nftables besides (nftables.service)"),
        ("nftables", UFW_AND_NFTABLES, "ufw is active and the host has a ruleset of nftables besides"),
        (
            "auto",
            Active(nftables=("nftables.service",), ours=("iptables",)),
            "this host still has our rules of iptables from an earlier run",
        ),
        ("auto", AT_BOOT, "firewalld is not running and will be after the next boot"),
        ("iptables", AT_BOOT, "firewalld is not running and will be after the next boot"),
        ("iptables", OURS_IN_NFTABLES, "this host still has our rules of nftables from an earlier run"),
    ],
)
def test_a_refusal_says_why_and_what_to_do(asked: str, active: Active, reason: str) -> None:
    _chosen, (blocker,) = choose(asked, active, present=True)
    assert blocker.item == "backend"
    assert reason in blocker.reason
    assert blocker.remedy


def test_a_firewalld_that_the_next_boot_starts_is_seen(host: Any) -> None:
    host.programs.add("firewall-cmd")
    assert not read_active(host).firewalld_at_boot
    host.paths.add(FIREWALLD_LINK)
    assert read_active(host) == AT_BOOT
    host.files[FIREWALLD_UNIT] = ""
    assert read_active(host) == STOPPED
    host.files[FIREWALLD_UNIT] = "[Service]"
    assert read_active(host) == AT_BOOT
    host.programs.discard("firewall-cmd")
    assert read_active(host) == NOTHING


def test_old_rules_can_be_removed_from_beside_firewalld() -> None:
    assert choose("iptables", AT_BOOT, present=False) == ("iptables", ())
    assert choose("iptables", FIREWALLD, present=False) == ("iptables", ())
    assert choose("firewalld", STOPPED, present=False)[1]
    assert choose("iptables", Active(nftables=("nftables.service",), ours=("iptables",)), present=False) == ("iptables", ())
    assert choose("nftables", FIREWALLD_AND_NFTABLES, present=False) == ("nftables", ())


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


def chain(table: str, name: str, family: str = "inet", hook: str = "input") -> dict[str, object]:
    found = {"family": family, "table": table, "name": name, "type": "filter", "hook": hook, "prio": 0, "policy": "accept"}
    return {"chain": found}


@pytest.mark.parametrize(
    ("chains", "active"),
    [
        ([], NOTHING),
        ([chain("filter", "input")], NFTABLES),
        ([chain("mine", "arriving", "ip6")], Active(nftables=("table ip6 mine",))),
        ([chain("mine", "forward", hook="forward")], NOTHING),
        ([chain("filter", "INPUT", "ip"), chain("filter", "INPUT", "ip6")], NOTHING),
        ([chain("docker-bridges", "filter-INPUT", "ip"), chain("firewalld", "filter_INPUT"), chain("f2b-table", "f2b-chain")], NOTHING),
        ([chain("meshwork_swarm", "input")], OURS_IN_NFTABLES),
    ],
)
def test_a_ruleset_of_nftables_is_the_administrators_unless_a_program_made_it(host, chains: list[object], active: Active) -> None:
    host.programs.add("nft")
    host.ruleset = json.dumps({"nftables": chains})
    assert read_active(host) == active
    assert host.commands == ["nft -j list chains"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "netlink: Error: cache initialization failed: Interrupted system call",
            "`nft -j list chains` failed (status 1): netlink: Error: cache",
        ),
        ("JSON support not compiled-in", "the nft of this host cannot print JSON"),
    ],
)
def test_a_ruleset_that_cannot_be_read_is_not_taken_for_none(host, said: str, told: str) -> None:
    host.programs.add("nft")
    host.unreadable = said
    with pytest.raises(CommandFailed, match=re.escape(told)):
        read_active(host)


@pytest.mark.parametrize(
    "said",
    [
        "netlink: Error: cache initialization failed: Invalid argument",
        "netlink: Error: cache initialization failed: Operation not supported",
        "Unable to initialize Netlink socket: Protocol not supported",
    ],
)
def test_a_kernel_without_nftables_has_no_ruleset(host, said: str) -> None:
    host.programs.add("nft")
    host.unreadable = said
    assert read_active(host) == NOTHING


def test_the_service_of_nftables_says_so_too(host) -> None:
    host.paths.add("/etc/systemd/system/sysinit.target.wants/nftables.service")
    assert read_active(host) == NOTHING, "without nft there is no ruleset"
    host.programs.add("nft")
    assert read_active(host) == SERVICE
