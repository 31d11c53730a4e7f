# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hundred networks: one run makes them, one run finds them as they are, and the number of calls is that for five."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.module import Runner

from .subjects import Subject

FEW, MANY = 5, 100


def networks(count: int) -> list[dict[str, Any]]:
    return [
        {"name": f"contract-{number:03}", "subnets": [{"subnet": f"10.80.{number}.0/24"}], "attachable": True} for number in range(count)
    ]


@pytest.fixture(scope="module")
def calls() -> dict[int, int]:
    """How many calls a run on converged networks made, by their number."""
    return {}


@pytest.mark.parametrize("count", [FEW, MANY])
def test_C1_one_run_makes_them_all_and_the_next_makes_the_same_few_calls(
    count: int, swarm: Subject, run_module: Runner, calls: dict[int, int]
) -> None:
    wanted = {"networks": networks(count), "wait_timeout": 400}
    first = run_module("networks", swarm.engine, wanted)
    assert (first["failed"], len(first["steps"])) == (False, count if count == FEW else MANY - FEW), first.get("msg")
    before = swarm.engine.calls
    again = run_module("networks", swarm.engine, wanted)
    calls[count] = swarm.engine.calls - before
    assert (again["failed"], again["changed"], again["steps"]) == (False, False, [])
    allocated = {each["Name"]: each["IPAM"]["Config"] for each in swarm.get("/networks") if each["Name"].startswith("contract-")}
    assert [allocated[each["name"]][0]["Subnet"] for each in networks(count)] == [f"10.80.{number}.0/24" for number in range(count)]


def test_C1_the_calls_do_not_grow_with_the_networks(calls: dict[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f" calls of a converged run: {calls}")
    assert set(calls) == {FEW, MANY}
    assert calls[FEW] == calls[MANY] <= 6


def test_C1_exclusive_takes_those_away_that_are_not_in_the_list(swarm: Subject, run_module: Runner) -> None:
    result = run_module("networks", swarm.engine, {"networks": networks(1), "exclusive": True, "wait_timeout": 400})
    assert (result["failed"], len(result["steps"])) == (False, MANY - 1), result.get("msg")
    swarm.until(swarm.names, lambda names: [name for name in names if name.startswith("contract-")] == ["contract-000"])
