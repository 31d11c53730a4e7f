# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of a state folder: what goes in comes back, and nothing else does."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.archive import Manifest, Member
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._state import archive

MANIFEST = Manifest(
    "c1", "n1", "node1", "10.0.0.11", "20.10.24", False, "2026-11-20T15:28:42Z", (Member("n1", "node1", "manager", "10.0.0.11"),)
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "docker" / "swarm"
    (folder / "raft").mkdir(parents=True)
    (folder / "raft" / "log").write_bytes(b"\0" * 5000)
    (folder / "raft" / "log").chmod(0o600)
    (folder / archive.STATE_FILE).write_text("{}")
    return folder


@pytest.fixture
def taken(state: Path, tmp_path: Path) -> str:
    path = str(tmp_path / "swarm.tar.gz")
    archive.write_archive(path, str(state), MANIFEST)
    return path


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.stat().st_mode & 0o777, path.read_bytes()) for path in files}


def test_what_goes_in_comes_back(state: Path, taken: str, tmp_path: Path) -> None:
    digest = archive.checksum(taken)
    assert Path(taken).stat().st_mode & 0o777 == 0o600
    assert archive.read_archive(taken, digest, digest) == MANIFEST
    target = archive.StateFolder(str(tmp_path / "new"))
    assert not target.occupied(digest)
    target.put_back(taken, digest)
    assert contents(target.path) == contents(state)
    assert target.raft() and target.occupied(digest)


def test_another_checksum_is_refused(taken: str) -> None:
    with pytest.raises(SwarmError, match="is not the archive that was meant"):
        archive.read_archive(taken, archive.checksum(taken), "0" * 64)


def test_a_restore_that_was_cut_off_is_no_state_and_is_done_again(state: Path, taken: str, tmp_path: Path) -> None:
    digest = archive.checksum(taken)
    target = archive.StateFolder(str(tmp_path / "new"))
    target.path.mkdir()
    (target.path / archive.MARK).write_text(digest)
    (target.path / "half").write_text("of a file")
    assert not target.occupied(digest)
    assert target.occupied("of another archive")
    target.put_back(taken, digest)
    assert contents(target.path) == contents(state)


def test_the_file_that_puts_the_host_into_the_swarm_comes_last(taken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    extract = tarfile.TarFile.extract

    def told(self: tarfile.TarFile, member: tarfile.TarInfo, *arguments: object, **more: object) -> None:
        order.append(member.name)
        extract(self, member, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(tarfile.TarFile, "extract", told)
    archive.StateFolder(str(tmp_path / "new")).put_back(taken, archive.checksum(taken))
    assert order[-1] == archive.STATE_FILE and len(order) == 3


def test_other_state_is_moved_aside_and_kept(state: Path) -> None:
    before = contents(state)
    archive.StateFolder(str(state)).set_aside("swarm-before")
    assert contents(state) == {}
    assert contents(state.with_name("swarm-before")) == before


def test_detached_state_keeps_all_but_its_place_in_the_swarm(state: Path) -> None:
    folder = archive.StateFolder(str(state))
    folder.detach()
    folder.detach()
    assert sorted(contents(state)) == [f"{archive.STATE_FILE}.before", "raft/log"]
    assert folder.raft()


@pytest.mark.parametrize("name", ["swarm/../../etc/passwd", "swarm//etc/passwd"])
def test_an_archive_cannot_write_elsewhere(name: str, tmp_path: Path) -> None:
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as opened:
        entry = tarfile.TarInfo(name)
        entry.size = 4
        opened.addfile(entry, io.BytesIO(b"evil"))
    with pytest.raises(SwarmError, match=r"which is no file of a swarm's state"):
        archive.StateFolder(str(tmp_path / "new")).put_back(str(path), "x")
    assert contents(tmp_path / "new") == {archive.MARK: (0o644, b"x")}


def test_a_file_that_is_no_archive_of_ours_is_told(tmp_path: Path) -> None:
    path = tmp_path / "other.tar"
    with tarfile.open(path, "w"):
        pass
    with pytest.raises(SwarmError, match="is not an archive that meshwork"):
        archive.read_archive(str(path), "x", "x")
