# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docker_gwbridge must keep away from, as the host tells it, and what becomes of a manager after the restart of Docker."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import gwbridge
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._model.membership import Membership
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.gwbridge import Gateway
from fakes.engine import FakeEngine


def others(*routes: dict[str, Any]) -> dict[str, Any]:
    host = SimpleNamespace(output=lambda _command: json.dumps(routes), read=lambda _path: None)
    found = gwbridge.gateway(FakeEngine(), host)  # type: ignore[arg-type]
    return {owner: subnets for owner, subnets in found.others.items() if owner.startswith("the route")}


def test_routes_to_everywhere_and_to_nowhere_take_no_addresses() -> None:
    vpn = [{"dst": "0.0.0.0/1", "dev": "tun0"}, {"dst": "128.0.0.0/1", "dev": "tun0"}, {"dst": "default", "dev": "eth0"}]
    nowhere = {"type": "blackhole", "dst": "172.16.0.0/12"}
    assert others(*vpn, nowhere, {"dst": "172.18.0.0/16", "dev": "docker_gwbridge"}) == {}


def test_routes_to_somewhere_do() -> None:
    assert others({"dst": "10.0.0.0/24", "dev": "eth0"}, {"dst": "10.1.2.3", "dev": "eth0"}) == {
        "the route by eth0": ("10.0.0.0/24", "10.1.2.3")
    }


def test_a_manager_that_is_locked_is_not_waited_for() -> None:
    work = gwbridge.GatewayWork.__new__(gwbridge.GatewayWork)
    work._restarted = True
    assert work.pending(Gateway(None, Membership(state="pending")))
    assert not work.pending(Gateway(None, Membership(state="active", node_id="n1", control=True)))
    with pytest.raises(SwarmError, match="this manager is locked now: give it the unlock key"):
        work.pending(Gateway(None, Membership(state="locked")))
