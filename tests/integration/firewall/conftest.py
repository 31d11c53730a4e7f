# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One suite of stories for every firewall: a ground is what such a firewall is tried on. Another backend joins with a ground of its own."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from grounds.ground import Ground
from grounds.nftables import Nftables, NftablesDefaultDrop

GROUNDS: dict[str, Callable[[Path], Ground]] = {"nftables": Nftables, "nftables-default-drop": NftablesDefaultDrop}


@pytest.fixture(params=list(GROUNDS))
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    """A host with this firewall, without a rule of ours."""
    if os.geteuid() or not shutil.which("nft"):
        pytest.fail("network namespaces need root, and the package nftables has to be installed (`make system`)")
    made = GROUNDS[request.param](tmp_path)
    try:
        yield made
    finally:
        made.close()
