# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the role engine drains a node before its restart: its own tasks, with modules that only write down what they were asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml

Play = Callable[..., tuple[list[str], str]]
FOLDER = Path(__file__).resolve().parents[3] / "roles" / "engine" / "tasks"
TURN = {"host": "one", "node_id": "n1", "manager": "one", "role": "worker", "drain": True, "restart": True, "availability": "pause"}
VARIABLES = {"engine_turn": TURN, "engine_plan": {"whole": []}, "engine_wait_timeout": 3}


def test_the_availability_is_written_down_before_the_node_is_drained(play: Play, tmp_path: Path) -> None:
    done, said = play([{"ansible.builtin.import_tasks": str(FOLDER / "drain.yml")}], {}, **VARIABLES)
    assert done == ["nodes drain"], said
    assert (tmp_path / "state" / "record").read_text() == "pause n1\n"


def test_a_node_whose_tasks_have_no_other_place_is_as_it_was(play: Play, tmp_path: Path) -> None:
    variables = {**VARIABLES, "engine_plan": {"whole": [{"name": "web"}]}}
    done, said = play([{"ansible.builtin.import_tasks": str(FOLDER / "drain.yml")}], {}, failing=("services",), **variables)
    assert done == ["nodes drain", "services", "nodes pause"], said
    assert "one was not restarted, and has its availability pause back" in " ".join(said.split())
    assert not (tmp_path / "state" / "record").exists()


READY = {"nodes": [{"id": "n1", "state": "ready", "reachability": "", "role": "worker", "availability": "pause"}], "unlock_key": ""}


def turn(play: Play, put_back: bool) -> tuple[list[str], str]:
    """The turn of a node whose Engine does not start with its new settings; the majority is not what this is about."""
    tasks = [task for task in yaml.safe_load((FOLDER / "turn.yml").read_text()) if "assert" not in str(task)]
    for task in tasks:
        if "ansible.builtin.include_tasks" in task:
            task["ansible.builtin.include_tasks"] = str(FOLDER / task["ansible.builtin.include_tasks"])
    here = {"one": {"engine_upgrade": ""}}
    return play(tasks, {**READY, "put_back": put_back}, here, failing=("daemon_config",), **VARIABLES, engine_swarm=True)


def test_a_node_that_runs_again_with_its_old_settings_ends_its_turn(play: Play, tmp_path: Path) -> None:
    done, said = turn(play, put_back=True)
    assert done == ["cluster_info nodes", "nodes drain", "daemon_config", "cluster_info nodes", "nodes pause"], said
    assert "one: no room. Its node has its availability pause back." in " ".join(said.split())
    assert not (tmp_path / "state" / "record").exists()


def test_a_node_whose_engine_is_dead_is_left_to_the_next_run(play: Play, tmp_path: Path) -> None:
    done, said = turn(play, put_back=False)
    assert done == ["cluster_info nodes", "nodes drain", "daemon_config"], said
    assert (tmp_path / "state" / "record").read_text() == "pause n1\n"
