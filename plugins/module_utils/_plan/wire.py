# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the frames on the underlay prove: encrypted networks travel as ESP and never in the clear, plain ones do in the clear. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .judgement import Seen
from .proof import WireQuestion
from .verdict import WIRE, Verdict


@dataclass(frozen=True)
class Peer:
    """Another node on a network: its VTEP (empty when unknown), and how many of our echoes over the network it answered."""

    hostname: str
    vtep: str
    answered: int


@dataclass(frozen=True)
class Traffic:
    """Packets from and to one VTEP: ESP, and clear VXLAN of one network. `decrypted_in` came as ESP, and was seen decrypted."""

    esp_out: int
    esp_in: int
    clear_out: int
    clear_in: int
    decrypted_in: int = 0

    def shown(self) -> Mapping[str, int]:
        came = self.esp_in + self.decrypted_in
        return {"esp_out": self.esp_out, "esp_in": came, "clear_out": self.clear_out, "clear_in": self.clear_in}


@dataclass(frozen=True)
class Recording:
    """What a node saw: frames and how often, how many were `lost`, and whether it decrypts ESP before captures see it.

    On such a node only what leaves can be judged; every node judges that.
    """

    frames: Mapping[Seen, int]
    lost: int = 0
    decrypts_early: bool = False


def traffic(question: WireQuestion, vtep: str, recording: Recording) -> Traffic:
    """The packets of a network from and to a VTEP. The ESP of a peer belongs to its encrypted networks."""

    def count(outgoing: bool, clear: bool) -> int:
        return sum(
            times
            for seen, times in recording.frames.items()
            if seen.outgoing == outgoing
            and (seen.destination if outgoing else seen.source) == vtep
            and (seen.vni in question.vnis if clear else seen.vni is None)
        )

    if not question.encrypted:
        return Traffic(0, 0, count(True, True), count(False, True))
    esp_out, esp_in, clear_out, clear_in = count(True, False), count(False, False), count(True, True), count(False, True)
    if recording.decrypts_early:
        return Traffic(esp_out, esp_in, clear_out, 0, clear_in)
    return Traffic(esp_out, esp_in, clear_out, clear_in)


def wire_verdicts(question: WireQuestion, peers: list[Peer], recording: Recording, hostname: str) -> list[Verdict]:
    """One verdict a peer, and one for each stranger to whom an encrypted network was sent in the clear."""
    judge = _encrypted if question.encrypted else _plain
    verdicts = []
    for peer in peers:
        found = traffic(question, peer.vtep, recording)
        problem = judge(question, peer, found)
        if problem and recording.lost:
            problem += f" ({recording.lost} frames came faster than the capture took them: ask again when there is less traffic)"
        where = f"network {question.network} between {hostname} and {peer.hostname} ({peer.vtep or 'VTEP unknown'}): "
        detail = where + problem if problem else _told(question, found)
        verdicts.append(Verdict(WIRE, question.network, hostname, peer.hostname, not problem, detail, packets=found.shown()))
    if question.encrypted:
        verdicts.extend(_strangers(question, {peer.vtep for peer in peers}, recording, hostname))
    return verdicts


def loss(question: WireQuestion, vtep: str, recording: Recording) -> str:
    """What the wire tells of echoes over a network that were not answered by the node behind a VTEP."""
    found = traffic(question, vtep, recording)
    kind = "IP protocol 50 (ESP)" if question.encrypted else "the data path port (udp)"
    out, came = (found.esp_out, found.esp_in + found.decrypted_in) if question.encrypted else (found.clear_out, found.clear_in)
    esp = f"ESP {out} out, {came} in, " if question.encrypted else ""
    seen = f"on the wire {esp}VXLAN of VNI {_vnis(question)} {found.clear_out} out, {found.clear_in} in"
    if not out:
        return seen
    if not came:
        return f"{seen}: is {kind} let through between the two, both ways?"
    return f"{seen}: the network between the two passes them, so one of the hosts drops what comes: does its firewall accept {kind}?"


def _told(question: WireQuestion, found: Traffic) -> str:
    if question.encrypted:
        decrypted = f" and {found.decrypted_in} decrypted before the capture saw them" if found.decrypted_in else ""
        return f"ESP {found.esp_out} out, {found.esp_in} in{decrypted}, {found.clear_out or 'none'} sent in the clear"
    return f"VXLAN of VNI {_vnis(question)} {found.clear_out} out, {found.clear_in} in"


def _vnis(question: WireQuestion) -> str:
    return ", ".join(map(str, sorted(question.vnis)))


def _encrypted(question: WireQuestion, peer: Peer, found: Traffic) -> str:
    clear = found.clear_out + found.clear_in
    if not peer.vtep:
        return "this node knows no VTEP of the peer, so nothing can be sent to it: look at the gossip between the nodes (7946/tcp+udp)"
    if clear:
        who = "here" if found.clear_out else f"on {peer.hostname}"
        return (
            f"expected no VXLAN in the clear, found {clear} packets of VNI {_vnis(question)} ({found.clear_out} out, {found.clear_in} in): "
            f"look {who} at `ip xfrm policy` and at the rule that marks the VNI in iptables, table mangle, chain OUTPUT"
        )
    if not found.esp_out:
        return "expected ESP, found none that left: look at `ip xfrm state` and `ip xfrm policy`, and at the kernel module esp4"
    if not found.esp_in and not found.decrypted_in:
        return (
            f"{found.esp_out} ESP packets left and none came: is IP protocol 50 (ESP) let through between the two, and are there "
            "states for both directions in `ip xfrm state`?"
        )
    if found.esp_out < peer.answered:
        return f"{peer.answered} echoes were answered over it, but only {found.esp_out} ESP packets left: something else carried the others"
    return ""


def _plain(question: WireQuestion, peer: Peer, found: Traffic) -> str:
    if not peer.vtep:
        return "this node knows no VTEP of the peer, so nothing can be sent to it: look at the gossip between the nodes (7946/tcp+udp)"
    if not found.clear_out:
        return (
            f"expected VXLAN of VNI {_vnis(question)}, found none that left: look at the underlay's route and the firewall's OUTPUT chain"
        )
    if not found.clear_in:
        return (
            f"{found.clear_out} VXLAN packets of VNI {_vnis(question)} left and none came: is the data path port (udp) let through "
            "between the two, both ways?"
        )
    return ""


def _strangers(question: WireQuestion, known: set[str], recording: Recording, hostname: str) -> list[Verdict]:
    sent_to = {seen.destination for seen in recording.frames if seen.outgoing and seen.vni in question.vnis}
    verdicts = []
    for destination in sorted(sent_to - known):
        found = traffic(question, destination, recording)
        detail = (
            f"network {question.network} is encrypted, but {found.clear_out} packets of VNI {_vnis(question)} went from {hostname} to "
            f"{destination} in the clear"
        )
        verdicts.append(Verdict(WIRE, question.network, hostname, destination, False, detail, packets=found.shown()))
    return verdicts
