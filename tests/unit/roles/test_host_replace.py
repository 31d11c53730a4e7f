# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the role host replaces docker_gwbridge on a member: its own tasks, with modules that only write down what they were asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Play = Callable[..., tuple[list[str], str]]
TASKS = [{"ansible.builtin.import_tasks": str(Path(__file__).resolve().parents[3] / "roles" / "host" / "tasks" / "replace.yml")}]


def member(role: str) -> dict[str, Any]:
    membership = {"node_id": "n1", "role": role, "live_manager": True}
    return {"live_manager_info": {"membership": membership, "nodes": [{"id": "n1", "availability": "active"}]}, "host_gwbridge_wanted": {}}


@pytest.mark.parametrize(
    ("role", "key", "asked"),
    [
        ("manager", "SWMKEY-1-secret", ["cluster_info unlock_key", "gwbridge", "membership manager", "cluster_info nodes"]),
        ("manager", "", ["cluster_info unlock_key", "gwbridge", "cluster_info nodes"]),
        ("worker", "SWMKEY-1-secret", ["gwbridge", "cluster_info nodes"]),
    ],
)
def test_a_locked_manager_is_unlocked_after_the_restart(play: Play, role: str, key: str, asked: list[str]) -> None:
    reachability = "reachable" if role == "manager" else ""
    answer = {"unlock_key": key, "nodes": [{"id": "n1", "state": "ready", "reachability": reachability}]}
    variables = {"host_member": "one", "live_manager_host": "one", "host_services_whole": [], "host_wait_timeout": 3}
    done, said = play(TASKS, answer, {"one": member(role)}, **variables)
    assert [line.strip() for line in done] == ["nodes", *asked, "nodes"], said
    assert "SWMKEY" not in said
