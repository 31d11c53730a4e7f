# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of the lab's inventory, as testinfra reaches them: over SSH, without a module of this collection."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import testinfra
from testinfra.host import Host

INVENTORY = Path(__file__).resolve().parents[3] / "inventories" / "lab"
os.environ.setdefault("LAB_NAME", "main")


def hosts_of(group: str) -> list[Host]:
    found: list[Host] = testinfra.get_hosts([f"ansible://{group}"], ansible_inventory=str(INVENTORY))
    return found


MANAGERS, WORKERS = hosts_of("swarm_managers"), hosts_of("swarm_workers")


def name(host: Host) -> str:
    return str(host.backend.host)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `node` or `worker` runs on each of them."""
    for argument, found in (("node", MANAGERS + WORKERS), ("worker", WORKERS)):
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, found, ids=[name(each) for each in found], scope="session")


@pytest.fixture(scope="session")
def groups() -> dict[str, list[str]]:
    """The names of the hosts of each group."""
    return {"managers": [name(host) for host in MANAGERS], "workers": [name(host) for host in WORKERS]}


@pytest.fixture(scope="session")
def manager() -> Host:
    return MANAGERS[0]


@pytest.fixture(scope="session")
def inspect(manager: Host) -> Callable[[str, str], Mapping[str, Any]]:
    """`docker KIND inspect NAME` on a manager, asked once."""
    known: dict[tuple[str, str], Mapping[str, Any]] = {}

    def asked(kind: str, what: str) -> Mapping[str, Any]:
        if (kind, what) not in known:
            known[kind, what] = json.loads(manager.check_output(f"docker {kind} inspect {what}"))[0]
        return known[kind, what]

    return asked


@pytest.fixture(scope="session")
def addresses(manager: Host, inspect: Callable[[str, str], Mapping[str, Any]]) -> dict[str, str]:
    """Every node's hostname with its address."""
    nodes = manager.check_output("docker node ls --quiet").split()
    return {inspect("node", node)["Description"]["Hostname"]: inspect("node", node)["Status"]["Addr"] for node in nodes}
