# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the nodes of the swarm can carry the services: constraints that none meets, ports of nodes that do not go round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._model.item import Item
from .._model.node import takes_tasks
from .._model.placement import meets, suits
from .._model.publish import ranges
from .._model.service import JOBS
from .plan import Blocker


def asks_for_nodes(values: Mapping[str, Any]) -> bool:
    """Whether the nodes matter to a service."""
    return bool(
        values.get("placement.constraints")
        or values.get("placement.platforms")
        or values.get("placement.replicas_max_per_node")
        or any(port.mode == "host" and port.published for port in values.get("publish") or ())
    )


def lacking(
    present: Sequence[Item], touched: frozenset[str], after: Mapping[str, Item], nodes: Sequence[Item]
) -> tuple[list[Blocker], list[str]]:
    """What the nodes say to the wanted services: blockers for what cannot be, warnings for what cannot be now.

    `touched` are the services that the plan makes or changes, `after` all as they will be. What no node of the swarm could carry is
    refused for services that are touched, and told of others: a node that was lost is no reason to leave everything else undone.
    """
    found = [_placed(item, after[item.name], nodes) for item in present]
    found += [_no_place_to_start(item, after[item.name], nodes) for item in present if item.name in touched]
    told = [each for each in found if each]
    blockers: list[Blocker] = []
    crowds = [crowd for item in present for crowd in _crowds(after[item.name], item.where, nodes)]
    for crowd in [*crowds, *_ports(present, after, nodes)]:
        if crowd.tasks > crowd.nodes and crowd.names & touched:
            blockers.append(Blocker(crowd.where, crowd.says(crowd.nodes), crowd.remedy))
        elif crowd.tasks > crowd.nodes:
            told.append(f"{crowd.where}: {crowd.says(crowd.nodes)}")
        elif crowd.now > crowd.active:
            told.append(f"{crowd.where}: {crowd.says(crowd.active)} now, on nodes that are ready and active; the rest waits")
    return blockers, told


def task_count(values: Mapping[str, Any], places: int, completed: int = 0) -> int:
    """How many tasks a service has at a time.

    `places` is how many it has where each node has one; of a job's tasks, `completed` have run.
    """
    mode = values["mode"]
    if mode == "replicated-job":
        at_once = int(values.get("max_concurrent") or 1)
        return min(at_once, max(0, int(values.get("total_completions") or at_once) - completed))
    if mode == "replicated":
        return int(values.get("replicas") or 0)
    return max(0, places - completed)


def suitable_nodes(values: Mapping[str, Any], nodes: Sequence[Item]) -> list[Item]:
    """The nodes that meet the constraints of a service and are of one of its platforms."""
    constraints, platforms = values.get("placement.constraints") or (), values.get("placement.platforms") or ()
    return [node for node in nodes if all(meets(each, node) for each in constraints) and suits(platforms, node)]


def _placed(item: Item, after: Item, nodes: Sequence[Item]) -> str:
    """What is said of constraints that no node meets; empty where one does."""
    if suitable_nodes(after.values, nodes):
        return ""
    constraints = after.values.get("placement.constraints") or ()
    alone = [each for each in constraints if not any(meets(each, node) for node in nodes)]
    if alone:
        told = "no node meets the constraint " + " nor ".join(repr(each) for each in alone)
    elif constraints and any(all(meets(each, node) for each in constraints) for node in nodes):
        told = "no node that meets its constraints is of one of its platforms"
    elif constraints:
        told = "no node meets all of its constraints: " + ", ".join(constraints)
    else:
        told = "no node is of one of its platforms"
    return f"{item.where}: {told}; its tasks wait until one does"


def _no_place_to_start(item: Item, after: Item, nodes: Sequence[Item]) -> str:
    """What is said of an update that starts a task before it stops one, where the bound of tasks on a node leaves no place for it."""
    bound = int(after.values.get("placement.replicas_max_per_node") or 0)
    places = bound * len([node for node in suitable_nodes(after.values, nodes) if takes_tasks(node)])
    full = after.values["mode"] == "replicated" and int(after.values["replicas"] or 0) >= places > 0
    if not full or after.values.get("update_config.order") != "start-first":
        return ""
    told = f"placement.replicas_max_per_node is {bound}, so that no node has a place for a task that starts before another stops"
    return f"{item.where}: {told}, and an update waits without end; leave a place, or use update_config.order stop-first"


@dataclass(frozen=True)
class _Crowd:
    """Tasks that need places on nodes, and the places: in all, and now on nodes that are ready and active."""

    where: str
    names: frozenset[str]
    tasks: int
    now: int
    nodes: int
    active: int
    what: str
    remedy: str

    def says(self, places: int) -> str:
        return f"{self.what}: {self.tasks} tasks, and {places} " + ("place for them" if places == 1 else "places for them")


def _crowds(after: Item, where: str, nodes: Sequence[Item]) -> list[_Crowd]:
    """The bound of tasks on a node, as places."""
    bound = int(after.values.get("placement.replicas_max_per_node") or 0)
    suitable = suitable_nodes(after.values, nodes)
    if not bound or after.values["mode"] != "replicated" or not suitable:
        return []
    return [
        _Crowd(
            where,
            frozenset({after.name}),
            int(after.values["replicas"]),
            int(after.values["replicas"]),
            bound * len(suitable),
            bound * len([node for node in suitable if takes_tasks(node)]),
            f"placement.replicas_max_per_node is {bound}",
            "lower replicas, raise the bound, or add nodes",
        )
    ]


def _ports(present: Sequence[Item], after: Mapping[str, Item], nodes: Sequence[Item]) -> list[_Crowd]:
    """Ports in host mode: a node has each of them once. Those that the same services hold are told together."""
    holders: dict[tuple[int, str], set[str]] = {}
    for item in after.values():
        for port in item.values.get("publish") or ():
            if port.mode == "host" and port.published and item.values["mode"] not in JOBS:
                holders.setdefault((port.published, port.protocol), set()).add(item.name)
    groups: dict[tuple[frozenset[str], str], list[int]] = {}
    for (number, protocol), names in holders.items():
        groups.setdefault((frozenset(names), protocol), []).append(number)
    wheres = {item.name: item.where for item in present}
    crowds = []
    for (held, protocol), numbers in groups.items():
        if not held & set(wheres):
            continue
        suitable = {name: suitable_nodes(after[name].values, nodes) for name in held}
        union = {node.id: node for each in suitable.values() for node in each}
        if not union:
            continue
        active = {name: [node for node in each if takes_tasks(node)] for name, each in suitable.items()}
        crowds.append(
            _Crowd(
                wheres[min(held & set(wheres))],
                held,
                sum(task_count(after[name].values, len(suitable[name])) for name in held),
                sum(task_count(after[name].values, len(active[name])) for name in held),
                len(union),
                len({node.id for each in active.values() for node in each}),
                f"port {ranges(numbers)}/{protocol} is published in host mode by {' and '.join(sorted(held))}, once on each node",
                "lower replicas, use mode global, give each service a port of its own, or add nodes",
            )
        )
    return crowds
