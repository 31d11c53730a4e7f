# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back from a change that shuts everybody out, on a node with systemd and sshd."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.way_back import SCRIPT
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from grounds.ground import PEERS, STRANGER
from grounds.lab_node import LabNode
from grounds.traffic import OPEN, SILENT
from stories.machines import CHECKOUT, eventually, run

pytestmark = [
    pytest.mark.lab,
    pytest.mark.matrix,
    pytest.mark.parametrize("standing", ["iptables", "firewalld-iptables"], indirect=True, scope="session"),
]
NOBODY = [{"port": 22, "protocol": "tcp", "sources": ["192.0.2.1"]}]
SECONDS = 20


def test_B4_a_host_that_nobody_reaches_goes_back_by_itself(ground: LabNode) -> None:
    before = ground.ruleset()
    # where the run comes from SSH, the module refuses such a change
    output = ground.start_by_itself(published=NOBODY, confirm_within=SECONDS)
    # a slow sshd is not a shut one
    eventually(lambda: ground.ask(STRANGER, "tcp", 22, patience=SECONDS / 2), lambda said: said == SILENT, 120, "SSH is shut")
    assert ground.ask(PEERS[0], "tcp", 22) == SILENT
    eventually(lambda: ground.ask(STRANGER, "tcp", 22), lambda said: said == OPEN, SECONDS + 90, "the host lets in again")
    ground.goes_back()
    assert f"go back to today's rules {SECONDS} s after this run" in ground.shell(f"cat {output}")
    ground.settle()
    assert ground.ruleset() == before
    with pytest.raises(SwarmError, match="has gone back to the rules that it had before"):
        ground.run(state="confirmed")


def test_B4_a_run_over_ssh_does_not_shut_itself_out(ground: LabNode) -> None:
    before = ground.ruleset()
    with pytest.raises(SwarmError, match="this run itself comes over SSH from"):
        ground.run(published=NOBODY, confirm_within=SECONDS)
    assert ground.ruleset() == before


def test_B4_the_role_confirms_over_a_new_connection(ground: LabNode, tmp_path: Path) -> None:
    peers = [ground.address(who) for who in PEERS]
    values = {"role": "manager", "peers": peers, "persistent": ground.persistent, "confirm_within": SECONDS * 2}
    variables = tmp_path / "variables.json"
    variables.write_text(json.dumps({f"firewall_{name}": value for name, value in values.items()}))
    role = ["-m", "ansible.builtin.include_role", "-a", "name=meshwork.swarm.firewall"]
    run(["ansible", ground.node, "-i", str(CHECKOUT / "inventories/lab"), *role, "-e", f"@{variables}"], timeout=120)
    made = ground.ruleset()
    assert not ground.shell(f"ls {SCRIPT}", check=False)
    time.sleep(SECONDS * 2)
    assert ground.ruleset() == made
    assert {who: ground.ask(who, "tcp", 7946) for who in PEERS} == dict.fromkeys(PEERS, OPEN)
