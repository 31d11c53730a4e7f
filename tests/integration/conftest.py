# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab for all stories, and one cluster for most of them.

The files are numbered in the order in which they share what they build: hosts in no swarm, the cluster built on them, then what is
tried on that cluster. Each story leaves the cluster as it found it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stories.machines import LAB, Machines, run
from stories.playing import Ansible, Run
from stories.rows import RECORD, Rows

NODES = 3
NICS = 2
FIGURES = pytest.StashKey[list[str]]()
ROWS = pytest.StashKey[Rows]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--reuse-cluster", action="store_true", help="take the cluster that an earlier run left on the lab, where there is one"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = []
    config.stash[ROWS] = Rows()
    config.stash[ROWS].begin()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The figures that the stories measured, and the seconds of each file."""
    figures = config.stash[FIGURES]
    if figures:
        terminalreporter.section("figures")
        for line in figures:
            terminalreporter.line(line)
    rows = config.stash[ROWS]
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport) and (report.when == "call" or report.failed):
                rows.count(report.location[2], report.passed)
    if rows.outcomes:
        terminalreporter.section(f"rows; the nodes after each story are in {RECORD.relative_to(RECORD.parents[2])}")
        for line in rows.table():
            terminalreporter.line(line)
    seconds: dict[str, float] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[report.location[0]] = seconds.get(report.location[0], 0) + report.duration
    for file, spent in sorted(seconds.items()):
        terminalreporter.line(f"{spent:6.1f} s  {file}")


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Lines that are shown at the end of the run."""
    return request.config.stash[FIGURES]


@pytest.fixture(scope="session")
def machines() -> Machines:
    """The lab LAB_NAME (main), booted where it is not up."""
    name = os.environ.get("LAB_NAME") or "main"
    run([str(LAB), "--name", name, "up", "--nodes", str(NODES), "--nics", str(NICS)], timeout=1200)
    return Machines(name)


@pytest.fixture(scope="session")
def ansible(machines: Machines) -> Ansible:
    return Ansible(machines.name)


def reset(machines: Machines, ansible: Ansible) -> None:
    """Every node out of its swarm and without a rule of ours; the machines stay up. Docker is restarted where an earlier leave hangs on."""
    words = ("reset.yml", "-e", "{reset_confirmation: end the swarm}")
    if ansible.playbook(*words).returncode:
        machines.everywhere("systemctl restart docker")
        ansible.playbook(*words).succeeded()
    assert set(machines.membership().values()) == {"inactive"}
    assert not any(machines.rules().values())


@pytest.fixture(scope="module")
def bare(machines: Machines, ansible: Ansible) -> None:
    """Hosts in no swarm, without a rule of ours."""
    reset(machines, ansible)


@pytest.fixture(scope="session")
def building(machines: Machines, ansible: Ansible, request: pytest.FixtureRequest) -> Run | None:
    """site.yml from nothing at -vvvv, or None when an earlier run's cluster is taken."""
    if request.config.getoption("--reuse-cluster") and machines.membership()[machines.manager] == "active":
        return None
    reset(machines, ansible)
    return ansible.playbook("site.yml", "-vvvv").succeeded()


@pytest.fixture(scope="session")
def cluster(machines: Machines, building: Run | None) -> Machines:
    """The machines as the cluster of inventories/lab."""
    return machines


@pytest.fixture(autouse=True)
def looked_at(request: pytest.FixtureRequest) -> Iterator[None]:
    """The nodes are written down after each story that has to do with the machines."""
    yield
    if "machines" in request.fixturenames:
        request.config.stash[ROWS].look(request.node.name, request.getfixturevalue("machines"))


@pytest.fixture
def unchanged(cluster: Machines) -> Iterator[None]:
    """Fails when the story changed anything in the swarm."""
    before = cluster.swarm_objects()
    yield
    assert cluster.swarm_objects() == before
