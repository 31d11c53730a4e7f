# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role engine refuses before it installs anything: its own tasks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Play = Callable[..., tuple[list[str], str]]
ROLE = Path(__file__).resolve().parents[3] / "roles" / "engine"
TASKS = [{"ansible.builtin.import_tasks": str(ROLE / "tasks" / "refuse.yml")}, {"ansible.builtin.debug": {"msg": "nothing is refused"}}]
BARE = {"installed": False, "missing_packages": [], "missing_libraries": []}


@pytest.mark.parametrize(
    ("snap", "source", "message"),
    [
        (True, "distribution", "Docker is on this host as a snap"),
        (True, "docker", "snap remove docker"),
        (True, "present", "engine_source is present, and this host has no Docker Engine"),
        (False, "distribution", "nothing is refused"),
    ],
)
def test_docker_from_snap_is_refused_with_the_way_out(play: Play, tmp_path: Path, snap: bool, source: str, message: str) -> None:
    """Its dockerd is not where the package's is: another Engine was installed beside it, for the same socket."""
    current = tmp_path / "snap" / "docker" / "current"
    current.parent.mkdir(parents=True)
    if snap:
        current.symlink_to("2963")
    places = tmp_path / "places.json"
    places.write_text(json.dumps({"engine_snaps": [str(current)], "engine_source": source, "engine_venv_python": {"stat": {}}}))
    facts = {"distribution": "Ubuntu", "pkg_mgr": "apt"}
    files = [ROLE / "defaults" / "main.yml", ROLE / "vars" / "main.yml", places]
    _done, said = play(TASKS, files=files, engine_config=BARE, ansible_facts=facts)
    assert message in " ".join(said.split()), said
