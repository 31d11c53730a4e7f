# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The five machines, seen with the docker CLI over SSH, and what the watcher saw."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import testinfra
from testinfra.host import Host

CHECKOUT = Path(__file__).resolve().parents[3]
os.environ.setdefault("LAB_NAME", "main")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Each stage of the scenario is a run of its own, and leaves a JUnit file of its own."""
    if config.option.xmlpath:
        file = Path(config.option.xmlpath)
        config.option.xmlpath = str(file.with_stem(f"{file.stem}-{Path(config.args[0]).parent.name}"))


@pytest.fixture(scope="session")
def hosts() -> dict[str, Host]:
    """Every machine of the lab by its name."""
    found = testinfra.get_hosts(["ansible://swarm"], ansible_inventory=str(CHECKOUT / "inventories" / "lab"))
    return {str(host.backend.host): host for host in found}


@pytest.fixture(scope="session")
def listed(hosts: Mapping[str, Host]) -> Callable[[str], dict[str, tuple[str, str, str]]]:
    """What `docker node ls` on a host says: hostname to status, availability, and place among the managers. It is printed, too."""

    def asked(name: str) -> dict[str, tuple[str, str, str]]:
        print(hosts[name].check_output("docker node ls"))
        shown = hosts[name].check_output("docker node ls --format '{{.Hostname}}|{{.Status}}|{{.Availability}}|{{.ManagerStatus}}'")
        rows = [line.split("|") for line in shown.splitlines()]
        return {row[0]: (row[1], row[2], row[3]) for row in rows}

    return asked


@pytest.fixture(scope="session")
def watched() -> list[dict[str, Any]]:
    """What the watcher saw, a second each."""
    file = CHECKOUT / ".build" / "molecule" / os.environ["LAB_NAME"] / "watched.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]
