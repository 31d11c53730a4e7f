# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the examples in inventories/ say is a swarm that the modules make, and find made the second time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.edge import edge
from fakes.engine import FakeEngine
from fakes.module import Runner

FILES = sorted((Path(__file__).resolve().parents[3] / "inventories").glob("*/group_vars/swarm.yml"))
LISTS = ("networks", "secrets", "configs", "services")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parents[1].name)
def test_an_example_is_made_true_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, run = FakeEngine(), Runner(monkeypatch)
    example: dict[str, Any] = yaml.safe_load(file.read_text())
    tasks = [("cluster", {"advertise_addr": "10.0.0.11", **example["swarm_settings"]})]
    tasks.append(("ingress_network", example["swarm_ingress"]))
    tasks += [(name, {name: example[f"swarm_{name}"]}) for name in LISTS if f"swarm_{name}" in example]
    for changed in (True, False):
        for name, options in tasks:
            result = run(name, engine, options)
            assert not result["failed"], result["msg"]
            assert result["changed"] is changed, name
    told = run("cluster_info", engine, {"gather": ["nodes", "services", "tasks"]})
    routes = edge(told["nodes"], told["services"], told["tasks"], {}, {})
    assert routes["faults"] == []
    assert len(routes["backends"]) == str(example["swarm_services"]).count("io.meshwork.edge.host")
