# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of restarts of the Engines of a swarm: one node after the other, workers first, the leader last, and never past the majority.

A restarted dockerd ends the tasks of its node, since live-restore is not to be had in a swarm, so a node is drained before. What its
availability was is written down on its host before anything else happens: a restart that was cut off is ended by the next run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .plan import Blocker
from .quorum import arithmetic, majority

Node = Mapping[str, Any]
DRAINED = "drained"
DIRECT = "direct"


@dataclass(frozen=True)
class Host:
    """One host of the play: its node and the state of its membership, why its Engine has to be restarted ("" when it need not), and the
    availability that an earlier run wrote down and did not give back ("" when there is none). `stale` says that it is not this node's:
    the host has left its swarm, or is another node now.
    """

    name: str
    state: str
    node_id: str
    live_manager: bool
    reason: str = ""
    recorded: str = ""
    stale: bool = False


@dataclass(frozen=True)
class Restart:
    """What is left to do for one node. `manager` is the host that does the swarm-wide work meanwhile.

    `drain` says that its tasks are moved away before; `restart` is false where only the availability is to be given back.
    """

    host: str
    node_id: str
    manager: str
    role: str
    drain: bool
    restart: bool
    availability: str
    says: str
    costs: str
    rank: tuple[bool, bool, bool]


@dataclass(frozen=True)
class Restarts:
    """The restarts in their order, or why there are none; and the hosts whose records are stale, with the availability in each."""

    restarts: tuple[Restart, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    forgotten: Mapping[str, str] = field(default_factory=dict)


def read_hosts(shown: Sequence[Mapping[str, Any]]) -> list[Host]:
    """The hosts from what the role knows of each. Raises KeyError where something is missing."""
    return [
        Host(
            str(host["host"]),
            str(host["membership"]["state"]),
            str(host["membership"]["node_id"]),
            bool(host["membership"]["live_manager"]),
            str(host.get("reason") or ""),
            str(host.get("recorded") or ""),
            _stale(host),
        )
        for host in shown
    ]


def _stale(host: Mapping[str, Any]) -> bool:
    """A locked manager tells no ID, and still is the node that it was: its state is there."""
    now, then = str(host["membership"]["node_id"]), str(host.get("recorded_node") or "")
    return bool(host.get("recorded")) and (not host.get("member", True) or bool(now and then and now != then))


def plan_restarts(hosts: Sequence[Host], nodes: Sequence[Node], way: str = DRAINED, allow_interruption: bool = False) -> Restarts:
    """The restarts of all hosts that are members. `nodes` are the swarm's as cluster_info shows them, [] without a live manager."""
    forgotten = {host.name: host.recorded for host in hosts if host.stale}
    hosts = [replace(host, recorded="") if host.stale else host for host in hosts]
    waiting = [host for host in hosts if (host.reason or host.recorded) and host.state != "inactive"]
    if not waiting:
        return Restarts(forgotten=forgotten)
    by_id = {str(node["id"]): node for node in nodes}
    blockers = [blocker for host in waiting for blocker in _misfit(host, by_id)]
    if blockers:
        return Restarts(blockers=tuple(blockers))
    live = [host.name for host in hosts if host.live_manager]
    restarts = [_restart(host, by_id, way, live) for host in waiting]
    blockers = [] if allow_interruption else _majority_lost(restarts, nodes)
    if blockers:
        return Restarts(blockers=tuple(blockers))
    return Restarts(tuple(sorted(restarts, key=lambda restart: restart.rank)), forgotten=forgotten)


def _misfit(host: Host, by_id: Mapping[str, Node]) -> list[Blocker]:
    """A node that cannot be drained, or not be seen coming back."""
    why = (
        "its Engine has to be restarted"
        if host.reason
        else f"an earlier run took its availability {host.recorded}, which it is to get back"
    )
    yourself = ", or set engine_restart: never and restart it yourself" if host.reason else ""
    if host.state != "active":
        return [Blocker(host.name, f"{why}, and its membership is {host.state}", f"bring it back to the swarm first{yourself}")]
    if not by_id:
        remedy = f"put the managers among its hosts (do not --limit it to workers){yourself}"
        return [Blocker(host.name, f"{why}, and no live manager is among the hosts of this run", remedy)]
    if host.node_id not in by_id:
        remedy = "it is in another swarm, or was removed from this one: let it leave on purpose (meshwork.swarm.membership, state left)"
        return [Blocker(host.name, f"its node {host.node_id} is not in the swarm's list", remedy)]
    return []


def _restart(host: Host, by_id: Mapping[str, Node], way: str, live: Sequence[str]) -> Restart:
    node = by_id[host.node_id]
    others = [other for other in by_id.values() if other["id"] != host.node_id]
    takers = [other for other in others if other["state"] == "ready" and other["availability"] == "active"]
    restart = bool(host.reason)
    drain = restart and way == DRAINED and bool(takers)
    lonely = restart and way == DRAINED and not takers
    kept = host.recorded or str(node["availability"])
    says = f"{host.name} ({node['role']}, {kept}): "
    if restart:
        without = ", without a drain since no other node could take its tasks" if lonely else ""
        says += f"restart the Engine for {host.reason}{without}"
    else:
        says += f"give it back the availability {kept}, which an earlier run took"
    return Restart(
        host=host.name,
        node_id=host.node_id,
        manager=next((name for name in live if name != host.name), host.name),
        role=str(node["role"]),
        drain=drain and node["availability"] != "drain",
        restart=restart,
        availability=kept,
        says=says,
        costs=("its tasks move to other nodes" if drain else "its tasks end, and start again") if restart else "",
        rank=(not host.recorded, node["role"] == "manager", bool(node["leader"])),
    )


def _majority_lost(restarts: Sequence[Restart], nodes: Sequence[Node]) -> list[Blocker]:
    """One manager at a time is away; what is left has to be a majority."""
    managers = {str(node["id"]): node for node in nodes if node["role"] == "manager"}
    reachable = sum(1 for node in managers.values() if node["reachability"] == "reachable")
    for restart in restarts:
        node = managers.get(restart.node_id)
        if not restart.restart or node is None or node["reachability"] != "reachable" or reachable - 1 >= majority(len(managers)):
            continue
        reason = f"while its Engine restarts the majority would be lost: {arithmetic(len(managers), reachable - 1)}"
        if len(managers) == 1:
            reason = "it is the only manager, and while its Engine restarts nobody manages the swarm"
        remedy = "have three managers and bring all of them back first, or set engine_allow_interruption: true"
        return [Blocker(restart.host, reason, remedy)]
    return []


def whole_services(services: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The services that have all their tasks, as entries of the module services that change nothing and wait for them."""
    return [{"name": str(service["name"])} for service in services if service["running"] >= service["desired"]]


def show_restarts(plan: Restarts) -> dict[str, Any]:
    """The plan as plain values, for the role that carries it out and for people."""
    told = [restart.says + (f" ({restart.costs})" if restart.costs else "") for restart in plan.restarts]
    lines = [f"{number}. {line}" for number, line in enumerate(told, 1)]
    lines += [
        f"{host}: forget the availability {kept}, which an earlier run took from a node that this host is no more"
        for host, kept in plan.forgotten.items()
    ]
    return {
        "restarts": [{name: value for name, value in vars(restart).items() if name != "rank"} for restart in plan.restarts],
        "blockers": [str(blocker) for blocker in plan.blockers],
        "forgotten": list(plan.forgotten),
        "summary": [str(blocker) for blocker in plan.blockers] or lines or ["no Engine of a member has to be restarted"],
    }
