# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lost host is back, and all roles were swapped in one run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from testinfra.host import Host

Listed = Callable[[str], dict[str, tuple[str, str, str]]]
Watched = list[dict[str, Any]]


def test_A5_every_manager_is_a_worker_and_every_worker_a_manager(listed: Listed) -> None:
    seen = listed("node5")
    assert {name for name, row in seen.items() if row[2] in ("Leader", "Reachable")} == {"node1", "node5"}
    assert {name for name, row in seen.items() if not row[2]} == {"node2", "node3", "node4"}
    assert {row[0] for row in seen.values()} == {"Ready"}


def test_A6_the_majority_was_there_all_the_time(watched: Watched) -> None:
    told = [second for second in watched if second["leader"]]
    assert set(told[0]["managers"]) == {"node2", "node3", "node4"} and set(told[-1]["managers"]) == {"node1", "node5"}
    assert not [second for second in told if 2 * len(second["reachable"]) <= len(second["managers"])]
    # between two leaders, and on busy machines, nobody answers for a moment; a majority that is lost does not come back
    pauses = [after["second"] - before["second"] for before, after in itertools.pairwise(told)]
    print(f"watched for {watched[-1]['second']:g} s, {len(told)} answers, longest pause {max(pauses):g} s")
    assert max(pauses) < 15


def test_A5_the_port_of_managers_follows_the_roles(hosts: Mapping[str, Host]) -> None:
    opened = {name for name, host in hosts.items() if "--dport 2377" in host.check_output("iptables -S")}
    assert opened == {"node1", "node5"}
