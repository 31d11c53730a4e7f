# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules as a chain of iptables: rendered as iptables-save prints them, and read back from there. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from .._model.firewall import Desired, Entry, Rule, in_order

CHAIN = "MESHWORK-SWARM"
SETS = {4: "meshwork-swarm-4", 6: "meshwork-swarm-6"}
SET_FAMILY = {4: "inet", 6: "inet6"}
MARK = "meshwork.swarm: "
JUMP = f'INPUT -m comment --comment "{MARK}who may reach the ports of the swarm" -j {CHAIN}'
REJECT = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}


def render_chain(desired: Desired, family: int) -> tuple[Entry, ...]:
    """The chain's rules for one address family.

    A stranger is told that an administrator forbids it, so that a blocked port does not look like one on which nothing
    listens. ESP of strangers is left alone: another VPN of the host may want it.
    """
    ports: dict[str, list[int]] = {}
    for protocol, port in desired.guarded:
        ports.setdefault(protocol, []).append(port)
    guarded = [(protocol, ",".join(map(str, sorted(numbers)))) for protocol, numbers in ports.items()]
    keeping = [
        _entry(f"-i lo -p {protocol} -m multiport --dports {numbers}", "the host itself", "ACCEPT", "keep", f"{numbers}/{protocol}")
        for protocol, numbers in guarded
    ]
    allowing = [_allow(rule, family) for rule in desired.rules]
    refusing = [
        _entry(
            f"-p {protocol} -m multiport --dports {numbers}",
            "strangers",
            f"REJECT --reject-with {REJECT[family]}",
            "refuse",
            f"{numbers}/{protocol}",
        )
        for protocol, numbers in guarded
    ]
    return tuple(keeping + allowing + refusing)


def _allow(rule: Rule, family: int) -> Entry:
    match = f"-p {rule.protocol}"
    if rule.port is not None:
        match += f" -m {rule.protocol} --dport {rule.port}"
    if rule.ipsec:
        match += " -m policy --dir in --pol ipsec"
    return _entry(f"{match} -m set --match-set {SETS[family]} src", rule.purpose, "ACCEPT", "allow", rule.subject)


def _entry(match: str, purpose: str, target: str, verb: str, subject: str) -> Entry:
    return Entry(canonical(f'-A {CHAIN} {match} -m comment --comment "{MARK}{purpose}" -j {target}'), verb, subject)


def canonical(line: str) -> str:
    """One rule in one spelling, whichever iptables printed it."""
    try:
        words = shlex.split(line)
    except ValueError:
        return line.strip()
    spelled = ("esp" if word == "50" and words[index - 1] == "-p" else word for index, word in enumerate(words))
    return " ".join(f'"{word}"' if " " in word or not word else word for word in spelled)


@dataclass(frozen=True)
class Saved:
    """What iptables-save prints of ours. `entries` is None when there is no such chain.

    `jumps` are the rules of INPUT that lead into the chain, as printed. `place` is where in INPUT (from 1, our own jumps not
    counted) the jump belongs. `attached` says that the only jump is the right one and stands in a right place.
    """

    entries: tuple[Entry, ...] | None
    jumps: tuple[str, ...]
    place: int
    attached: bool


def read_saved(text: str) -> Saved:
    """Read the output of iptables-save, or a file that iptables-restore takes."""
    entries: list[Entry] | None = None
    arrivals: list[str] = []
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif table != "filter":
            continue
        elif line.startswith(f":{CHAIN} "):
            entries = entries or []
        elif line.startswith(f"-A {CHAIN} "):
            entries = [*(entries or []), _read_entry(line)]
        elif line.startswith("-A INPUT "):
            arrivals.append(line)
    jumps = tuple(line for line in arrivals if _target(line) == CHAIN)
    others = [line for line in arrivals if line not in jumps]
    first, last = _allowed_places(others)
    stands = 1 + sum(1 for line in arrivals[: arrivals.index(jumps[0])] if line not in jumps) if jumps else 0
    right = len(jumps) == 1 and canonical(jumps[0]) == canonical(f"-A {JUMP}") and first <= stands <= last
    return Saved(None if entries is None else tuple(entries), jumps, first, right)


def _allowed_places(others: Sequence[str]) -> tuple[int, int]:
    """The first and the last place in INPUT where the jump works.

    It stands after the rules with which Docker drops cleartext VXLAN of encrypted networks (libnetwork's overlay driver
    inserts them at the top: `-p udp ... --dport 4789 -m u32|bpf ... -j DROP`), else our rule for peers would let such packets
    in; and before the first rule that ends the way of every packet.
    """
    first = 1 + max((index for index, line in enumerate(others, 1) if _drops_cleartext_vxlan(line)), default=0)
    end = next((index for index, line in enumerate(others, 1) if _ENDS.match(line)), len(others) + 1)
    return first, max(first, end)


_ENDS = re.compile(r"-A INPUT -j (ACCEPT|DROP|REJECT)\b")


def _drops_cleartext_vxlan(line: str) -> bool:
    return _target(line) == "DROP" and "-p udp" in line and (" -m u32 " in line or " -m bpf " in line)


def _target(line: str) -> str:
    words = canonical(line).split()
    return words[words.index("-j") + 1] if "-j" in words[:-1] else ""


_PORTS = re.compile(r"--dports? (\S+)")
_PROTOCOL = re.compile(r"-p (\S+)")


def _read_entry(line: str) -> Entry:
    """What a rule that was found means; a rule without our mark means nothing to us."""
    text = canonical(line)
    if MARK not in line:
        return Entry(text)
    protocol, ports = _PROTOCOL.search(text), _PORTS.search(text)
    subject = (f"{ports.group(1)}/" if ports else "") + (protocol.group(1) if protocol else "everything")
    subject = f"{subject} inside IPsec" if " --pol ipsec " in text else subject
    verb = "refuse" if _target(line) == "REJECT" else "keep" if "-i lo" in text else "allow"
    return Entry(text, verb, subject if ports else subject.upper())


def restore_text(lines: Sequence[str]) -> str:
    """What iptables-restore takes for the filter table: one transaction."""
    return "".join(f"{line}\n" for line in ("*filter", *lines, "COMMIT"))


def chain_lines(entries: Sequence[Entry]) -> tuple[str, ...]:
    """The lines that give the chain exactly these rules, with `iptables-restore --noflush`."""
    return (f":{CHAIN} - [0:0]", *(entry.text for entry in entries))


def read_set(text: str, family: int) -> tuple[tuple[str, ...], bool]:
    """The members in the output of `ipset save` for one set, and whether the set is of the type that we make."""
    members, right = [], True
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["create"]:
            right = words[2:5] == ["hash:ip", "family", SET_FAMILY[family]] and "timeout" not in words
        elif words[:1] == ["add"] and len(words) >= 3:
            members.append(words[2])
    return in_order(members), right


def set_lines(family: int, coming: Sequence[str], going: Sequence[str] = (), create: bool = False) -> tuple[str, ...]:
    """The lines that change one set, with `ipset -exist restore`."""
    name = SETS[family]
    made = (f"create {name} hash:ip family {SET_FAMILY[family]}",) if create else ()
    return (*made, *(f"add {name} {address}" for address in coming), *(f"del {name} {address}" for address in going))
