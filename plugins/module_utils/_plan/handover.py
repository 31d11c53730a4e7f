# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which order services are changed that hand published ports on: the swarm refuses a port that another service has still."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .._model.item import Item
from .._model.publish import with_chosen
from .plan import Blocker, Step

Ports = Mapping[tuple[int, str], str]
"""The mode of each published port, by number and protocol."""


def in_turn(updates: Sequence[Step], before: Mapping[str, Item], after: Mapping[str, Item], stage: int) -> tuple[list[Step], list[Blocker]]:
    """The updates in waves, of which each is a stage of its own, from `stage` on: who takes a port comes after who gives it up.

    Ports that change hands all round have no such order, and are refused.
    """
    steps = {step.item.partition(" ")[2]: step for step in updates}
    held = {name: _ports(before[name]) for name in steps}
    wanted = {name: _ports(after[name]) for name in steps}
    left = {
        name: {other for other in steps if other != name and _hands_on(held[other], wanted[other], held[name], wanted[name])}
        for name in steps
    }
    waves: list[Step] = []
    while left:
        free = [name for name, others in left.items() if not others & set(left)]
        if not free:
            return list(updates), [_refusal(left)]
        waves += [replace(steps[name], stage=stage) for name in free]
        left = {name: others for name, others in left.items() if name not in free}
        stage += 1
    return waves, []


def _ports(item: Item) -> Ports:
    return {
        (port.published, port.protocol): port.mode
        for port in with_chosen(item.values.get("publish") or (), item.document)
        if port.published
    }


def _hands_on(held: Ports, kept: Ports, there: Ports, wanted: Ports) -> bool:
    """Whether one service gives a port up (it holds and keeps these) that another, which has `there`, wants."""
    return any(
        port in wanted and port not in there and "ingress" in (mode, wanted[port]) for port, mode in held.items() if port not in kept
    )


def _refusal(left: Mapping[str, set[str]]) -> Blocker:
    """Of those that wait for each other; who only waits for them is left out."""
    names = set(left)
    while True:
        awaited = {other for name in names for other in left[name] & names}
        if awaited == names:
            break
        names = awaited
    return Blocker(
        f"services {', '.join(sorted(names))}",
        "each is to have a port that another of them has still, and the swarm refuses whichever is changed first",
        "publish one of them on another port first, or not at all, and then as it is to be in a second run",
    )
