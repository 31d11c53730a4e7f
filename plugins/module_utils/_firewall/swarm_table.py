# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules as a table of nftables: rendered, and read back from the ruleset or from our file. Pure.

In nftables a packet has to be accepted by every base chain on its way: an accept ends one chain, a drop ends the packet. So the
refusals of our own table hold whatever others accept, and what others drop stays dropped: Docker's rule in iptables' INPUT against
cleartext VXLAN of encrypted networks is not weakened. For the same reason an accept here does not help where a chain of the host's own
ruleset refuses what it does not know. Such a table gets a chain of ours with the rules that let somebody in, and the sets that they
name, as chains and sets belong to one table. Each of its chains on the hook input that may refuse gets one rule, its first, which
jumps there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from .._local.host import Command
from .._model.firewall import Desired, Entry, Layer, Published, Rule, in_order
from .._plan.firewall import listed
from .chain import MARK
from .ruleset import ADDRESS, Members, Ruleset, Table, in_braces, refuses, spell_addresses, subnet_ranges
from .ruleset import Rule as Found

NAME = "meshwork_swarm"
KEY = ("inet", NAME)
TABLE = f"inet {NAME}"
SETS = {4: "peers4", 6: "peers6"}
JOINED_SETS = {family: f"{NAME}_{name}" for family, name in SETS.items()}
KIND = {4: "ipv4_addr", 6: "ipv6_addr"}
SOURCE = {4: "ip saddr", 6: "ip6 saddr"}
FAMILY = {4: "meta nfproto ipv4", 6: "meta nfproto ipv6"}
REFUSAL = "reject with icmpx type admin-prohibited"
INPUT, PUBLISHED, OUTPUT = "input", "published", "output"
# just before the chains of others; and before Docker's DNAT (-100), where a published port still has its number, but after conntrack (-200)
BASE = {
    INPUT: ("filter", "input", -10, "accept"),
    PUBLISHED: ("filter", "prerouting", -150, "accept"),
    OUTPUT: ("filter", "output", 0, "accept"),
}
PARTS = {INPUT: "entries", PUBLISHED: "published", OUTPUT: "local"}
"""What a layer calls the rules of each chain of ours."""
JUMP = f'jump {NAME} comment "{MARK}who may reach the ports of the swarm"'
OUTSIDE = 'iifname != "lo" fib daddr type local ct direction original'
"""What comes from outside for an address of this host, and is no answer."""

Place = tuple[str, str]
Sets = tuple[Optional[tuple[str, ...]], Optional[tuple[str, ...]]]


@dataclass(frozen=True)
class Joined:
    """What another table holds of ours: the members of both sets, the rules of our chain, and the chains whose first rule is our jump.

    `strays` counts jumps elsewhere; `sound` says that the sets are of the type that we make.
    """

    peers: Sets
    texts: tuple[str, ...] | None
    chains: tuple[str, ...]
    strays: int = 0
    sound: bool = True


def render_input(desired: Desired, family: int) -> tuple[Entry, ...]:
    """Who may reach this host's own ports, for one address family.

    A stranger is told that an administrator forbids it, so that a blocked port does not look like one on which nothing
    listens. ESP of strangers is left alone: another VPN of the host may want it.
    """
    guarded = {protocol: sorted(port for other, port in desired.guarded if other == protocol) for protocol, _port in desired.guarded}
    matches = {protocol: f"{protocol} dport {in_braces([str(port) for port in ports])}" for protocol, ports in guarded.items()}
    subjects = {protocol: f"{','.join(map(str, ports))}/{protocol}" for protocol, ports in guarded.items()}
    start = FAMILY[family]
    keeping = [_entry(f'{start} iifname "lo" {matches[each]} accept', "the host itself", "keep", subjects[each]) for each in guarded]
    refusing = [_entry(f"{start} {matches[each]} {REFUSAL}", "strangers", "refuse", subjects[each]) for each in guarded]
    return (*keeping, *(_allow(rule, family) for rule in desired.rules), *refusing)


def _allow(rule: Rule, family: int) -> Entry:
    match = f"meta l4proto {rule.protocol}" if rule.port is None else f"{rule.protocol} dport {rule.port}"
    if rule.ipsec:
        match = f"meta secpath exists {match}"
    return _entry(f"{SOURCE[family]} @{SETS[family]} {match} accept", rule.purpose, "allow", rule.subject)


def render_published(desired: Desired, family: int) -> tuple[Entry, ...] | None:
    """Who may reach published ports, for one address family; None when that is nobody's concern."""
    if not desired.published:
        return None
    return tuple(entry for published in desired.published for entry in _publish(published, family))


def render_local(desired: Desired, family: int) -> tuple[Entry, ...] | None:
    """The rule for what the host sends. Packets of VXLAN are the kernel's own, and so have no owner to compare."""
    if not desired.sealed_port:
        return None
    text = f"{FAMILY[family]} udp dport {desired.sealed_port} meta skuid != {NOBODY} drop"
    return (_entry(text, "programs", "refuse", f"{desired.sealed_port}/udp"),)


NOBODY = 2**32 - 1
"""The user ID that no user has (setuid(2): -1)."""


def _publish(published: Published, family: int) -> list[Entry]:
    match, entries = f"{OUTSIDE} {published.protocol} dport {published.port}", []
    if published.peers:
        allowing = f"{match} {SOURCE[family]} @{SETS[family]} accept"
        entries.append(_entry(allowing, "published", "allow", f"{published.subject} from peers"))
    sources = spell_addresses(subnet_ranges(published.sources[family]))
    if sources:
        allowing = f"{match} {SOURCE[family]} {in_braces(sources)} accept"
        entries.append(_entry(allowing, "published", "allow", f"{published.subject} from {listed(sources)}"))
    return [*entries, _entry(f"{FAMILY[family]} {match} drop", "published", "refuse", published.subject)]


def _entry(text: str, purpose: str, verb: str, subject: str) -> Entry:
    return Entry(f'{text} comment "{MARK}{purpose}"', verb, subject)


_PORTS = re.compile(r"(\w+) dport (?:\{ )?([\d, ]*\d)")
_SOURCES = re.compile(r"ip6? saddr (?:\{ )?([^@{} ,]+(?:, [^ ,]+)*)")


def read_entry(text: str) -> Entry:
    """What a rule that was found means; a rule without our mark means nothing to us."""
    if f'comment "{MARK}' not in text:
        return Entry(text)
    ports = _PORTS.search(text)
    subject = f"{ports.group(2).replace(', ', ',')}/{ports.group(1)}" if ports else "ESP"
    verb = "refuse" if " reject " in text or " drop " in text else "keep" if 'iifname "lo"' in text else "allow"
    sources = _SOURCES.search(text)
    if sources:
        subject += f" from {listed(sources.group(1).split(', '))}"
    elif text.startswith(OUTSIDE) and verb == "allow":
        subject += " from peers"
    return Entry(text, verb, f"{subject} inside IPsec" if "meta secpath exists" in text else subject)


def _family_of(text: str) -> int:
    return 6 if "ip6 " in text or FAMILY[6] in text else 4


def read_table(ruleset: Ruleset, families: Sequence[int]) -> tuple[dict[int, Layer], bool]:
    """What our own table holds, by address family, and whether its chain is on the hook input as it should be."""
    table = ruleset.get(KEY, Table(*KEY))
    attached = not table.flags and _based(table, INPUT)
    layers = {}
    for family in families:
        arriving = table.chains.get(INPUT)
        entries = None if arriving is None else _entries(arriving.rules, family)
        if family == families[0]:
            strangers = tuple(Entry(name) for name in _not_ours(table))
            entries = (*strangers, *(entries or ())) if strangers else entries
        published, local = (_entries(table.chains[name].rules, family) if _based(table, name) else None for name in (PUBLISHED, OUTPUT))
        layers[family] = Layer(_members(table.sets.get(SETS[family]), family), entries, attached, published, local)
    return layers, attached


def _based(table: Table, name: str) -> bool:
    return name in table.chains and table.chains[name].base == BASE[name]


def _entries(rules: Sequence[Found], family: int) -> tuple[Entry, ...]:
    texts = (rule.text for rule in rules)
    return tuple(read_entry(text) for text in texts if _family_of(text) == family)


def _not_ours(table: Table) -> list[str]:
    chains = [f"chain {name}" for name in table.chains if name not in BASE]
    return [*chains, *(f"set {name}" for name in table.sets if name not in SETS.values()), *table.others]


def _members(held: Members | None, family: int) -> tuple[str, ...] | None:
    if held is None or held.kind != KIND[family]:
        return None
    return in_order([str(element) for element in held.elements])


def refusing(ruleset: Ruleset, families: Sequence[int]) -> dict[Place, tuple[str, ...]]:
    """The chains of others, by table, that may refuse a peer's packet, whatever their priority.

    Not among them are those of iptables, which no longer understands a table with rules of ours in it, and those of programs.
    """
    found = {}
    for place, table in ruleset.items():
        if place == KEY or table.dormant or table.of_program or not covered(table.family, families):
            continue
        chains = [each for each in table.chains.values() if each.on_input() and not each.of_iptables]
        names = tuple(sorted(each.name for each in chains if refuses(table, each)))
        if names:
            found[place] = names
    return found


def covered(family: str, families: Sequence[int]) -> tuple[int, ...]:
    """The address families of this host whose packets a table of nftables sees."""
    seen = {"inet": (4, 6), "ip": (4,), "ip6": (6,)}.get(family, ())
    return tuple(each for each in seen if each in families)


def read_joined(ruleset: Ruleset) -> tuple[dict[Place, Joined], dict[Place, tuple[tuple[str, int], ...]]]:
    """What the tables of others hold of ours; and where the jumps are, by chain and handle."""
    found, jumps = {}, {}
    for place, table in ruleset.items():
        ours, sets = table.chains.get(NAME), {family: table.sets.get(name) for family, name in JOINED_SETS.items()}
        leading = [(chain, rule) for chain in table.chains.values() for rule in chain.rules if _leads_here(rule)]
        if place == KEY or not (ours or leading or any(sets.values())):
            continue
        placed = tuple(sorted(chain.name for chain, rule in leading if chain.rules[0] is rule and rule.text == JUMP))
        held = {family: _members(members, family) for family, members in sets.items()}
        sound = all(held[family] is not None or members is None for family, members in sets.items())
        peers = (held[4] or (None if sets[4] is None else ()), held[6] or (None if sets[6] is None else ()))
        texts = None if ours is None else tuple(rule.text for rule in ours.rules)
        found[place] = Joined(peers, texts, placed, len(leading) - len(placed), sound)
        jumps[place] = tuple((chain.name, rule.handle) for chain, rule in leading)
    return found, jumps


def _leads_here(rule: Found) -> bool:
    return any(each.get(word, {}).get("target") == NAME for each in rule.expr if isinstance(each, dict) for word in ("jump", "goto"))


def join(layers: Mapping[int, Layer], needed: Mapping[Place, tuple[str, ...]]) -> dict[Place, Joined]:
    """What the tables of others have to hold for these layers."""
    found = {}
    for place, chains in needed.items():
        families = [family for family in covered(place[0], list(layers)) if layers[family].peers is not None]
        peers = {family: layers[family].peers for family in families}
        entries = [entry for family in families for entry in layers[family].entries or () if entry.verb in ("allow", "keep")]
        texts = tuple(_joined_text(place[0], entry.text) for entry in entries)
        found[place] = Joined((peers.get(4), peers.get(6)), texts, chains)
    return found


def _joined_text(family: str, text: str) -> str:
    """A rule of our own table as it stands in another, whose family may say already which packets are meant."""
    _start, _blank, rest = text.partition(' iifname "lo" ')
    text = f'iifname "lo" {rest}' if rest and family in ADDRESS else text
    return text.replace(" saddr @", f" saddr @{NAME}_")


def table_lines(layers: Mapping[int, Layer]) -> tuple[str, ...]:
    """The lines that make our own table anew in one transaction, whether it is there or not."""
    lines = [f"add table {TABLE}", f"delete table {TABLE}", f"add table {TABLE}"]
    for family, layer in layers.items():
        lines.append(f"add set {TABLE} {SETS[family]} {{ type {KIND[family]}; }}")
        if layer.peers:
            lines.append(f"add element {TABLE} {SETS[family]} {{ {', '.join(layer.peers)} }}")
    for name, part in PARTS.items():
        held = [getattr(layer, part) for layer in layers.values()]
        if any(entries is not None for entries in held):
            kind, hook, priority, policy = BASE[name]
            lines.append(f"add chain {TABLE} {name} {{ type {kind} hook {hook} priority {priority}; policy {policy}; }}")
            lines += [f"add rule {TABLE} {name} {entry.text}" for entries in held for entry in entries or ()]
    return tuple(lines)


_LINE = re.compile(rf"add (set|element|chain|rule) {TABLE} (\w+) ?(.*)")


def read_lines(text: str, families: Sequence[int]) -> dict[int, Layer]:
    """What the lines of our file make, by address family, for those that it has."""
    peers: dict[str, tuple[str, ...]] = {}
    rules: dict[str, list[str]] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        kind, name, rest = match.groups()
        if kind == "set":
            peers[name] = ()
        elif kind == "element":
            peers[name] = tuple(rest.strip("{} ").split(", "))
        else:
            rules.setdefault(name, []).extend([rest] if kind == "rule" else [])
    layers = {}
    for family in families:
        held = {name: tuple(read_entry(rule) for rule in found if _family_of(rule) == family) for name, found in rules.items()}
        layers[family] = Layer(peers.get(SETS[family]), held.get(INPUT), True, held.get(PUBLISHED), held.get(OUTPUT))
    return layers


def join_lines(place: Place, joined: Joined) -> tuple[str, ...]:
    """The lines that give another table our chain and our sets, whether they are there or not. They fail where that table is not there."""
    where = " ".join(place)
    lines = [f"add chain {where} {NAME}", f"flush chain {where} {NAME}"]
    for family, peers in zip(JOINED_SETS, joined.peers):
        if peers is not None:
            named = f"{where} {JOINED_SETS[family]}"
            lines += [f"add set {named} {{ type {KIND[family]}; }}", f"flush set {named}"]
            lines += [f"add element {named} {{ {', '.join(peers)} }}"] if peers else []
    return (*lines, *(f"add rule {where} {NAME} {text}" for text in joined.texts or ()))


def jump_lines(place: Place, joined: Joined) -> tuple[str, ...]:
    """The lines that lead packets into our chain of another table."""
    return tuple(f"insert rule {' '.join(place)} {chain} {JUMP}" for chain in joined.chains)


def unjump(place: Place, chain: str) -> Command:
    """The program that removes our jumps from a chain of another table, by the handles that it finds there."""
    where = shlex.join((*place, chain))
    handles = f"nft -a list chain {where} | sed -n 's/.*jump {NAME} .*# handle //p'"
    return Command(("/bin/sh", "-c", f"for handle in $({handles}); do nft delete rule {where} handle $handle; done"))


def part_lines(place: Place, joined: Joined, jumps: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    """The lines that take everything of ours out of another table, and nothing else. `jumps` are the rules that lead there."""
    where = " ".join(place)
    lines = [f"delete rule {where} {name} handle {handle}" for name, handle in jumps]
    lines += [f"flush chain {where} {NAME}", f"delete chain {where} {NAME}"] if joined.texts is not None else []
    return (*lines, *(f"delete set {where} {JOINED_SETS[family]}" for family, peers in zip(JOINED_SETS, joined.peers) if peers is not None))
