# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about how many managers there are, and where."""

from __future__ import annotations

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.quorum import spread


@pytest.mark.parametrize("zones", ["", "a", "abc", "aabbc", "aabbccd", ["", "", ""], ["a", "a", ""]])
def test_well_spread_managers_and_unknown_zones_are_not_warned_of(zones: str) -> None:
    assert spread(list(zones)) == ()


@pytest.mark.parametrize(
    ("zones", "warnings"),
    [
        (["", ""], ("2 managers tolerate the loss of 0, as 1 would: an odd number is better",)),
        ("aab", ("2 of 3 managers are in zone a: without it 1 would be left, and a majority is 2",)),
        ("aaabc", ("3 of 5 managers are in zone a: without it 2 would be left, and a majority is 3",)),
        (
            "aabb",
            (
                "4 managers tolerate the loss of 1, as 3 would: an odd number is better",
                "2 of 4 managers are in zone a: without it 2 would be left, and a majority is 3",
                "2 of 4 managers are in zone b: without it 2 would be left, and a majority is 3",
            ),
        ),
        ("abcdeabcd", ("9 managers are more than 7: every change of the swarm waits for 5 of them",)),
    ],
)
def test_managers_that_are_badly_counted_or_spread_are_warned_of(zones: str, warnings: tuple[str, ...]) -> None:
    assert spread(list(zones)) == warnings
