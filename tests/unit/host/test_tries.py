# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel can do is tried for real, on the machine that runs the tests: as root, in a network namespace of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._host.tries import try_features
from ansible_collections.meshwork.swarm.plugins.module_utils._local.host import Host
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._model.host import Feature


def features(*tries: tuple[str, ...]) -> Iterable[Feature]:
    return (Feature("tried", "this", "CONFIG_THIS", "nothing", tries),)


def links() -> str:
    return subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True, timeout=10).stdout


def tried(host: Host, *tries: tuple[str, ...]) -> str:
    try:
        return try_features(host, features(*tries))["tried"]
    except SwarmError as error:
        pytest.skip(str(error))


pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces")


def test_what_is_tried_happens_where_nobody_sees_it() -> None:
    before = links()
    # had the first line been for the host's namespace, its loopback interface would be up
    assert tried(Host(), ("ip link set lo down", "ip link set lo name gone0", "ip link show gone0")) == ""
    assert links() == before


def test_what_fails_is_told_with_what_was_said() -> None:
    assert tried(Host(), ("ip link show nonesuch0",)) == '`ip link show nonesuch0`: Device "nonesuch0" does not exist.'
    assert tried(Host(), ("meshwork-none x",)) == "meshwork-none is not installed on this host"


def test_one_way_is_enough_and_each_line_of_it_counts() -> None:
    assert tried(Host(), ("false",), ("true",)) == ""
    assert tried(Host(), ("true", "false")) == "`false`: status 1"


def test_nothing_is_tried_where_nothing_is_asked() -> None:
    host = Host()
    assert try_features(host, ()) == {}
    assert host.runs == 0
