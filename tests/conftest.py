# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the checkout importable as ``ansible_collections.meshwork.swarm``, wherever it lies."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

CHECKOUT = Path(__file__).resolve().parents[1]
COLLECTIONS = CHECKOUT / ".build" / "collections"


def link_checkout() -> None:
    link = COLLECTIONS / "ansible_collections" / "meshwork" / "swarm"
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path("../../../.."), target_is_directory=True)


link_checkout()
sys.path.insert(0, str(COLLECTIONS))
# tests import what they share as `fakes`
sys.path.insert(0, str(CHECKOUT / "tests"))

# A busy machine is no failure, and a test that failed once fails again.
settings.register_profile("meshwork", deadline=None, derandomize=True)
settings.load_profile("meshwork")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that writes the golden cases of tests/unit/plan."""
    parser.addoption("--write-plans", action="store_true", help="write plan.yml of every golden case anew")
