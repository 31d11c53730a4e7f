# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole work on a host with firewalld."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall import boot, policy
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.work import FirewallWork
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._run import Outcome, reconcile


@pytest.fixture
def firewalld(host: Any) -> Any:
    return host.start_firewalld()


def run(host: Any, options: dict[str, Any], checking: bool = False) -> Outcome:
    outcome = Outcome()
    reconcile(FirewallWork(options, host), checking, outcome)
    return outcome


def says(outcome: Outcome) -> list[str]:
    return [step.says for step in outcome.steps]


def ours(firewalld: Any) -> dict[str, Any]:
    return {
        "policy": {**firewalld.policies["meshwork-swarm"], "rich rules": sorted(firewalld.policies["meshwork-swarm"]["rich rules"])},
        "sets": firewalld.sets,
    }


def test_first_run_reloads_once_and_the_next_changes_nothing(host: Any, firewalld: Any, options: dict[str, Any]) -> None:
    first = run(host, options)
    words = (
        "allow 2377/tcp, 4789/udp, 7946/tcp, 7946/udp and ESP from 3 peers; "
        "refuse 2377/tcp, 4789/udp, 7946/tcp and 7946/udp to others; send incoming packets through these rules"
    )
    assert says(first) == [f"permanent: {words}", f"runtime: {words}"]
    assert "Docker Engine older than" in first.steps[1].costs
    assert firewalld.reloads == 1
    assert firewalld.sets == {"meshwork-swarm-4": ["10.9.0.11", "10.9.0.12"], "meshwork-swarm-6": ["fd00:9::11"]}
    assert says(run(host, options)) == []
    assert firewalld.reloads == 1


def test_a_reload_that_takes_longer_than_it_is_waited_for_is_waited_for(host: Any, firewalld: Any, options: dict[str, Any]) -> None:
    firewalld.zones["public"]["ports"].append("8080/tcp")
    firewalld.slow = 3
    assert len(says(run(host, options))) == 2
    assert firewalld.reloads == 1 and firewalld.zones["public"]["ports"] == ["8080/tcp"]
    assert [command for command in host.commands if command.endswith("--state")] == ["firewall-cmd --state"] * 3
    assert says(run(host, options)) == []


def test_a_firewalld_that_answers_nobody_is_told(host: Any, firewalld: Any, options: dict[str, Any]) -> None:
    firewalld.slow = 9
    with pytest.raises(SwarmError, match=r"`firewall-cmd --reload` failed .* Did not receive a reply"):
        run(host, options)


def test_check_mode_says_the_same_and_does_nothing(new_host: Any, options: dict[str, Any]) -> None:
    dry, real = new_host(), new_host()
    dry.start_firewalld()
    real.start_firewalld()
    assert run(dry, options, checking=True).shown(True) == run(real, options).shown(False)
    assert (dry.files, dry.firewalld.policies, dry.firewalld.reloads) == ({}, {}, 0)


def test_what_is_only_in_the_runtime_survives_the_reload(host: Any, firewalld: Any, options: dict[str, Any]) -> None:
    firewalld.zones["public"]["ports"] += ["8080/tcp", "8081/tcp"]
    firewalld.zones["public"]["services"].remove("ssh")
    firewalld.zones["public"]["rich rules"].append('rule family="ipv4" source address="192.0.2.1" drop')
    firewalld.zones["docker"]["interfaces"].append("docker0")
    before = {zone: dict(fields) for zone, fields in firewalld.zones.items()}
    first = run(host, options)
    assert says(first)[1].endswith("put back what is only in the runtime of public, docker")
    assert firewalld.zones == before


def test_a_peer_that_comes_needs_no_reload_and_no_rule(host: Any, firewalld: Any, options: dict[str, Any]) -> None:
    run(host, options)
    host.commands.clear()
    assert says(run(host, {**options, "peers": [*options["peers"], "10.9.0.13"]})) == [
        "permanent: let in 10.9.0.13",
        "IPv4: let in 10.9.0.13",
    ]
    assert [command for command in host.commands if "--add" in command] == ["firewall-cmd --ipset=meshwork-swarm-4 --add-entry=10.9.0.13"]
    assert firewalld.reloads == 1
    run(host, {**options, "peers": ["10.9.0.13"]})
    assert firewalld.sets == {"meshwork-swarm-4": ["10.9.0.13"], "meshwork-swarm-6": []}


def damage_runtime_rule(host: Any) -> None:
    rules = host.firewalld.policies["meshwork-swarm"]["rich rules"]
    rules.remove(next(rule for rule in rules if '"2377"' in rule and "ipv4" in rule and "accept" in rule))


def damage_runtime_port(host: Any) -> None:
    host.firewalld.policies["meshwork-swarm"]["ports"].append("7/tcp")


def damage_runtime_stranger(host: Any) -> None:
    host.firewalld.sets["meshwork-swarm-6"].append("fd00:9::bad")


def damage_permanent_rule(host: Any) -> None:
    lines = host.files[policy.POLICY_FILE].splitlines(keepends=True)
    host.files[policy.POLICY_FILE] = "".join(line for line in lines if "esp" not in line)


def damage_permanent_set(host: Any) -> None:
    del host.files[policy.SET_FILE[4]]


def damage_set_type(host: Any) -> None:
    host.files[policy.SET_FILE[4]] = host.files[policy.SET_FILE[4]].replace("hash:ip", "hash:net")


def damage_priority(host: Any) -> None:
    host.firewalld.policies["meshwork-swarm"]["priority"] = ["100"]


DAMAGE = [
    (damage_runtime_rule, "runtime: allow 2377/tcp from 3 peers", 1),
    (damage_runtime_port, "runtime: remove the rule 'port 7/tcp', which is not of our making", 1),
    (damage_runtime_stranger, "IPv6: no longer let in fd00:9::bad", 1),
    (damage_permanent_rule, "permanent: allow ESP from 3 peers", 1),
    (damage_permanent_set, "permanent: put our policy and sets in force", 1),
    (damage_set_type, "permanent: put our policy and sets in force", 1),
    (damage_priority, "runtime: send incoming packets through these rules", 2),
]


@pytest.mark.parametrize(("damage", "said", "reloads"), DAMAGE)
def test_damage_is_seen_and_mended_with_no_more_than_it_needs(
    new_host: Any, options: dict[str, Any], damage: Any, said: str, reloads: int
) -> None:
    host, whole = new_host(), new_host()
    for each in (host, whole):
        each.start_firewalld()
        run(each, options)
    damage(host)
    assert says(run(host, options)) == [said]
    assert ours(host.firewalld) == ours(whole.firewalld)
    assert host.files == whole.files
    assert host.firewalld.reloads == reloads


def test_peers_are_let_in_before_strangers_are_refused(host: Any, firewalld: Any, options: dict[str, Any]) -> None:
    run(host, options)
    firewalld.policies["meshwork-swarm"]["rich rules"].clear()
    adding = run(host, options).steps[0].call.actions[0].argv
    accepts = [index for index, word in enumerate(adding) if word.endswith("accept")]
    rejects = [index for index, word in enumerate(adding) if "reject" in word]
    assert max(accepts) < min(rejects)
    removing = run(host, {**options, "state": "absent"}).steps[0].call.actions[0].argv
    accepts = [index for index, word in enumerate(removing) if word.endswith("accept")]
    rejects = [index for index, word in enumerate(removing) if "reject" in word]
    assert max(rejects) < min(accepts)


def test_absent_empties_the_runtime_and_removes_the_files_without_a_reload(host: Any, firewalld: Any, options: dict[str, Any]) -> None:
    host.files["/etc/firewalld/policies/other.xml"] = "<policy/>"
    run(host, options)
    host.files[f"{policy.POLICY_FILE}.old"] = "<policy/>"
    run(host, {**options, "state": "absent"})
    assert host.files == {"/etc/firewalld/policies/other.xml": "<policy/>"}
    assert firewalld.policies["meshwork-swarm"]["rich rules"] == []
    assert firewalld.sets == {"meshwork-swarm-4": [], "meshwork-swarm-6": []}
    assert firewalld.reloads == 1
    assert says(run(host, {**options, "state": "absent"})) == []
    firewalld.answer(("firewall-cmd", "--reload"))
    assert says(run(host, {**options, "state": "absent"})) == []


def test_absent_on_a_host_that_never_had_any(host: Any, firewalld: Any, options: dict[str, Any]) -> None:
    assert says(run(host, {**options, "state": "absent"})) == []


@pytest.mark.parametrize(
    ("changed", "files", "message"),
    [
        ({"persistent": False}, {}, "persistent: firewalld has no policies that are not permanent; set persistent=true"),
        (
            {},
            {boot.UNIT_FILE: "x"},
            r"backend: this host still has our rules of iptables .*; remove them first, with state=absent and backend=iptables",
        ),
        ({}, {policy.SET_FILE[4]: "<ipset"}, "/etc/firewalld/ipsets/meshwork-swarm-4.xml is not XML"),
    ],
)
def test_refusals(host: Any, firewalld: Any, options: dict[str, Any], changed: dict[str, Any], files: dict[str, str], message: str) -> None:
    host.files.update(files)
    with pytest.raises(SwarmError, match=message):
        run(host, {**options, **changed})
    assert firewalld.reloads == 0


def test_a_firewalld_without_policies_is_refused(
    host: Any, firewalld: Any, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def usage(argv: tuple[str, ...]) -> str:
        raise host_refusal(2, "usage: see firewall-cmd man page")

    host_refusal = type(firewalld).answer.__globals__["Refused"]
    monkeypatch.setattr(firewalld, "answer", usage)
    with pytest.raises(SwarmError, match=r"firewalld: this firewalld has no policies; they came with 0.9.0"):
        run(host, options)


HOOK = "! -i lo -m addrtype --dst-type LOCAL -m conntrack --ctdir ORIGINAL"
WEB = {"port": 8080, "protocol": "tcp", "sources": ["peers", "10.0.0.0/8"]}
FOREIGN = ["ipv4", "filter", "INPUT", "0", "-p", "tcp", "--dport", "7", "-j", "DROP"]


def test_published_ports_are_direct_rules_that_come_back(host: Any, firewalld: Any, options: dict[str, Any]) -> None:
    firewalld.answer(("firewall-cmd", "--permanent", "--direct", "--add-rule", *FOREIGN))
    run(host, options)
    options["published"] = [WEB]
    sentence = "allow 8080/tcp from 10.9.0.11, 10.9.0.12, 10.0.0.0/8 and 8080/tcp from fd00:9::11; refuse 8080/tcp to others"
    assert says(run(host, options)) == [f"permanent: {sentence}", f"runtime: {sentence}"]
    assert firewalld.reloads == 1
    rules = [" ".join(rule) for rule in firewalld.direct]
    assert rules == [
        " ".join(FOREIGN),
        f"ipv4 mangle PREROUTING 0 -s 10.9.0.11,10.9.0.12,10.0.0.0/8 {HOOK} -p tcp -m tcp --dport 8080 "
        "-m comment --comment meshwork.swarm: published -j RETURN",
        f"ipv6 mangle PREROUTING 0 -s fd00:9::11 {HOOK} -p tcp -m tcp --dport 8080 "
        "-m comment --comment meshwork.swarm: published -j RETURN",
        *(
            f"ipv{family} mangle PREROUTING 1 {HOOK} -p tcp -m tcp --dport 8080 "
            "-m comment --comment meshwork.swarm: published, strangers -j DROP"
            for family in (4, 6)
        ),
    ]
    firewalld.answer(("firewall-cmd", "--reload"))
    assert [" ".join(rule) for rule in firewalld.direct] == rules
    assert says(run(host, options)) == []
    del firewalld.direct[1]
    assert says(run(host, options)) == ["runtime: allow 8080/tcp from 10.9.0.11, 10.9.0.12, 10.0.0.0/8"]
    run(host, {**options, "state": "absent"})
    assert firewalld.direct == [FOREIGN]
    assert [rule.get("chain") for rule in ElementTree.fromstring(host.files["/etc/firewalld/direct.xml"])] == ["INPUT"]


def test_what_the_host_sends_is_a_direct_rule_beside_those_of_published_ports(host: Any, firewalld: Any, options: dict[str, Any]) -> None:
    options["published"] = [WEB]
    run(host, options)
    before = list(firewalld.direct)
    sentence = "keep programs of this host from sending to 4789/udp"
    assert says(run(host, {**options, "output_guard": True})) == [f"permanent: {sentence}", f"runtime: {sentence}"]
    assert [" ".join(rule) for rule in firewalld.direct if rule not in before] == [
        f"ipv{family} filter OUTPUT 0 -p udp -m udp --dport 4789 -m owner --socket-exists "
        "-m comment --comment meshwork.swarm: programs -j DROP"
        for family in (4, 6)
    ]
    assert says(run(host, {**options, "output_guard": True})) == []
    run(host, options)
    assert firewalld.direct == before
