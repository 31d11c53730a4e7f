# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module shares that does swarm-wide work on a manager: the connection, and whether this host can do it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Generic, TypeVar

from .._model.errors import EngineError, NoControl
from .._plan.cluster import not_a_live_manager
from .._plan.plan import Plan, Step, Wait
from .._run import Reconciliation
from . import observe
from .client import Engine, connect

State = TypeVar("State")

ASSUMED = "this host is in no swarm yet: planned against the empty swarm that a run without check mode would make here first"


class SwarmWide(Reconciliation[State], Generic[State]):
    """Work that only a manager can do.

    In check mode a host that is in no swarm is `assumed` to have become the only manager of an empty one, so that a whole
    cluster can be planned before its first host is touched. `here` is the ID of the node on which it runs, `clock` what its clock
    showed at the last look, in seconds since 1970.
    """

    def __init__(self, module: Any, item: str) -> None:
        self.engine: Engine = connect(module.params)
        self.deadline = float(module.params["wait_timeout"])
        self.assumed = False
        self.here = ""
        self.clock: float | None = None
        self._checking = bool(module.check_mode)
        self._item = item

    def on_manager(self) -> bool:
        """True where this host is a live manager, False where it is assumed to become one. Raises NoControl otherwise."""
        membership = observe.membership(self.engine)
        self.here = membership.node_id
        self.clock = membership.clock
        if membership.live_manager:
            return True
        self.assumed = membership.state == "inactive" and self._checking
        if self.assumed:
            return False
        raise NoControl(str(not_a_live_manager(membership, self._item)))

    def told(self, plan: Plan[State]) -> Plan[State]:
        """The plan, with a warning where it was made for a swarm that is still to be built."""
        return replace(plan, warnings=(*plan.warnings, ASSUMED)) if self.assumed else plan

    def apply(self, step: Step) -> None:
        """Make the step's Engine call; the error names the step."""
        apply_call(self.engine, step)


def apply_call(engine: Engine, step: Step) -> None:
    """Make a step's Engine call. What is gone already need not be removed.

    A removed network lingers in the manager's list; removing it again gives HTTP 500 and "network ... not found" (Engine 20.10).
    """
    if isinstance(step.call, Wait):
        return
    try:
        engine.do(step.call)
    except EngineError as error:
        if step.call.method == "DELETE" and (error.status == 404 or error.message.endswith("not found")):
            return
        raise type(error)(f'"{step.says}" ({step.call})', error.status, error.message) from None
