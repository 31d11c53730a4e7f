# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory that the lab prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.meshwork.swarm.tests.lab.meshlab import inventory
from ansible_collections.meshwork.swarm.tests.lab.meshlab.errors import LabError

KEY, SSH_ARGS = Path("/cache/ssh/id"), "-F /state/main/ssh_config -o ControlPath=/state/main/ssh/%h"


def parsed(count: int, managers: int | None = None, nics: int = 1) -> Any:
    nodes = [f"node{index}" for index in range(1, count + 1)]
    return yaml.safe_load(inventory.text(nodes, managers, key=KEY, ssh_args=SSH_ARGS, nics=nics))["swarm"]


@pytest.mark.parametrize(("count", "asked", "managers"), [(1, None, 1), (2, None, 1), (3, None, 3), (5, None, 3), (3, 1, 1), (4, 4, 4)])
def test_first_nodes_are_managers_and_the_others_workers(count: int, asked: int | None, managers: int) -> None:
    groups = parsed(count, asked)["children"]
    names = [f"node{index}" for index in range(1, count + 1)]
    assert list(groups["swarm_managers"]["hosts"]) == names[:managers]
    assert list(groups["swarm_workers"]["hosts"]) == names[managers:]


def test_hosts_are_reached_through_the_labs_own_ssh_configuration() -> None:
    swarm = parsed(3)
    assert swarm["children"]["swarm_managers"]["hosts"]["node2"] == {"ansible_host": "10.97.0.12"}
    assert swarm["vars"] == {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(KEY),
        "ansible_ssh_common_args": SSH_ARGS,
        "ansible_python_interpreter": "/usr/bin/python3",
    }


def test_further_cards_are_host_variables() -> None:
    host = parsed(1, nics=3)["children"]["swarm_managers"]["hosts"]["node1"]
    assert host == {"ansible_host": "10.97.0.11", "lab_eth1_address": "10.97.1.11", "lab_eth2_address": "10.97.2.11"}


@pytest.mark.parametrize("managers", [0, -1, 4])
def test_more_managers_than_nodes_or_none_are_refused(managers: int) -> None:
    with pytest.raises(LabError, match="expected 1 to 3"):
        parsed(3, managers)
