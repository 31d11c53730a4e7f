# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three managers over three zones, and two workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from testinfra.host import Host

Listed = Callable[[str], dict[str, tuple[str, str, str]]]


def test_A2_managers_and_workers_are_what_the_inventory_says(listed: Listed) -> None:
    seen = listed("node1")
    assert {name: state for name, (state, _available, _manages) in seen.items()} == dict.fromkeys(seen, "Ready")
    assert sorted(manages for _state, _available, manages in seen.values()) == ["", "", "Leader", "Reachable", "Reachable"]
    assert {name for name, row in seen.items() if row[2]} == {"node1", "node2", "node3"}


def test_A6_the_managers_are_spread_over_the_zones(hosts: Mapping[str, Host]) -> None:
    shown = "docker node inspect --format '{{.Description.Hostname}} {{.Spec.Labels.zone}}' $(docker node ls -q --filter role=manager)"
    zones = dict(line.split() for line in hosts["node1"].check_output(shown).splitlines())
    assert zones == {"node1": "a", "node2": "b", "node3": "c"}
