# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of all unit tests."""

from __future__ import annotations

import pytest
from fakes.module import Runner


@pytest.fixture
def run_module(monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Runs a module against a fake Engine."""
    return Runner(monkeypatch)
