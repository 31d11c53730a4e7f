# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What frames on the underlay prove, and what they betray."""

from __future__ import annotations

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.judgement import Seen
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.proof import WireQuestion
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.verdict import Verdict
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.wire import Peer, Recording, loss, wire_verdicts

Frames = dict[Seen, int]
US, PEER, STRANGER = "10.97.0.11", "10.97.0.12", "10.97.0.99"
SECRET = WireQuestion("backend", "id", True, frozenset({4097, 4100}), (("node2", "10.20.1.4"),))
PLAIN = WireQuestion("frontend", "id", False, frozenset({4098}), (("node2", "10.20.2.4"),))


def out(vni: int | None, to: str = PEER) -> Seen:
    return Seen(True, US, to, vni)


def came(vni: int | None, of: str = PEER) -> Seen:
    return Seen(False, of, US, vni)


def judged(
    question: WireQuestion, frames: Frames, answered: int = 2, vtep: str = PEER, lost: int = 0, early: bool = False
) -> list[Verdict]:
    return wire_verdicts(question, [Peer("node2", vtep, answered)], Recording(frames, lost, early), "node1")


HEALTHY = {out(None): 12, came(None): 11, out(4098): 8, came(4098): 7}


def test_esp_proves_an_encrypted_network() -> None:
    (verdict,) = judged(SECRET, HEALTHY)
    assert (verdict.ok, verdict.detail) == (True, "ESP 12 out, 11 in, none sent in the clear")
    assert verdict.packets == {"esp_out": 12, "esp_in": 11, "clear_out": 0, "clear_in": 0}


def test_clear_vxlan_proves_that_the_capture_sees_a_plain_network() -> None:
    (verdict,) = judged(PLAIN, HEALTHY)
    assert (verdict.ok, verdict.detail) == (True, "VXLAN of VNI 4098 8 out, 7 in")
    assert verdict.packets == {"esp_out": 0, "esp_in": 0, "clear_out": 8, "clear_in": 7}


def test_what_comes_may_have_been_decrypted_before_the_capture() -> None:
    frames = {out(None): 12, came(4097): 11}
    (verdict,) = judged(SECRET, frames, early=True)
    assert verdict.ok
    assert "11 decrypted before the capture saw them" in verdict.detail
    assert verdict.packets == {"esp_out": 12, "esp_in": 11, "clear_out": 0, "clear_in": 0}
    assert not judged(SECRET, frames)[0].ok


def test_what_leaves_in_the_clear_fails_wherever_it_is_decrypted() -> None:
    assert not judged(SECRET, {**HEALTHY, out(4097): 1}, early=True)[0].ok


@pytest.mark.parametrize(
    ("frames", "answered", "told"),
    [
        ({**HEALTHY, out(4097): 1}, 2, "expected no VXLAN in the clear, found 1 packets of VNI 4097, 4100 (1 out, 0 in): look here"),
        ({**HEALTHY, out(4100): 1}, 2, "found 1 packets of VNI 4097, 4100"),
        ({**HEALTHY, came(4097): 3}, 2, "found 3 packets of VNI 4097, 4100 (0 out, 3 in): look on node2"),
        ({}, 0, "expected ESP, found none that left"),
        ({out(None): 12}, 0, "12 ESP packets left and none came: is IP protocol 50 (ESP) let through"),
        ({out(None): 1, came(None): 1}, 2, "2 echoes were answered over it, but only 1 ESP packets left"),
    ],
)
def test_an_encrypted_network_that_is_not(frames: Frames, answered: int, told: str) -> None:
    (verdict,) = judged(SECRET, frames, answered)
    assert not verdict.ok
    assert verdict.detail.startswith("network backend between node1 and node2 (10.97.0.12): ")
    assert told in verdict.detail


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        ({out(4097): 5, came(4097): 5}, "expected VXLAN of VNI 4098, found none that left"),
        ({out(4098): 5}, "5 VXLAN packets of VNI 4098 left and none came"),
    ],
)
def test_a_plain_network_that_is_not_seen(frames: Frames, told: str) -> None:
    (verdict,) = judged(PLAIN, frames)
    assert not verdict.ok
    assert told in verdict.detail


@pytest.mark.parametrize("question", [SECRET, PLAIN])
def test_a_peer_without_a_vtep_fails(question: WireQuestion) -> None:
    (verdict,) = judged(question, HEALTHY, vtep="")
    assert not verdict.ok
    assert "VTEP unknown" in verdict.detail


def test_an_encrypted_network_in_the_clear_to_somebody_else_is_found() -> None:
    good, bad = judged(SECRET, {**HEALTHY, out(4097, STRANGER): 4})
    assert good.ok
    assert not bad.ok
    assert "4 packets of VNI 4097, 4100 went from node1 to 10.97.0.99 in the clear" in bad.detail


def test_only_a_failure_mentions_lost_frames() -> None:
    assert "came faster" in judged(SECRET, {}, lost=5)[0].detail
    assert "came faster" not in judged(SECRET, HEALTHY, lost=5)[0].detail


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        ({out(None): 6, came(None): 6}, "one of the hosts drops what comes: does its firewall accept IP protocol 50 (ESP)?"),
        ({out(None): 6}, "is IP protocol 50 (ESP) let through between the two"),
        ({out(4097): 6}, "ESP 0 out, 0 in, VXLAN of VNI 4097, 4100 6 out, 0 in"),
    ],
)
def test_the_wire_tells_where_echoes_are_lost(frames: Frames, told: str) -> None:
    assert told in loss(SECRET, PEER, Recording(frames))
