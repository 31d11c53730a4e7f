# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole work on a host with iptables: what it does, mends, leaves alone and takes back."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall import boot
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.chain import PUBLISHED, SWARM
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.work import FirewallWork
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import CommandFailed, SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._run import Outcome, reconcile
from hypothesis import given
from hypothesis import strategies as st

FOREIGN = ["-p tcp -m tcp --dport 8080 -j DROP", "-j FOREIGN"]


def run(host: Any, options: dict[str, Any], checking: bool = False) -> Outcome:
    outcome = Outcome()
    reconcile(FirewallWork(options, host), checking, outcome)
    return outcome


def says(outcome: Outcome) -> list[str]:
    return [step.says for step in outcome.steps]


def test_first_run_then_nothing(host: Any, options: dict[str, Any]) -> None:
    first = run(host, options)
    assert says(first) == [
        "IPv4: let in 10.9.0.11 and 10.9.0.12",
        "IPv6: let in fd00:9::11",
        *(
            f"IPv{family}: allow 2377/tcp, 7946/tcp, 7946/udp, ESP, 4789/udp inside IPsec and 4789/udp from 3 peers; "
            "refuse 2377,7946/tcp and 4789,7946/udp to others; let the host itself reach 2377,7946/tcp and 4789,7946/udp; "
            "send incoming packets through these rules"
            for family in (4, 6)
        ),
        "have the rules and 3 peers come back at boot, before Docker starts",
    ]
    assert host.tables[4].chains["INPUT"] == [
        '-m comment --comment "meshwork.swarm: who may reach the ports of the swarm" -j MESHWORK-SWARM'
    ]
    assert len(host.tables[4].chains[SWARM.chain]) == 10
    again = run(host, options)
    assert (says(again), again.shown(False)["changed"], again.diff) == ([], False, [])


def test_check_mode_says_the_same_and_does_nothing(new_host: Any, options: dict[str, Any]) -> None:
    dry, real = new_host(), new_host()
    checked, done = run(dry, options, checking=True), run(real, options)
    assert checked.shown(True) == done.shown(False)
    assert (dry.sets, dry.files, dry.tables[4].save()) == ({}, {}, new_host().tables[4].save())


@pytest.mark.parametrize("firewalld", [False, True])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_nothing_is_left_to_do_after_the_plan(host: Any, options: dict[str, Any], firewalld: bool, state: str) -> None:
    if firewalld:
        host.start_firewalld()
    for found in ("nothing", "something"):
        work = FirewallWork({**options, "state": state, "peers": ["10.9.0.99"]}, host)
        plan = work.plan(work.observe())
        assert work.plan(plan.after).steps == (), found
        run(host, options)


def test_a_peer_that_comes_touches_the_set_and_no_rule(host: Any, options: dict[str, Any]) -> None:
    run(host, options)
    host.commands.clear()
    grown = run(host, {**options, "peers": [*options["peers"], "10.9.0.13"]})
    assert says(grown) == ["IPv4: let in 10.9.0.13", "have the rules and 4 peers come back at boot, before Docker starts"]
    assert not [command for command in host.commands if "tables-restore" in command or "systemctl enable" in command]


def test_a_peer_that_leaves_is_taken_out(host: Any, options: dict[str, Any]) -> None:
    run(host, options)
    run(host, {**options, "peers": ["10.9.0.11"]})
    assert host.sets["meshwork-swarm-4"][1] == ["10.9.0.11"]
    assert host.sets["meshwork-swarm-6"][1] == []
    assert "10.9.0.12" not in host.files[boot.SETS_FILE[4]]


def damage_rule(host: Any) -> None:
    del host.tables[4].chains[SWARM.chain][3]


def damage_order(host: Any) -> None:
    host.tables[6].chains[SWARM.chain].reverse()


def damage_stranger(host: Any) -> None:
    host.sets["meshwork-swarm-4"][1].append("203.0.113.9")


def damage_jump(host: Any) -> None:
    host.tables[6].chains["INPUT"].clear()


def damage_jumps(host: Any) -> None:
    host.tables[4].chains["INPUT"].append("-j MESHWORK-SWARM")


def damage_foreign_rule(host: Any) -> None:
    host.tables[4].chains[SWARM.chain].insert(0, "-s 203.0.113.9/32 -j ACCEPT")


def damage_file(host: Any) -> None:
    host.files[boot.RULES_FILE[6]] += "-A OTHER -j DROP\n-A MESHWORK-SWARM -j ACCEPT\n"


def damage_disabled(host: Any) -> None:
    host.paths.discard(boot.WANTED_LINK)


def damage_unit(host: Any) -> None:
    host.files[boot.UNIT_FILE] += "ExecStart=true\n"


def damage_flush(host: Any) -> None:
    for table in host.tables.values():
        table.chains = {"INPUT": [], "FORWARD": [], "OUTPUT": []}
    host.sets.clear()


DAMAGE = [
    (damage_rule, "IPv4: allow 7946/tcp from 3 peers"),
    (damage_order, "IPv6: put the rules back in their order"),
    (damage_stranger, "IPv4: no longer let in 203.0.113.9"),
    (damage_jump, "IPv6: send incoming packets through these rules"),
    (damage_jumps, "IPv4: send incoming packets through these rules"),
    (damage_foreign_rule, "IPv4: remove the rule '-A MESHWORK-SWARM -s 203.0.113.9/32 -j ACCEPT', which is not of our making"),
    (damage_file, "have the rules and 3 peers come back at boot, before Docker starts"),
    (damage_disabled, "have the rules and 3 peers come back at boot, before Docker starts"),
    (damage_unit, "have the rules and 3 peers come back at boot, before Docker starts"),
]


@pytest.mark.parametrize(("damage", "said"), DAMAGE)
def test_damage_is_seen_and_mended(new_host: Any, options: dict[str, Any], damage: Any, said: str) -> None:
    host, whole = new_host(), new_host()
    for each in (host, whole):
        run(each, options)
    damage(host)
    assert says(run(host, options)) == [said]
    assert host.tables == whole.tables
    assert host.files == whole.files
    assert {name: set(members) for name, (_kind, members) in host.sets.items()} == {
        name: set(members) for name, (_kind, members) in whole.sets.items()
    }
    assert boot.WANTED_LINK in host.paths


@given(
    st.lists(st.sampled_from([damage for damage, _said in DAMAGE]), max_size=4, unique=True),
    st.booleans(),
    st.sampled_from(["manager", "worker"]),
)
def test_any_damage_and_any_change_end_in_the_same_rules(made: Any, damages: list[Any], flushed: bool, role: str) -> None:
    make, options = made
    host, whole = make(), make()
    run(host, options)
    for damage in damages:
        damage(host)
    if flushed:
        damage_flush(host)
    wanted = {**options, "role": role, "peers": ["10.9.0.12", "fd00:9::13"]}
    run(host, wanted)
    run(whole, wanted)
    assert host.tables == whole.tables
    assert host.files == whole.files


def test_foreign_rules_and_dockers_chains_survive_everything(host: Any, options: dict[str, Any]) -> None:
    host.tables[4].chains.update({"INPUT": list(FOREIGN), "FOREIGN": ["-j RETURN"], "DOCKER-USER": ["-j RETURN"]})
    host.sets["foreign"] = ("hash:ip family inet", ["192.0.2.1"])
    before = host.tables[4].save(), dict(host.sets)
    run(host, options)
    assert host.tables[4].chains["INPUT"][1:] == FOREIGN
    run(host, {**options, "role": "worker", "peers": ["10.9.0.11"]})
    run(host, {**options, "state": "absent"})
    assert (host.tables[4].save(), host.sets) == before


def test_absent_takes_everything_of_ours_back(host: Any, options: dict[str, Any]) -> None:
    before = host.tables[4].save(), host.tables[6].save()
    run(host, options)
    gone = run(host, {**options, "state": "absent"})
    assert len(gone.steps) == 3
    assert (host.tables[4].save(), host.tables[6].save(), host.sets, host.files) == (*before, {}, {})
    assert boot.WANTED_LINK not in host.paths
    assert says(run(host, {**options, "state": "absent"})) == []


def test_runtime_only_leaves_nothing_for_the_next_boot(host: Any, options: dict[str, Any]) -> None:
    run(host, options)
    assert says(run(host, {**options, "persistent": False})) == ["have nothing of ours come back at boot"]
    assert host.files == {}
    assert says(run(host, {**options, "persistent": False})) == []


def test_a_host_without_ipv6_has_one_family(host: Any, options: dict[str, Any]) -> None:
    host.paths.discard("/proc/net/if_inet6")
    with pytest.raises(
        SwarmError, match=r"peers: fd00:9::11 is an IPv6 address and this host's kernel has no IPv6; enable IPv6 or give IPv4 addresses"
    ):
        run(host, options)
    run(host, {**options, "peers": ["10.9.0.11"]})
    assert list(host.sets) == ["meshwork-swarm-4"]
    assert "ip6tables-restore" not in host.files[boot.UNIT_FILE]


def test_missing_packages_are_shown_in_check_mode_and_refused_in_a_real_run(host: Any, options: dict[str, Any]) -> None:
    host.programs.discard("ipset")
    checked = run(host, options, checking=True)
    assert says(checked)[0] == "the package ipset has to be installed"
    assert checked.returned["missing_packages"] == ["ipset"]
    outcome = Outcome()
    with pytest.raises(SwarmError, match="the package ipset is not installed on this host"):
        reconcile(FirewallWork(options, host), False, outcome)
    assert outcome.shown(False)["missing_packages"] == ["ipset"]
    assert (outcome.done, host.sets) == (0, {})
    assert says(run(host, {**options, "state": "absent"})) == []


def test_persistence_needs_systemd(host: Any, options: dict[str, Any]) -> None:
    host.paths.discard("/run/systemd/system")
    with pytest.raises(SwarmError, match=r"persistent: systemd does not run this host.*; set persistent=false"):
        run(host, options)
    run(host, {**options, "persistent": False})
    assert host.files == {}


def test_a_set_of_another_kind_is_not_taken_over(host: Any, options: dict[str, Any]) -> None:
    host.sets["meshwork-swarm-4"] = ("hash:net family inet", ["10.0.0.0/8"])
    with pytest.raises(SwarmError, match="meshwork-swarm-4: an ipset of that name exists, and it is not of the type hash:ip family inet"):
        run(host, options)
    assert host.sets["meshwork-swarm-4"][1] == ["10.0.0.0/8"]


WEB = {"port": 8080, "protocol": "tcp", "sources": ["peers", "10.0.0.0/8", "fd00::7"]}
CLOSED = {"port": 53, "protocol": "udp", "sources": []}


def test_published_ports_are_filtered_before_the_engine_sends_them_anywhere(host: Any, options: dict[str, Any]) -> None:
    run(host, options)
    options["published"] = [WEB, CLOSED]
    assert says(run(host, options)) == [
        "IPv4: allow 8080/tcp from peers and 8080/tcp from 10.0.0.0/8; refuse 53/udp and 8080/tcp to others",
        "IPv6: allow 8080/tcp from peers and 8080/tcp from fd00::7; refuse 53/udp and 8080/tcp to others",
        "have the rules and 3 peers come back at boot, before Docker starts",
    ]
    hook = "! -i lo -m addrtype --dst-type LOCAL -m conntrack --ctdir ORIGINAL"
    hook += ' -m comment --comment "meshwork.swarm: who may reach published ports"'
    assert host.tables[4].mangle == {
        "PREROUTING": [f"{hook} -j MESHWORK-PUBLISHED"],
        "MESHWORK-PUBLISHED": [
            '-p udp -m udp --dport 53 -m comment --comment "meshwork.swarm: published, strangers" -j DROP',
            '-p tcp -m tcp --dport 8080 -m set --match-set meshwork-swarm-4 src -m comment --comment "meshwork.swarm: published" -j RETURN',
            '-s 10.0.0.0/8 -p tcp -m tcp --dport 8080 -m comment --comment "meshwork.swarm: published" -j RETURN',
            '-p tcp -m tcp --dport 8080 -m comment --comment "meshwork.swarm: published, strangers" -j DROP',
        ],
    }
    assert any(rule.startswith("-s fd00::7/128 ") for rule in host.tables[6].mangle[PUBLISHED.chain])
    assert says(run(host, options)) == []
    unit = host.files[boot.UNIT_FILE]
    assert unit.count("ip6tables --wait=10 -t mangle -I PREROUTING ! -i lo ") == 1
    assert "*mangle\n:MESHWORK-PUBLISHED - [0:0]" in host.files[boot.RULES_FILE[6]]


def test_programs_of_the_host_are_kept_from_the_data_path(host: Any, options: dict[str, Any]) -> None:
    run(host, options)
    untouched = host.tables[4].save()
    guarded = {**options, "output_guard": True, "data_path_port": 4790}
    said = says(run(host, guarded))
    assert all(
        f"IPv{family}: " in line and "keep programs of this host from sending to 4790/udp" in line
        for family, line in zip((4, 6), said, strict=False)
    )
    assert host.tables[4].chains["OUTPUT"] == [
        '-p udp -m comment --comment "meshwork.swarm: what programs of this host may send" -j MESHWORK-OUTPUT'
    ]
    assert host.tables[4].chains["MESHWORK-OUTPUT"] == [
        '-p udp -m udp --dport 4790 -m owner --socket-exists -m comment --comment "meshwork.swarm: programs" -j DROP'
    ]
    assert host.files[boot.RULES_FILE[4]].count("*filter") == 1
    assert says(run(host, guarded)) == []
    assert says(run(host, {**guarded, "output_guard": False}))[0] == "IPv4: no longer keep programs of this host from sending to 4790/udp"
    run(host, options)
    assert host.tables[4].save() == untouched


def test_a_unit_that_changes_is_read_again_by_systemd(host: Any, options: dict[str, Any]) -> None:
    run(host, options)
    host.commands.clear()
    unit = host.files[boot.UNIT_FILE]
    run(host, {**options, "published": [WEB]})
    assert host.files[boot.UNIT_FILE] != unit
    assert host.commands.count("systemctl enable --now meshwork-swarm-firewall.service") == 1


def test_damage_to_published_ports_is_mended_and_what_is_no_longer_written_goes(host: Any, options: dict[str, Any]) -> None:
    untouched = host.tables[4].save()
    options["published"] = [WEB]
    run(host, options)
    whole = host.tables[4].save()
    host.tables[4].mangle["PREROUTING"].clear()
    del host.tables[4].mangle[PUBLISHED.chain][0]
    assert says(run(host, options)) == ["IPv4: allow 8080/tcp from peers; send incoming packets through these rules"]
    assert host.tables[4].save() == whole
    host.tables[4].mangle["PREROUTING"].insert(0, "-j ACCEPT")
    assert says(run(host, options)) == ["IPv4: send incoming packets through these rules"]
    del host.tables[4].mangle["PREROUTING"][1]

    options["published"] = []
    assert says(run(host, options))[0].startswith(
        "IPv4: no longer allow 8080/tcp from peers and 8080/tcp from 10.0.0.0/8; no longer refuse"
    )
    assert host.tables[4].mangle == {"PREROUTING": []}
    assert says(run(host, options)) == []
    options["published"] = [WEB]
    run(host, options)
    run(host, {**options, "state": "absent"})
    assert host.tables[4].save() == untouched


def test_a_program_that_fails_is_quoted(host: Any, options: dict[str, Any]) -> None:
    run(host, options)
    host.tables[4].chains["OTHER"] = ["-j MESHWORK-SWARM"]
    with pytest.raises(
        CommandFailed, match=r"`iptables-restore --noflush --wait=10 <<< 5 lines` failed \(status 1\): iptables: Too many links"
    ):
        run(host, {**options, "state": "absent"})


def test_the_unit_loads_only_what_is_ours_and_before_docker() -> None:
    unit = boot.unit_text((4, 6), [SWARM])
    assert "Before=network-pre.target docker.service shutdown.target" in unit
    commands = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    assert len(commands) == 6
    assert all("--noflush" in command for command in commands if "-restore " in command)
    assert commands.index(f"ExecStart=ipset -exist -file {boot.SETS_FILE[4]} restore") == 0
