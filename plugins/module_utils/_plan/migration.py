# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way of services over a parallel network and back onto one of the old name, as a machine that knows the next action in every stage.

Nothing is remembered between two runs: a stage is read from what the swarm has, so that whoever was interrupted goes on from there.

A container asks its networks for a name in one order, non-internal ones before internal ones, then by the network's name, and takes the
first answer. A virtual IP stays in a network's answers until the last task of its service has left that network, while a task that is told
to stop gets no new connections from that moment on. So a service may leave a network only when none of its callers would still ask there:

- On the way out, the parallel network is asked first, by its name, and all services are on it before the first one leaves.
- On the way back, a service that joins gets the addresses, on the new network, of those that have joined before it into its hosts file.
  They leave the parallel network in the same order: whoever might still ask there for a service that leaves has its address already.
- All four passes have one order, so that a caller which asks once, when it starts, has never an address that goes before the caller does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

OLD, GONE, NEW = "old", "gone", "new"
PART, JOIN, LEAVE, REMOVE, CREATE, RESTORE, END = "part", "join", "leave", "remove", "create", "restore", "end"


@dataclass(frozen=True)
class Place:
    """Where one service stands: on the network that is replaced, or on its successor (`here`), on the parallel one (`beside`).

    `knows` are the services whose addresses on the successor are in its hosts file. `fits` says that its own update settings serve for
    the move; otherwise they are put `aside` for as long as it lasts. `vip` is false where the name gives the addresses of tasks (dnsrr).
    """

    name: str
    here: bool
    beside: bool = False
    knows: frozenset[str] = field(default_factory=frozenset)
    aside: bool = False
    fits: bool = True
    vip: bool = True


@dataclass(frozen=True)
class Stage:
    """How far a replacement is: the network old, gone or new; whether the parallel one is there; the services in their order."""

    network: str
    parallel: bool
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Action:
    """The next thing to do, with the service that moves."""

    kind: str
    service: str = ""


def following(stage: Stage) -> Action | None:
    """The next action; None when the replacement has ended."""
    if stage.network == OLD:
        return _way_out(stage)
    if stage.network == GONE:
        return Action(CREATE)
    return _way_back(stage)


def _way_out(stage: Stage) -> Action:
    staying = [place for place in stage.places if place.here]
    if not staying:
        return Action(REMOVE)
    if not stage.parallel:
        return Action(PART)
    joining = [place for place in staying if not place.beside]
    return Action(JOIN, joining[0].name) if joining else Action(LEAVE, staying[0].name)


def _way_back(stage: Stage) -> Action | None:
    beside = [place for place in stage.places if place.beside]
    joining = [place for place in beside if not place.here]
    if joining:
        return Action(JOIN, joining[0].name)
    if beside:
        return Action(LEAVE, _free_to_leave(beside).name)
    aside = [place for place in stage.places if place.aside]
    if aside:
        return Action(RESTORE, aside[0].name)
    return Action(END) if stage.parallel else None


def _free_to_leave(beside: list[Place]) -> Place:
    """The first service that none of the others would still ask for on the parallel network; the first one where there is none such."""
    for place in beside:
        if not place.vip or all(place.name in other.knows for other in beside if other is not place):
            return place
    return beside[0]


def done(stage: Stage, action: Action) -> Stage:
    """The stage that an action leads to."""
    if action.kind in (JOIN, LEAVE, RESTORE):
        places = tuple(_moved(place, action.kind, stage) if place.name == action.service else place for place in stage.places)
        return replace(stage, places=places)
    changes = {PART: {"parallel": True}, END: {"parallel": False}, REMOVE: {"network": GONE}, CREATE: {"network": NEW}}
    return replace(stage, **changes[action.kind])  # type: ignore[arg-type]


def _moved(place: Place, kind: str, stage: Stage) -> Place:
    if kind == RESTORE:
        return replace(place, aside=False)
    if stage.network == OLD:
        return replace(place, beside=True, aside=place.aside or not place.fits) if kind == JOIN else replace(place, here=False)
    if kind == LEAVE:
        return replace(place, beside=False, knows=frozenset())
    known = frozenset(other.name for other in stage.places if other.here and other.vip)
    return replace(place, here=True, knows=known, aside=place.aside or not place.fits)


def way(stage: Stage) -> Iterator[tuple[Stage, Action]]:
    """Every stage from this one on with the action that leaves it."""
    while True:
        action = following(stage)
        if action is None:
            return
        yield stage, action
        stage = done(stage, action)


def parallel_name(name: str) -> str:
    """A name for the parallel network that sorts before `name`, so that containers on both ask there first.

    No name sorts before "0", the least one that the Engine takes; there the hosts files of the way back are all that helps.
    """
    prefix = "0-"
    while not f"{prefix}parallel-to-{name}" < name and len(prefix) <= len(name):
        prefix += "-"
    return f"{prefix}parallel-to-{name}"
