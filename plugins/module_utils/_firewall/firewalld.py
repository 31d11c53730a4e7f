# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewalld backend: a policy of our own and two ipsets.

The permanent side is written as files, firewalld's own format; the runtime is changed with firewall-cmd. firewalld learns of a
new policy or set only by a reload, so one is made the first time and never again: a reload interrupts traffic for a moment,
and Docker Engines before 25.0.13, and 26 to 28, lose the rules of the ingress network, of encryption and of isolation by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .._local.host import Action, Command, Commands, Host, RemoveFile, WriteFile, failed
from .._model.firewall import Desired, Entry, Layer, in_order
from .._plan.firewall import Observed, say_layers, say_peers
from .._plan.plan import Blocker, Step
from . import direct, policy

NAME = {4: "IPv4", 6: "IPv6"}
RELOAD = "reload"
"""The action of the step that makes firewalld forget rules that are not its own."""
USAGE_ERROR = 2
INVALID_IPSET = 135
NO_REPLY = "Did not receive a reply"
"""What D-Bus says when a program was not answered in time, 25 seconds as a rule; firewalld goes on with what it was asked all the same."""
ASKED = 4
"""How often a firewalld that reloads is asked for its state. It answers nobody before it is done, so each time may take as long."""
RELOAD_COST = (
    "firewalld reloads: no new connections for about a second, and a Docker Engine older than 29.0.0 (25.0.13 in its line) "
    "serves published ports, encrypts and isolates again only after `systemctl restart docker`"
)


@dataclass(frozen=True)
class Reading:
    """What the plan has to know of firewalld besides the layers.

    `reload` says that firewalld does not know our policy and sets yet. `runtime_only` are the zones whose runtime is not
    what is permanent: name, what is permanent, what is in force. `files` are those of ours that are there, `wrong` those of
    them that are not of our making. `direct` is the file of direct rules, which is not only ours.
    """

    reload: bool = False
    runtime_only: tuple[tuple[str, Mapping[str, tuple[str, ...]], Mapping[str, tuple[str, ...]]], ...] = ()
    files: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    direct: str | None = None


class Firewalld:
    """The backend. `observe` runs four programs, and two more when a reload lies ahead."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def observe(self) -> Observed:
        """Read runtime and permanent configuration. Raises CommandFailed."""
        families = (4, 6) if self._host.exists("/proc/net/if_inet6") else (4,)
        command = Command(("firewall-cmd", "--list-all-policies"))
        done = self._host.run(command)
        if done.status == USAGE_ERROR:
            return Observed("firewalld", obstacles=(_too_old(),))
        if done.status != 0:
            raise failed(command, done)
        ours = policy.read_listing(done.output).get(policy.POLICY)
        entries, attached = policy.read_runtime(ours or {}, families)
        peers = {family: self._members(family) for family in families}
        rules = direct.read_runtime(self._host.output(Command(("firewall-cmd", "--direct", "--get-all-rules"))))
        runtime = {
            family: Layer(peers[family], entries[family] if ours is not None else None, attached, *direct.of_family(rules, family))
            for family in families
        }
        text = self._host.read(direct.FILE)
        permanent, files, wrong = self._permanent(families, direct.read_file(text))
        reload = ours is None or not attached or None in peers.values()
        reading = Reading(reload, self._runtime_only() if reload else (), files, wrong, text)
        return Observed("firewalld", runtime, permanent, reading=reading)

    def _members(self, family: int) -> tuple[str, ...] | None:
        command = Command(("firewall-cmd", f"--ipset={policy.SETS[family]}", "--get-entries"))
        done = self._host.run(command)
        if done.status == INVALID_IPSET:
            return None
        if done.status != 0:
            raise failed(command, done)
        return in_order(done.output.split())

    def _permanent(self, families: Sequence[int], rules: Sequence[Entry]) -> tuple[dict[int, Layer], tuple[str, ...], tuple[str, ...]]:
        """What is permanent, by family, with these direct rules; which files are ours; and which of them are not of our making."""
        text = self._host.read(policy.POLICY_FILE)
        entries, attached = policy.read_policy_xml(text, families) if text is not None else ({}, False)
        layers, wrong = {}, []
        for family in families:
            members, right = policy.read_set_xml(self._host.read(policy.SET_FILE[family]), family)
            peers = None if members is None else in_order(members)
            layers[family] = Layer(peers, entries.get(family), attached, *direct.of_family(rules, family))
            if not right:
                wrong.append(policy.SET_FILE[family])
        paths = [policy.POLICY_FILE, *policy.SET_FILE.values()]
        there = [path for path in (*paths, *(f"{path}.old" for path in paths)) if self._host.exists(path)]
        return layers, tuple(there), tuple(wrong)

    def _runtime_only(self) -> tuple[tuple[str, Mapping[str, tuple[str, ...]], Mapping[str, tuple[str, ...]]], ...]:
        """The zones that a reload would change, as a reload drops what is only in force and not permanent."""
        now = policy.read_listing(self._host.output(Command(("firewall-cmd", "--list-all-zones"))))
        kept = policy.read_listing(self._host.output(Command(("firewall-cmd", "--permanent", "--list-all-zones"))))
        return tuple(
            (zone, kept[zone], fields) for zone, fields in now.items() if zone in kept and policy.changes(zone, kept[zone], fields)
        )

    def blockers(self, desired: Desired, found: Observed) -> tuple[Blocker, ...]:
        """Reasons why the desired rules cannot be had here."""
        if desired.present and not desired.persistent:
            return (Blocker("persistent", "firewalld has no policies that are not permanent", "set persistent=true"),)
        return ()

    def wanted(self, desired: Desired, found: Observed) -> Observed:
        """What will be found once the desired rules are in force.

        After a removal firewalld keeps an empty policy and empty sets in its runtime until it is reloaded or restarted.
        """
        if not desired.present:
            left = {family: _emptied(layer) for family, layer in found.runtime.items()}
            none = {family: Layer() for family in found.permanent}
            return replace(found, runtime=left, permanent=none, reading=Reading(direct=direct.write_file(found.reading.direct, none)))
        layers = {
            family: Layer(desired.peers[family], policy.render_policy(desired, family), True, *direct.render(desired, family))
            for family in found.runtime
        }
        files = (policy.POLICY_FILE, *(policy.SET_FILE[family] for family in layers))
        reading = Reading(files=files, direct=direct.write_file(found.reading.direct, layers))
        return replace(found, runtime=layers, permanent=layers, reading=reading)

    def steps(self, desired: Desired, found: Observed, wanted: Observed) -> Sequence[Step]:
        """Files first; then a reload where firewalld does not know our names, else the differences in the runtime.

        Within the runtime whoever comes is let in before anybody is refused, and a removal goes the other way.
        """
        permanent = direct.permanent(desired, found.permanent, wanted.permanent, wanted.reading.direct)
        runtime = direct.runtime(desired, found.runtime, wanted.runtime)
        found, wanted = _without_published(found), _without_published(wanted)
        if not desired.present:
            ours = [*_change_rules(desired, found, wanted), *_change_sets(found, wanted), *_remove_files(found)]
            return [*permanent, *runtime, *ours]
        steps = list(permanent)
        if found.permanent != wanted.permanent or found.reading.wrong:
            steps.append(_write_files(desired, found, wanted))
        if found.reading.reload:
            # it brings the permanent direct rules into the runtime
            return [*steps, _reload(desired, found, wanted)]
        return [*steps, *runtime, *_change_sets(found, wanted), *_change_rules(desired, found, wanted)]


def make_reload(host: Host, call: Commands) -> None:
    """Make the step of a reload, which may take longer than firewall-cmd waits for it. Raises CommandFailed."""
    for action in (each for each in call.actions if isinstance(each, Command)):
        done = host.run(action)
        if done.status != 0 and action == _RELOAD and NO_REPLY in done.errors + done.output:
            done = next((each for each in (host.run(_STATE) for _time in range(ASKED)) if each.status == 0), done)
        if done.status != 0:
            raise failed(action, done)


_RELOAD, _STATE = Command(("firewall-cmd", "--reload")), Command(("firewall-cmd", "--state"))


def _without_published(state: Observed) -> Observed:
    sides = [
        {family: replace(layer, published=None, local=None) for family, layer in side.items()} for side in (state.runtime, state.permanent)
    ]
    return replace(state, runtime=sides[0], permanent=sides[1])


def _emptied(layer: Layer) -> Layer:
    return Layer(None if layer.peers is None else (), None if layer.entries is None else (), layer.attached)


def _write_files(desired: Desired, found: Observed, wanted: Observed) -> Step:
    actions: list[Action] = []
    for family, layer in wanted.permanent.items():
        path = policy.SET_FILE[family]
        if found.permanent[family].peers != layer.peers or path in found.reading.wrong:
            actions.append(WriteFile(path, policy.set_xml(family, layer.peers or ())))
    if any(
        found.permanent[family].entries != layer.entries or not found.permanent[family].attached
        for family, layer in wanted.permanent.items()
    ):
        entries = [entry for layer in wanted.permanent.values() for entry in layer.entries or ()]
        actions.append(WriteFile(policy.POLICY_FILE, policy.policy_xml(entries)))
    says = f"permanent: {_said(desired, found.permanent, wanted.permanent)}"
    return Step("permanent", policy.POLICY, says, Commands(tuple(actions)))


def _remove_files(found: Observed) -> list[Step]:
    files = tuple(RemoveFile(path) for path in found.reading.files)
    return [Step("permanent", policy.POLICY, "permanent: remove our policy and our sets of peers", Commands(files))] if files else []


def _reload(desired: Desired, found: Observed, wanted: Observed) -> Step:
    calls: list[tuple[str, ...]] = [("firewall-cmd", "--check-config"), ("firewall-cmd", "--reload")]
    for zone, kept, now in found.reading.runtime_only:
        calls += policy.changes(zone, kept, now)
    says = f"runtime: {_said(desired, found.runtime, wanted.runtime)}"
    if found.reading.runtime_only:
        says += "; put back what is only in the runtime of " + ", ".join(zone for zone, _kept, _now in found.reading.runtime_only)
    return Step(RELOAD, policy.POLICY, says, Commands(tuple(Command(call) for call in calls)), costs=RELOAD_COST)


def _change_sets(found: Observed, wanted: Observed) -> list[Step]:
    steps = []
    for family, layer in wanted.runtime.items():
        before, after = found.runtime[family].peers or (), layer.peers or ()
        if before != after:
            commands = _calls(
                f"--ipset={policy.SETS[family]}",
                [f"--add-entry={address}" for address in after if address not in before],
                [f"--remove-entry={address}" for address in before if address not in after],
            )
            steps.append(Step("peers", NAME[family], f"{NAME[family]}: {say_peers(found.runtime[family], layer)}", Commands(commands)))
    return steps


def _change_rules(desired: Desired, found: Observed, wanted: Observed) -> list[Step]:
    before, after = _entries(found.runtime), _entries(wanted.runtime)
    if before == after:
        return []
    commands = _calls(
        f"--policy={policy.POLICY}",
        [f"--add-rich-rule={entry.text}" for entry in after if entry not in before],
        [policy.removal(entry) for entry in reversed(before) if entry not in after],
    )
    return [Step("rules", policy.POLICY, f"runtime: {_said(desired, found.runtime, wanted.runtime, peers=False)}", Commands(commands))]


def _calls(where: str, adding: Sequence[str], removing: Sequence[str]) -> tuple[Action, ...]:
    """firewall-cmd takes any number of options of one kind at once, and only of one kind."""
    kinds: dict[str, list[str]] = {}
    for option in (*adding, *removing):
        kinds.setdefault(option.partition("=")[0], []).append(option)
    return tuple(Command(("firewall-cmd", where, *options)) for options in kinds.values())


def _entries(layers: Mapping[int, Layer]) -> tuple[Entry, ...]:
    return policy.sort_entries([entry for layer in layers.values() for entry in layer.entries or ()])


def _said(desired: Desired, found: Mapping[int, Layer], wanted: Mapping[int, Layer], peers: bool = True) -> str:
    return say_layers(desired, found, wanted, peers) or "put our policy and sets in force"


def _too_old() -> Blocker:
    return Blocker("firewalld", "this firewalld has no policies; they came with 0.9.0", "upgrade firewalld, or use another backend")
