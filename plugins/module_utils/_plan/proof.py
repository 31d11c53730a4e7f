# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the facts of a cluster to the questions that one node asks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, Union

from .proof_facts import Facts, Network, Node, Port, Service, Task
from .verdict import HOST_MODE, MESH, NODES, PATH, TASKS, VIP, Verdict, skip

T = TypeVar("T")
# A node asks at most so many questions of a kind; what is over is shared out among the nodes.
LIMIT = 200
CONNECTS_LIMIT = 10
INGRESS_SANDBOX = "ingress_sbox"


@dataclass(frozen=True)
class Vantage:
    """Where a question is asked from: the namespace of a local container, or a sandbox of dockerd's by name."""

    label: str
    container_id: str = ""
    sandbox: str = ""


@dataclass(frozen=True)
class NameQuestion:
    """A name asked from a task. Any one of `expected` is right: a task asks its networks one after the other, and the first that
    knows the name answers."""

    vantage: Vantage
    network: str
    name: str
    expected: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class VipQuestion:
    """`connects` TCP connections from a task to a service's VIP; `backends` are the addresses that may answer, each with its task."""

    vantage: Vantage
    network: str
    network_id: str
    service: str
    address: str
    port: int
    backends: tuple[tuple[str, str], ...]
    connects: int


@dataclass(frozen=True)
class PortQuestion:
    """A TCP connection from the node to a published port of a node."""

    proof: str
    subject: str
    to: str
    address: str
    port: int
    open: bool


@dataclass(frozen=True)
class PathQuestion:
    """A small and a full-size echo from a task, or from the ingress sandbox, to a task on another node."""

    vantage: Vantage
    network: str
    task: str
    to: str
    address: str


@dataclass(frozen=True)
class WireQuestion:
    """What the frames between this node and the nodes of `addresses` (by a task's address there) must look like."""

    network: str
    network_id: str
    encrypted: bool
    vnis: frozenset[int]
    peers: tuple[tuple[str, str], ...]


Question = Union[NameQuestion, VipQuestion, PortQuestion, PathQuestion]


@dataclass(frozen=True)
class ProofPlan:
    """Everything that one node asks, and the verdicts that need no traffic."""

    hostname: str
    names: tuple[NameQuestion, ...]
    vips: tuple[VipQuestion, ...]
    ports: tuple[PortQuestion, ...]
    paths: tuple[PathQuestion, ...]
    wire: tuple[WireQuestion, ...]
    known: tuple[Verdict, ...]
    other_nodes: tuple[str, ...]

    @property
    def questions(self) -> tuple[Question, ...]:
        return (*self.names, *self.vips, *self.ports, *self.paths)

    @property
    def vantages(self) -> tuple[Vantage, ...]:
        asked: Iterable[NameQuestion | VipQuestion | PathQuestion] = (*self.names, *self.vips, *self.paths)
        return tuple(dict.fromkeys(question.vantage for question in asked))


def proof_plan(facts: Facts, here: Node, tcp_ports: Mapping[str, Sequence[int]]) -> ProofPlan:
    """The questions that the node `here` asks.

    `tcp_ports` adds, by service, ports on which its tasks listen but which it does not publish.
    """
    turn = sorted(node.id for node in facts.nodes).index(here.id)
    vantages = _vantages(facts, here)
    paths = share(_paths(facts, here, vantages, turn), LIMIT, turn)
    told = facts.asked in (here.id, "")
    return ProofPlan(
        hostname=here.hostname,
        names=tuple(share(_names(facts, vantages), LIMIT, turn)),
        vips=tuple(share(_vips(facts, vantages, tcp_ports), LIMIT // 2, turn)),
        ports=tuple(_own_first(_ports(facts), here, turn)),
        paths=tuple(paths),
        wire=tuple(_wire(facts, paths)),
        known=tuple(_known(facts, here.hostname, tcp_ports)) if told else (),
        other_nodes=tuple(node.address for node in facts.nodes if node.id != here.id and reachable(node)),
    )


def share(items: Sequence[T], limit: int, turn: int) -> Sequence[T]:
    """At most `limit` of the items, beginning further on for each node's turn, so that the nodes together cover more."""
    if len(items) <= limit:
        return items
    start = turn * limit % len(items)
    return [*items, *items][start : start + limit]


def reachable(node: Node) -> bool:
    """Whether a node can be asked at its address; a manager may know itself as 0.0.0.0."""
    return node.state == "ready" and node.address not in ("", "0.0.0.0", "::") and not node.address.startswith("127.")


def _vantages(facts: Facts, here: Node) -> dict[str, tuple[Vantage, Task]]:
    """For each overlay network the local task that asks there: the one on the fewest networks, whose answers mean most."""
    overlays = {network.name for network in facts.overlays if not network.ingress}
    local = [task for task in facts.tasks if task.node_id == here.id and task.container_id]
    chosen: dict[str, tuple[Vantage, Task]] = {}
    for task in sorted(local, key=lambda task: (len(task.networks), task.service, task.slot, task.id)):
        for network in task.networks:
            if network in overlays and network not in chosen:
                chosen[network] = (Vantage(f"{task.label} on {here.hostname}", container_id=task.container_id), task)
    return chosen


def _names(facts: Facts, vantages: Mapping[str, tuple[Vantage, Task]]) -> list[NameQuestion]:
    known = _answers(facts)
    questions: dict[tuple[Vantage, str], NameQuestion] = {}
    for network, (vantage, task) in vantages.items():
        for (where, name), _addresses in known.items():
            if where == network and (vantage, name) not in questions:
                expected = tuple(frozenset(known[(other, name)]) for other in task.networks if (other, name) in known)
                questions[(vantage, name)] = NameQuestion(vantage, network, name, expected)
    return list(questions.values())


def _answers(facts: Facts) -> dict[tuple[str, str], set[str]]:
    """The addresses behind each (network, name). A service without a running task has no names."""
    answers: dict[tuple[str, str], set[str]] = {}
    for service in facts.services:
        vips = dict(service.vips)
        for network in service.networks:
            addresses = {address for _task, address in facts.addresses_on(network, service.name)}
            by_vip = service.endpoint_mode == "vip"
            if not addresses or (by_vip and network not in vips):
                continue
            names = {service.name, *(alias for where, alias in service.aliases if where == network)}
            for name in sorted(names):
                answers.setdefault((network, name), set()).update({vips[network]} if by_vip else addresses)
            answers.setdefault((network, f"tasks.{service.name}"), set()).update(addresses)
    return answers


def _vips(facts: Facts, vantages: Mapping[str, tuple[Vantage, Task]], tcp_ports: Mapping[str, Sequence[int]]) -> list[VipQuestion]:
    ids = {network.name: network.id for network in facts.networks}
    questions = []
    for service in facts.services:
        for network, address in service.vips:
            backends = tuple(
                (found, f"{task.label} on {facts.hostname(task.node_id)}") for task, found in facts.addresses_on(network, service.name)
            )
            if network not in vantages or not backends or ":" in address or service.endpoint_mode != "vip":
                continue
            connects = min(2 * len(backends), CONNECTS_LIMIT)
            for port in listening(service, tcp_ports):
                questions.append(VipQuestion(vantages[network][0], network, ids[network], service.name, address, port, backends, connects))
    return questions


def listening(service: Service, tcp_ports: Mapping[str, Sequence[int]]) -> list[int]:
    """The TCP ports on which the tasks of a service are known to listen."""
    published = {port.target for port in service.ports if port.protocol == "tcp"}
    return sorted(published | {int(port) for port in tcp_ports.get(service.name, ())})


def _ports(facts: Facts) -> list[PortQuestion]:
    """The published TCP ports of all nodes. A port that a host-mode service does not publish on a node must be closed there."""
    questions: dict[tuple[str, int], PortQuestion] = {}
    probed = [(service, port) for service in facts.services for port in service.ports if _is_probed(facts, service, port)]
    # A port that somebody opens on a node is open there, whoever else publishes it elsewhere: those that open come last.
    for service, port in sorted(probed, key=lambda pair: pair[1].mode == "ingress"):
        runs = {task.node_id for task in facts.tasks_of(service.name)}
        for node in filter(reachable, facts.nodes):
            opens = port.mode == "ingress" or node.id in runs
            if opens or (node.id, port.published) not in questions:
                proof = MESH if port.mode == "ingress" else HOST_MODE
                subject = f"{service.name}:{port}"
                questions[(node.id, port.published)] = PortQuestion(proof, subject, node.hostname, node.address, port.published, opens)
    return list(questions.values())


def _is_probed(facts: Facts, service: Service, port: Port) -> bool:
    return port.protocol == "tcp" and port.published > 0 and bool(facts.tasks_of(service.name))


def _own_first(questions: Sequence[PortQuestion], here: Node, turn: int) -> list[PortQuestion]:
    own = [question for question in questions if question.address == here.address]
    others = [question for question in questions if question.address != here.address]
    return [*share(own, LIMIT, turn), *share(others, max(LIMIT - len(own), LIMIT // 2), turn)]


def _paths(facts: Facts, here: Node, vantages: Mapping[str, tuple[Vantage, Task]], turn: int) -> list[PathQuestion]:
    """One question for each network and each other node that has tasks on it."""
    questions = []
    for network in facts.overlays:
        if network.ingress:
            vantage = Vantage(f"ingress sandbox on {here.hostname}", sandbox=INGRESS_SANDBOX)
        elif network.name in vantages:
            vantage = vantages[network.name][0]
        else:
            continue
        by_node: dict[str, list[tuple[Task, str]]] = {}
        for task, address in facts.addresses_on(network.name):
            if task.node_id != here.id:
                by_node.setdefault(task.node_id, []).append((task, address))
        for node_id, tasks in sorted(by_node.items()):
            task, address = tasks[turn % len(tasks)]
            questions.append(PathQuestion(vantage, network.name, task.label, facts.hostname(node_id), address))
    return questions


def _wire(facts: Facts, paths: Sequence[PathQuestion]) -> list[WireQuestion]:
    return [
        WireQuestion(network.name, network.id, network.encrypted, network.vnis, peers)
        for network in facts.overlays
        for peers in [tuple((path.to, path.address) for path in paths if path.network == network.name)]
        if peers
    ]


def _known(facts: Facts, hostname: str, tcp_ports: Mapping[str, Sequence[int]]) -> list[Verdict]:
    """What the facts alone tell; said once, by the manager that told them."""
    verdicts = [_readiness(node, hostname) for node in facts.nodes]
    for service in facts.services:
        if not service.is_job:
            verdicts.append(_tasks(service, hostname))
        verdicts.extend(_unprobed(service, hostname, tcp_ports))
    verdicts.extend(_unallocated(network, hostname) for network in facts.networks if network.driver == "overlay" and not network.vnis)
    return verdicts


def _readiness(node: Node, hostname: str) -> Verdict:
    ok = node.state == "ready"
    remedy = (
        f"node {node.hostname} is {node.state}, expected ready: look at `systemctl status docker` there, and at the ports 2377/tcp and "
        "7946/tcp+udp"
    )
    return Verdict(NODES, node.hostname, hostname, node.hostname, ok, "ready" if ok else remedy)


def _tasks(service: Service, hostname: str) -> Verdict:
    ok = service.running == service.desired
    detail = f"{service.running} of {service.desired} tasks run"
    remedy = f"service {service.name}: {detail}: see `docker service ps --no-trunc {service.name}` for the error of the task"
    return Verdict(TASKS, service.name, hostname, "", ok, detail if ok else remedy)


def _unprobed(service: Service, hostname: str, tcp_ports: Mapping[str, Sequence[int]]) -> list[Verdict]:
    verdicts = []
    for port in service.ports:
        proof = MESH if port.mode == "ingress" else HOST_MODE
        if not port.published:
            reason = "each node chooses this port itself"
        elif port.protocol != "tcp":
            reason = f"{port.protocol} ports are not probed: only the service itself knows what it answers to"
        elif not service.running:
            reason = "no task runs"
        else:
            continue
        verdicts.append(skip(proof, f"{service.name}:{port}", hostname, reason))
    if service.vips and service.running and service.endpoint_mode == "vip" and not listening(service, tcp_ports):
        verdicts.append(
            skip(VIP, service.name, hostname, "the service publishes no TCP port; name one in tcp_ports to have its VIP probed")
        )
    return verdicts


def _unallocated(network: Network, hostname: str) -> Verdict:
    detail = (
        f"network {network.name} has no VNI: the swarm has not allocated it; look for 'Failed allocation for network' in the log of "
        "the leader's Engine"
    )
    return Verdict(PATH, network.name, hostname, "", False, detail)
