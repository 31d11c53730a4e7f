# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published ports as direct rules of firewalld: rendered, and read back from its runtime and its file. Pure.

A policy cannot hold them: it sees packets after the Engine's DNAT, where the published port is gone and all that goes to Docker's
zone is let through. Direct rules (firewalld.direct(5)) come before that, with either backend of firewalld, and come back after a reload.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Optional
from xml.etree import ElementTree

from .._local.host import Action, Command, Commands
from .._model.errors import CommandFailed
from .._model.firewall import Desired, Entry, Layer, Published
from .._plan.firewall import say_rules
from .._plan.plan import Step
from .chain import MARK, OUTPUT, PUBLISHED, canonical, render_local

FILE = "/etc/firewalld/direct.xml"
FAMILY = {4: "ipv4", 6: "ipv6"}
ALLOW, DROP = 0, 1
"""Priorities of the rules: a lower one stands before a higher one."""
_HOOK = PUBLISHED.match.partition(" -m comment")[0]


Parts = tuple[Optional[tuple[Entry, ...]], Optional[tuple[Entry, ...]]]
"""The rules for published ports and those for what the host sends; None where there are none."""


def render(desired: Desired, family: int) -> Parts:
    """The rules for one address family."""
    entries = [entry for published in desired.published for entry in _render(desired, published, family)]
    return tuple(entries) or None, _render_output(desired, family)


def _render(desired: Desired, published: Published, family: int) -> list[Entry]:
    match = f"{_HOOK} -p {published.protocol} -m {published.protocol} --dport {published.port}"
    # firewalld makes one rule of iptables for each source of a list
    sources = (*(desired.peers[family] if published.peers else ()), *published.sources[family])
    origin = f"-s {','.join(sources)} " if sources else ""
    allowed = [(ALLOW, f"{origin}{match}", "published", "RETURN")] if sources else []
    return [
        _entry(f"{FAMILY[family]} {PUBLISHED.table} {PUBLISHED.hook} {priority} {match} -m comment --comment '{MARK}{purpose}' -j {target}")
        for priority, match, purpose, target in [*allowed, (DROP, match, "published, strangers", "DROP")]
    ]


def _render_output(desired: Desired, family: int) -> tuple[Entry, ...] | None:
    if not desired.sealed_port:
        return None
    rules = (entry.text.partition(f"-A {OUTPUT.chain} ")[2] for entry in render_local(desired))
    return tuple(_entry(f"{FAMILY[family]} {OUTPUT.table} {OUTPUT.hook} {ALLOW} {rule}") for rule in rules)


def _entry(line: str) -> Entry:
    """What a rule means; one without our mark means nothing to us, and no verb."""
    text = canonical(line)
    words = shlex.split(text)
    if not any(word.startswith(MARK) for word in words):
        return Entry(text)
    subject = f"{words[words.index('--dport') + 1]}/{words[words.index('-p') + 1]}" if "--dport" in words else "everything"
    if words[-1] == "DROP":
        return Entry(text, "refuse", subject)
    return Entry(text, "allow", f"{subject} from {words[words.index('-s') + 1].replace(',', ', ') if '-s' in words else 'everybody'}")


def read_runtime(text: str) -> tuple[Entry, ...]:
    """Our rules in the output of `firewall-cmd --direct --get-all-rules`."""
    return tuple(entry for entry in map(_entry, text.splitlines()) if entry.verb)


def read_file(text: str | None) -> tuple[Entry, ...]:
    """Our rules in direct.xml. Raises CommandFailed where it is not XML."""
    if text is None:
        return ()
    try:
        rules = ElementTree.fromstring(text).iter("rule")
    except ElementTree.ParseError as error:
        raise CommandFailed(f"{FILE} is not XML ({error}): mend or remove it") from None
    names = ("ipv", "table", "chain", "priority")
    found = (_entry(" ".join([*(rule.get(name, "") for name in names), rule.text or ""])) for rule in rules)
    return tuple(entry for entry in found if entry.verb)


def of_family(entries: Sequence[Entry], family: int) -> Parts:
    """One family's rules in their order."""
    starts = (f"{FAMILY[family]} {place.table} {place.hook} " for place in (PUBLISHED, OUTPUT))
    published, local = (tuple(sorted((entry for entry in entries if entry.text.startswith(start)), key=_order)) for start in starts)
    return published or None, local or None


def _order(entry: Entry) -> tuple[int, int, str]:
    words = shlex.split(entry.text)
    port = words[words.index("--dport") + 1] if "--dport" in words else "0"
    return int(port), int(words[3]), entry.text


def steps(desired: Desired, name: str, found: Mapping[int, Layer], wanted: Mapping[int, Layer]) -> list[Step]:
    """The step from one side's rules to another's; `name` is "permanent" or "runtime".

    Whoever comes is let in before others are kept out.
    """
    before, after = _rules(found), _rules(wanted)
    coming = [entry for entry in after if entry not in before]
    going = [entry for entry in before if entry not in after]
    if not coming and not going:
        return []
    side = ("--permanent", "--direct") if name == "permanent" else ("--direct",)
    actions: list[Action] = [
        Command(("firewall-cmd", *side, f"--{verb}-rule", *shlex.split(entry.text)))
        for verb, entries in (("add", coming), ("remove", reversed(going)))
        for entry in entries
    ]
    said = say_rules(desired, _layer(going), _layer(coming))
    return [Step("direct rules", "firewalld", f"{name}: {'; '.join(dict.fromkeys(said))}", Commands(tuple(actions)))]


def _rules(layers: Mapping[int, Layer]) -> list[Entry]:
    rules = (entry for layer in layers.values() for entry in (*(layer.published or ()), *(layer.local or ())))
    return sorted(rules, key=lambda entry: _order(entry)[1])


def _layer(entries: Sequence[Entry]) -> Layer:
    local = tuple(entry for entry in entries if f" {OUTPUT.table} {OUTPUT.hook} " in entry.text)
    return Layer(published=tuple(entry for entry in entries if entry not in local), local=local)
