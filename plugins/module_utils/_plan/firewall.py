# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the firewall: from the rules that were found to those that are wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from .._model.firewall import Desired, Entry, Layer
from .plan import Blocker, Plan, Step


@dataclass(frozen=True)
class Observed:
    """What one backend holds of ours, by address family.

    `runtime` is in force now, `permanent` comes back at the next boot. The families are those that the host has.
    `missing` are programs by the package that has them; `obstacles` are reasons why this host cannot be dealt with.
    `reading` is what only the backend that read it understands.
    """

    backend: str
    runtime: Mapping[int, Layer] = field(default_factory=dict)
    permanent: Mapping[int, Layer] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    obstacles: tuple[Blocker, ...] = ()
    reading: Any = field(default=None, compare=False)


@dataclass(frozen=True)
class Requires:
    """A step that somebody else has to make first: a package to install."""

    package: str

    def __str__(self) -> str:
        return f"needs the package {self.package}"


class Backend(Protocol):
    """How one firewall renders the rules. All of it is pure."""

    def blockers(self, desired: Desired, found: Observed) -> tuple[Blocker, ...]:
        """Reasons why the desired rules cannot be had here."""

    def wanted(self, desired: Desired, found: Observed) -> Observed:
        """What will be found once the desired rules are in force."""

    def steps(self, desired: Desired, found: Observed, wanted: Observed) -> Sequence[Step]:
        """The way there, in an order that never leaves a moment without the rules."""


def plan(desired: Desired, found: Observed, backend: Backend) -> Plan[Observed]:
    """The steps from what was found to what is wanted; none when it is there already."""
    blockers = found.obstacles or (*_unreachable_family(desired, found), *backend.blockers(desired, found))
    if blockers:
        return Plan(before=found, after=found, blockers=blockers)
    wanted = backend.wanted(desired, found)
    if found.missing and not desired.present:
        return Plan(before=found, after=found)
    required = tuple(Step("require", package, f"the package {package} has to be installed", Requires(package)) for package in found.missing)
    steps = tuple(backend.steps(desired, found, wanted))
    return Plan(before=found, after=replace(wanted, missing=()), steps=required + steps)


def _unreachable_family(desired: Desired, found: Observed) -> tuple[Blocker, ...]:
    if 6 in found.runtime or not desired.peers.get(6):
        return ()
    first = desired.peers[6][0]
    return (Blocker("peers", f"{first} is an IPv6 address and this host's kernel has no IPv6", "enable IPv6 or give IPv4 addresses"),)


MEANING = {"allow": "allow {} from {}", "refuse": "refuse {} to others", "keep": "let the host itself reach {}"}
"""An entry's verb as a sentence, for its subject and those whom it is about."""
PUBLISHED = {"allow": "allow {}", "refuse": "refuse {} to others"}
"""The same for a published port; who may reach it stands in the subject of its entry."""
LOCAL = {"refuse": "keep programs of this host from sending to {}"}
"""The same for what the host sends."""


def say_layers(desired: Desired, found: Mapping[int, Layer], wanted: Mapping[int, Layer], peers: bool = True) -> str:
    """In sentences, what becomes of the layers of all address families; "" for nothing. `peers` wants those of the sets, too."""
    said = []
    for family, layer in wanted.items():
        now = found[family]
        if peers and now.peers is not None and now.peers != layer.peers:
            said.append(say_peers(now, layer))
        said += say_rules(desired, now, layer)
    return "; ".join(dict.fromkeys(said))


def say_rules(desired: Desired, found: Layer, wanted: Layer) -> list[str]:
    """In sentences, what becomes of the rules between two layers."""
    said = _say_changes(found.entries or (), wanted.entries or (), desired.count, MEANING)
    said += _say_changes(found.published or (), wanted.published or (), "", PUBLISHED)
    said += _say_changes(found.local or (), wanted.local or (), "", LOCAL)
    if wanted.attached and not found.attached:
        said.append("send incoming packets through these rules")
    return said


def _say_changes(before: Sequence[Entry], after: Sequence[Entry], peers: str, meaning: Mapping[str, str]) -> list[str]:
    coming = [entry for entry in after if entry not in before]
    going = [entry for entry in before if entry not in after]
    said = say_entries(coming, peers, meaning)
    said += [f"no longer {sentence}" for sentence in say_entries(going, "peers", meaning)]
    said += [f"remove the rule {entry.text!r}, which is not of our making" for entry in going if not entry.verb]
    if not said and before != after:
        said.append("put the rules back in their order")
    return said


def say_entries(entries: Sequence[Entry], peers: str, meaning: Mapping[str, str]) -> list[str]:
    """One sentence for each kind of rule."""
    subjects: dict[str, list[str]] = {}
    for entry in entries:
        subjects.setdefault(entry.verb, []).append(entry.subject)
    return [sentence.format(listed(subjects[verb]), peers) for verb, sentence in meaning.items() if verb in subjects]


def say_peers(found: Layer, wanted: Layer) -> str:
    """In words, what becomes of the set of peers between two layers."""
    before, after = found.peers or (), wanted.peers or ()
    coming = [address for address in after if address not in before]
    going = [address for address in before if address not in after]
    said = []
    if coming:
        said.append(f"let in {listed(coming)}")
    if going:
        said.append(f"no longer let in {listed(going)}")
    return "; ".join(said) or "make the set of peers"


def listed(words: Sequence[str], most: int = 8) -> str:
    """ "a, b and c"; what is beyond `most` is counted."""
    shown = list(dict.fromkeys(words))
    if len(shown) > most:
        return f"{', '.join(shown[:most])} and {len(shown) - most} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
