# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The iptables backend: one chain of our own for each address family, one ipset for its peers.

Works with iptables-legacy and iptables-nft alike: whichever `iptables` is, Docker uses the same.

It serves ufw, too, which is a set of chains in the same tables. Ours stand before them, and ufw leaves chains alone that are not its own
(it flushes only ufw-*), so `ufw reload`, `disable` and `enable` change nothing for the swarm. ufw itself knows neither sets of addresses,
which make 200 hosts one rule, nor the place before the Engine's DNAT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .._local.host import Action, Command, Commands, Host, failed
from .._model.firewall import Desired, Layer
from .._plan.firewall import Observed, say_peers, say_rules
from .._plan.plan import Blocker, Step
from . import boot, chain

PACKAGES = {"iptables-save": "iptables", "iptables-restore": "iptables", "ipset": "ipset"}
NAME = {4: "IPv4", 6: "IPv6"}
PARTS = {chain.SWARM: "entries", chain.PUBLISHED: "published", chain.OUTPUT: "local"}
"""What a layer calls the rules of each chain of ours."""


@dataclass(frozen=True)
class Reading:
    """What the plan has to know of the ruleset besides its layers: each chain of ours by address family."""

    saved: Mapping[int, Mapping[chain.Place, chain.Saved]]
    files: tuple[str, ...]
    systemd: bool


class Iptables:
    """The backend. `observe` runs two programs an address family, however many peers there are."""

    def __init__(self, host: Host, name: str = "iptables") -> None:
        self._host, self._name = host, name

    def observe(self) -> Observed:
        """Read the chain, the sets and the files. Raises CommandFailed."""
        families = (4, 6) if self._host.exists("/proc/net/if_inet6") else (4,)
        missing = tuple(sorted({package for program, package in PACKAGES.items() if not self._host.has(program)}))
        permanent, files = boot.read_layers(self._host, families)
        runtime: dict[int, Layer] = {}
        saved: dict[int, Mapping[chain.Place, chain.Saved]] = {}
        obstacles: list[Blocker] = []
        for family in families:
            text = "" if "iptables" in missing else self._host.output(Command((f"{boot.PROGRAM[family]}-save",)))
            listing = None if "ipset" in missing else self._listing(family)
            peers, right = (None, True) if listing is None else chain.read_set(listing, family)
            if not right:
                obstacles.append(_foreign_set(family))
            saved[family] = {place: chain.read_saved(text, place) for place in PARTS}
            runtime[family] = _layer(peers, saved[family])
        reading = Reading(saved, files, systemd=self._host.exists("/run/systemd/system"))
        return Observed(self._name, runtime, permanent, missing, tuple(obstacles), reading)

    def _listing(self, family: int) -> str | None:
        command = Command(("ipset", "save", chain.SETS[family]))
        done = self._host.run(command)
        if done.status != 0 and "does not exist" not in done.errors:
            raise failed(command, done)
        return done.output if done.status == 0 else None

    def blockers(self, desired: Desired, found: Observed) -> tuple[Blocker, ...]:
        """Reasons why the desired rules cannot be had here."""
        return boot.blockers(desired, found.reading.systemd)

    def wanted(self, desired: Desired, found: Observed) -> Observed:
        """What will be found once the desired rules are in force."""
        if desired.present:
            layers = {family: _rendered(desired, family) for family in found.runtime}
        else:
            layers = {family: Layer() for family in found.runtime}
        persistent = desired.present and desired.persistent
        kept = layers if persistent else {family: Layer() for family in layers}
        saved = {family: _saved(layer) for family, layer in layers.items()}
        reading = replace(found.reading, saved=saved, files=tuple(boot.files(kept)))
        return replace(found, runtime=layers, permanent=kept, reading=reading)

    def steps(self, desired: Desired, found: Observed, wanted: Observed) -> Sequence[Step]:
        """Sets before the rules that name them; then what comes back at boot. Backwards for a removal."""
        if not desired.present:
            return [*_remove(found), *_keep(desired, found, wanted)]
        steps = []
        for family, layer in wanted.runtime.items():
            if found.runtime[family].peers != layer.peers:
                steps.append(_change_set(family, found.runtime[family], layer))
        for family, layer in wanted.runtime.items():
            now = found.runtime[family]
            if replace(now, peers=layer.peers) != layer:
                action = _write_chains(family, found.reading.saved[family], _saved(layer))
                steps.append(
                    Step("rules", NAME[family], f"{NAME[family]}: {'; '.join(say_rules(desired, now, layer))}", Commands((action,)))
                )
        return [*steps, *_keep(desired, found, wanted)]


def _change_set(family: int, found: Layer, wanted: Layer) -> Step:
    before, after = found.peers or (), wanted.peers or ()
    lines = chain.set_lines(
        family,
        coming=[address for address in after if address not in before],
        going=[address for address in before if address not in after],
        create=found.peers is None,
    )
    command = Command(("ipset", "-exist", "restore"), "".join(f"{line}\n" for line in lines))
    return Step("peers", NAME[family], f"{NAME[family]}: {say_peers(found, wanted)}", Commands((command,)))


def _layer(peers: tuple[str, ...] | None, saved: Mapping[chain.Place, chain.Saved]) -> Layer:
    """What was found, as a layer. A chain that nothing leads into is one that does not work."""
    others = [each for place, each in saved.items() if place != chain.SWARM]
    attached = saved[chain.SWARM].attached and all(each.attached or each == chain.Saved(number=each.number) for each in others)
    return Layer(peers, attached=attached, **{part: saved[place].entries for place, part in PARTS.items()})


def _rendered(desired: Desired, family: int) -> Layer:
    published = chain.render_published(desired, family) if desired.published else None
    local = chain.render_local(desired) if desired.sealed_port else None
    return Layer(desired.peers[family], chain.render_chain(desired, family), True, published, local)


def _saved(layer: Layer) -> dict[chain.Place, chain.Saved]:
    """How a layer will be read back."""
    saved = {}
    for place, part in PARTS.items():
        entries = getattr(layer, part)
        attached = layer.attached if place == chain.SWARM else entries is not None
        saved[place] = chain.Saved(entries, (f"-A {place.jump}",) if attached else (), attached=attached)
    return saved


def _write_chains(family: int, found: Mapping[chain.Place, chain.Saved], wanted: Mapping[chain.Place, chain.Saved]) -> Action:
    lines: dict[chain.Place, list[str]] = {place: [] for place in PARTS}
    for place, saved in wanted.items():
        now = found[place]
        if saved.entries is None:
            lines[place] = _removal(place, now)
            continue
        if now.entries != saved.entries:
            lines[place] += chain.chain_lines(place, saved.entries)
        if not now.attached:
            lines[place] += ["-D" + jump[2:] for jump in now.jumps]
            lines[place].append(f"-I {place.jump.replace(place.hook, f'{place.hook} {now.number}', 1)}")
    return _restore(family, lines)


def _removal(place: chain.Place, found: chain.Saved) -> list[str]:
    lines = ["-D" + jump[2:] for jump in found.jumps]
    return lines if found.entries is None else [*lines, f"-F {place.chain}", f"-X {place.chain}"]


def _remove(found: Observed) -> list[Step]:
    steps = []
    for family, layer in found.runtime.items():
        lines = {place: _removal(place, saved) for place, saved in found.reading.saved[family].items()}
        actions: list[Action] = [_restore(family, lines)] if any(lines.values()) else []
        if layer.peers is not None:
            actions.append(Command(("ipset", "destroy", chain.SETS[family])))
        if actions:
            steps.append(Step("remove", NAME[family], f"{NAME[family]}: remove our rules and our set of peers", Commands(tuple(actions))))
    return steps


def _keep(desired: Desired, found: Observed, wanted: Observed) -> list[Step]:
    if desired.present and desired.persistent:
        if found.permanent == wanted.permanent:
            return []
        says = f"have the rules and {desired.count} come back at boot, before Docker starts"
        return [Step("boot", boot.UNIT, says, Commands(boot.keep(found.permanent, wanted.permanent)))]
    if not found.reading.files:
        return []
    return [Step("boot", boot.UNIT, "have nothing of ours come back at boot", Commands(boot.forget(found.reading.files)))]


def _restore(family: int, lines: Mapping[chain.Place, Sequence[str]]) -> Command:
    return Command((f"{boot.PROGRAM[family]}-restore", "--noflush", "--wait=10"), chain.restore_text(lines))


def _foreign_set(family: int) -> Blocker:
    name = chain.SETS[family]
    return Blocker(
        name,
        f"an ipset of that name exists, and it is not of the type hash:ip family {chain.SET_FAMILY[family]}",
        f"rename it (`ipset rename {name} OTHER`) if it is yours, destroy it if nothing uses it",
    )
