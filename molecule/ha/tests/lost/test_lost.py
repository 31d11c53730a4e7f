# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first manager of the inventory has lost its power, and a worker has taken its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from testinfra.host import Host

Listed = Callable[[str], dict[str, tuple[str, str, str]]]


def test_A5_the_dead_manager_is_gone_and_a_worker_is_in_its_place(listed: Listed) -> None:
    seen = listed("node2")
    assert {name for name, row in seen.items() if row[2]} == {"node2", "node3", "node4"}
    assert {name for name, row in seen.items() if not row[2]} == {"node5"}
    assert sum(row[2] == "Leader" for row in seen.values()) == 1


def test_A5_the_services_run_without_the_dead_host(hosts: Mapping[str, Host]) -> None:
    shown = hosts["node2"].check_output(
        "docker service ps --filter desired-state=running --format '{{.Name}} {{.Node}} {{.CurrentState}}' web api"
    )
    rows = [line.split() for line in shown.splitlines()]
    assert sorted(row[0] for row in rows) == ["api.1", "api.2", "web.1", "web.2"]
    assert all(row[1] != "node1" and row[2] == "Running" for row in rows)
