# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What answers come to: each kind of question with an answer that is right and with all that are not."""

from __future__ import annotations

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.judgement import (
    ANSWERED,
    CONNECTED,
    REFUSED,
    SILENT,
    TIMED_OUT,
    ConnectAnswer,
    EchoAnswer,
    name_verdict,
    path_verdict,
    port_verdict,
    vip_verdict,
)
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.proof import (
    NameQuestion,
    PathQuestion,
    PortQuestion,
    Vantage,
    VipQuestion,
)

HERE = Vantage("api.1 on node1", container_id="0123")
NAME = NameQuestion(HERE, "backend", "tasks.web", (frozenset({"10.0.1.9", "10.0.1.10"}), frozenset({"10.0.2.3"})))
VIP = VipQuestion(HERE, "backend", "id", "web", "10.0.1.2", 8080, (("10.0.1.9", "web.1 on node1"), ("10.0.1.10", "web.2 on node2")), 4)
PATH = PathQuestion(HERE, "backend", "web.2", "node2", "10.0.1.10")
US = [("10.0.1.7", 40000 + each) for each in range(4)]


@pytest.mark.parametrize("found", [{"10.0.1.9", "10.0.1.10"}, {"10.0.2.3"}])
def test_a_name_gives_all_addresses_of_one_network(found: set[str]) -> None:
    assert name_verdict(NAME, frozenset(found), "").ok


@pytest.mark.parametrize(
    ("found", "error", "told"),
    [
        (set(), "NXDOMAIN", "found NXDOMAIN"),
        (set(), "", "found no address"),
        ({"10.0.1.9"}, "", "found 10.0.1.9:"),
        ({"10.0.1.9", "10.0.1.10", "10.0.1.11"}, "", "found 10.0.1.9, 10.0.1.10, 10.0.1.11"),
        ({"10.0.1.9", "10.0.1.10", "10.0.2.3"}, "", "found 10.0.1.9, 10.0.1.10, 10.0.2.3"),
    ],
)
def test_a_name_gives_nothing_else(found: set[str], error: str, told: str) -> None:
    verdict = name_verdict(NAME, frozenset(found), error)
    assert not verdict.ok
    assert "tasks.web asked from api.1 on node1 on network backend: expected 10.0.1.9, 10.0.1.10 or 10.0.2.3" in verdict.detail
    assert told in verdict.detail


def went(*backends: str) -> dict[tuple[str, int], str]:
    return dict(zip(US, backends, strict=False))


ALL = [ConnectAnswer(CONNECTED, local) for local in US]


def test_a_vip_is_answered_by_all_tasks_in_turn() -> None:
    verdict = vip_verdict(VIP, ALL, went("10.0.1.9", "10.0.1.10", "10.0.1.9", "10.0.1.10"))
    assert (verdict.ok, verdict.detail) == (True, "10.0.1.10 x2, 10.0.1.9 x2")


def test_a_vip_is_believed_where_the_backends_cannot_be_seen() -> None:
    verdict = vip_verdict(VIP, ALL, {})
    assert (verdict.ok, verdict.detail) == (True, "the backends cannot be seen here")


def test_a_vip_whose_connections_fail_names_the_tasks() -> None:
    answers = [*ALL[:2], ConnectAnswer(TIMED_OUT, US[2]), ConnectAnswer(TIMED_OUT, US[3])]
    verdict = vip_verdict(VIP, answers, went("10.0.1.9", "10.0.1.9", "10.0.1.10", "10.0.1.10"))
    assert not verdict.ok
    assert "2 of 4 connections failed (2 timed out), to web.2 on node2 (10.0.1.10): packets to these tasks" in verdict.detail


def test_a_vip_that_refuses_asks_for_the_port() -> None:
    verdict = vip_verdict(VIP, [ConnectAnswer(REFUSED, local) for local in US], {})
    assert not verdict.ok
    assert verdict.detail.endswith("do its tasks listen on 8080/tcp?")


@pytest.mark.parametrize(
    ("backends", "told"),
    [
        (("10.0.1.9", "10.0.1.66", "10.0.1.9", "10.0.1.10"), "went to 10.0.1.66, where no task runs"),
        (("10.0.1.9", "10.0.1.9", "10.0.1.9", "10.0.1.9"), "all 4 connections went to 10.0.1.9 x4"),
    ],
)
def test_a_vip_with_wrong_backends_fails(backends: tuple[str, ...], told: str) -> None:
    verdict = vip_verdict(VIP, ALL, went(*backends))
    assert not verdict.ok
    assert told in verdict.detail


@pytest.mark.parametrize(
    ("opens", "outcome", "ok"),
    [
        (True, ANSWERED, True),
        (True, SILENT, False),
        (True, REFUSED, False),
        (True, TIMED_OUT, False),
        (False, REFUSED, True),
        (False, TIMED_OUT, True),
        (False, CONNECTED, False),
    ],
)
def test_ports_answer_where_they_should_and_nowhere_else(opens: bool, outcome: str, ok: bool) -> None:
    question = PortQuestion("host_mode", "web:80/tcp", "node2", "10.97.0.12", 80, opens)
    verdict = port_verdict(question, "node1", ConnectAnswer(outcome))
    assert verdict.ok is ok
    assert ok or verdict.detail.startswith("web:80/tcp at node2 (10.97.0.12) from node1: ")


def test_a_path_passes_small_and_full_size() -> None:
    verdict = path_verdict(PATH, EchoAnswer(True, 84, 1), EchoAnswer(True, 1424, 1), "10.97.0.12")
    assert (verdict.ok, verdict.detail) == (True, "84 bytes answered, 1424 bytes answered")


@pytest.mark.parametrize(
    ("small", "full", "vtep", "told"),
    [
        (False, False, "", "knows no VTEP"),
        (False, False, "10.97.0.12", "packets for VTEP 10.97.0.12 or the answers are lost"),
        (True, False, "10.97.0.12", "1424 bytes: Message too long: the MTU of the network is larger than what passes to VTEP 10.97.0.12"),
    ],
)
def test_a_path_that_fails_says_how_far_it_goes(small: bool, full: bool, vtep: str, told: str) -> None:
    verdict = path_verdict(PATH, EchoAnswer(small, 84, 1), EchoAnswer(full, 1424, 1, "Message too long"), vtep)
    assert not verdict.ok
    assert told in verdict.detail
