# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stories of a firewall, judged by connections and by what the firewall's own programs print."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from grounds.ground import ITSELF, PEERS, STRANGER, Ground
from grounds.traffic import CLOSED, OPEN, REFUSED, SILENT

SWARM = [("tcp", 2377), ("tcp", 7946), ("udp", 7946), ("udp", 4789)]


def published(ground: Ground) -> list[dict[str, Any]]:
    """A port behind the host for one peer, and one of the host itself for all of them."""
    return [
        {"port": 8080, "protocol": "tcp", "sources": [ground.address(PEERS[0]), f"{ground.address(PEERS[0], 6)}/128"]},
        {"port": 9090, "protocol": "tcp", "sources": ["peers"]},
    ]


def answers(ground: Ground, who: str, ports: list[tuple[str, int]] | None = None, family: int = 4) -> set[str]:
    """What somebody is answered on the ports of the swarm; one answer when it is the same on all."""
    return {ground.ask(who, protocol, port, family) for protocol, port in ports or SWARM}


def test_allowed_peers_pass(ground: Ground) -> None:
    ground.run()
    for who in PEERS:
        assert [answers(ground, who, family=family) for family in (4, 6)] == [{OPEN}, {OPEN}]
        assert ground.esp_arrives(who)


def test_strangers_are_refused(ground: Ground) -> None:
    before = {family: ground.ask(STRANGER, "tcp", 22, family) for family in (4, 6)}
    ground.run()
    assert [answers(ground, STRANGER, family=family) for family in (4, 6)] == [{REFUSED}, {REFUSED}]
    assert {family: ground.ask(STRANGER, "tcp", 22, family) for family in (4, 6)} == before == {4: OPEN, 6: OPEN}


def test_esp_of_strangers_is_left_to_the_rest(ground: Ground) -> None:
    ground.run()
    assert ground.esp_arrives(STRANGER) == ground.opens_the_rest


def test_the_host_reaches_itself(ground: Ground) -> None:
    ground.run(peers=[ground.address(PEERS[0])], published=published(ground))
    assert answers(ground, ITSELF, [*SWARM, ("tcp", 9090)]) == {OPEN}


def test_a_worker_is_not_reached_on_2377(ground: Ground) -> None:
    ground.run(role="worker")
    assert ground.ask(PEERS[0], "tcp", 2377) == REFUSED
    assert answers(ground, PEERS[0], SWARM[1:]) == {OPEN}


def test_without_guard_strangers_are_left_to_the_rest(ground: Ground) -> None:
    before = answers(ground, STRANGER)
    ground.run(guard=False)
    assert answers(ground, PEERS[0]) == {OPEN}
    assert answers(ground, STRANGER) == before


def test_the_second_run_changes_nothing(ground: Ground) -> None:
    planned = ground.run(checking=True, published=published(ground), persistent=True)
    untouched = ground.ruleset()
    first = ground.run(published=published(ground), persistent=True)
    assert planned.changed
    assert planned.says == first.says
    assert untouched != ground.ruleset()
    made = ground.ruleset()
    again = ground.run(published=published(ground), persistent=True)
    assert (again.changed, again.says) == (False, ())
    assert ground.ruleset() == made


def test_damage_is_seen_and_mended(ground: Ground) -> None:
    ground.run(published=published(ground))
    whole = ground.ruleset()
    for name in ground.damages():
        ground.damage(name)
        assert ground.ruleset() != whole, name
        assert ground.run(published=published(ground)).changed, name
        assert (answers(ground, PEERS[0]), answers(ground, STRANGER, SWARM[:2])) == ({OPEN}, {REFUSED}), name
        assert not ground.run(published=published(ground)).changed, name


def test_a_peer_that_leaves_loses_access(ground: Ground) -> None:
    ground.run()
    left = ground.run(peers=[ground.address(PEERS[0])])
    assert any("no longer let in" in sentence for sentence in left.says)
    assert answers(ground, PEERS[0]) == {OPEN}
    assert answers(ground, PEERS[1]) == {REFUSED}


def test_a_peer_that_comes_is_let_in(ground: Ground) -> None:
    ground.run(peers=[ground.address(PEERS[0])])
    assert answers(ground, PEERS[1]) == {REFUSED}
    ground.run()
    assert answers(ground, PEERS[1]) == {OPEN}


def test_no_moment_is_without_rules(ground: Ground) -> None:
    ground.run()
    asked: dict[str, list[str]] = {PEERS[0]: [], STRANGER: []}
    ended = threading.Event()
    watched = 0

    def watch(who: str) -> None:
        while not ended.is_set():
            # nobody sends a packet again that was dropped, so the answer of a slow host comes late, and that of a firewall never
            asked[who].append(ground.ask(who, "udp", 7946, patience=20))

    watchers = [threading.Thread(target=watch, args=(who,)) for who in asked]
    for each in watchers:
        each.start()
    try:
        # as many changes as it takes until each has asked often enough to have been there in the middle of some of them
        for peers in (1, 2) * 30:
            heard = len(asked[PEERS[0]])
            assert ground.run(peers=[ground.address(who) for who in PEERS[:peers]]).changed
            watched += len(asked[PEERS[0]]) > heard
            if watched >= 10 and min(len(said) for said in asked.values()) > 50:
                break
    finally:
        ended.set()
        for each in watchers:
            each.join()
    assert set(asked[PEERS[0]]) == {OPEN}
    assert OPEN not in asked[STRANGER], "refused, or silent where the kernel has answered too many already"
    assert watched >= 10 and min(len(said) for said in asked.values()) > 50


def test_rules_of_others_survive(ground: Ground) -> None:
    before = ground.ruleset()
    ground.add_foreign_rules()
    foreign = ground.ruleset()
    assert foreign != before
    ground.run(published=published(ground))
    ground.run(role="worker", peers=[ground.address(PEERS[0])], encrypted=False)
    assert not missing_lines(foreign, ground.ruleset())
    ground.run(state="absent")
    ground.settle()
    assert ground.ruleset() == foreign


def missing_lines(before: str, after: str) -> list[str]:
    """Lines that were there and are not any more."""
    left = after.splitlines()
    missing = []
    for line in before.splitlines():
        if line in left:
            left.remove(line)
        else:
            missing.append(line)
    return missing


def test_absent_removes_exactly_ours(ground: Ground) -> None:
    before = ground.ruleset()
    ground.run(published=published(ground), persistent=True)
    assert ground.run(state="absent").changed
    ground.settle()
    assert ground.ruleset() == before
    assert not ground.run(state="absent").changed


def test_B3_a_published_port_is_reached_from_its_sources_only(ground: Ground) -> None:
    reached = {port: ground.ask(STRANGER, "tcp", port) for port in (8080, 9090)}
    assert reached == {8080: OPEN, 9090: OPEN}
    done = ground.run(published=published(ground))
    assert any("refuse 8080/tcp and 9090/tcp to others" in sentence for sentence in done.says)
    assert {who: ground.ask(who, "tcp", 8080) for who in (*PEERS, STRANGER)} == {"first": OPEN, "second": SILENT, "stranger": SILENT}
    assert {who: ground.ask(who, "tcp", 9090) for who in (*PEERS, STRANGER)} == {"first": OPEN, "second": OPEN, "stranger": SILENT}
    assert {who: ground.ask(who, "tcp", 9090, 6) for who in (PEERS[0], STRANGER)} == {"first": OPEN, "stranger": SILENT}
    assert ground.ask(STRANGER, "tcp", 22) == OPEN
    ground.run(published=[{"port": 8080, "protocol": "tcp", "sources": []}])
    assert {who: ground.ask(who, "tcp", 8080) for who in (*PEERS, STRANGER)} == dict.fromkeys((*PEERS, STRANGER), SILENT)
    assert ground.ask(STRANGER, "tcp", 9090) == OPEN
    ground.run(published=[{"port": 8080, "protocol": "tcp", "sources": ["0.0.0.0/0", "10.0.0.0/8", "::/0"]}])
    assert ground.ask(STRANGER, "tcp", 8080) == OPEN
    ground.run()
    assert ground.ask(STRANGER, "tcp", 8080) == OPEN


def test_B4_without_a_confirmation_the_host_goes_back(ground: Ground) -> None:
    ground.run(role="worker", peers=[ground.address(PEERS[0])], encrypted=False, published=published(ground))
    before = ground.ruleset()
    done = ground.run(published=published(ground)[1:], confirm_within=1)
    assert any("unless a new connection confirms" in sentence for sentence in done.says)
    ground.goes_back()
    assert ground.ruleset() == before
    assert answers(ground, PEERS[1], SWARM[:2]) == {REFUSED}
    assert not ground.run(role="worker", peers=[ground.address(PEERS[0])], encrypted=False, published=published(ground)).changed


def test_the_firewall_reloaded_keeps_ours(ground: Ground) -> None:
    ground.run(published=published(ground), persistent=True)
    made = ground.ruleset()
    ground.reload()
    assert ground.ruleset() == made
    assert (answers(ground, PEERS[0]), answers(ground, STRANGER)) == ({OPEN}, {REFUSED})
    assert {who: ground.ask(who, "tcp", 8080) for who in (PEERS[0], STRANGER)} == {"first": OPEN, "stranger": SILENT}
    assert not ground.run(published=published(ground), persistent=True).changed


def test_the_rules_come_back_at_boot(ground: Ground) -> None:
    ground.run(published=published(ground), persistent=True)
    made = ground.ruleset()
    ground.reboot()
    assert ground.ruleset() == made
    assert not ground.run(published=published(ground), persistent=True).changed
    assert (answers(ground, PEERS[0]), answers(ground, STRANGER)) == ({OPEN}, {REFUSED})
    ground.run(state="absent")
    ground.settle()
    bare = ground.ruleset()
    ground.reboot()
    assert ground.ruleset() == bare


def test_what_is_not_persistent_does_not_come_back(ground: Ground) -> None:
    ground.run(persistent=True)
    bare_says = ground.run(persistent=False).says
    assert bare_says == ("have nothing of ours come back at boot",)
    ground.reboot()
    assert ground.ask(PEERS[0], "tcp", 2377) in ((OPEN,) if ground.opens_the_rest else (REFUSED, SILENT, CLOSED))
    assert ground.run(persistent=False).changed


def test_an_invalid_option_touches_nothing(ground: Ground) -> None:
    before = ground.ruleset()
    with pytest.raises(SwarmError, match="peers"):
        ground.run(peers=["10.99.0.0/24"])
    assert ground.ruleset() == before
