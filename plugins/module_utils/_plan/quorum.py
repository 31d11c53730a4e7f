# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Raft arithmetic: how many managers have to be reachable."""

from __future__ import annotations


def majority(managers: int) -> int:
    """How many of N managers have to agree: N/2 + 1."""
    return managers // 2 + 1


def tolerance(managers: int) -> int:
    """How many of N managers may fail: (N - 1) / 2."""
    return max(managers - 1, 0) // 2


def arithmetic(managers: int, reachable: int) -> str:
    """The sum in words, for messages."""
    return f"{reachable} of {managers} managers reachable, a majority is {majority(managers)}"
