# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ruleset of nftables as `nft -j list ruleset` prints it (libnftables-json(5)): tables, chains, sets, and rules as text. Pure."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._model.errors import CommandFailed

IPTABLES_TABLES = ("filter", "nat", "mangle", "raw", "security")
IPTABLES_CHAINS = ("INPUT", "FORWARD", "OUTPUT", "PREROUTING", "POSTROUTING")
PROGRAMS = ("docker", "libvirt", "netavark", "kube", "f2b", "crowdsec", "lxc", "lxd", "incus", "firewalld")
"""How the tables begin that programs make for themselves, beside whatever firewall the host has, and write anew as they like."""
ADDRESS = {"ip": 4, "ip6": 6}


@dataclass(frozen=True)
class Rule:
    """One rule. `expr` are its statements as nft prints them."""

    handle: int
    comment: str
    expr: tuple[Any, ...]

    @property
    def text(self) -> str:
        """The rule as nft takes it, in one spelling whichever nft printed it."""
        words = [*(spelled(each) for each in self.expr), *([f'comment "{self.comment}"'] if self.comment else [])]
        return " ".join(words)


@dataclass(frozen=True)
class Chain:
    """One chain. `base` is its type, hook, priority and policy; None for a chain that is only jumped to."""

    family: str
    table: str
    name: str
    base: tuple[str, str, int, str] | None = None
    rules: tuple[Rule, ...] = ()

    @property
    def of_iptables(self) -> bool:
        """Whether iptables-nft made it, which from then on understands nothing else in that table."""
        return self.family in ADDRESS and self.table in IPTABLES_TABLES and self.name in IPTABLES_CHAINS

    def on_input(self) -> bool:
        """Whether what this host receives comes by."""
        return self.base is not None and self.base[:2] == ("filter", "input")


@dataclass(frozen=True)
class Members:
    """A named set or map: `kind` is its type with everything that makes it more than a plain set."""

    kind: str
    elements: tuple[Any, ...] = ()


@dataclass
class Table:
    """One table. `flags` are as nft prints them, which is not what they are in some versions (1.0.6); `others` are its objects besides
    chains, sets and maps."""

    family: str
    name: str
    flags: str = ""
    chains: dict[str, Chain] = field(default_factory=dict)
    sets: dict[str, Members] = field(default_factory=dict)
    others: tuple[str, ...] = ()

    @property
    def dormant(self) -> bool:
        """Whether no packet comes by its chains."""
        return "dormant" in self.flags

    @property
    def of_program(self) -> bool:
        """Whether a program keeps it that is no firewall of the administrator's; what it refuses there is its own affair."""
        return self.name.startswith(PROGRAMS)


Ruleset = Mapping[tuple[str, str], Table]


def read_ruleset(text: str) -> dict[tuple[str, str], Table]:
    """Read what `nft -j list ruleset` or `nft -j list chains` prints. Raises CommandFailed when it is something else."""
    tables: dict[tuple[str, str], Table] = {}
    rules: dict[tuple[str, str, str], list[Rule]] = {}
    try:
        for each in json.loads(text)["nftables"]:
            ((kind, found),) = each.items()
            if kind == "metainfo":
                continue
            family, name = found["family"], found.get("table", found["name"] if kind == "table" else "")
            table = tables.setdefault((family, name), Table(family, name))
            if kind == "table":
                table.flags = str(found.get("flags", ""))
            elif kind == "chain":
                table.chains[found["name"]] = Chain(family, name, found["name"], _base(found))
            elif kind == "rule":
                rule = Rule(found["handle"], found.get("comment", ""), tuple(found.get("expr", ())))
                rules.setdefault((family, name, found["chain"]), []).append(rule)
            elif kind in ("set", "map"):
                table.sets[found["name"]] = Members(_kind(found), tuple(found.get("elem", ())))
            elif "name" in found:
                table.others += (f"{kind} {found['name']}",)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandFailed(f"nft printed something other than its ruleset as JSON ({error!r}): {text[:80]!r}") from None
    for (family, name, chain), held in rules.items():
        found = tables[family, name].chains[chain]
        tables[family, name].chains[chain] = Chain(family, name, chain, found.base, tuple(held))
    return tables


def _base(found: Mapping[str, Any]) -> tuple[str, str, int, str] | None:
    return (found["type"], found["hook"], found["prio"], found.get("policy", "accept")) if "hook" in found else None


def _kind(found: Mapping[str, Any]) -> str:
    extra = [f"{key} {found[key]}" for key in ("map", "flags", "timeout", "size") if key in found]
    return " ".join([str(found.get("type")), *extra])


def spelled(statement: Any) -> str:
    """One statement as text. What this collection never writes comes out as JSON, and so equals nothing that it writes."""
    if isinstance(statement, dict) and len(statement) == 1:
        ((kind, value),) = statement.items()
        if kind == "match":
            text = _match(value)
            if text:
                return text
        elif kind in ("accept", "drop"):
            return str(kind)
        elif kind == "reject" and isinstance(value, dict):
            return f"reject with {value.get('type')} type {value.get('expr')}"
        elif kind == "jump":
            return f"jump {value['target']}"
    return json.dumps(statement, sort_keys=True)


def _match(value: Mapping[str, Any]) -> str:
    left, right, operator = value["left"], value["right"], value["op"]
    if operator not in ("==", "!=") or not isinstance(left, dict):
        return ""
    ((kind, named),) = left.items()
    words = ""
    if kind == "meta":
        if named["key"] in ("ipsec", "secpath"):
            return "meta secpath exists" if right is True and operator == "==" else ""
        words = named["key"] if named["key"] == "iifname" else f"meta {named['key']}"
    elif kind == "payload" and "field" in named:
        words = f"{named['protocol']} {named['field']}"
    elif kind == "fib":
        words = f"fib {' '.join(_listed(named['flags']))} {named['result']}"
    elif kind == "ct" and set(named) == {"key"}:
        words = f"ct {named['key']}"
    values = _values(words, right) if words else ""
    return f"{words} {'!= ' if operator == '!=' else ''}{values}" if values else ""


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _values(words: str, right: Any) -> str:
    members = right["set"] if isinstance(right, dict) and "set" in right else [right]
    protocol, _blank, part = words.partition(" ")
    if protocol in ADDRESS and part in ("saddr", "daddr") and not (isinstance(right, str) and right.startswith("@")):
        try:
            return in_braces(spell_addresses(_ranges(members)))
        except (KeyError, TypeError, ValueError):
            return ""
    if not all(isinstance(member, (int, str)) for member in members):
        return ""
    if words == "iifname":
        return in_braces([f'"{member}"' for member in members])
    if words == "meta l4proto":
        return in_braces(["esp" if member == 50 else str(member) for member in members])
    return in_braces([str(member) for member in sorted(members, key=lambda member: (isinstance(member, str), member))])


def in_braces(values: Sequence[str]) -> str:
    """Values as nft takes them on the right side of a match."""
    return values[0] if len(values) == 1 else f"{{ {', '.join(values)} }}"


def _ranges(members: Sequence[Any]) -> list[tuple[int, int, int]]:
    found: list[tuple[int, int, int]] = []
    for member in members:
        if isinstance(member, dict) and "range" in member:
            first, last = (ipaddress.ip_address(end) for end in member["range"])
        else:
            text = f"{member['prefix']['addr']}/{member['prefix']['len']}" if isinstance(member, dict) else str(member)
            network = ipaddress.ip_network(text)
            first, last = network[0], network[-1]
        found.append((first.version, int(first), int(last)))
    return found


def subnet_ranges(subnets: Sequence[str]) -> list[tuple[int, int, int]]:
    """Subnets as family, first and last address, for `spell_addresses`."""
    return _ranges(subnets)


def spell_addresses(ranges: Sequence[tuple[int, int, int]]) -> list[str]:
    """Addresses of one family, in their order and merged where they meet, as nft itself merges them in an anonymous set."""
    merged: list[tuple[int, int, int]] = []
    for family, first, last in sorted(ranges):
        if merged and first <= merged[-1][2] + 1:
            merged[-1] = (family, merged[-1][1], max(last, merged[-1][2]))
        else:
            merged.append((family, first, last))
    return [_spell_range(*each) for each in merged]


def _spell_range(family: int, first: int, last: int) -> str:
    address = ipaddress.IPv4Address if family == 4 else ipaddress.IPv6Address
    subnets = list(ipaddress.summarize_address_range(address(first), address(last)))
    if len(subnets) > 1:
        return f"{address(first)}-{address(last)}"
    return str(address(first)) if first == last else str(subnets[0])


def refuses(table: Table, chain: Chain) -> bool:
    """Whether a packet may be dropped or rejected in a base chain, or in one that it leads to."""
    if chain.base is not None and chain.base[3] == "drop":
        return True
    seen, waiting = {chain.name}, [chain.name]
    while waiting:
        held = table.chains.get(waiting.pop())
        for kind, value in _nested([rule.expr for rule in held.rules] if held else (), table):
            if kind in ("drop", "reject"):
                return True
            if kind in ("jump", "goto") and value["target"] not in seen:
                seen.add(value["target"])
                waiting.append(value["target"])
    return False


def refuses_everybody(chain: Chain) -> bool:
    """Whether a chain of iptables-nft ends in a refusal: by its policy, or by a rule that holds for every packet."""
    if chain.base is not None and chain.base[3] == "drop":
        return True
    for rule in chain.rules:
        kinds = [kind for statement in rule.expr for kind in statement if kind != "counter"]
        if kinds in (["drop"], ["reject"]) or (kinds == ["xt"] and "REJECT" in str(rule.expr)):
            return True
    return False


def _nested(value: Any, table: Table) -> Iterator[tuple[str, Any]]:
    """Every key of the statements and its value, those of named verdict maps included."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            if key == "vmap" and isinstance(inner["data"], str):
                named = table.sets.get(inner["data"].lstrip("@"))
                yield from _nested(named.elements if named else (), table)
            yield from _nested(inner, table)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _nested(inner, table)
