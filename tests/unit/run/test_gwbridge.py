# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docker_gwbridge must keep away from, as the host tells it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from ansible_collections.meshwork.swarm.plugins.module_utils._engine import gwbridge
from fakes.engine import FakeEngine


def others(*routes: dict[str, Any]) -> dict[str, Any]:
    host = SimpleNamespace(output=lambda _command: json.dumps(routes))
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
