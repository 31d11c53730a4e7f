# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work on a host with nftables, from rulesets that nft 1.0.6 printed; nft/made.json is what it made of nft/transaction.nft.

That the transactions do what they say is shown with a real nft, in tests/integration/firewall.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall import nftables_boot
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.swarm_table import (
    read_entry,
    render_input,
    render_local,
    render_published,
)
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.work import FirewallWork
from ansible_collections.meshwork.swarm.plugins.module_utils._local.host import Command
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import CommandFailed, SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._model.firewall import parse_firewall
from ansible_collections.meshwork.swarm.plugins.module_utils._run import Outcome, reconcile

GOLDEN = Path(__file__).parent / "nft"
PUBLISHED = [
    {"port": 8080, "protocol": "tcp", "sources": ["10.0.0.0/8", "192.0.2.1", "fd00::/8"]},
    {"port": 5353, "protocol": "udp", "sources": []},
]
Objects = list[dict[str, Any]]


@pytest.fixture
def wanted(options: dict[str, Any]) -> dict[str, Any]:
    return {**options, "published": PUBLISHED}


@pytest.fixture
def nft(host: Any) -> Any:
    """A host with nft and the administrator's ruleset."""
    host.programs.add("nft")
    host.ruleset = (GOLDEN / "administrators.json").read_text()
    return host


@pytest.fixture
def made(nft: Any, wanted: dict[str, Any]) -> Any:
    """The same once the rules are in force and come back at boot."""
    files(nft, wanted)
    nft.ruleset = (GOLDEN / "made.json").read_text()
    return nft


def files(nft: Any, options: dict[str, Any]) -> None:
    """Do what a run does besides the ruleset."""
    for step in planned(nft, options)[1:]:
        nft.do(step.call)


def planned(nft: Any, options: dict[str, Any]) -> list[Any]:
    work = FirewallWork(options, nft)
    plan = work.plan(work.observe())
    assert plan.blockers == ()
    assert work.plan(plan.after).steps == (), "nothing is left to do after the plan"
    return list(plan.steps)


def transaction(step: Any) -> str:
    (command,) = step.call.actions
    assert isinstance(command, Command)
    assert command.argv == ("nft", "-f", "-")
    return command.stdin


def test_first_run_is_one_transaction_and_the_files(nft: Any, wanted: dict[str, Any]) -> None:
    rules, kept = planned(nft, wanted)
    assert transaction(rules) == (GOLDEN / "transaction.nft").read_text()
    allowed = "allow 2377/tcp, 7946/tcp, 7946/udp, ESP, 4789/udp inside IPsec and 4789/udp from 3 peers"
    assert rules.says == (
        f"{allowed}; refuse 2377,7946/tcp and 4789,7946/udp to others; "
        "let the host itself reach 2377,7946/tcp and 4789,7946/udp; allow 8080/tcp from 10.0.0.0/8 and 192.0.2.1; "
        "refuse 5353/udp and 8080/tcp to others; send incoming packets through these rules; allow 8080/tcp from fd00::/8; "
        "let peers past the table inet filter and the table ip6 legacy"
    )
    assert kept.says == "have the rules and 3 peers come back at boot, before Docker starts"
    assert str(kept.call).endswith(f"write {nftables_boot.UNIT_FILE}; systemctl enable --now {nftables_boot.UNIT}")


def test_what_nft_made_of_it_needs_no_step(made: Any, wanted: dict[str, Any]) -> None:
    made.commands.clear()
    assert planned(made, wanted) == []
    assert made.commands == ["nft -j list chains", "iptables-save -t nat", "nft -j list ruleset"]


def test_the_rules_come_back_from_files_of_our_own(made: Any, wanted: dict[str, Any]) -> None:
    assert set(made.files) == set(nftables_boot.PATHS)
    unit = made.files[nftables_boot.UNIT_FILE].splitlines()
    for line in ("PartOf=nftables.service", "ReloadPropagatedFrom=nftables.service", "WantedBy=multi-user.target nftables.service"):
        assert line in unit
    assert "After=local-fs.target systemd-modules-load.service nftables.service" in unit
    starts, reloads = ([line.partition("=")[2] for line in unit if line.startswith(f"Exec{kind}=")] for kind in ("Start", "Reload"))
    assert starts == reloads == [f"nft -f {nftables_boot.RULES_FILE}", f"-/bin/sh {nftables_boot.JOIN_FILE}"]
    for path in nftables_boot.PATHS:
        whole = made.files[path]
        made.files[path] = whole.replace("10.9.0.11", "10.9.0.66") if "10.9.0.11" in whole else f"{whole}# more\n"
        (kept,) = planned(made, wanted)
        made.do(kept.call)
        assert made.files[path] == whole
    made.paths.discard(nftables_boot.LINKS[1])
    assert [step.action for step in planned(made, wanted)] == ["boot"]


def rules(objects: Objects, table: str, chain: str) -> Objects:
    return [each for each in objects if "rule" in each and (each["rule"]["table"], each["rule"]["chain"]) == (table, chain)]


def named(objects: Objects, kind: str, table: str, name: str) -> dict[str, Any]:
    return next(each[kind] for each in objects if kind in each and (each[kind].get("table"), each[kind]["name"]) == (table, name))


def damage_rule(objects: Objects) -> None:
    objects.remove(rules(objects, "meshwork_swarm", "input")[3])


def damage_order(objects: Objects) -> None:
    first, second = rules(objects, "meshwork_swarm", "input")[2:4]
    first["rule"], second["rule"] = second["rule"], first["rule"]


def damage_stranger(objects: Objects) -> None:
    named(objects, "set", "meshwork_swarm", "peers4")["elem"].append("203.0.113.9")


def damage_foreign_rule(objects: Objects) -> None:
    rule = copy.deepcopy(rules(objects, "meshwork_swarm", "input")[0])
    rule["rule"].pop("comment")
    rule["rule"]["expr"] = [{"accept": None}]
    objects.insert(objects.index(rules(objects, "meshwork_swarm", "input")[0]), rule)


def damage_hook(objects: Objects) -> None:
    named(objects, "chain", "meshwork_swarm", "input")["prio"] = 100


def damage_published(objects: Objects) -> None:
    objects.remove(rules(objects, "meshwork_swarm", "published")[-1])


def damage_jump(objects: Objects) -> None:
    objects.remove(rules(objects, "filter", "input")[0])


def damage_place(objects: Objects) -> None:
    jump = rules(objects, "filter", "input")[0]
    objects.remove(jump)
    objects.append(jump)


def damage_joined_set(objects: Objects) -> None:
    named(objects, "set", "filter", "meshwork_swarm_peers4")["elem"].pop()


def damage_joined_type(objects: Objects) -> None:
    named(objects, "set", "legacy", "meshwork_swarm_peers6")["flags"] = ["interval"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_rule, "allow 7946/tcp from 3 peers"),
        (damage_order, "put the rules back in their order"),
        (damage_stranger, "no longer let in 203.0.113.9"),
        (damage_foreign_rule, "remove the rule 'accept', which is not of our making"),
        (damage_hook, "send incoming packets through these rules"),
        (damage_published, "refuse 8080/tcp to others"),
        (damage_jump, "send incoming packets through these rules; let peers past the table inet filter"),
        (damage_place, "send incoming packets through these rules; let peers past the table inet filter"),
        (damage_joined_set, "let peers past the table inet filter"),
        (damage_joined_type, "let peers past the table ip6 legacy"),
    ],
)
def test_damage_is_seen_and_said(made: Any, wanted: dict[str, Any], damage: Callable[[Objects], None], said: str) -> None:
    objects = json.loads(made.ruleset)["nftables"]
    damage(objects)
    made.ruleset = json.dumps({"nftables": objects})
    (step,) = planned(made, wanted)
    assert step.says == said
    assert "flush ruleset" not in transaction(step)


def test_absent_names_only_what_is_ours(made: Any, wanted: dict[str, Any]) -> None:
    handles = {chain: rules(json.loads(made.ruleset)["nftables"], "filter", chain)[0]["rule"]["handle"] for chain in ("early", "input")}
    removal, forgotten = planned(made, {**wanted, "state": "absent"})
    assert removal.says == "remove our table, and what is ours in the table inet filter and the table ip6 legacy"
    lines = transaction(removal).splitlines()
    assert lines[0] == "delete table inet meshwork_swarm"
    assert {line for line in lines if line.startswith("delete rule inet filter")} == {
        f"delete rule inet filter {chain} handle {handle}" for chain, handle in handles.items()
    }
    assert all("meshwork_swarm" in line for line in lines if not line.startswith("delete rule"))
    made.do(forgotten.call)
    assert made.files == {}
    made.ruleset = (GOLDEN / "administrators.json").read_text()
    assert planned(made, {**wanted, "state": "absent"}) == []


def test_a_host_without_ipv6_has_one_family(nft: Any, wanted: dict[str, Any]) -> None:
    nft.paths.discard("/proc/net/if_inet6")
    text = transaction(planned(nft, {**wanted, "peers": ["10.9.0.11"]})[0])
    assert not [line for line in text.splitlines() if "peers6" in line or "ip6" in line]


def test_refusals(nft: Any, wanted: dict[str, Any]) -> None:
    nft.paths.discard("/run/systemd/system")
    with pytest.raises(SwarmError, match=r"persistent: systemd does not run this host.*; set persistent=false"):
        reconcile(FirewallWork(wanted, nft), True, Outcome())
    chain = {
        "family": "ip",
        "table": "filter",
        "name": "INPUT",
        "handle": 1,
        "type": "filter",
        "hook": "input",
        "prio": 0,
        "policy": "drop",
    }
    nft.ruleset = json.dumps({"nftables": [{"chain": chain}]})
    with pytest.raises(SwarmError, match=r"backend: iptables refuses what it does not know \(ip filter INPUT\).*; use backend=iptables"):
        reconcile(FirewallWork({**wanted, "backend": "nftables"}, nft), True, Outcome())
    nft.ruleset = "Error: JSON support not compiled-in"
    with pytest.raises(CommandFailed, match="nft printed something other than its ruleset as JSON"):
        FirewallWork({**wanted, "backend": "nftables"}, nft)


def test_a_missing_package_is_named(host: Any, wanted: dict[str, Any]) -> None:
    outcome = Outcome()
    reconcile(FirewallWork({**wanted, "backend": "nftables"}, host), True, outcome)
    assert outcome.returned["missing_packages"] == ["nftables"]


def test_a_rule_that_was_read_says_what_the_one_that_was_made_says(options: dict[str, Any]) -> None:
    sources = ["10.0.0.0/8", "192.0.2.1", "192.0.2.7", "2001:db8::/32", "fd00::7", "peers"]
    published = [{"port": 8080, "protocol": "tcp", "sources": sources}]
    desired = parse_firewall({**options, "published": published, "encrypted": True, "output_guard": True})
    for family in (4, 6):
        made = [*render_input(desired, family), *(render_published(desired, family) or ()), *(render_local(desired, family) or ())]
        assert [(read.verb, read.subject) for read in map(read_entry, (entry.text for entry in made))] == [
            (e.verb, e.subject) for e in made
        ]
