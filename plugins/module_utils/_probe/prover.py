# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One node's part of the proof: open the places, start the capture, ask, ask again what failed, judge."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Callable

from .._engine.client import Engine
from .._kernel.esp import decrypts_before_captures
from .._kernel.forwarding import vteps
from .._kernel.interfaces import mtus
from .._kernel.ipvs import Endpoint, backends
from .._kernel.namespaces import Namespace, docker_namespace
from .._kernel.routes import egress_interfaces
from .._model.errors import SwarmError
from .._plan.proof import NameQuestion, PathQuestion, PortQuestion, ProofPlan, Question, Vantage, VipQuestion, WireQuestion, proof_plan
from .._plan.proof_facts import parse
from .._plan.verdict import NODES, PATH, Verdict
from .._plan.wire import Peer, Recording, loss, wire_verdicts
from .asked import Asked, AskedName, AskedPath, AskedPort, AskedVip, Patience, Sight
from .capture import Capture
from .exchange import Exchanges

PAUSE_SECONDS = 1.0
# The last answers are on their way when the last exchange is over, as are acknowledgements of closed connections.
GRACE_SECONDS = 0.2


class Prover:
    """Asks the questions of a plan on this node.

    What fails is asked again for `retry_seconds`, as names and forwarding reach a node a moment after the task; nothing is asked
    after `deadline_seconds`.
    """

    def __init__(
        self,
        engine: Engine,
        plan: ProofPlan,
        data_path_port: int,
        retry_seconds: float,
        deadline_seconds: float,
        patience: Patience,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._plan = plan
        self._port = data_path_port
        self._clock = clock
        self._retry_until = clock() + retry_seconds
        self._until = clock() + deadline_seconds
        self._patience = patience
        self._own = Namespace()
        self._places: dict[Vantage, Namespace] = {}
        self._verdicts: dict[Question, Verdict] = {}
        self._answered: dict[tuple[str, str], int] = {}
        self._mtus: dict[Vantage, dict[str, int]] = {}
        self._vteps: dict[str, dict[str, str]] = {}

    def prove(self) -> list[Verdict]:
        """All verdicts of this node. Raises SwarmError when it cannot be asked at all."""
        gone = self._open_places()
        self._read_forwarding()
        capture = Capture(self._interfaces(), self._port)
        exchanges = Exchanges(capture, self._clock)
        try:
            self._ask_all(exchanges)
            exchanges.listen(GRACE_SECONDS)
        finally:
            exchanges.close()
            lost = capture.close()
            for place in (*self._places.values(), self._own):
                place.close()
        recording = Recording(capture.counts, lost, decrypts_before_captures())
        return [*self._plan.known, *gone, *self._judged(recording), *self._wire(recording)]

    def _judged(self, recording: Recording) -> Iterator[Verdict]:
        """The verdicts on all questions; where nothing passed a path, with what the wire tells of it."""
        wires = {question.network: question for question in self._plan.wire}
        for question, verdict in self._verdicts.items():
            hint = ""
            if isinstance(question, PathQuestion) and not self._answered[(question.network, question.address)]:
                vtep = self._vteps[question.network].get(question.address, "")
                hint = f"; {loss(wires[question.network], vtep, recording)}" if vtep else ""
            yield replace(verdict, detail=f"{verdict.detail}{hint}")

    def _wire(self, recording: Recording) -> Iterator[Verdict]:
        for question in self._plan.wire:
            yield from wire_verdicts(question, self._peers(question), recording, self._plan.hostname)

    def _open_places(self) -> list[Verdict]:
        gone = []
        for vantage in self._plan.vantages:
            try:
                self._places[vantage] = docker_namespace(vantage.sandbox) if vantage.sandbox else self._of_container(vantage.container_id)
            except SwarmError as error:
                detail = f"{vantage.label}: {error}: the swarm has moved on since the facts were gathered; run again"
                gone.append(Verdict(PATH, vantage.label, self._plan.hostname, vantage.label, False, detail))
        return gone

    def _of_container(self, container_id: str) -> Namespace:
        container = self._engine.get(f"/containers/{container_id}/json")
        return Namespace(container["NetworkSettings"]["SandboxKey"])

    def _read_forwarding(self) -> None:
        self._vteps = {question.network: vteps(question.network_id) for question in self._plan.wire}

    def _interfaces(self) -> list[str]:
        known = {vtep for behind in self._vteps.values() for vtep in behind.values()}
        found = egress_interfaces(sorted(known or set(self._plan.other_nodes)))
        return [interface for interface in found.values() if interface != "lo"]

    def _ask_all(self, exchanges: Exchanges) -> None:
        pending: Sequence[Question] = self._plan.questions
        while pending:
            asked = [(question, self._asked(question)) for question in pending if self._place(question)]
            exchanges.run([exchange for _question, each in asked for exchange in each.exchanges], self._until)
            sight = Sight(self._backends(), self._vteps)
            for question, each in asked:
                self._verdicts[question] = each.verdict(sight)
                if isinstance(each, AskedPath):
                    place = (each.question.network, each.question.address)
                    self._answered[place] = self._answered.get(place, 0) + each.answered
            pending = [question for question, _each in asked if not self._verdicts[question].ok]
            if not pending or self._clock() + PAUSE_SECONDS >= min(self._retry_until, self._until):
                return
            exchanges.listen(PAUSE_SECONDS)
            self._read_forwarding()

    def _place(self, question: Question) -> bool:
        return isinstance(question, PortQuestion) or question.vantage in self._places

    def _asked(self, question: Question) -> Asked:
        if isinstance(question, PortQuestion):
            return AskedPort(question, self._own, self._patience, self._plan.hostname)
        place = self._places[question.vantage]
        if isinstance(question, NameQuestion):
            return AskedName(question, place, self._patience)
        if isinstance(question, VipQuestion):
            return AskedVip(question, place, self._patience)
        if question.vantage not in self._mtus:
            self._mtus[question.vantage] = mtus(place)
        return AskedPath(question, place, self._patience, self._mtus[question.vantage])

    def _backends(self) -> dict[str, Mapping[Endpoint, str]]:
        """The backends of this node's balanced connections, by network."""
        found: dict[str, Mapping[Endpoint, str]] = {}
        for network, network_id in {(question.network, question.network_id) for question in self._plan.vips}:
            try:
                balancer = docker_namespace(f"lb_{network_id[:9]}")
            except SwarmError:
                continue
            found[network] = backends(balancer)
            balancer.close()
        return found

    def _peers(self, question: WireQuestion) -> list[Peer]:
        """The other nodes on a network to which echoes were sent."""
        behind = self._vteps[question.network]
        return [
            Peer(hostname, behind.get(address, ""), self._answered.get((question.network, address), 0))
            for hostname, address in question.peers
            if (question.network, address) in self._answered
        ]


def prove(engine: Engine, params: Mapping[str, Any]) -> dict[str, Any]:
    """The return values of the module probe. Raises SwarmError when the facts are not of this node's swarm, or it cannot be asked."""
    info = engine.get("/info")
    node_id, hostname = str(info["Swarm"].get("NodeID") or ""), str(info["Name"])
    shown = {"id": node_id, "hostname": hostname}
    state = str(info["Swarm"].get("LocalNodeState") or "inactive")
    if state != "active":
        detail = (
            f"{hostname}: expected a node of the swarm, found its state {state}: let it join, or take it out of the hosts that are verified"
        )
        return {"node": shown, "results": [Verdict(NODES, hostname, hostname, hostname, False, detail).shown()]}
    facts = parse(params["facts"])
    here = facts.node(node_id)
    if here is None:
        raise SwarmError(
            f"this host ({hostname}, node {node_id}) is not among the nodes of the facts: they are of another swarm, or older than it"
        )
    plan = proof_plan(facts, here, params["tcp_ports"])
    prover = Prover(engine, plan, facts.data_path_port, params["retry_for"], params["deadline"], Patience())
    return {"node": shown, "results": [verdict.shown() for verdict in prover.prove()]}
