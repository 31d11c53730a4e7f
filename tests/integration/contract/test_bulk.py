# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hundred networks, a hundred services: one run makes them, one run finds them as they are, and the number of calls is that for five."""

from __future__ import annotations

import time
from typing import Any

import pytest
from fakes.module import Runner

from .subjects import IMAGE, Subject

FEW, MANY = 5, 100
CALLS_OF_A_LOOK = 6
"""This host, services, networks, nodes, tasks, and one to spare."""


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


def services(count: int, replicas: int) -> list[dict[str, Any]]:
    return [
        {"name": f"bulk-{number:03}", "image": IMAGE, "replicas": replicas, "labels": {"number": str(number)}} for number in range(count)
    ]


@pytest.fixture(scope="module")
def service_calls() -> dict[int, int]:
    """How many calls a run on converged services made, by their number."""
    return {}


@pytest.mark.parametrize("count", [FEW, MANY])
def test_D4_one_run_makes_them_all_and_waits_for_all_with_the_same_few_calls(
    count: int, swarm: Subject, run_module: Runner, service_calls: dict[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    """A hundred containers are too many for the lab: there the services have no task, and are waited for by the same calls."""
    wanted = {"services": services(count, 0 if swarm.pause else 1), "wait_timeout": 400}
    before, began = swarm.engine.calls, time.monotonic()
    first = run_module("services", swarm.engine, wanted)
    seconds, asked = time.monotonic() - began, swarm.engine.calls - before
    assert (first["failed"], len(first["steps"])) == (False, count), first.get("msg")
    assert asked - count <= 6 * CALLS_OF_A_LOOK, "a look before and some after, each of a few lists"
    before = swarm.engine.calls
    again = run_module("services", swarm.engine, wanted)
    service_calls[count] = swarm.engine.calls - before
    assert (again["failed"], again["changed"], again["steps"]) == (False, False, [])
    changed = [{**each, "labels": {"number": "none"}} for each in wanted["services"]]
    began = time.monotonic()
    result = run_module("services", swarm.engine, {**wanted, "services": changed})
    assert (result["failed"], len(result["steps"])) == (False, count), result.get("msg")
    with capsys.disabled():
        print(f" {count} made in {seconds:.1f} s, {count} changed in {time.monotonic() - began:.1f} s", end="")


def test_D4_the_calls_do_not_grow_with_the_services(service_calls: dict[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f" calls of a converged run: {service_calls}")
    assert set(service_calls) == {FEW, MANY}
    assert service_calls[FEW] == service_calls[MANY] <= CALLS_OF_A_LOOK


def test_D4_exclusive_takes_those_away_that_are_not_in_the_list(swarm: Subject, run_module: Runner) -> None:
    result = run_module("services", swarm.engine, {"services": services(1, 0), "exclusive": True, "wait_timeout": 400})
    assert (result["failed"], len([step for step in result["steps"] if step["action"] == "remove"])) == (False, MANY - 1), result.get("msg")
    assert [each["Spec"]["Name"] for each in swarm.get("/services")] == ["bulk-000"]
