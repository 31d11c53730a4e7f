# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order the role services makes secrets and services, so that a new content and a new image are one rolling update."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Play = Callable[..., tuple[list[str], str]]
ROLE = Path(__file__).resolve().parents[3] / "roles" / "services"
TASKS = [{"ansible.builtin.import_tasks": str(ROLE / "tasks" / "services.yml")}]
FILES = (ROLE / "defaults" / "main.yml", ROLE / "vars" / "main.yml")
SERVICES = [
    {"name": "api", "image": "shop:2", "secrets": [{"source": "db"}]},
    {"name": "web", "image": "shop:2"},
    {"name": "old", "state": "absent"},
]
WRITTEN = [{"name": "db", "content": "new"}]
FIRST = 'secrets secrets=[{"name": "db", "content": "new"}] left_to_services=["api", "old"]'
MADE = '"secrets": ["db"], "configs": [], "newest_secrets": {"db": "db-2"}, "newest_configs": {}'
LAST = 'secrets secrets=[{"name": "db", "state": "present"}]'


@pytest.mark.parametrize(
    ("older", "check", "expected"), [(["db"], False, [LAST]), (["db"], True, []), (None, False, [])], ids=["moved", "planned", "converged"]
)
def test_services_of_the_list_go_over_with_all_else(play: Play, older: list[str] | None, check: bool, expected: list[str]) -> None:
    secret: dict[str, Any] = {"name": "db", "object": "db-2", **({"older": older} if older else {})}
    variables = {"live_manager_host": "one", "services_manager": "one", "swarm_services": SERVICES, "swarm_secrets": WRITTEN}
    done, said = play(TASKS, {"secrets": [secret]}, files=FILES, check=check, **variables)
    assert done[:1] == [FIRST], said
    assert done[1].startswith("services ") and MADE in done[1]
    assert done[2:] == expected
