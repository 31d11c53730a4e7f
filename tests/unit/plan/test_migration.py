# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way over a parallel network: in no stage a service leaves a network on which a caller would still ask for it.

The judge here knows only how containers resolve names (docs/engine-facts.md), not how the planner came to its order.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.migration import (
    CREATE,
    END,
    GONE,
    JOIN,
    LEAVE,
    NEW,
    OLD,
    PART,
    REMOVE,
    RESTORE,
    Action,
    Place,
    Stage,
    done,
    following,
    parallel_name,
    way,
)
from hypothesis import given
from hypothesis import strategies as st

NETWORK = "back"
PARALLEL = parallel_name(NETWORK)
services = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5, unique=True)


def places(names: list[str], fits: bool = True, dnsrr: str = "") -> tuple[Place, ...]:
    return tuple(Place(name, here=True, fits=fits, vip=name not in dnsrr) for name in names)


def networks(place: Place) -> set[str]:
    """The names of the networks that a task of this place has."""
    return ({NETWORK} if place.here else set()) | ({PARALLEL} if place.beside else set())


def asks(caller: Place, called: Place) -> str:
    """Where a caller finds a service: the hosts file first, else the first of its networks, by name, that knows the name."""
    if called.name in caller.knows:
        return NETWORK
    return min(networks(caller) & networks(called))


def unanswered(before: Stage, after: Stage) -> list[str]:
    """The callers that meet an address without tasks while one service goes from one place to the next.

    Until its last old task has gone the name leads where it led before, and the old tasks take nothing new once they are told to stop.
    """
    found = []
    moved = {place.name: place for place in after.places}
    for old in before.places:
        new = moved[old.name]
        if networks(new) == networks(old):
            continue
        for caller in before.places:
            if caller.name == old.name:
                continue
            if not networks(caller) & networks(new):
                found.append(f"{caller.name} shares no network with the new tasks of {old.name}")
            elif old.vip and asks(caller, old) not in networks(new):
                found.append(f"{caller.name} asks {asks(caller, old)} for {old.name}, which leaves it")
    for caller in after.places:
        found += [f"{caller.name} has an address of {each}, which is not there" for each in caller.knows if not moved[each].here]
    return found


def walk(stage: Stage) -> list[tuple[Stage, Action]]:
    """The way to its end; fails when it has none."""
    steps = []
    for each in way(stage):
        steps.append(each)
        assert len(steps) < 100, "it goes on for ever"
    return steps


def end(stage: Stage) -> Stage:
    for here, action in walk(stage):
        stage = done(here, action)
    return stage


@given(services, st.booleans())
def test_every_caller_finds_an_answer_in_every_stage(names: list[str], fits: bool) -> None:
    for stage, action in walk(Stage(OLD, False, places(names, fits))):
        assert unanswered(stage, done(stage, action)) == [], f"{action} in {stage}"


@given(services, st.sets(st.sampled_from("abcdef")))
def test_services_without_a_virtual_ip_go_along(names: list[str], dnsrr: set[str]) -> None:
    for stage, action in walk(Stage(OLD, False, places(names, dnsrr="".join(dnsrr)))):
        assert unanswered(stage, done(stage, action)) == [], f"{action} in {stage}"


@given(services, st.data())
def test_an_interruption_anywhere_leads_to_the_same_end(names: list[str], data: st.DataObject) -> None:
    stage = Stage(OLD, False, places(names, fits=False))
    steps = walk(stage)
    cut = data.draw(st.integers(0, len(steps) - 1))
    assert end(steps[cut][0]) == end(stage) == Stage(NEW, False, places(names, fits=False))


@given(services, st.data())
def test_every_stage_that_anybody_could_leave_behind_has_an_end(names: list[str], data: st.DataObject) -> None:
    """Also those to which no run of ours leads, such as services that came in the middle."""
    parallel = data.draw(st.booleans())
    network = data.draw(st.sampled_from([OLD, GONE, NEW]))
    spots = data.draw(st.lists(st.sampled_from([(True, False), (True, True), (False, True)]), min_size=len(names), max_size=len(names)))
    there = [
        Place(name, here=here and network != GONE, beside=parallel and (beside or network == GONE))
        for name, (here, beside) in zip(names, spots, strict=True)
    ]
    last = end(Stage(network, parallel, tuple(there)))
    assert (last.network, last.parallel, any(place.beside for place in last.places)) == (NEW, False, False)


def test_two_services_take_eight_updates() -> None:
    actions = [action for _stage, action in walk(Stage(OLD, False, places(["a", "b"])))]
    assert actions == [
        Action(PART),
        *(Action(kind, service) for kind in (JOIN, LEAVE) for service in "ab"),
        Action(REMOVE),
        Action(CREATE),
        *(Action(kind, service) for kind in (JOIN, LEAVE) for service in "ab"),
        Action(END),
    ]


def test_an_unused_network_needs_no_parallel_one() -> None:
    assert [action for _stage, action in walk(Stage(OLD, False))] == [Action(REMOVE), Action(CREATE)]


def test_update_settings_are_given_back_before_the_journal_goes() -> None:
    actions = [action.kind for _stage, action in walk(Stage(OLD, False, places(["a"], fits=False)))]
    assert actions[-2:] == [RESTORE, END]


@pytest.mark.parametrize("name", ["back", "0", "00", "0-a", "0--", "A", parallel_name("back")])
def test_the_parallel_network_is_asked_first(name: str) -> None:
    parallel = parallel_name(name)
    assert name in parallel and parallel != name
    assert parallel < name or not set(name[1:]) - {"-"}, "only 0 and what follows it at once sorts before every other name"


def test_the_judge_sees_a_service_that_leaves_too_early() -> None:
    both = tuple(replace(place, beside=True) for place in places(["a", "b"]))
    stage = Stage(NEW, True, both)
    assert unanswered(stage, done(stage, Action(LEAVE, "a"))) == [f"b asks {PARALLEL} for a, which leaves it"]
    assert following(replace(stage, places=(both[0], replace(both[1], knows=frozenset("a"))))) == Action(LEAVE, "a")
