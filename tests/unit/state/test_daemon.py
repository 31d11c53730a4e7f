# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Engine's service and file on a host: what systemctl and dockerd say, and a file that is replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._local.host import Finished, Host
from ansible_collections.meshwork.swarm.plugins.module_utils._state.daemon import read_objection, read_unit, read_version, write_kept
from ansible_collections.meshwork.swarm.plugins.module_utils._state.record import read_record

# Debian 12, docker.io 20.10.24
UNIT = """\
MainPID=1262
ExecStart={ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS ; ignore_errors=no ; start_time=[Sat 2026-11-21 10:51:30 UTC] ; stop_time=[n/a] ; pid=1262 ; code=(null) ; status=0/0 }
ActiveState=active
UnitFileState=enabled
"""  # noqa: E501


def test_the_unit_is_read() -> None:
    unit = read_unit(UNIT)
    assert (unit["MainPID"], unit["ActiveState"], unit["UnitFileState"]) == ("1262", "active", "enabled")
    assert unit["ExecStart"] == ["/usr/sbin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock", "$DOCKER_OPTS"]
    assert read_unit("MainPID=0\nActiveState=inactive\nUnitFileState=\n")["ExecStart"] == []


@pytest.mark.parametrize(
    ("shown", "version"),
    [
        ("Docker version 20.10.24+dfsg1, build 297e128", (20, 10)),
        ("Docker version 29.4.0, build abc", (29, 4)),
        ("something else", ()),
    ],
)
def test_the_version_is_read(shown: str, version: tuple[int, ...]) -> None:
    assert read_version(shown) == version


def test_dockerds_objection_does_not_name_our_own_file() -> None:
    said = (
        "unable to configure the Docker daemon with file /tmp/x.json: the following directives don't match any configuration option: nope\n"
    )
    assert read_objection(Finished(1, "", said), "/tmp/x.json") == "the following directives don't match any configuration option: nope"


@pytest.mark.parametrize(
    ("text", "node", "availability"),
    [("pause n1\n", "n1", "pause"), ("pause n1\n", "n2", ""), ("active\n", "n2", "active"), ("active n1\n", "", ""), (None, "n1", "")],
)
def test_what_was_written_down_is_given_back_to_the_same_node_only(text: str | None, node: str, availability: str) -> None:
    class Written(Host):
        def read(self, path: str) -> str | None:
            return text

    assert read_record(Written()).of(node) == availability


def test_a_file_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "etc" / "daemon.json"
    link.parent.mkdir()
    real.write_text("{}")
    real.chmod(0o640)
    link.symlink_to(real)
    write_kept(str(link), '{"debug": true}\n')
    assert link.is_symlink() and real.read_text() == '{"debug": true}\n'
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["etc", "real.json"]


def test_a_new_file_is_readable_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "docker" / "daemon.json"
    write_kept(str(path), "{}\n")
    assert path.stat().st_mode & 0o777 == 0o644
