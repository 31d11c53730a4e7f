# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions being asked: each knows the exchanges it needs and the verdict they come to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._kernel.ipvs import Endpoint
from .._kernel.namespaces import Namespace
from .._plan.judgement import name_verdict, path_verdict, port_verdict, vip_verdict
from .._plan.proof import NameQuestion, PathQuestion, PortQuestion, VipQuestion
from .._plan.verdict import Verdict
from .exchange import Exchange
from .questions import Echo, NameLookup, TcpConnection


@dataclass(frozen=True)
class Patience:
    """How long one exchange may take, in seconds."""

    name: float = 3.0
    connect: float = 3.0
    answer: float = 2.0
    echo: float = 3.0


@dataclass
class Sight:
    """What this node can see besides the answers: the backend of each balanced connection, and the VTEP behind each remote address,
    both by network."""

    backends: Mapping[str, Mapping[Endpoint, str]]
    vteps: Mapping[str, Mapping[str, str]]


class Asked(ABC):
    """A question on its way. Made anew each time the question is asked."""

    exchanges: Sequence[Exchange]

    @abstractmethod
    def verdict(self, sight: Sight) -> Verdict:
        """What came of it, once all exchanges are over."""


class AskedName(Asked):
    def __init__(self, question: NameQuestion, place: Namespace, patience: Patience) -> None:
        self._question = question
        self._lookup = NameLookup(place, question.name, patience.name)
        self.exchanges = (self._lookup,)

    def verdict(self, sight: Sight) -> Verdict:
        return name_verdict(self._question, self._lookup.answer.addresses, self._lookup.answer.error)


class AskedVip(Asked):
    def __init__(self, question: VipQuestion, place: Namespace, patience: Patience) -> None:
        self._question = question
        self._connections = tuple(
            TcpConnection(place, question.address, question.port, patience.connect) for _time in range(question.connects)
        )
        self.exchanges = self._connections

    def verdict(self, sight: Sight) -> Verdict:
        answers = [connection.answer for connection in self._connections]
        return vip_verdict(self._question, answers, sight.backends.get(self._question.network, {}))


class AskedPort(Asked):
    def __init__(self, question: PortQuestion, place: Namespace, patience: Patience, hostname: str) -> None:
        self._question = question
        self._hostname = hostname
        self._connection = TcpConnection(
            place, question.address, question.port, patience.connect, patience.answer if question.open else 0.0
        )
        self.exchanges = (self._connection,)

    def verdict(self, sight: Sight) -> Verdict:
        return port_verdict(self._question, self._hostname, self._connection.answer)


class AskedPath(Asked):
    def __init__(self, question: PathQuestion, place: Namespace, patience: Patience, mtus: Mapping[str, int]) -> None:
        self.question = question
        self._small = Echo(place, question.address, patience.echo)
        self._full = Echo(place, question.address, patience.echo, mtus)
        self.exchanges = (self._small, self._full)

    @property
    def answered(self) -> int:
        """How many of the echoes were answered."""
        return sum(echo.answer.answered for echo in (self._small, self._full))

    def verdict(self, sight: Sight) -> Verdict:
        vtep = sight.vteps.get(self.question.network, {}).get(self.question.address, "")
        return path_verdict(self.question, self._small.answer, self._full.answer, vtep)
