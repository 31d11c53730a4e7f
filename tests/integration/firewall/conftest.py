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
from ansible_collections.meshwork.swarm.plugins.module_utils._local.host import SEARCH_PATH

sys.path.insert(0, str(Path(__file__).parent))

from grounds.firewalld import FirewalldNftables
from grounds.ground import Ground
from grounds.lab_node import FirewalldIptables, Iptables, Ufw
from grounds.nftables import Nftables, NftablesDefaultDrop

IN_NAMESPACES: dict[str, Callable[[Path], Ground]] = {
    "nftables": Nftables,
    "nftables-default-drop": NftablesDefaultDrop,
    "firewalld-nftables": FirewalldNftables,
}
ON_THE_LAB: dict[str, Callable[[Path], Ground]] = {"iptables": Iptables, "ufw": Ufw, "firewalld-iptables": FirewalldIptables}
PROGRAMS = {
    "nftables": ("nft",),
    "nftables-default-drop": ("nft",),
    "firewalld-nftables": ("nft", "firewalld", "dbus-daemon", "iptables-save"),
}
GROUNDS = IN_NAMESPACES | ON_THE_LAB
PARAMS = [
    *(
        # a firewalld of its own takes minutes, and packages that nothing else needs
        pytest.param(name, marks=[pytest.mark.namespaces, *([pytest.mark.matrix] if name.startswith("firewalld") else [])])
        for name in IN_NAMESPACES
    ),
    *(pytest.param(name, marks=[pytest.mark.lab, pytest.mark.matrix]) for name in ON_THE_LAB),
]


@pytest.fixture(scope="session", params=PARAMS)
def standing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """One host with this firewall, for all stories."""
    missing = [program for program in PROGRAMS.get(request.param, ()) if not shutil.which(program, path=SEARCH_PATH)]
    if request.param in IN_NAMESPACES and (os.geteuid() or missing):
        pytest.fail(f"network namespaces need root, and some programs to be installed (`make system`): {', '.join(missing) or 'all are'}")
    made = GROUNDS[request.param](tmp_path_factory.mktemp(request.param))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def ground(request: pytest.FixtureRequest, standing: Ground) -> Ground:
    """The host, without a rule of ours."""
    story = request.function.__name__
    if story in standing.lacks:
        pytest.skip(standing.lacks[story])
    standing.reset()
    return standing
