# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real host: programs, files and folders, in a folder of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._local.host import (
    Command,
    Commands,
    Host,
    RemoveFile,
    RemoveFolder,
    WriteFile,
)
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import CommandFailed


def test_files_are_replaced_whole_and_removed(tmp_path: Path) -> None:
    host, path = Host(), str(tmp_path / "a" / "b" / "rules")
    host.do(Commands((WriteFile(path, "one\n"), WriteFile(path, "two\n"))))
    assert host.read(path) == "two\n"
    assert Path(path).stat().st_mode & 0o777 == 0o644
    assert [entry.name for entry in Path(path).parent.iterdir()] == ["rules"]
    host.do(
        Commands((RemoveFolder(str(tmp_path / "a" / "b")), RemoveFile(path), RemoveFile(path), RemoveFolder(str(tmp_path / "a" / "b"))))
    )
    assert not (tmp_path / "a" / "b").exists()
    assert host.read(path) is None


def test_a_program_reads_its_text_and_answers() -> None:
    host = Host()
    assert host.output(Command(("cat",), "one\ntwo\n")) == "one\ntwo\n"
    assert host.run(Command(("false",))).status == 1
    assert host.runs == 2


def test_failures_name_the_program_and_what_it_said(tmp_path: Path) -> None:
    host = Host(timeout=0.2)
    with pytest.raises(CommandFailed, match=r"`sh -c 'echo no >&2; exit 3'` failed \(status 3\): no"):
        host.output(Command(("sh", "-c", "echo no >&2; exit 3")))
    with pytest.raises(CommandFailed, match="meshwork-none is not installed on this host"):
        host.output(Command(("meshwork-none",)))
    with pytest.raises(CommandFailed, match=r"`sleep 5` did not end within 0.2 s"):
        host.output(Command(("sleep", "5")))
    (tmp_path / "file").write_text("x")
    with pytest.raises(CommandFailed, match="cannot write"):
        host.do(Commands((WriteFile(str(tmp_path / "file" / "below"), "x"),)))


def test_actions_read_as_text() -> None:
    actions = Commands((Command(("ipset", "-exist", "restore"), "a\nb\n"), WriteFile("/x", "y"), RemoveFile("/z"), RemoveFolder("/w")))
    assert str(actions) == "ipset -exist restore <<< 2 lines; write /x; remove /z; remove /w if it is empty"
