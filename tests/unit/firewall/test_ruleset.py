# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules as text, whichever nft printed them; and which chains may refuse a packet."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.ruleset import (
    read_ruleset,
    refuses,
    refuses_everybody,
    spell_addresses,
    spelled,
    subnet_ranges,
)
from hypothesis import given
from hypothesis import strategies as st


def match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        (match(DPORT, 2377), "tcp dport 2377"),
        (match(DPORT, {"set": [2377]}), "tcp dport 2377"),
        (match(DPORT, {"set": [7946, 2377]}), "tcp dport { 2377, 7946 }"),
        (match({"meta": {"key": "iifname"}}, "lo", "!="), 'iifname != "lo"'),
        (match({"meta": {"key": "l4proto"}}, 50), "meta l4proto esp"),
        (match({"meta": {"key": "l4proto"}}, "esp"), "meta l4proto esp"),
        (match({"meta": {"key": "ipsec"}}, True), "meta secpath exists"),
        (match({"meta": {"key": "secpath"}}, True), "meta secpath exists"),
        (match(SADDR, "@peers4"), "ip saddr @peers4"),
        (match(SADDR, {"prefix": {"addr": "10.0.0.0", "len": 8}}), "ip saddr 10.0.0.0/8"),
        (match(SADDR, {"set": [{"range": ["10.0.0.1", "10.0.0.2"]}, "10.0.0.3"]}), "ip saddr 10.0.0.1-10.0.0.3"),
        (match({"fib": {"result": "type", "flags": "daddr"}}, "local"), "fib daddr type local"),
        (match({"ct": {"key": "direction"}}, "original"), "ct direction original"),
        ({"reject": {"type": "icmpx", "expr": "admin-prohibited"}}, "reject with icmpx type admin-prohibited"),
        ({"jump": {"target": "meshwork_swarm"}}, "jump meshwork_swarm"),
        ({"accept": None}, "accept"),
    ],
)
def test_one_spelling(statement: Any, text: str) -> None:
    assert spelled(statement) == text


@pytest.mark.parametrize(
    "statement",
    [
        match(DPORT, {"range": [1, 65535]}),
        match(DPORT, 2377, "<"),
        match({"meta": {"key": "secpath"}}, False),
        match({"&": [{"meta": {"key": "mark"}}, 1]}, 1),
        match(SADDR, {"set": [{"concat": ["10.0.0.1", 80]}]}),
        match({"ct": {"key": "saddr", "family": "ip", "dir": "original"}}, "10.0.0.1"),
        {"reject": None},
        {"xt": None},
        {"counter": {"packets": 1, "bytes": 2}},
    ],
)
def test_what_we_never_write_equals_nothing_that_we_write(statement: Any) -> None:
    assert json.loads(spelled(statement)) == statement


@given(st.lists(st.ip_addresses(v=4), min_size=1), st.randoms())
def test_addresses_have_one_spelling(addresses: list[Any], random: Any) -> None:
    texts = [str(each) for each in addresses]
    spelling = spell_addresses(subnet_ranges(texts))
    random.shuffle(texts)
    assert spell_addresses(subnet_ranges(texts * 2)) == spelling


def test_addresses_merge_where_they_meet() -> None:
    assert spell_addresses(subnet_ranges(["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16"])) == ["10.0.0.0/8"]
    assert spell_addresses(subnet_ranges(["fd00::1", "fd00::2"])) == ["fd00::1-fd00::2"]


def chains(policy: str, **rules: list[Any]) -> Any:
    """A table with one chain on the input hook, `base`, and others."""
    found: list[Any] = [
        {
            "chain": {
                "family": "ip",
                "table": "t",
                "name": name,
                **({"type": "filter", "hook": "input", "prio": 0, "policy": policy} if name == "base" else {}),
            }
        }
        for name in rules
    ]
    found.append(
        {"map": {"family": "ip", "table": "t", "name": "m", "type": "inet_service", "map": "verdict", "elem": [[1, {"drop": None}]]}}
    )
    for name, statements in rules.items():
        found += [{"rule": {"family": "ip", "table": "t", "chain": name, "handle": 1, "expr": [each]}} for each in statements]
    table = read_ruleset(json.dumps({"nftables": found}))["ip", "t"]
    return table, table.chains["base"]


@pytest.mark.parametrize(
    ("policy", "rules", "refusing"),
    [
        ("drop", {"base": []}, True),
        ("accept", {"base": [{"accept": None}]}, False),
        ("accept", {"base": [], "other": [{"drop": None}]}, False),
        ("accept", {"base": [{"jump": {"target": "other"}}], "other": [{"goto": {"target": "last"}}], "last": [{"reject": None}]}, True),
        ("accept", {"base": [{"jump": {"target": "other"}}], "other": [{"jump": {"target": "base"}}]}, False),
        ("accept", {"base": [{"vmap": {"key": DPORT, "data": {"set": [[1, {"drop": None}]]}}}]}, True),
        ("accept", {"base": [{"vmap": {"key": DPORT, "data": "@m"}}]}, True),
        ("accept", {"base": [{"vmap": {"key": DPORT, "data": "@gone"}}]}, False),
    ],
)
def test_chains_that_may_refuse(policy: str, rules: Any, refusing: bool) -> None:
    assert refuses(*chains(policy, **rules)) is refusing


def test_a_chain_that_refuses_everybody_does_so_by_its_policy_or_one_rule() -> None:
    assert refuses_everybody(chains("drop", base=[])[1])
    assert refuses_everybody(chains("accept", base=[{"drop": None}])[1])
    assert refuses_everybody(chains("accept", base=[{"xt": {"type": "target", "name": "REJECT"}}])[1])
    assert not refuses_everybody(chains("accept", base=[{"accept": None}, {"xt": None}])[1])
