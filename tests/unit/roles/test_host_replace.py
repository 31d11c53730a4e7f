# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the role host replaces docker_gwbridge on a member: its own tasks, with modules that only write down what they were asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Play = Callable[..., tuple[list[str], str]]
FOLDER = Path(__file__).resolve().parents[3] / "roles" / "host" / "tasks"
TASKS = [{"ansible.builtin.import_tasks": str(FOLDER / "replace.yml")}]
VARIABLES = {"host_member": "one", "live_manager_host": "one", "host_services_whole": [], "host_wait_timeout": 3}
READY = {"id": "n1", "state": "ready", "reachability": ""}


def member(role: str, availability: str = "active", differs: bool = True, recorded: str = "") -> dict[str, Any]:
    membership = {"node_id": "n1", "role": role, "live_manager": True}
    return {
        "live_manager_info": {"membership": membership, "nodes": [{"id": "n1", "availability": availability}]},
        "host_gwbridge_wanted": {},
        "host_gwbridge_result": {"needs_drain": differs, "recorded": recorded},
    }


@pytest.mark.parametrize(
    ("role", "key", "asked"),
    [
        ("manager", "SWMKEY-1-secret", ["cluster_info unlock_key", "gwbridge", "membership manager", "cluster_info nodes"]),
        ("manager", "", ["cluster_info unlock_key", "gwbridge", "cluster_info nodes"]),
        ("worker", "SWMKEY-1-secret", ["gwbridge", "cluster_info nodes"]),
    ],
)
def test_a_locked_manager_is_unlocked_after_the_restart(play: Play, tmp_path: Path, role: str, key: str, asked: list[str]) -> None:
    reachability = "reachable" if role == "manager" else ""
    answer = {"unlock_key": key, "nodes": [{**READY, "reachability": reachability}]}
    done, said = play(TASKS, answer, {"one": member(role)}, **VARIABLES)
    assert done == ["nodes drain", *asked, "nodes active"], said
    assert "SWMKEY" not in said
    assert not (tmp_path / "state" / "record").exists()


def test_the_availability_is_written_down_before_the_node_is_drained(play: Play, tmp_path: Path) -> None:
    """A run that is killed tells nobody: the record is all that the next one has."""
    tasks = yaml.safe_load((FOLDER / "replace.yml").read_text())
    block = next(task for task in tasks if "block" in task)
    block.pop("always")
    done, said = play(
        [*tasks[: tasks.index(block)], {**block, "block": block["block"][:1]}], {}, {"one": member("worker", "pause")}, **VARIABLES
    )
    assert done == ["nodes drain"], said
    assert (tmp_path / "state" / "record").read_text() == "pause n1\n"


@pytest.mark.parametrize(
    ("differs", "asked"), [(True, ["nodes drain", "gwbridge", "cluster_info nodes", "nodes pause"]), (False, ["nodes pause"])]
)
def test_what_was_cut_off_is_ended_and_the_node_gets_what_it_had(play: Play, tmp_path: Path, differs: bool, asked: list[str]) -> None:
    record = tmp_path / "state" / "record"
    record.parent.mkdir()
    record.write_text("pause n1\n")
    done, said = play(TASKS, {"nodes": [READY]}, {"one": member("worker", "drain", differs, "pause")}, **VARIABLES)
    assert done == asked, said
    assert not record.exists()


@pytest.mark.parametrize(
    ("result", "turns"),
    [
        ({"needs_drain": False, "recorded": "active"}, ["one"]),
        ({"needs_drain": True}, ["one"]),
        ({"needs_drain": False, "recorded": ""}, []),
    ],
)
def test_a_node_that_a_run_has_left_drained_has_its_turn(play: Play, result: dict[str, Any], turns: list[str]) -> None:
    (task,) = [task for task in yaml.safe_load((FOLDER / "main.yml").read_text()) if "host_differing" in (task.get("vars") or {})]
    shown = {"ansible.builtin.debug": {"msg": "turns: {{ host_differing | to_json }}"}, "vars": task["vars"]}
    _done, said = play([shown], hosts={"one": {"host_gwbridge_result": result}, "two": {}})
    assert f"turns: {turns}".replace("'", '\\"') in said, said
