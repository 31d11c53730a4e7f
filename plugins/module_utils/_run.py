# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe, plan, then stop or apply and verify: the way of every module, and the only place that ends one."""

from __future__ import annotations

import functools
import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Any, Callable, Generic, TypeVar

from ._model.errors import EngineError, EngineUnreachable, NoControl, NotReady, OutOfSequence, SwarmError
from ._plan.plan import Blocker, Plan, Step
from ._plan.watch import PAUSE, Watch

State = TypeVar("State")
ROUNDS = 5
POLL_SECONDS = 0.5
AT_ONCE = 8
"""How many steps of one stage are made at the same time."""


class Unfinished(Exception):
    """Something has moved while a watched module waits: it ends, and another run goes on."""


class Reconciliation(ABC, Generic[State]):
    """What a module wants to be true, and how to read, plan, do and show it.

    `deadline` bounds, in seconds, each wait: for a step's aftermath and for the verification. `watch` is set where somebody watches the
    verification.
    """

    deadline: float = 60.0
    watch: Watch | None = None

    @abstractmethod
    def observe(self) -> State:
        """Read what is there."""

    @abstractmethod
    def plan(self, found: State) -> Plan[State]:
        """The pure plan from what was found to what is wanted."""

    @abstractmethod
    def apply(self, step: Step) -> None:
        """Make one step; raises SwarmError."""

    @abstractmethod
    def show(self, state: State) -> Mapping[str, Any]:
        """The state as people see it: one entry an object, for the diff. Holds no secrets."""

    def pending(self, found: State) -> Sequence[str]:
        """What has still to settle before the module may call its work done, as sentences."""
        return ()

    def settled(self, awaited: str, found: State) -> bool:
        """Whether what a step awaits (its `awaits`) holds in what was found."""
        return True

    def holding(self, awaited: str, found: State) -> str:
        """What a step that awaits still waits for, in more words than its own sentence."""
        return ""

    def lines(self) -> Mapping[str, str]:
        """A line for each object that was not as it should be when `pending` looked last, for who watches."""
        return {}

    def taken_back(self, found: State) -> tuple[Sequence[Step], Sequence[str]]:
        """When the verification has failed: the steps that take back what did not come true, and what else has to be said."""
        return (), ()

    def measured(self) -> Mapping[str, Any]:
        """Return values that only the steps themselves bring about; there are none in check mode."""
        return {}

    def returned(self, state: State) -> Mapping[str, Any]:
        """The module's return values besides changed, steps and diff."""
        return {}

    def read_back(self, found: State) -> Mapping[str, Any]:
        """Return values that only the Engine can tell once all is done, such as a port that it has chosen."""
        return {}


class Outcome:
    """What a run has planned and done so far; kept apart so that a failure can tell it, too."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.done = 0
        self.warnings: tuple[str, ...] = ()
        self.diff: list[dict[str, Any]] = []
        self.returned: dict[str, Any] = {}

    def planned(self, work: Reconciliation[State], plan: Plan[State]) -> None:
        """Take a plan in: its steps follow those that are done, and it replaces a plan of which nothing was done."""
        if not self.done:
            self.diff = []
        self.next(plan.steps)
        self.warnings = plan.warnings
        self.returned = dict(work.returned(plan.after))
        before, after = work.show(plan.before), work.show(plan.after)
        changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        if plan.steps:
            self.diff.append({"prepared": plan.table()})
            self.diff.append(
                {
                    "before": {name: before[name] for name in changed if name in before},
                    "after": {name: after[name] for name in changed if name in after},
                }
            )

    def next(self, steps: Sequence[Step]) -> None:
        """These follow the steps that are done."""
        self.steps = self.steps[: self.done] + list(steps)

    def made(self, done: Sequence[Step], left: Sequence[Step]) -> None:
        """Of the steps that were next, some are done and some are left."""
        self.steps[self.done : self.done + len(done) + len(left)] = [*done, *left]
        self.done += len(done)

    def shown(self, checking: bool) -> dict[str, Any]:
        """The module's return values; the steps are those that would be done when `checking`, else those that are done."""
        steps = self.steps if checking else self.steps[: self.done]
        return {
            **self.returned,
            "changed": bool(steps),
            "steps": [step.shown() for step in steps],
            "diff": self.diff,
        }


def reconcile(work: Reconciliation[State], checking: bool, outcome: Outcome, clock: Callable[[], float] = time.monotonic) -> None:
    """Make true what `work` wants, or stop after the plan when `checking`. Raises SwarmError; `outcome` tells how far it came.

    A run that goes on with the wait of another, which was watched, plans nothing when that has made something. Raises Unfinished where it
    is to go on itself.
    """
    if work.watch and work.watch.made:
        _verify(work, outcome, clock)
        return
    refused = ""
    for _round in range(ROUNDS):
        found = work.observe()
        plan = work.plan(found)
        outcome.planned(work, plan)
        _stop_at(plan.blockers)
        if checking or not (plan.steps or work.pending(found)):
            return
        if not plan.steps:
            # what is pending now may call for steps once it has settled: a network differs only from when it has its subnet
            _await(work, lambda found: () if work.plan(found).steps else work.pending(found), clock, watch=work.watch)
            continue
        try:
            _make(work, plan.steps, outcome, clock)
        except OutOfSequence as error:
            refused = str(error)
            time.sleep(POLL_SECONDS)
            continue
        if work.watch:
            work.watch.has_made()
        _verify(work, outcome, clock)
        return
    raise NotReady(
        f"the swarm's objects were changed by somebody else during each of {ROUNDS} attempts; run again when that has ended"
        + (f"; the last time {refused}" if refused else "")
    )


def _stop_at(blockers: Sequence[Blocker]) -> None:
    if blockers:
        raise SwarmError("\n".join(str(blocker) for blocker in blockers))


def _make(work: Reconciliation[State], steps: Sequence[Step], outcome: Outcome, clock: Callable[[], float]) -> None:
    """Make the steps one after the other, each only when what the one before awaits has come about, and those of one stage at once.

    What has changed in that time may forbid what is left: a manager that was lost meanwhile makes the next demotion one too many.
    """
    for _stage, members in itertools.groupby(steps, lambda step: step.stage or id(step)):
        group = list(members)
        if len(group) > 1:
            _make_at_once(work, group, outcome)
            continue
        (step,) = group
        work.apply(step)
        outcome.made([step], [])
        if step.awaits:
            found = _await(work, functools.partial(_unsettled, work, step), clock, step.parts)
            _stop_at(work.plan(found).blockers)


def _make_at_once(work: Reconciliation[State], steps: Sequence[Step], outcome: Outcome) -> None:
    """Make steps at the same time, AT_ONCE of them at most. After a failure no other is begun; the first in their order is raised."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [pool.submit(work.apply, step) for step in steps]
        wait(futures, return_when=FIRST_EXCEPTION)
        for future in futures:
            future.cancel()
    done = [not future.cancelled() and future.exception() is None for future in futures]
    outcome.made(list(itertools.compress(steps, done)), [step for step, made in zip(steps, done) if not made])
    for future in futures:
        if not future.cancelled():
            future.result()


def _verify(work: Reconciliation[State], outcome: Outcome, clock: Callable[[], float]) -> None:
    """Wait until what was done is true. Raises NotReady with what is not, and with what was taken back of it."""
    try:
        found = _await(work, functools.partial(_left, work), clock, watch=work.watch)
    except NotReady as error:
        told = [str(error)]
    else:
        outcome.returned.update(work.read_back(found))
        return
    steps: Sequence[Step] = ()
    try:
        steps, words = work.taken_back(work.observe())
        told += words
        outcome.next(steps)
        _make(work, steps, outcome, clock)
        if steps:
            outcome.returned.update(work.returned(work.observe()))
    except SwarmError as error:
        told.append(str(error))
    raise NotReady("; ".join([*told, *(f"done after that: {step.says}" for step in outcome.steps[: outcome.done] if step in steps)]))


def _left(work: Reconciliation[State], found: State) -> Sequence[str]:
    """What is not true yet. What is pending comes first: it may never come true, since the swarm has gone back to what was before."""
    pending = work.pending(found)
    return [step.says for step in work.plan(found).steps] or pending


def _unsettled(work: Reconciliation[State], step: Step, found: State) -> Sequence[str]:
    return () if work.settled(step.awaits, found) else (work.holding(step.awaits, found) or step.says,)


def _await(
    work: Reconciliation[State],
    left: Callable[[State], Sequence[str]],
    clock: Callable[[], float],
    parts: int = 1,
    watch: Watch | None = None,
) -> State:
    """Observe until nothing is left, and give what was found then. Raises NotReady with what is left at the deadline, `parts` times over.

    A swarm may be without a leader for some seconds after a step, as when the leader was demoted: an observation that fails is made again.
    With `watch`, raises Unfinished as soon as something has moved.
    """
    seconds = work.deadline * parts
    began = clock()
    until = watch.until if watch and watch.until is not None else began + seconds
    remaining: Sequence[str] = ()
    while True:
        failure: Sequence[str] = ()
        try:
            found = work.observe()
            remaining = left(found)
            if not remaining:
                return found
        except (EngineError, EngineUnreachable, NoControl) as error:
            failure = (str(error),)
        if clock() >= until:
            raise NotReady(f"not true after {seconds:g} s: " + "; ".join([*remaining, *failure]))
        if watch and clock() - began >= PAUSE and _moved(work, watch):
            watch.until = until
            raise Unfinished
        time.sleep(POLL_SECONDS)


def _moved(work: Reconciliation[State], watch: Watch) -> bool:
    """Whether something has moved since the last look, which is then the new last."""
    lines = dict(work.lines())
    moved = lines != watch.lines
    watch.lines = lines
    return moved


def run(module: Any, build: Callable[[Any], Reconciliation[Any]]) -> None:
    """Run a module to its end. `module` is the AnsibleModule, `build` makes the reconciliation from it."""
    outcome = Outcome()
    error: SwarmError | None = None
    work: Reconciliation[Any] | None = None
    unfinished = False
    try:
        work = build(module)
        reconcile(work, module.check_mode, outcome)
    except SwarmError as raised:
        error = raised
    except Unfinished:
        unfinished = True
    if work:
        outcome.returned.update(work.measured())
    for warning in outcome.warnings:
        module.warn(warning)
    watched = {}
    if work and work.watch:
        _moved(work, work.watch)
        watched = {"progress": work.watch.shown(unfinished)}
    if error is not None:
        module.fail_json(msg=str(error), **outcome.shown(checking=False), **watched)
    module.exit_json(**outcome.shown(module.check_mode), **watched)


def run_reading(module: Any, read: Callable[[Any], Mapping[str, Any]]) -> None:
    """Run a module that only reads to its end; `read` gives its return values."""
    try:
        values = read(module)
    except SwarmError as error:
        module.fail_json(msg=str(error))
        return
    module.exit_json(changed=False, **values)
