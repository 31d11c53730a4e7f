# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a question and what came back to a verdict. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .proof import NameQuestion, PathQuestion, PortQuestion, VipQuestion
from .verdict import MESH, NAMES, PATH, VIP, Verdict

# Outcomes of a TCP connection. CONNECTED ends with the handshake; ANSWERED and SILENT tell what came after it.
ANSWERED = "answered"
CONNECTED = "connected"
SILENT = "silent"
REFUSED = "refused"
TIMED_OUT = "timed out"


@dataclass(frozen=True)
class ConnectAnswer:
    """The end of a TCP connection; `local` is our address and port."""

    outcome: str
    local: tuple[str, int] = ("", 0)
    detail: str = ""

    @property
    def is_open(self) -> bool:
        return self.outcome in (ANSWERED, CONNECTED, SILENT)

    def __str__(self) -> str:
        return self.detail or self.outcome


@dataclass(frozen=True)
class EchoAnswer:
    """The end of an ICMP echo; `size` is that of the IP packet in bytes, `sent` how often it was sent."""

    answered: bool
    size: int = 0
    sent: int = 0
    detail: str = ""

    def __str__(self) -> str:
        if self.answered:
            return f"{self.size} bytes answered"
        return f"{self.size} bytes: {self.detail}" if self.detail else f"{self.size} bytes unanswered"


@dataclass(frozen=True)
class Seen:
    """A kind of packet on the underlay: ESP where `vni` is None, else VXLAN in the clear."""

    outgoing: bool
    source: str
    destination: str
    vni: int | None


def name_verdict(question: NameQuestion, addresses: frozenset[str], error: str) -> Verdict:
    """A name must give exactly the addresses of one of the networks that the asking task shares with its owner."""
    ok = addresses in question.expected
    if ok:
        detail = f"{question.name} is {_listed(addresses)}"
    else:
        expected = " or ".join(_listed(each) for each in question.expected)
        found = _listed(addresses) if addresses else error or "no address"
        detail = (
            f"{question.name} asked from {question.vantage.label} on network {question.network}: expected {expected}, found {found}: "
            "if no update is under way, compare with `docker network inspect --verbose` there, and look at the gossip between the nodes "
            "(7946/tcp+udp)"
        )
    return Verdict(NAMES, question.name, question.vantage.label, _listed(addresses), ok, detail)


def vip_verdict(question: VipQuestion, answers: Sequence[ConnectAnswer], went_to: Mapping[tuple[str, int], str]) -> Verdict:
    """All connections must be answered, by running tasks only, and by more than one where there are more.

    `went_to` has the backend that IPVS chose by our address and port; it is empty where that cannot be seen.
    """
    tasks = dict(question.backends)
    chosen = Counter(went_to[answer.local] for answer in answers if answer.local in went_to)
    failed = [answer for answer in answers if not answer.is_open]
    strangers = sorted(set(chosen) - set(tasks))
    subject = f"{question.service} on {question.network}"
    spread = ", ".join(f"{backend} x{count}" for backend, count in sorted(chosen.items())) or "the backends cannot be seen here"
    where = f"VIP {question.address}:{question.port} of service {subject} from {question.vantage.label}"
    detail = ""
    if failed:
        to = sorted({went_to[answer.local] for answer in failed if answer.local in went_to})
        behind = "".join(f", to {tasks.get(each, 'no running task')} ({each})" for each in to)
        detail = (
            f"{where}: {len(failed)} of {len(answers)} connections failed ({_outcomes(failed)}){behind}: {_vip_remedy(question, failed)}"
        )
    elif strangers:
        detail = f"{where}: connections went to {', '.join(strangers)}, where no task runs: expected only {_listed(tasks)}"
    elif len(chosen) == 1 and sum(chosen.values()) > 1 and len(tasks) > 1:
        detail = f"{where}: all {len(answers)} connections went to {spread}, expected {_listed(tasks)} in turn"
    return Verdict(VIP, subject, question.vantage.label, f"{question.address}:{question.port}", not detail, detail or spread)


def _vip_remedy(question: VipQuestion, failed: Sequence[ConnectAnswer]) -> str:
    if all(answer.outcome == TIMED_OUT for answer in failed):
        return "packets to these tasks or back are lost, see the paths of this network"
    return f"do its tasks listen on {question.port}/tcp?"


def port_verdict(question: PortQuestion, hostname: str, answer: ConnectAnswer) -> Verdict:
    """An open port must be answered by the service itself; a closed one must not even take the connection."""
    where = f"{question.subject} at {question.to} ({question.address}) from {hostname}"
    kind = "the routing mesh" if question.proof == MESH else "host mode"
    detail = ""
    if question.open and not answer.is_open:
        detail = (
            f"{where}: expected an answer through {kind}, found: {answer}: is {question.port}/tcp let through to {question.to}, and are "
            "Docker's rules still in iptables there?"
        )
    elif question.open and answer.outcome == SILENT:
        detail = (
            f"{where}: the connection was taken, but nobody answered and nobody ended it: the Engine's own listener takes connections that "
            "its rules do not lead to a task: are Docker's rules still in iptables there?"
        )
    elif not question.open and answer.is_open:
        detail = f"{where}: expected no answer, as no task of the service runs on {question.to}, but something listens there"
    return Verdict(question.proof, question.subject, hostname, question.to, not detail, detail or str(answer))


def path_verdict(question: PathQuestion, small: EchoAnswer, full: EchoAnswer, vtep: str) -> Verdict:
    """Both echoes must come back. `vtep` is empty when the node does not know behind which VTEP the task is."""
    where = f"{question.task} at {question.to} ({question.address}) over network {question.network} from {question.vantage.label}"
    detail = ""
    if not small.answered and not vtep:
        detail = f"{where}: this node knows no VTEP behind this address: the gossip (7946/tcp+udp) between the nodes did not bring it"
    elif not small.answered:
        detail = f"{where}: {small}: packets for VTEP {vtep} or the answers are lost"
    elif not full.answered:
        detail = f"{where}: {small}, but {full}: the MTU of the network is larger than what passes to VTEP {vtep}"
    return Verdict(PATH, question.network, question.vantage.label, question.to, not detail, detail or f"{small}, {full}")


def _outcomes(answers: Iterable[ConnectAnswer]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(Counter(str(answer) for answer in answers).items()))


def _listed(addresses: Iterable[str]) -> str:
    return ", ".join(sorted(addresses, key=_numeric)) or "no address"


def _numeric(address: str) -> tuple[int, ...]:
    parts = address.split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()
