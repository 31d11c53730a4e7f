# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of the swarm and of a node, six times: check, apply, again, again in check mode, change in check mode, change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.node import NODE
from ansible_collections.meshwork.swarm.plugins.module_utils._model.swarm import SWARM
from fakes.module import Runner

from .subjects import Subject
from .test_swarm import FULL, OTHER, asked

Result = Mapping[str, Any]
NODE_VALUES: dict[str, tuple[Any, Any]] = {
    "availability": ("drain", "pause"),
    "labels": ({"zone": "a", "disk": "ssd"}, {"zone": "b"}),
}


def sextet(run: Callable[[Any, bool], Result], read: Callable[[], Any], first: Any, second: Any) -> None:
    """`run` gives the module's result for a value, in check mode or not; `read` gives what the Engine has now."""

    def changes(value: Any, check: bool) -> Result:
        result = run(value, check)
        assert (result["failed"], result["changed"]) == (False, True), result
        return result

    for value in (first, second):
        before = read()
        told = changes(value, True)
        assert read() == before, "check mode changed it"
        assert [step["says"] for step in changes(value, False)["steps"]] == [step["says"] for step in told["steps"]]
        assert read() != before
        for check in (False, True):
            after = read()
            again = run(value, check)
            assert (again["failed"], again["changed"], again["steps"], again["diff"]) == (False, False, [], [])
            assert read() == after


@pytest.mark.parametrize("option", sorted(OTHER))
def test_A3_each_setting_of_the_swarm(option: str, swarm: Subject, run_module: Runner) -> None:
    def run(value: Any, check: bool) -> Result:
        return run_module("cluster", swarm.engine, asked({option: value}), check)

    def read() -> Any:
        found = swarm.get("/swarm")
        return {key: value for key, value in found.items() if key not in ("Version", "UpdatedAt")}

    values = (FULL[option], OTHER[option])
    settled = run(values[0], True)
    first, second = values if settled["changed"] else reversed(values)
    sextet(run, read, first, second)


@pytest.mark.parametrize("option", sorted(NODE_VALUES))
def test_A5_each_option_of_a_node(option: str, swarm: Subject, run_module: Runner) -> None:
    own = swarm.get("/nodes")[0]["ID"]

    def run(value: Any, check: bool) -> Result:
        return run_module("nodes", swarm.engine, {"nodes": [{"id": own, option: value}], "merge_labels": False}, check)

    sextet(run, lambda: swarm.get("/nodes")[0]["Spec"], *NODE_VALUES[option])


def test_A3_A5_every_option_has_its_sextet() -> None:
    assert set(OTHER) == {row.option for row in SWARM if row.mutable}
    # the role needs a second manager: test_06_nodes
    assert set(NODE_VALUES) | {"role"} == {row.option for row in NODE}
