# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Raft arithmetic: how many managers have to be reachable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

MANY = 7


def majority(managers: int) -> int:
    """How many of N managers have to agree: N/2 + 1."""
    return managers // 2 + 1


def tolerance(managers: int) -> int:
    """How many of N managers may fail: (N - 1) / 2."""
    return max(managers - 1, 0) // 2


def arithmetic(managers: int, reachable: int) -> str:
    """The sum in words, for messages."""
    return f"{reachable} of {managers} managers reachable, a majority is {majority(managers)}"


def spread(zones: Sequence[str]) -> tuple[str, ...]:
    """What is unwise about the managers, as warnings. `zones` has one entry a manager, empty where its zone is not known.

    An even number tolerates no more than the odd one below it. Beyond seven, every write waits for more hosts and nothing is gained that an
    operator could use. A zone that holds too many managers takes the majority with it; that is only told where all zones are known.
    """
    managers = len(zones)
    told = []
    if managers and managers % 2 == 0:
        told.append(f"{managers} managers tolerate the loss of {tolerance(managers)}, as {managers - 1} would: an odd number is better")
    if managers > MANY:
        told.append(f"{managers} managers are more than {MANY}: every change of the swarm waits for {majority(managers)} of them")
    if managers > 1 and all(zones):
        heavy = [zone for zone, count in sorted(Counter(zones).items()) if managers - count < majority(managers)]
        for zone in heavy:
            there = zones.count(zone)
            told.append(
                f"{there} of {managers} managers are in zone {zone}: without it {managers - there} would be left, and a majority is "
                f"{majority(managers)}"
            )
    return tuple(told)
