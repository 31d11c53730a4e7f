# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role edge sees of certificates: renewed ones make another configuration, which is reloaded; in check mode they are told, too."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

Play = Callable[..., tuple[list[str], str]]
ROLE = Path(__file__).resolve().parents[3] / "roles" / "edge"
TASKS = [
    {"ansible.builtin.import_tasks": str(ROLE / "tasks" / "certificates.yml")},
    {"ansible.builtin.debug": {"msg": "digest={{ edge_certificates_digest }}"}},
]


@pytest.mark.parametrize("what", ["link", "folder", "key_beside"])
def test_renewed_certificates_are_seen(play: Play, tmp_path: Path, what: str) -> None:
    folder = tmp_path / "certificates"
    folder.mkdir()
    file, target, key = folder / "shop.pem", tmp_path / "archive.pem", folder / "shop.pem.key"
    if what == "link":
        file.symlink_to(target)
    for each in (file, key):
        each.write_text("before")

    def seen(check: bool = False) -> str:
        wanted = str(folder if what == "folder" else file)
        _done, said = play(TASKS, files=[ROLE / "vars" / "main.yml"], check=check, edge_certificates=wanted)
        (digest,) = re.findall(r"digest=(\w+)", said)
        return str(digest)

    before = seen()
    (key if what == "key_beside" else file).write_text("renewed")
    assert seen(check=True) != before
