# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules as a policy object of firewalld: rendered as rich rules, kept as XML, and read back from both. Pure.

A policy from ANY zone to the HOST holds for every interface, whichever zone it is in, and leaves the zones as they are; its
negative priority puts it before them. The formats are those of firewalld.policy(5), firewalld.richlanguage(5) and
firewalld.ipset(5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from .._model.errors import CommandFailed
from .._model.firewall import Desired, Entry, Rule

POLICY = "meshwork-swarm"
SETS = {4: "meshwork-swarm-4", 6: "meshwork-swarm-6"}
POLICY_FILE = f"/etc/firewalld/policies/{POLICY}.xml"
SET_FILE = {family: f"/etc/firewalld/ipsets/{name}.xml" for family, name in SETS.items()}
SET_FAMILY = {4: "inet", 6: "inet6"}
FAMILY = {4: "ipv4", 6: "ipv6"}
REJECT = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}
ALLOW_PRIORITY = -20
REFUSE_PRIORITY = -10
ATTRIBUTES = {"priority": "-100", "target": "CONTINUE", "ingress-zones": "ANY", "egress-zones": "HOST"}
LISTS = {
    "interfaces": "interface",
    "sources": "source",
    "services": "service",
    "ports": "port",
    "protocols": "protocol",
    "forward-ports": "forward-port",
    "source-ports": "source-port",
    "icmp-blocks": "icmp-block",
    "rich rules": "rich-rule",
}
"""What a zone or policy lists, with the word in firewall-cmd's --add- and --remove- options."""
SWITCHES = {"forward": "forward", "masquerade": "masquerade", "icmp-block-inversion": "icmp-block-inversion"}

Listing = dict[str, dict[str, tuple[str, ...]]]


def render_policy(desired: Desired, family: int) -> tuple[Entry, ...]:
    """The rich rules for one address family.

    firewalld has no match for an IPsec policy; the rule for the plain data path covers decrypted packets as well.
    """
    start = f'rule priority="{ALLOW_PRIORITY}" family="{FAMILY[family]}" source ipset="{SETS[family]}"'
    entries = [Entry(f"{start} {_element(rule)} accept", "allow", rule.subject) for rule in desired.rules if not rule.ipsec]
    for protocol, port in desired.guarded:
        text = f'rule priority="{REFUSE_PRIORITY}" family="{FAMILY[family]}" port port="{port}" protocol="{protocol}"'
        text += f' reject type="{REJECT[family]}"'
        entries.append(Entry(text, "refuse", f"{port}/{protocol}"))
    return sort_entries(entries)


def sort_entries(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """firewalld orders rules by their priority, not by their place in a list; so do we, what lets somebody in first."""
    return tuple(sorted(entries, key=lambda entry: (f'priority="{ALLOW_PRIORITY}"' not in entry.text, entry.text)))


def _element(rule: Rule) -> str:
    if rule.port is None:
        return f'protocol value="{rule.protocol}"'
    return f'port port="{rule.port}" protocol="{rule.protocol}"'


def read_listing(text: str) -> Listing:
    """What --list-all-zones or --list-all-policies prints: by name, then by field, the values.

    A field's values stand on its line with blanks between, or on lines of their own that begin with a tab.
    """
    found: Listing = {}
    fields: dict[str, tuple[str, ...]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("\t"):
            fields[name] = (*fields.get(name, ()), line.strip())
        elif line.startswith("  "):
            name, _colon, values = line.strip().partition(":")
            fields[name] = tuple(values.split())
        elif line.strip():
            fields = found.setdefault(line.split()[0], {})
    return found


def read_runtime(policy: Mapping[str, tuple[str, ...]], families: Sequence[int]) -> tuple[dict[int, tuple[Entry, ...]], bool]:
    """The entries of our policy by family, from its listing; and whether its attributes are as they have to be."""
    entries = []
    for name, values in policy.items():
        if name in LISTS:
            entries += [_read_rich(value) if name == "rich rules" else Entry(f"{LISTS[name]} {value}") for value in values]
        elif name in SWITCHES and values == ("yes",):
            entries.append(Entry(SWITCHES[name]))
    right = all(policy.get(name) == (value,) for name, value in ATTRIBUTES.items())
    return _by_family(entries, families), right


def _by_family(entries: Sequence[Entry], families: Sequence[int]) -> dict[int, tuple[Entry, ...]]:
    parts: dict[int, list[Entry]] = {family: [] for family in families}
    for entry in entries:
        family = 6 if 'family="ipv6"' in entry.text and 6 in parts else 4
        parts[family].append(entry)
    return {family: sort_entries(part) for family, part in parts.items()}


_OURS = re.compile(
    rf'rule priority="-\d+" family="ipv[46]" (?:source ipset="{POLICY}-[46]" )?'
    r'(?:port port="(?P<port>[\d-]+)" protocol="(?P<protocol>\w+)"|protocol value="(?P<bare>\w+)") (?P<action>accept|reject type="\S+")'
)


def _read_rich(text: str) -> Entry:
    match = _OURS.fullmatch(text)
    if match is None or (match["action"] == "accept") != ("source ipset" in text):
        return Entry(text)
    subject = match["bare"].upper() if match["bare"] else f"{match['port']}/{match['protocol']}"
    return Entry(text, "allow" if match["action"] == "accept" else "refuse", subject)


def policy_xml(entries: Sequence[Entry]) -> str:
    """The policy's file."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<policy priority="{ATTRIBUTES["priority"]}" target="{ATTRIBUTES["target"]}">',
        "  <short>meshwork.swarm</short>",
        "  <description>Who may reach the ports of the swarm. Written by the Ansible module meshwork.swarm.firewall.</description>",
        f'  <ingress-zone name="{ATTRIBUTES["ingress-zones"]}"/>',
        f'  <egress-zone name="{ATTRIBUTES["egress-zones"]}"/>',
        *(_rule_xml(entry.text) for entry in sort_entries(entries)),
        "</policy>",
    ]
    return "\n".join(lines) + "\n"


def _rule_xml(text: str) -> str:
    """A rich rule of ours as XML: every element is a word, its attributes follow."""
    head, *elements = re.findall(r'(\w+)((?: \w+="[^"]*")*)', text)
    inside = "".join(f"<{name}{attributes}/>" for name, attributes in elements)
    return f"  <{head[0]}{head[1]}>{inside}</{head[0]}>"


def read_policy_xml(text: str, families: Sequence[int]) -> tuple[dict[int, tuple[Entry, ...]], bool]:
    """The entries by family of a policy's file, and whether its attributes are as they have to be. Raises CommandFailed."""
    root = _parse_xml(text, POLICY_FILE)
    found = {
        "priority": root.get("priority", ""),
        "target": root.get("target", ""),
        "ingress-zones": " ".join(zone.get("name", "") for zone in root.findall("ingress-zone")),
        "egress-zones": " ".join(zone.get("name", "") for zone in root.findall("egress-zone")),
    }
    entries = []
    for element in root:
        if element.tag == "rule":
            words = [_words(element), *(_words(child) for child in element)]
            entries.append(_read_rich(" ".join(words)))
        elif element.tag not in ("short", "description", "ingress-zone", "egress-zone"):
            entries.append(Entry(_words(element)))
    return _by_family(entries, families), found == ATTRIBUTES


_ORDER = ("priority", "family")


def _words(element: ElementTree.Element) -> str:
    names = sorted(element.keys(), key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))
    return " ".join([element.tag, *(f'{name}="{element.get(name)}"' for name in names)])


def set_xml(family: int, peers: Sequence[str]) -> str:
    """The file of one set of peers."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<ipset type="hash:ip">',
        "  <short>meshwork.swarm peers</short>",
        f'  <option name="family" value="{SET_FAMILY[family]}"/>',
        *(f"  <entry>{escape(peer)}</entry>" for peer in peers),
        "</ipset>",
    ]
    return "\n".join(lines) + "\n"


def read_set_xml(text: str | None, family: int) -> tuple[tuple[str, ...] | None, bool]:
    """The members in a set's file (None: no file), and whether the set is of the type that we make. Raises CommandFailed."""
    if text is None:
        return None, True
    root = _parse_xml(text, SET_FILE[family])
    options = {option.get("name"): option.get("value") for option in root.findall("option")}
    right = root.get("type") == "hash:ip" and options.get("family", "inet") == SET_FAMILY[family]
    return tuple((entry.text or "").strip() for entry in root.findall("entry")), right


def _parse_xml(text: str, path: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise CommandFailed(f"{path} is not XML ({error}): mend or remove it") from None


def changes(name: str, before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The firewall-cmd calls that turn one zone's runtime listing into another; one for each kind of change."""
    calls: list[tuple[str, ...]] = []
    for fields, word in LISTS.items():
        old, new = before.get(fields, ()), after.get(fields, ())
        verb = "change" if word == "interface" else "add"
        coming = tuple(f"--{verb}-{word}={value}" for value in new if value not in old)
        going = tuple(f"--remove-{word}={value}" for value in old if value not in new)
        calls += [("firewall-cmd", f"--zone={name}", *options) for options in (coming, going) if options]
    for fields, word in SWITCHES.items():
        if fields in after and before.get(fields) != after[fields]:
            calls.append(("firewall-cmd", f"--zone={name}", f"--{'add' if after[fields] == ('yes',) else 'remove'}-{word}"))
    return calls


def removal(entry: Entry) -> str:
    """The firewall-cmd option that takes an entry out of our policy's runtime."""
    if entry.text.startswith("rule "):
        return f"--remove-rich-rule={entry.text}"
    word, _blank, value = entry.text.partition(" ")
    return f"--remove-{word}={value}" if value else f"--remove-{word}"
