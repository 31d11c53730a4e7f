# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back from a change of the firewall: taken by the host itself, unless a new connection confirms the change in time.

It is a script with the commands that lead from what will be to what was, which systemd starts before the change. It waits until the
module has ended, in whatever way, and then for its confirmation: a change takes as long as it takes, and never meets its own way back.
Both live in /run: a host that is restarted meanwhile comes up with what was to be permanent by then.

Whoever comes first has it: the script moves itself away before it begins (rename(2)), and a confirmation removes it.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .._local.host import Action, Command, Commands, Host, RemoveFile, WriteFile
from .._model.firewall import Desired
from .._plan.firewall import Backend, Observed
from .._plan.plan import Blocker, Plan, Step
from .._run import Reconciliation

FOLDER = "/run/meshwork-swarm"
SCRIPT = f"{FOLDER}/way-back.sh"
TAKEN = f"{FOLDER}/way-back-taken"
UNIT = "meshwork-swarm-way-back.service"
LONGEST_CHANGE = 600
"""Seconds after which a module that has not ended is waited for no longer."""


def secured(plan: Plan[Observed], backend: Backend, seconds: int, process: int) -> Plan[Observed]:
    """The plan with a first step that leads back from all others, `seconds` after the process that makes them has ended.

    As it is where nothing changes.
    """
    changes = [step for step in plan.steps if isinstance(step.call, Commands)]
    if not changes or not seconds:
        return plan
    says = f"go back to today's rules {seconds} s after this run, unless a new connection confirms the new ones"
    arm = Command(("systemd-run", "--quiet", "--collect", f"--unit={UNIT}", "/bin/sh", SCRIPT))
    back = WriteFile(SCRIPT, script(actions_back(plan, backend), seconds, process))
    first = Step("way back", UNIT, says, Commands((RemoveFile(TAKEN), back, arm)))
    place = plan.steps.index(changes[0])
    return replace(plan, steps=(*plan.steps[:place], first, *plan.steps[place:]))


def actions_back(plan: Plan[Observed], backend: Backend) -> list[Action]:
    """What leads from the plan's end to its beginning: the backend's own steps, the other way round."""
    layers = [*plan.before.runtime.values(), *plan.before.permanent.values()]
    was = Desired(
        present=any(not layer.empty for layer in layers),
        peers=dict.fromkeys(plan.before.runtime, ()),
        persistent=any(not layer.empty for layer in plan.before.permanent.values()),
    )
    return [action for step in backend.steps(was, plan.after, plan.before) for action in step.call.actions]


def script(actions: Sequence[Action], seconds: int, process: int) -> str:
    """The actions as a script of sh. It goes on after one that fails: what can be brought back is."""
    wait = (f"timeout {LONGEST_CHANGE} tail --pid={process} -f /dev/null", f"sleep {seconds}", f"mv {SCRIPT} {TAKEN} || exit 0")
    return "".join(f"{line}\n" for line in (*wait, *map(_shell, actions)))


def _shell(action: Action) -> str:
    if isinstance(action, Command):
        line = shlex.join(action.argv)
        return f"printf %s {shlex.quote(action.stdin)} | {line}" if action.stdin else line
    path = shlex.quote(action.path)
    if isinstance(action, WriteFile):
        return f'mkdir -p "$(dirname {path})" && printf %s {shlex.quote(action.text)} > {path}'
    return f"rm -f {path}" if isinstance(action, RemoveFile) else f"rmdir --ignore-fail-on-non-empty {path}"


def objections(host: Host, seconds: int) -> tuple[Blocker, ...]:
    """What forbids another change, be it one without a way back (`seconds` is 0): the way that waits would undo parts of it.

    A script that nothing is left to run, as after the end of its unit by hand, leads nowhere.
    """
    if seconds and not host.exists("/run/systemd/system"):
        return (Blocker("confirm_within", "systemd does not run this host, so nothing would take the way back", "set confirm_within=0"),)
    waits = host.exists(SCRIPT)
    if not (waits or host.exists(TAKEN)) or host.run(Command(("systemctl", "is-active", UNIT))).status != 0:
        return ()
    if waits:
        reason = "an earlier change of this host's firewall still waits for its confirmation"
        return (Blocker("firewall", reason, "confirm it with state=confirmed, or wait until the host has gone back"),)
    reason = "this host is on its way back from an earlier change of its firewall, which nobody has confirmed in time"
    return (Blocker("firewall", reason, f"wait until it has gone back (`systemctl status {UNIT}`)"),)


class Confirmation(Reconciliation[str]):
    """Keeps the rules of a change that had a way back. What is observed is "waiting", "taken" or ""."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def observe(self) -> str:
        """Look for the script, in its place or moved away."""
        return "waiting" if self._host.exists(SCRIPT) else "taken" if self._host.exists(TAKEN) else ""

    def plan(self, found: str) -> Plan[str]:
        """One step where a change waits; a refusal where it is too late."""
        if found == "taken":
            reason = "nobody confirmed the last change in time, so this host has gone back to the rules that it had before"
            return Plan(found, found, blockers=(Blocker("firewall", reason, "see that new SSH connections reach it, then run again"),))
        if not found:
            return Plan(found, found)
        # rm fails where the host has just set out
        return Plan(found, "", (Step("confirm", UNIT, "keep the new rules", Commands((Command(("rm", SCRIPT)),))),))

    def apply(self, step: Step) -> None:
        """Take the script away, then what waits to run it. Raises CommandFailed."""
        self._host.do(step.call)
        # without the script it ends by itself, which may be before it is told to
        self._host.run(Command(("systemctl", "stop", UNIT)))

    def show(self, state: str) -> dict[str, Any]:
        """Whether a change waits."""
        return {"way back": state} if state else {}
