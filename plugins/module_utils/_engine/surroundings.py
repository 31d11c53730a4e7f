# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one host has that networks of the swarm must not overlap."""

from __future__ import annotations

from typing import Any

from .._kernel import underlay
from .._model.network import read_network, subnets_of
from .client import Engine

NAME_OPTION = "com.docker.network.bridge.name"
PREFIX, SHORT_ID = "br-", 12


def host_addresses(engine: Engine) -> dict[str, Any]:
    """The host's routes, addresses, nameservers and MTUs, and the bridges of its Engine, which have routes of their own."""
    bridges = engine.get("/networks", {"filters": {"driver": ["bridge"]}})
    return {
        "routes": [{"subnet": subnet, "interface": interface} for subnet, interface in underlay.routes()],
        "addresses": underlay.addresses(),
        "nameservers": underlay.nameservers(),
        "mtus": underlay.mtus(),
        "networks": [
            {
                "name": str(each["Name"]),
                "subnets": list(subnets_of(read_network(each))),
                # the Engine's name for a bridge that nobody named (moby libnetwork bridge.go)
                "interface": str((each.get("Options") or {}).get(NAME_OPTION) or PREFIX + str(each["Id"])[:SHORT_ID]),
            }
            for each in bridges
        ],
    }
