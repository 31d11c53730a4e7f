# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a proxy in front of the swarm has to know: which names lead to which service, and on which nodes it answers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._model.edge import HTTP, PREFIX, TCP, Asked, read_routes
from .._model.errors import InvalidOption

Shown = Mapping[str, Any]
_NAME = re.compile(r"[A-Za-z0-9._-]+")
"""Hostnames are told by the nodes themselves, and end in the configuration of a proxy."""


@dataclass(frozen=True)
class Node:
    """A node that may answer: ready, and not drained."""

    id: str
    hostname: str
    address: str


@dataclass(frozen=True)
class Backend:
    """A route, the published port behind it and the nodes on which that port answers."""

    asked: Asked
    published: int
    nodes: tuple[Node, ...]

    @property
    def name(self) -> str:
        """A name that no other section of a configuration has: names of services have no colon."""
        return ":".join(filter(None, ("service", self.asked.service, self.asked.route)))


def edge(
    nodes: Sequence[Shown],
    services: Sequence[Shown],
    tasks: Sequence[Shown],
    addresses: Mapping[str, str],
    taken: Mapping[int, str],
    on_a_node: bool = False,
    here: str = "",
) -> dict[str, Any]:
    """The backends, the rules of HTTP in the order in which they are tried, the TCP listeners, and what is wrong.

    Takes nodes, services and tasks as cluster_info returns them; `addresses` by hostname, where the proxy reaches a node by another one
    than the swarm's; `taken`, who has which port of the host of the proxy, in a word; `on_a_node`, whether it is a node itself, where what
    services publish is taken too, and `here` the ID of that node, where it is known. With faults there is nothing else.
    """
    pool = _pool(nodes, addresses)
    faults: list[str] = []
    if on_a_node:
        with_tasks = {str(task["service"]) for task in tasks if here and task["node_id"] == here}
        faults += _held(services, taken, with_tasks)
        taken = {**_published(services, with_tasks if here else None), **taken}
    backends: list[Backend] = []
    for service in services:
        try:
            backends += [_backend(asked, service, pool, tasks) for asked in read_routes(service["name"], service.get("labels") or {})]
        except InvalidOption as error:
            faults.append(str(error))
    faults += _clashes(backends, taken)
    if faults:
        return {"faults": faults, "backends": [], "rules": [], "listeners": []}
    return {
        "faults": [],
        "backends": [_shown(backend) for backend in backends],
        "rules": _rules(backends),
        "listeners": [{"port": each.asked.listen, "backend": each.name} for each in backends if each.asked.mode == TCP],
    }


def _pool(nodes: Sequence[Shown], addresses: Mapping[str, str]) -> tuple[Node, ...]:
    there = [
        Node(node["id"], _name(node), addresses.get(node["hostname"]) or node["address"])
        for node in nodes
        if node["state"] == "ready" and node["availability"] != "drain"
    ]
    return tuple(sorted(there, key=lambda node: (node.hostname, node.id)))


def _name(node: Shown) -> str:
    """The hostname, where it leaves no room for a line of a configuration."""
    return str(node["hostname"] if _NAME.fullmatch(node["hostname"]) else node["id"])


def _held(services: Sequence[Shown], taken: Mapping[int, str], with_tasks: Collection[str]) -> list[str]:
    """The ports that the proxy needs itself and the mesh holds on every node, or a task on this one."""
    return [
        f"port {port['published_port']} of the edge is for {taken[port['published_port']]}, and service {service['name']} publishes it on "
        "the node itself; give one of them another port, or put the edge on a host that is no node"
        for service in services
        for port in service["ports"]
        if port["protocol"] == "tcp" and port.get("published_port") in taken
        if port["mode"] == "ingress" or service["name"] in with_tasks
    ]


def _published(services: Sequence[Shown], with_tasks: Collection[str] | None) -> dict[int, str]:
    """The TCP ports that the mesh or a task holds on a node, and whose they are; None where nobody knows whose tasks it has."""
    return {
        port["published_port"]: f"service {service['name']} on the node itself"
        for service in services
        for port in service["ports"]
        if port["protocol"] == "tcp" and port.get("published_port")
        if port["mode"] == "ingress" or with_tasks is None or service["name"] in with_tasks
    }


def _backend(asked: Asked, service: Shown, pool: tuple[Node, ...], tasks: Sequence[Shown]) -> Backend:
    ports = [port for port in service["ports"] if port["protocol"] == "tcp" and asked.port in (0, port["target_port"])]
    numbers = ", ".join(str(port["target_port"]) for port in ports) or "none"
    if len(ports) != 1:
        wanted = f"a published TCP port {asked.port} of the container" if asked.port else "one published TCP port"
        remedy = f"publish it, or name one with the label {PREFIX}port" if not ports else f"name one of them with the label {PREFIX}port"
        raise InvalidOption(asked.where, wanted, numbers, remedy)
    port = ports[0]
    if not port.get("published_port"):
        raise InvalidOption(asked.where, "a published_port", f"one that each task chooses for {numbers}", "write published_port")
    if port["mode"] == "host":
        with_tasks = {task["node_id"] for task in tasks if task["service"] == service["name"]}
        pool = tuple(node for node in pool if node.id in with_tasks)
    return Backend(asked, port["published_port"], pool)


def _clashes(backends: Sequence[Backend], taken: Mapping[int, str]) -> list[str]:
    faults: list[str] = []
    owner: dict[Any, str] = {}
    for backend in backends:
        asked = backend.asked
        for place, told in _places(asked):
            first = owner.setdefault(place, asked.where)
            if first != asked.where:
                faults.append(f"{asked.where}: {told} leads to {first} already; give one of them another label")
        if asked.mode == TCP and asked.listen in taken:
            faults.append(f"{asked.where}: port {asked.listen} of the edge is taken by {taken[asked.listen]}; write another {PREFIX}listen")
    return faults


def _places(asked: Asked) -> Iterable[tuple[Any, str]]:
    """Where a route is the only one, and how that is said."""
    if asked.mode == TCP:
        yield asked.listen, f"port {asked.listen} of the edge"
        return
    for host, path in _pairs(asked):
        yield (host, path), f"{host or 'any name'}{path or '/'}"


def _pairs(asked: Asked) -> list[tuple[str, str]]:
    return [(host, path) for host in asked.hosts or ("",) for path in asked.paths or ("",)]


def _rules(backends: Sequence[Backend]) -> list[dict[str, str]]:
    """Names before wildcards before any name; the longer name and path first."""
    rules = [(host, path, each.name) for each in backends if each.asked.mode == HTTP for host, path in _pairs(each.asked)]

    def order(rule: tuple[str, str, str]) -> tuple[Any, ...]:
        host, path, name = rule
        kind = 2 if not host else 1 if host.startswith("*") else 0
        return kind, -len(host) if kind == 1 else 0, host, -len(path), path, name

    return [{"host": host, "path": path, "backend": name} for host, path, name in sorted(rules, key=order)]


def _shown(backend: Backend) -> dict[str, Any]:
    asked = backend.asked
    return {
        "name": backend.name,
        "mode": asked.mode,
        "check": asked.check,
        "check_host": next((host for host in asked.hosts if not host.startswith("*")), ""),
        "proxy_protocol": asked.proxy_protocol,
        "servers": [{"name": node.hostname, "address": node.address, "port": backend.published} for node in _named_apart(backend.nodes)],
    }


def _named_apart(nodes: Sequence[Node]) -> list[Node]:
    """Hostnames may be the same on two nodes; names of servers may not."""
    seen: set[str] = set()
    apart = []
    for node in nodes:
        apart.append(replace(node, hostname=f"{node.hostname}-{node.id}") if node.hostname in seen else node)
        seen.add(node.hostname)
    return apart
