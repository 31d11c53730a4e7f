# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module `host`: from what is there to what a swarm needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._local.host import Command, Host, RemoveFile, WriteFile, failed
from .._model.host import parse_host
from .._model.hostfiles import NETWORKD, NETWORKMANAGER, off_words
from .._model.sysctl import dotted
from .._plan.host import Load, Observed, Release, Set, Switch, Write, plan_host
from .._plan.plan import Plan, Step
from .._run import Reconciliation
from .observe import observe_host

RELOAD = {
    "udev": Command(("udevadm", "control", "--reload")),
    NETWORKD: Command(("networkctl", "reload")),
    NETWORKMANAGER: Command(("systemctl", "reload", NETWORKMANAGER)),
}
NO_SUCH_DEVICE = 10
"""The status of nmcli(1) for a device that is not there."""


class HostWork(Reconciliation[Observed]):
    """Makes the host's kernel and network services fit for a swarm, now and at boot."""

    deadline = 20.0

    def __init__(self, options: Mapping[str, Any], host: Host) -> None:
        """Takes the module's options. Raises InvalidOption."""
        self._host = host
        self._desired = parse_host(options)

    def observe(self) -> Observed:
        return observe_host(self._host, self._desired)

    def plan(self, found: Observed) -> Plan[Observed]:
        return plan_host(self._desired, found)

    def apply(self, step: Step) -> None:
        """Make one step. Raises CommandFailed."""
        if isinstance(step.call, Release):
            self._release(step.call)
            return
        for action in actions(step.call):
            if isinstance(action, Command):
                self._host.output(action)
            elif isinstance(action, WriteFile):
                self._host.write(action)
            else:
                self._host.remove(action)

    def _release(self, call: Release) -> None:
        for name in call.interfaces:
            command = Command(("nmcli", "device", "set", name, "managed", "no"))
            done = self._host.run(command)
            # a veth goes with its container
            if done.status not in (0, NO_SUCH_DEVICE):
                raise failed(command, done)

    def show(self, state: Observed) -> Mapping[str, Any]:
        """What can change: modules, parameters, files and the offloads of cards."""
        shown: dict[str, Any] = {path: text.splitlines() for path, text in state.files.items()}
        if not self._desired.present:
            return shown
        shown["kernel modules"] = sorted(state.loaded & {row.name for row in self._desired.modules(state.ipv6)})
        if self._desired.unmanaged and state.services.get(NETWORKMANAGER):
            shown["taken by NetworkManager"] = list(state.taken)
        shown["kernel parameters"] = {dotted(key): value for key, value in sorted(state.parameters.items())}
        return {**shown, **{f"offloads of {card.name}": dict(card.features) for card in state.cards if card.features}}

    def returned(self, state: Observed) -> Mapping[str, Any]:
        """The kernel with what it can do, its modules and parameters, and our files."""
        wanted = self._desired.modules(state.ipv6) if self._desired.present else ()
        return {
            "kernel": state.release,
            "features": [
                {"name": each.name, "what": each.what, "works": not state.features[each.name], "said": state.features[each.name]}
                for each in self._desired.features
            ],
            "modules": [row.name for row in wanted if row.name in state.loadable],
            "sysctls": {dotted(key): value for key, value in sorted(state.parameters.items())},
            "files": sorted(state.files),
        }


def actions(call: Any) -> tuple[Command | WriteFile | RemoveFile, ...]:
    """The commands and files that make a step."""
    if isinstance(call, Load):
        return (Command(("modprobe", "--all", *call.modules)),)
    if isinstance(call, Set):
        # with slashes, since a part of a key may have a dot (eth0.100)
        return (Command(("sysctl", "-q", "-w", *(f"{key}={value}" for key, value in call.values))),)
    if isinstance(call, Switch):
        return (Command(("ethtool", "-K", call.card, *off_words(call.features).split())),)
    return _file_actions(call)


def _file_actions(call: Write) -> tuple[Command | WriteFile | RemoveFile, ...]:
    change = RemoveFile(call.path) if call.text is None else WriteFile(call.path, call.text)
    return (change, RELOAD[call.reload]) if call.reload else (change,)
