# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One suite for two Engines: the fake of the unit tests and the lab's. What the fake claims has to be true of the real one.

`make unit` runs it against the fake only (-m "not lab"), `make integration` against both; the real Engine is that of node1
of the lab LAB_NAME, and it ends in no swarm.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes.module import Runner

from .subjects import Fake, Real, Subject


@pytest.fixture(scope="module", params=["fake", pytest.param("real", marks=pytest.mark.lab)])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """An Engine in no swarm, at the beginning of each file."""
    chosen: Subject = Fake() if request.param == "fake" else request.getfixturevalue("real")
    chosen.reset()
    yield chosen
    chosen.reset()


@pytest.fixture(scope="session")
def real() -> Iterator[Real]:
    """The Engine of the lab's node1, through a socket on this machine."""
    with Real.connected() as reached:
        yield reached


@pytest.fixture(scope="module")
def swarm(subject: Subject) -> Subject:
    """The same as the only manager of a new swarm."""
    subject.init()
    return subject


@pytest.fixture
def run_module(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Runs modules against the subject; time passes for the fake only when somebody sleeps."""
    return Runner(monkeypatch, real_time=isinstance(subject, Real))
