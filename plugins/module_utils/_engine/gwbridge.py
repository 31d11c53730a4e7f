# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module `gwbridge`, and what its planner compares."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from .._local.host import Command, Host, RemoveFile, WriteFile
from .._model.errors import SwarmError
from .._model.item import Item
from .._model.network import read_network, subnets_of
from .._model.node import manager, reachable
from .._model.table import show
from .._plan.address_plan import LARGEST_DEFAULT
from .._plan.gwbridge import NAME, SANDBOX, TABLE, Begin, Gateway, Restart, parse_gateway, plan_gateway, replaceable
from .._plan.plan import Plan, Step
from .._run import Reconciliation
from .._state.record import read_record
from .._state.service import control
from . import observe
from .client import Engine, connect
from .swarm_wide import apply_call

# gone after a boot, which is a restart of Docker, too
UNFINISHED = "/run/meshwork-swarm-gwbridge"
RESTART = Command(("systemctl", "restart", "docker.service"))
LOCKED = (
    f"{NAME} is as it should be, and Docker was restarted; the swarm has autolock, so this manager is locked now: give it the unlock key "
    "(unlock_key of meshwork.swarm.membership; another live manager tells it: meshwork.swarm.cluster_info, gather [unlock_key])"
)
ROUTES = Command(("ip", "-json", "-4", "route", "show", "table", "main"))


def gateway(engine: Engine, host: Host) -> Gateway:
    """docker_gwbridge of this host, who uses it, and what its subnet must not overlap. Raises SwarmError."""
    membership = observe.membership(engine)
    listed = [read_network(document) for document in engine.get("/networks")]
    named = next((item for item in listed if item.name == NAME), None)
    there = read_network(engine.get(f"/networks/{named.id}")) if named else None
    connected: Mapping[str, Any] = (there.document.get("Containers") or {}) if there else {}
    running = engine.get("/containers/json") or ()
    members = [node for node in observe.nodes(engine) if manager(node)] if membership.live_manager else []
    return Gateway(
        network=there,
        membership=membership,
        endpoints=tuple(sorted(str(each.get("Name") or key) for key, each in connected.items() if key != SANDBOX)),
        mesh=SANDBOX in connected,
        containers=tuple(sorted(str(each["Names"][0]).lstrip("/") for each in running)),
        managers={node.id: reachable(node) for node in members},
        others={**_networks(listed), **_routes(host)},
        unfinished=os.path.exists(UNFINISHED),
        recorded=read_record(host).of(membership.node_id),
    )


def _networks(listed: Sequence[Item]) -> dict[str, tuple[str, ...]]:
    return {f"network {item.name}": subnets_of(item) for item in listed if item.name != NAME}


def _routes(host: Host) -> dict[str, tuple[str, ...]]:
    """The host's routes but for those to everywhere (a VPN halves that), to nowhere (blackhole), and to docker_gwbridge itself."""
    found: dict[str, tuple[str, ...]] = {}
    for route in json.loads(host.output(ROUTES) or "[]"):
        everywhere = route["dst"] == "default" or ip_network(route["dst"]).prefixlen <= LARGEST_DEFAULT
        if everywhere or route.get("type", "unicast") != "unicast" or route.get("dev") == NAME:
            continue
        owner = f"the route by {route.get('dev', 'no interface')}"
        found[owner] = (*found.get(owner, ()), str(route["dst"]))
    return found


class GatewayWork(Reconciliation[Gateway]):
    """docker_gwbridge as the options describe it."""

    def __init__(self, module: Any) -> None:
        self.wanted = parse_gateway(module.params)
        self.engine = connect(module.params)
        self.deadline = float(module.params["wait_timeout"])
        self._drained = module.params["replace"] == "drained"
        self._checking = bool(module.check_mode)
        self._host = Host(self.deadline)
        self._restarted = False
        self._replaceable = False

    def observe(self) -> Gateway:
        return gateway(self.engine, self._host)

    def plan(self, found: Gateway) -> Plan[Gateway]:
        self._replaceable = replaceable(self.wanted, found)
        return plan_gateway(self.wanted, found, self._drained, self._checking)

    def pending(self, found: Gateway) -> Sequence[str]:
        """After a restart of Docker the node has to be back in its swarm. Raises SwarmError where that takes a key."""
        if self._restarted and found.membership.state == "locked":
            raise SwarmError(LOCKED)
        back = found.membership.state == "active" and (found.membership.role == "worker" or found.membership.live_manager)
        return ("the node is not yet back in its swarm",) if self._restarted and not back else ()

    def apply(self, step: Step) -> None:
        """Make one step. Raises EngineError, CommandFailed."""
        if isinstance(step.call, Begin):
            self._host.write(WriteFile(UNFINISHED, "Docker has to be restarted, see the module meshwork.swarm.gwbridge\n"))
        elif isinstance(step.call, Restart):
            control(RESTART, self.deadline)
            self._restarted = True
            self._host.remove(RemoveFile(UNFINISHED))
        else:
            apply_call(self.engine, step)

    def show(self, state: Gateway) -> Mapping[str, Any]:
        return {NAME: show(TABLE, state.network.values)} if state.network else {}

    def returned(self, state: Gateway) -> Mapping[str, Any]:
        shown = {"name": NAME, **show(TABLE, state.network.values)} if state.network else {}
        return {"gwbridge": shown, "needs_drain": self._replaceable, "recorded": state.recorded}
