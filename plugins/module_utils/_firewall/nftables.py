# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nftables backend: a table of our own, and a rule in those chains of the host's own ruleset that may refuse a peer.

The whole ruleset is read by one program, and all that changes is written in one transaction, so there is no moment without rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .._local.host import Command, Commands, Host, RemoveFile
from .._model.firewall import Desired, Layer
from .._plan.firewall import Observed, say_layers
from .._plan.plan import Blocker, Step
from . import boot, nftables_boot, swarm_table
from .ruleset import Ruleset, read_ruleset, refuses_everybody
from .swarm_table import Joined, Place


@dataclass(frozen=True)
class Reading:
    """What the plan has to know of the ruleset besides its layers.

    `needed` are the chains of others that have to let peers in, `joined` what their tables hold of ours and `jumps` where, `held` says
    that our own table is there. `files` are those of ours with their text, `enabled` says that the unit is.
    """

    needed: Mapping[Place, tuple[str, ...]] = field(default_factory=dict)
    joined: Mapping[Place, Joined] = field(default_factory=dict)
    jumps: Mapping[Place, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    held: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = False
    systemd: bool = True
    closed: tuple[str, ...] = ()


class Nftables:
    """The backend. `observe` runs one program, however many peers and rules there are."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def observe(self) -> Observed:
        """Read the ruleset and the files. Raises CommandFailed."""
        families = (4, 6) if self._host.exists("/proc/net/if_inet6") else (4,)
        missing = () if self._host.has("nft") else ("nftables",)
        ruleset = {} if missing else read_ruleset(self._host.output(Command(("nft", "-j", "list", "ruleset"))))
        needed = swarm_table.refusing(ruleset, families)
        joined, jumps = swarm_table.read_joined(ruleset)
        layers, attached = swarm_table.read_table(ruleset, families)
        runtime = {}
        for family, layer in layers.items():
            places = [place for place in needed if family in swarm_table.covered(place[0], families)]
            passing = all(_led(joined.get(place), needed[place]) for place in places)
            runtime[family] = replace(layer, attached=attached and passing)
        permanent, files, enabled = nftables_boot.read_layers(self._host, families, needed)
        systemd, held = self._host.exists("/run/systemd/system"), swarm_table.KEY in ruleset
        reading = Reading(needed, joined, jumps, held, files, enabled, systemd, _closed(ruleset))
        return Observed("nftables", runtime, permanent, missing, (), reading)

    def blockers(self, desired: Desired, found: Observed) -> tuple[Blocker, ...]:
        """Reasons why the desired rules cannot be had here."""
        if desired.present and found.reading.closed:
            chains = " and ".join(found.reading.closed)
            reason = f"iptables refuses what it does not know ({chains}), and no rule of nftables can let a peer past that"
            return (Blocker("backend", reason, "use backend=iptables, or let iptables accept: `iptables -P INPUT ACCEPT`"),)
        return boot.blockers(desired, found.reading.systemd)

    def wanted(self, desired: Desired, found: Observed) -> Observed:
        """What will be found once the desired rules are in force."""
        layers = {family: _layer(desired, family) for family in found.runtime}
        persistent = desired.present and desired.persistent
        kept = layers if persistent else {family: Layer() for family in layers}
        needed = found.reading.needed if desired.present else {}
        reading = replace(
            found.reading,
            joined=swarm_table.join(layers, needed),
            jumps={},
            held=desired.present,
            files=nftables_boot.files(kept, found.reading.needed),
            enabled=persistent,
        )
        return replace(found, runtime=layers, permanent=kept, reading=reading)

    def steps(self, desired: Desired, found: Observed, wanted: Observed) -> Sequence[Step]:
        """What is in force, in one transaction; then what comes back at boot."""
        steps = []
        now, then = found.reading, wanted.reading
        if (found.runtime, now.joined, now.held) != (wanted.runtime, then.joined, then.held):
            lines = _own_lines(found, wanted)
            for place in {**now.joined, **then.joined}:
                lines += _join_lines(place, now, then.joined.get(place))
            actions = [*_unjump(now, then), Command(("nft", "-f", "-"), "".join(f"{line}\n" for line in lines))]
            kind = "rules" if desired.present else "remove"
            steps.append(Step(kind, swarm_table.TABLE, _says(desired, found, wanted), Commands(tuple(actions))))
        return [*steps, *_keep(desired, found, wanted)]


def _led(joined: Joined | None, chains: Sequence[str]) -> bool:
    """Whether packets of these chains come by our rules first of all."""
    return joined is not None and joined.texts is not None and set(chains) <= set(joined.chains)


def _closed(ruleset: Ruleset) -> tuple[str, ...]:
    chains = [chain for table in ruleset.values() if not table.dormant for chain in table.chains.values()]
    return tuple(
        f"{each.family} {each.table} {each.name}" for each in chains if each.of_iptables and each.on_input() and refuses_everybody(each)
    )


def _layer(desired: Desired, family: int) -> Layer:
    if not desired.present:
        return Layer()
    entries = swarm_table.render_input(desired, family)
    published, local = swarm_table.render_published(desired, family), swarm_table.render_local(desired, family)
    return Layer(desired.peers[family], entries, True, published, local)


def _own_lines(found: Observed, wanted: Observed) -> list[str]:
    if not wanted.reading.held:
        return [f"delete table {swarm_table.TABLE}"] if found.reading.held else []
    return list(swarm_table.table_lines(wanted.runtime)) if found.runtime != wanted.runtime else []


def _join_lines(place: Place, now: Reading, wanted: Joined | None) -> list[str]:
    found = now.joined.get(place)
    if found == wanted:
        return []
    lines = list(swarm_table.part_lines(place, found, now.jumps.get(place, ()))) if found is not None else []
    if wanted is not None:
        lines += [*swarm_table.join_lines(place, wanted), *swarm_table.jump_lines(place, wanted)]
    return lines


def _unjump(now: Reading, wanted: Reading) -> list[Command]:
    """What takes jumps away whose handles nobody has read, as those are that a plan will have made; nft removes by handle only."""
    return [
        swarm_table.unjump(place, chain)
        for place, joined in now.joined.items()
        if place not in now.jumps and joined != wanted.joined.get(place)
        for chain in joined.chains
    ]


def _says(desired: Desired, found: Observed, wanted: Observed) -> str:
    now, then = found.reading.joined, wanted.reading.joined
    others = [" ".join(place) for place in {**now, **then} if now.get(place) != then.get(place)]
    tables = " and ".join(f"the table {name}" for name in others)
    if not desired.present:
        return "remove our table" + (f", and what is ours in {tables}" if others else "")
    said = [say_layers(desired, found.runtime, wanted.runtime)] if found.runtime != wanted.runtime else []
    gone = [place for place in others if tuple(place.split(" ")) not in then]
    if others:
        said.append(f"no longer let peers past {tables}" if len(gone) == len(others) else f"let peers past {tables}")
    return "; ".join(each for each in said if each) or "put our table right"


def _keep(desired: Desired, found: Observed, wanted: Observed) -> list[Step]:
    now, then = found.reading, wanted.reading
    if (now.files, now.enabled) == (then.files, then.enabled):
        return []
    item = nftables_boot.UNIT
    if not (desired.present and desired.persistent):
        actions = boot.forget(tuple(now.files), item)
        return [Step("boot", item, "have nothing of ours come back at boot", Commands(actions))] if now.files else []
    gone = tuple(RemoveFile(path) for path in now.files if path not in then.files)
    enabled = now.enabled and now.files.get(nftables_boot.UNIT_FILE) == then.files[nftables_boot.UNIT_FILE]
    says = f"have the rules and {desired.count} come back at boot, before Docker starts"
    return [Step("boot", item, says, Commands((*boot.write(item, now.files, then.files, enabled), *gone)))]
