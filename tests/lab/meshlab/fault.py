# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of the underlay, as rules on the lab's bridges, always worked out whole from the list of faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from . import addresses, network
from .command import run
from .errors import LabError
from .state import Lab

PROTOCOLS = ("tcp", "udp", "icmp", "esp")
DIRECTIONS = ("both", "in", "out")
_WITH_PORTS = ("tcp", "udp")


@dataclass(frozen=True)
class Fault:
    """One fault around ``nodes``: ``kind`` is partition, loss or drop.

    Frames between two of ``nodes`` pass a partition: together they are one side of it. ``direction`` (of loss and drop)
    is seen from the nodes. With ``controller`` the frames between the nodes and the controller are hit as well; without
    it the nodes stay reachable over SSH. ``nic`` confines the fault to one network card.
    """

    kind: str
    nodes: tuple[str, ...]
    percent: float = 0.0
    protocol: str = ""
    port: int | None = None
    direction: str = "both"
    controller: bool = False
    nic: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no rule can be made of; LabError says why."""
        if self.kind == "loss" and not 0 < self.percent <= 100:
            raise LabError(f"loss {self.percent:g}: expected a percentage above 0, at most 100")
        if self.port is not None and self.protocol not in _WITH_PORTS:
            raise LabError(f"--port {self.port}: only {' and '.join(_WITH_PORTS)} have ports, not {self.protocol}")
        if self.port is not None and not 0 < self.port < 65536:
            raise LabError(f"--port {self.port}: expected 1 to 65535")

    def describe(self) -> str:
        """The fault in words, for `status`."""
        what = {
            "partition": "cut off from the other nodes",
            "loss": f"loses {self.percent:g} % of its frames",
            "drop": f"gets no {self.protocol}{f'/{self.port}' if self.port else ''} through",
        }[self.kind]
        arrow = "" if self.direction == "both" else f" ({self.direction} only)"
        card = "" if self.nic is None else f" on eth{self.nic}"
        return f"{', '.join(self.nodes)}: {what}{arrow}{card}{', from the controller too' if self.controller else ''}"


def of_state(raw: dict[str, Any]) -> Fault:
    """A fault from its form in the state file."""
    return Fault(**{**raw, "nodes": tuple(raw["nodes"])})


def _matches(fault: Fault) -> list[str]:
    if fault.kind == "loss":
        return [f"numgen random mod 100000 < {round(fault.percent * 1000)}"]
    if fault.kind == "partition":
        return [""]
    if fault.port is not None:
        return [
            f"ip protocol {fault.protocol} {fault.protocol} dport {fault.port}",
            f"ip6 nexthdr {fault.protocol} {fault.protocol} dport {fault.port}",
        ]
    in_ipv6 = "ipv6-icmp" if fault.protocol == "icmp" else fault.protocol
    return [f"ip protocol {fault.protocol}", f"ip6 nexthdr {in_ipv6}"]


def rules(faults: Sequence[Fault], nics: int) -> str:
    """The nft(8) script that makes exactly ``faults`` true on bridges whose nodes have ``nics`` cards each."""
    chains: dict[str, list[str]] = {"forward": [], "input": [], "output": []}
    for fault in faults:
        cards = range(nics) if fault.nic is None else [fault.nic]
        taps = ", ".join(f'"{addresses.nics(node, nics)[card].tap}"' for node in fault.nodes for card in cards)
        inner = f"{{ {taps} }}"
        beyond = f" oifname != {inner}" if fault.kind == "partition" else ""
        for match in _matches(fault):
            if fault.direction in ("both", "out"):
                chains["forward"].append(f"iifname {inner}{beyond} {match} counter drop")
                if fault.controller:
                    chains["input"].append(f"iifname {inner} {match} counter drop")
            if fault.direction in ("both", "in"):
                # A frame from one faulty node to another has met the rule above already: it is not hit twice.
                once = f"iifname != {inner} " if fault.direction == "both" else ""
                chains["forward"].append(f"{once}oifname {inner} {match} counter drop")
                if fault.controller:
                    chains["output"].append(f"oifname {inner} {match} counter drop")
    body = "".join(
        f"  chain {hook} {{\n    type filter hook {hook} priority 0; policy accept;\n"
        + "".join(f"    {' '.join(line.split())}\n" for line in lines)
        + "  }\n"
        for hook, lines in chains.items()
        if lines
    )
    # add, then delete: the one way to begin anew whether or not the table is there.
    return f"add table bridge meshlab\ndelete table bridge meshlab\ntable bridge meshlab {{\n{body}}}\n"


def _apply(lab: Lab, faults: Sequence[Fault]) -> None:
    run([*network.inside(lab.netns), "nft", "-f", "-"], stdin=rules(faults, lab.options.nics))
    lab.faults = [asdict(fault) for fault in faults]
    lab.save()


def add(lab: Lab, fault: Fault) -> None:
    """Make ``fault`` true, on top of those there are."""
    unknown = [node for node in fault.nodes if node not in lab.nodes]
    if unknown:
        raise LabError(f"lab {lab.name!r} has no {', '.join(unknown)}: it has {', '.join(lab.nodes)}")
    if fault.nic is not None and not 0 <= fault.nic < lab.options.nics:
        raise LabError(f"--nic {fault.nic}: the nodes have eth0 to eth{lab.options.nics - 1}")
    now = [of_state(raw) for raw in lab.faults]
    if fault not in now:
        _apply(lab, [*now, fault])


def heal(lab: Lab, nodes: Sequence[str]) -> int:
    """Undo the faults around any of ``nodes``, or all when none is named; returns how many were undone."""
    now = [of_state(raw) for raw in lab.faults]
    kept = [fault for fault in now if nodes and not set(nodes) & set(fault.nodes)]
    _apply(lab, kept)
    return len(now) - len(kept)
