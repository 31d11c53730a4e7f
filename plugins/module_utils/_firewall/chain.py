# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules as a chain of iptables: rendered as iptables-save prints them, and read back from there. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._model.firewall import Desired, Entry, Published, Rule, in_order

SETS = {4: "meshwork-swarm-4", 6: "meshwork-swarm-6"}
SET_FAMILY = {4: "inet", 6: "inet6"}
MARK = "meshwork.swarm: "
REJECT = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}


@dataclass(frozen=True)
class Place:
    """Where one chain of ours stands: its table, the built-in chain that leads into it, and which packets go there."""

    table: str
    hook: str
    chain: str
    match: str

    @property
    def jump(self) -> str:
        """The rule that leads into the chain, without -A."""
        return f"{self.hook} {self.match} -j {self.chain}"


SWARM = Place("filter", "INPUT", "MESHWORK-SWARM", f'-m comment --comment "{MARK}who may reach the ports of the swarm"')
PUBLISHED = Place(
    "mangle",
    "PREROUTING",
    "MESHWORK-PUBLISHED",
    f'! -i lo -m addrtype --dst-type LOCAL -m conntrack --ctdir ORIGINAL -m comment --comment "{MARK}who may reach published ports"',
)
"""Before the Engine's DNAT, and so with the published port in the packet, whichever way it goes from there: to the ingress network, to a
container (mode `host`) or to docker-proxy. The answers to what the host itself or a container asked for do not come by."""


OUTPUT = Place("filter", "OUTPUT", "MESHWORK-OUTPUT", f'-p udp -m comment --comment "{MARK}what programs of this host may send"')


def render_local(desired: Desired) -> tuple[Entry, ...]:
    """The rule for what the host sends. Packets of VXLAN are the kernel's own and belong to no socket of the host (xt_owner)."""
    match = f"-p udp -m udp --dport {desired.sealed_port} -m owner --socket-exists"
    return (_entry(match, "programs", "DROP", "refuse", f"{desired.sealed_port}/udp", OUTPUT.chain),)


def render_published(desired: Desired, family: int) -> tuple[Entry, ...]:
    """The rules for published ports. REJECT exists in the filter table only, so strangers get no answer."""
    return tuple(entry for published in desired.published for entry in _render_published(published, family))


def _render_published(published: Published, family: int) -> list[Entry]:
    match = f"-p {published.protocol} -m {published.protocol} --dport {published.port}"
    allowed = [(f"{match} -m set --match-set {SETS[family]} src", "peers")] if published.peers else []
    for source in published.sources[family]:
        subnet = source if "/" in source else f"{source}/{WHOLE[family]}"
        # iptables-save leaves out what matches every address
        allowed.append((match if subnet.endswith("/0") else f"-s {subnet} {match}", source))
    chain = PUBLISHED.chain
    entries = [_entry(match, "published", "RETURN", "allow", f"{published.subject} from {source}", chain) for match, source in allowed]
    return [*entries, _entry(match, "published, strangers", "DROP", "refuse", published.subject, chain)]


WHOLE = {4: 32, 6: 128}


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


def _entry(match: str, purpose: str, target: str, verb: str, subject: str, chain: str = SWARM.chain) -> Entry:
    return Entry(canonical(f'-A {chain} {match} -m comment --comment "{MARK}{purpose}" -j {target}'), verb, subject)


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
    """What iptables-save prints of one chain of ours. `entries` is None when there is no such chain.

    `jumps` are the rules of the built-in chain that lead into ours, as printed. `number` is where among its rules (from 1, our own
    jumps not counted) the jump belongs. `attached` says that the only jump is the right one and stands in a right place.
    """

    entries: tuple[Entry, ...] | None = None
    jumps: tuple[str, ...] = ()
    number: int = 1
    attached: bool = False


def read_saved(text: str, place: Place = SWARM) -> Saved:
    """Read the output of iptables-save, or a file that iptables-restore takes."""
    entries: list[Entry] | None = None
    arrivals: list[str] = []
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif table != place.table:
            continue
        elif line.startswith(f":{place.chain} "):
            entries = entries or []
        elif line.startswith(f"-A {place.chain} "):
            entries = [*(entries or []), _read_entry(line)]
        elif line.startswith(f"-A {place.hook} "):
            arrivals.append(line)
    jumps = tuple(line for line in arrivals if _target(line) == place.chain)
    others = [line for line in arrivals if line not in jumps]
    first, last = _allowed_numbers(others)
    stands = 1 + sum(1 for line in arrivals[: arrivals.index(jumps[0])] if line not in jumps) if jumps else 0
    right = len(jumps) == 1 and canonical(jumps[0]) == canonical(f"-A {place.jump}") and first <= stands <= last
    return Saved(None if entries is None else tuple(entries), jumps, first, right)


def _allowed_numbers(others: Sequence[str]) -> tuple[int, int]:
    """The first and the last place in the built-in chain where the jump works.

    It stands after the rules with which Docker drops cleartext VXLAN of encrypted networks (libnetwork's overlay driver
    inserts them at the top: `-p udp ... --dport 4789 -m u32|bpf ... -j DROP`), else our rule for peers would let such packets
    in; and before the first rule that ends the way of every packet.
    """
    first = 1 + max((index for index, line in enumerate(others, 1) if _drops_cleartext_vxlan(line)), default=0)
    end = next((index for index, line in enumerate(others, 1) if _ENDS.match(line)), len(others) + 1)
    return first, max(first, end)


_ENDS = re.compile(r"-A (INPUT|OUTPUT|PREROUTING) -j (ACCEPT|DROP|REJECT)\b")


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
    protocol, ports, source = _PROTOCOL.search(text), _PORTS.search(text), _SOURCE.search(text)
    subject = (f"{ports.group(1)}/" if ports else "") + (protocol.group(1) if protocol else "everything")
    subject = f"{subject} inside IPsec" if " --pol ipsec " in text else subject
    verb = _VERBS.get(_target(line), "keep" if "-i lo" in text else "allow")
    if _target(line) == "RETURN":
        subject += f" from {source.group(1) if source else 'peers' if '--match-set' in text else 'everybody'}"
    return Entry(text, verb, subject if ports else subject.upper())


_VERBS = {"REJECT": "refuse", "DROP": "refuse"}
_SOURCE = re.compile(r"-s (\S+?)(?:/32|/128)?(?:\s|$)")


def restore_text(lines: Mapping[Place, Sequence[str]]) -> str:
    """What iptables-restore takes: one transaction for each table that has lines."""
    tables: dict[str, list[str]] = {}
    for place, own in lines.items():
        tables.setdefault(place.table, []).extend(own)
    return "".join(f"{line}\n" for table, own in tables.items() if own for line in (f"*{table}", *own, "COMMIT"))


def chain_lines(place: Place, entries: Sequence[Entry]) -> tuple[str, ...]:
    """The lines that give a chain exactly these rules, with `iptables-restore --noflush`."""
    return (f":{place.chain} - [0:0]", *(entry.text for entry in entries))


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
