# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plans of a backup and of a restore: what they refuse, and in which order they go."""

from __future__ import annotations

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.archive import Manifest, Member
from ansible_collections.meshwork.swarm.plugins.module_utils._model.membership import Membership
from ansible_collections.meshwork.swarm.plugins.module_utils._model.node import read_node
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.state import Held, Target, WantedState, plan_backup, plan_restore

LIVE = Membership("active", "n1", "10.0.0.11", "c1", control=True)


def nodes(*states: str) -> tuple[object, ...]:
    """Managers n1, n2 ... that are "leader", "reachable" or "unreachable"."""
    return tuple(
        read_node(
            {
                "ID": f"n{number}",
                "Version": {"Index": 1},
                "Spec": {"Role": "manager", "Availability": "active"},
                "ManagerStatus": {"Reachability": "unreachable" if state == "unreachable" else "reachable", "Leader": state == "leader"},
            }
        )
        for number, state in enumerate(states, 1)
    )


def manifest(autolock: bool = False, managers: int = 1) -> Manifest:
    members = tuple(Member(f"n{number}", f"node{number}", "manager", f"10.0.0.1{number}") for number in range(1, managers + 1))
    return Manifest("c1", "n1", "node1", "10.0.0.11", "20.10.24", autolock, "2026-11-20T15:28:42Z", members)


@pytest.mark.parametrize(
    ("states", "refusal"),
    [
        (["reachable", "leader", "reachable"], ""),
        (["reachable", "leader", "unreachable"], "the majority would be lost: 1 of 3 managers reachable, a majority is 2"),
        (["reachable", "leader"], "the majority would be lost: 1 of 2 managers reachable, a majority is 2"),
        (["leader"], "it is the only manager"),
        (["reachable", "leader", "reachable", "reachable", "unreachable"], ""),
    ],
)
def test_a_backup_never_takes_the_majority_unasked(states: list[str], refusal: str) -> None:
    held = Held(LIVE, manifest(), nodes(*states))  # type: ignore[arg-type]
    plan = plan_backup("/root/a", False, held)
    assert (refusal in plan.blockers[0].reason) if refusal else not plan.blockers
    assert not plan_backup("/root/a", True, held).blockers
    assert [step.action for step in plan.steps] == ["stop", "archive", "start"]


def test_a_backup_of_a_locked_swarm_unlocks_its_manager_and_an_unlocked_one_warns() -> None:
    three = nodes("reachable", "leader", "reachable")
    locked = plan_backup("/root/a", False, Held(LIVE, manifest(True), three))  # type: ignore[arg-type]
    assert [step.action for step in locked.steps] == ["stop", "archive", "start", "unlock"]
    assert not locked.warnings
    assert "autolock is off" in plan_backup("/root/a", False, Held(LIVE, manifest(), three)).warnings[0]  # type: ignore[arg-type]


def test_a_worker_has_nothing_to_back_up() -> None:
    assert plan_backup("/root/a", True, Held(Membership("active", "n9"))).blockers


@pytest.mark.parametrize(
    ("wanted", "target", "actions", "refusal"),
    [
        (WantedState("/a"), Target(Membership(), manifest(), "/s"), ["stop", "put_back", "start"], ""),
        (WantedState("/a"), Target(LIVE, manifest(), "/s", True), [], ""),
        (WantedState("/a"), Target(Membership(), manifest(), "/s", True), None, "/s is not empty"),
        (WantedState("/a"), Target(Membership("active", "n7"), manifest(), "/s", True), None, "is in a swarm (state active, node n7)"),
        (
            WantedState("/a", replace=True),
            Target(Membership("active", "n7"), manifest(), "/s", True),
            ["stop", "set_aside", "put_back", "start"],
            "",
        ),
        (WantedState("/a"), Target(Membership(), manifest(True), "/s"), None, "of no use without the unlock key"),
        (WantedState("/a", unlock_key="k"), Target(Membership(), manifest(True), "/s"), ["stop", "put_back", "start"], ""),
    ],
)
def test_a_restore_takes_nobodys_place_unasked(wanted: WantedState, target: Target, actions: list[str] | None, refusal: str) -> None:
    plan = plan_restore(wanted, target, "before")
    assert [blocker.reason for blocker in plan.blockers if refusal not in blocker.reason] == []
    assert bool(plan.blockers) == bool(refusal)
    if actions is not None:
        assert [step.action for step in plan.steps] == actions
        assert plan_restore(wanted, plan.after, "before").steps == ()
