# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the role firewall restarts Docker on a member: its own tasks, with modules that only write down what they were asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Play = Callable[..., tuple[list[str], str]]
MAIN = Path(__file__).resolve().parents[3] / "roles" / "firewall" / "tasks" / "main.yml"
TASKS = [{"ansible.builtin.import_tasks": str(MAIN.with_name("docker.yml"))}]
MANAGER = {"state": "active", "role": "manager", "live_manager": True}


def manager(reachability: str) -> dict[str, str]:
    return {"role": "manager", "reachability": reachability}


def restart(play: Play, **answer: Any) -> tuple[list[str], str]:
    return play(TASKS, answer, __firewall_lost=["8080/tcp"])


def test_a_locked_manager_is_unlocked_after_the_restart(play: Play) -> None:
    done, said = restart(play, membership=MANAGER, nodes=[manager("reachable")] * 3, unlock_key="SWMKEY-1-secret")
    assert done == ["cluster_info nodes unlock_key", "reset-failed docker", "restart docker", "membership manager", "cluster_info"], said
    assert "SWMKEY" not in said


@pytest.mark.parametrize(("reachable", "down", "restarted"), [(2, 1, False), (2, 0, True), (4, 1, True)])
def test_a_restart_never_costs_the_majority(play: Play, reachable: int, down: int, restarted: bool) -> None:
    nodes = [manager("reachable")] * reachable + [manager("unreachable")] * down + [{"role": "worker", "reachability": ""}]
    done, said = restart(play, membership=MANAGER, nodes=nodes, unlock_key="")
    assert ("restart docker" in done) is restarted, said
    assert restarted or f"{reachable} of {reachable + down} managers are reachable" in said.replace("\n", " ")


def test_a_worker_is_restarted(play: Play) -> None:
    done, said = restart(play, membership={"state": "active", "role": "worker", "live_manager": False})
    assert done == ["cluster_info nodes unlock_key", "reset-failed docker", "restart docker", "cluster_info"], said


@pytest.mark.parametrize(("docker", "gone_through"), [({"changed": False, "skipped": True}, 0), ({"changed": False}, 3)])
def test_hosts_are_gone_through_only_where_docker_may_have_lost_something(play: Play, docker: dict[str, Any], gone_through: int) -> None:
    restarting = next(task for task in yaml.safe_load(MAIN.read_text()) if "loop" in task)
    length = restarting["loop"].replace("{{ ", "{{ (", 1).replace(" }}", ") | length }}")
    shown = {"ansible.builtin.debug": {"msg": f"hosts: {length}"}, "run_once": True}
    _done, said = play([shown], hosts={"one": {}, "two": {}, "six": {}}, firewall_docker=docker)
    assert f"hosts: {gone_through}" in said
