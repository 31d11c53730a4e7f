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

from .._local.host import Action, Command, Commands, RemoveFile, WriteFile
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
    return tuple(entry for entry in map(_of_element, _parse(text).iter("rule")) if entry.verb)


_NAMES = ("ipv", "table", "chain", "priority")


def _of_element(rule: ElementTree.Element) -> Entry:
    return _entry(" ".join([*(rule.get(name, "") for name in _NAMES), rule.text or ""]))


def _parse(text: str | None) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text or "<direct/>", ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True)))
    except ElementTree.ParseError as error:
        raise CommandFailed(f"{FILE} is not XML ({error}): mend or remove it") from None


def write_file(text: str | None, layers: Mapping[int, Layer]) -> str | None:
    """direct.xml with our rules for these layers and all that others have in it; None for no file, as nothing would be in it.

    firewalld sees a change of its file by itself, and a `firewall-cmd --permanent` for each rule would take seconds.
    """
    root = _parse(text)
    for rule in root.findall("rule"):
        if _of_element(rule).verb:
            root.remove(rule)
    for entry in _rules(layers):
        *values, rest = entry.text.split(" ", len(_NAMES))
        rule = ElementTree.SubElement(root, "rule", dict(zip(_NAMES, values)))
        rule.text, rule.tail = rest, "\n"
    if not len(root):
        return None
    root.text = root.text or "\n"
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def of_family(entries: Sequence[Entry], family: int) -> Parts:
    """One family's rules in their order."""
    starts = (f"{FAMILY[family]} {place.table} {place.hook} " for place in (PUBLISHED, OUTPUT))
    published, local = (tuple(sorted((entry for entry in entries if entry.text.startswith(start)), key=_order)) for start in starts)
    return published or None, local or None


def _order(entry: Entry) -> tuple[int, int, str]:
    words = shlex.split(entry.text)
    port = words[words.index("--dport") + 1] if "--dport" in words else "0"
    return int(port), int(words[3]), entry.text


def permanent(desired: Desired, found: Mapping[int, Layer], wanted: Mapping[int, Layer], text: str | None) -> list[Step]:
    """The step to other permanent rules, with the file's text that they make."""
    write: Action = RemoveFile(FILE) if text is None else WriteFile(FILE, text)
    said = _said(desired, found, wanted)
    return [Step("direct rules", "firewalld", f"permanent: {said}", Commands((write,)))] if said else []


def runtime(desired: Desired, found: Mapping[int, Layer], wanted: Mapping[int, Layer]) -> list[Step]:
    """The step to other rules in force. Whoever comes is let in before others are kept out."""
    coming, going = _changes(found, wanted)
    actions: list[Action] = [
        Command(("firewall-cmd", "--direct", f"--{verb}-rule", *shlex.split(entry.text)))
        for verb, entries in (("add", coming), ("remove", reversed(going)))
        for entry in entries
    ]
    said = _said(desired, found, wanted)
    return [Step("direct rules", "firewalld", f"runtime: {said}", Commands(tuple(actions)))] if said else []


def _said(desired: Desired, found: Mapping[int, Layer], wanted: Mapping[int, Layer]) -> str:
    coming, going = _changes(found, wanted)
    return "; ".join(dict.fromkeys(say_rules(desired, _layer(going), _layer(coming)))) if coming or going else ""


def _changes(found: Mapping[int, Layer], wanted: Mapping[int, Layer]) -> tuple[list[Entry], list[Entry]]:
    """The rules that come, and those that go."""
    before, after = _rules(found), _rules(wanted)
    return [entry for entry in after if entry not in before], [entry for entry in before if entry not in after]


def _rules(layers: Mapping[int, Layer]) -> list[Entry]:
    rules = (entry for layer in layers.values() for entry in (*(layer.published or ()), *(layer.local or ())))
    return sorted(rules, key=lambda entry: _order(entry)[1])


def _layer(entries: Sequence[Entry]) -> Layer:
    local = tuple(entry for entry in entries if f" {OUTPUT.table} {OUTPUT.hook} " in entry.text)
    return Layer(published=tuple(entry for entry in entries if entry not in local), local=local)
