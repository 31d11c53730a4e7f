# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the proof knows of a cluster: the return value of the module cluster_info, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._model.errors import InvalidOption

NEEDED = ("membership", "nodes", "networks", "services", "tasks")


@dataclass(frozen=True)
class Node:
    """A node of the swarm; `address` is where the managers know it, empty where they do not."""

    id: str
    hostname: str
    address: str
    state: str
    role: str


@dataclass(frozen=True)
class Network:
    """A network; `vnis` has one VNI a subnet, and none while the swarm has not allocated it."""

    id: str
    name: str
    driver: str
    encrypted: bool
    ingress: bool
    vnis: frozenset[int]


@dataclass(frozen=True)
class Port:
    """A published port, with the real published port where the swarm chose it; 0 where each node chooses its own."""

    target: int
    published: int
    protocol: str
    mode: str

    def __str__(self) -> str:
        return f"{self.published}/{self.protocol}"


@dataclass(frozen=True)
class Service:
    """A service; `aliases` and `vips` are pairs of a network's name and the alias or address there."""

    name: str
    mode: str
    endpoint_mode: str
    networks: tuple[str, ...]
    aliases: frozenset[tuple[str, str]]
    vips: tuple[tuple[str, str], ...]
    ports: tuple[Port, ...]
    running: int
    desired: int

    @property
    def is_job(self) -> bool:
        return self.mode.endswith("job")


@dataclass(frozen=True)
class Task:
    """A running task; `addresses` are pairs of a network's name and its address there."""

    id: str
    service: str
    node_id: str
    slot: int
    container_id: str
    addresses: tuple[tuple[str, str], ...]

    @property
    def networks(self) -> tuple[str, ...]:
        return tuple(network for network, _address in self.addresses)

    @property
    def label(self) -> str:
        return f"{self.service}.{self.slot}" if self.slot else f"{self.service}.{self.id[:8]}"


@dataclass(frozen=True)
class Facts:
    """A cluster at one moment. `asked` is the ID of the manager that told it."""

    asked: str
    data_path_port: int
    nodes: tuple[Node, ...]
    networks: tuple[Network, ...]
    services: tuple[Service, ...]
    tasks: tuple[Task, ...]

    def node(self, node_id: str) -> Node | None:
        return next((node for node in self.nodes if node.id == node_id), None)

    def hostname(self, node_id: str) -> str:
        node = self.node(node_id)
        return node.hostname if node else node_id

    @property
    def overlays(self) -> tuple[Network, ...]:
        return tuple(network for network in self.networks if network.driver == "overlay" and network.vnis)

    def tasks_of(self, service: str) -> tuple[Task, ...]:
        return tuple(task for task in self.tasks if task.service == service)

    def addresses_on(self, network: str, service: str = "") -> tuple[tuple[Task, str], ...]:
        """Tasks with their IPv4 addresses on a network, of one service or of all."""
        return tuple(
            (task, address)
            for task in self.tasks
            if service in ("", task.service)
            for name, address in task.addresses
            if name == network and ":" not in address
        )


def parse(facts: Mapping[str, Any]) -> Facts:
    """Facts from what cluster_info returned. Raises InvalidOption when a part is missing."""
    missing = [part for part in NEEDED if not isinstance(facts.get(part), (list, Mapping))]
    if missing:
        raise InvalidOption(
            "facts", f"what cluster_info returns with {', '.join(NEEDED)}", sorted(facts), f"missing: {', '.join(missing)}; gather them"
        )
    tasks = tuple(_task(task) for task in facts["tasks"] if task.get("state", "running") == "running")
    return Facts(
        asked=_text(facts["membership"], "node_id"),
        data_path_port=int((facts.get("swarm") or {}).get("data_path_port") or 4789),
        nodes=tuple(_node(node) for node in facts["nodes"]),
        networks=tuple(_network(network) for network in facts["networks"]),
        services=tuple(_service(service) for service in facts["services"]),
        tasks=tuple(sorted(tasks, key=lambda task: (task.service, task.slot, task.id))),
    )


def _text(given: Mapping[str, Any], name: str) -> str:
    return str(given.get(name) or "")


def _list(given: Mapping[str, Any], name: str) -> Sequence[Any]:
    return given.get(name) or ()


def _bare(address: Any) -> str:
    """An address without the prefix length that the Engine may write behind it."""
    return str(address).partition("/")[0]


def _node(node: Mapping[str, Any]) -> Node:
    return Node(node["id"], node["hostname"], _bare(node.get("address") or ""), _text(node, "state"), _text(node, "role"))


def _network(network: Mapping[str, Any]) -> Network:
    return Network(
        id=_text(network, "id"),
        name=network["name"],
        driver=_text(network, "driver"),
        encrypted=bool(network.get("encrypted")),
        ingress=bool(network.get("ingress")),
        vnis=frozenset(int(vni) for vni in _list(network, "vnis")),
    )


def _service(service: Mapping[str, Any]) -> Service:
    attached: list[Mapping[str, Any]] = list(_list(service, "networks"))
    return Service(
        name=service["name"],
        mode=_text(service, "mode") or "replicated",
        endpoint_mode=_text(service, "endpoint_mode") or "vip",
        networks=tuple(network["name"] for network in attached),
        aliases=frozenset((network["name"], alias) for network in attached for alias in _list(network, "aliases")),
        vips=tuple((vip["network"], _bare(vip["address"])) for vip in _list(service, "vips") if vip.get("address")),
        ports=tuple(_port(port) for port in _list(service, "ports")),
        running=int(service.get("running") or 0),
        desired=int(service.get("desired") or 0),
    )


def _port(port: Mapping[str, Any]) -> Port:
    return Port(
        int(port["target_port"]), int(port.get("published_port") or 0), _text(port, "protocol") or "tcp", _text(port, "mode") or "ingress"
    )


def _task(task: Mapping[str, Any]) -> Task:
    return Task(
        id=_text(task, "id"),
        service=_text(task, "service"),
        node_id=_text(task, "node_id"),
        slot=int(task.get("slot") or 0),
        container_id=_text(task, "container_id"),
        addresses=tuple((network["name"], _bare(network["address"])) for network in _list(task, "networks") if network.get("address")),
    )
