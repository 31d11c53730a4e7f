# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab remembers of itself on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.meshwork.swarm.tests.lab.meshlab import lifecycle, state
from ansible_collections.meshwork.swarm.tests.lab.meshlab.errors import LabError
from ansible_collections.meshwork.swarm.tests.lab.meshlab.process import Process


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(state, "STATE_ROOT", tmp_path)
    return tmp_path


def a_lab(name: str = "main") -> state.Lab:
    options = state.Options(suite="trixie", nics=2, mtu=1400)
    nodes = {"node1": state.Node(Process(7, 4711, "boot"), 1.5, 12.0, 11.0, "active", ["a.service"]), "node2": state.Node()}
    faults = [{"kind": "partition", "nodes": ["node1"]}]
    return state.Lab(name, options, "/cache/disk.img", nodes, faults)


def test_a_lab_comes_back_from_disk_as_it_was(root: Path) -> None:
    lab = a_lab()
    (root / "main").mkdir()
    lab.save()
    assert state.load("main") == lab
    assert [path.name for path in (root / "main").iterdir()] == ["state.json"]


def test_labs_are_listed_by_their_state_files(root: Path) -> None:
    for name in ("main", "other"):
        (root / name).mkdir()
        a_lab(name).save()
    (root / "half-made").mkdir()
    assert sorted(lab.name for lab in state.every_lab()) == ["main", "other"]


def test_no_state_is_no_lab() -> None:
    assert state.load("main") is None
    with pytest.raises(LabError, match="lab --name main up"):
        state.need("main")


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"name": "main"})])
def test_a_damaged_state_file_says_the_way_out(root: Path, text: str) -> None:
    (root / "main").mkdir()
    (root / "main" / "state.json").write_text(text)
    with pytest.raises(LabError, match=r"state\.json cannot be read .* down"):
        state.load("main")


@pytest.mark.parametrize("name", ["", "Main", "../x", "a/b", "1st", "a" * 21, "a b"])
def test_a_name_that_fits_no_path_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="expected a lower-case letter"):
        state.folder(name)


def test_two_labs_share_neither_folder_nor_namespace() -> None:
    assert state.folder("main") != state.folder("other")
    assert state.netns("main") != state.netns("other")


def test_a_lab_that_is_up_with_other_options_is_not_changed(root: Path) -> None:
    (root / "main").mkdir()
    a_lab().save()
    with pytest.raises(LabError, match="up with mtu 1400, not 9000"):
        lifecycle.up("main", 1, {"mtu": 9000}, 1.0, print)
