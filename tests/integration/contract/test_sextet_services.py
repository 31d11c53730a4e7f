# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of a service, six times: check, apply, again, again in check mode, change in check mode, change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.service import SERVICE
from fakes.module import Runner
from fakes.written import nested

from .service_values import BEFORE, FULL, JOB, OTHER, equip, flat, newest
from .subjects import IMAGE, Real, Subject

Result = Mapping[str, Any]
NAME = "contract-sextet"
FIRST, SECOND = flat(FULL), flat(OTHER)
NEEDS: dict[str, dict[str, Any]] = {
    # what an option cannot be without
    "publish": {"endpoint_mode": "dnsrr"},
    "endpoint_mode": {"networks": [{"name": "contract-back"}]},
    "seccomp.profile": {"seccomp.mode": "custom"},
}
SINCE = {row.option: row.since for row in SERVICE}
VALUES = {option: (FIRST[option], SECOND[option]) for option in SECOND} | JOB


@pytest.fixture(scope="module")
def equipped(swarm: Subject) -> Subject:
    equip(swarm)
    return swarm


@pytest.fixture
def service(equipped: Subject) -> Iterator[Subject]:
    """The swarm, without the service at the end."""
    yield equipped
    for each in equipped.get("/services") or ():
        if each["Spec"]["Name"] == NAME:
            equipped.delete(f"/services/{each['ID']}")


@dataclass
class Lap:
    """One value of each option, in a service of its own each: what the runs said, and the specs around them, by option."""

    told: Result
    done: Result
    again: list[Result]
    before: Mapping[str, Any]
    checked: Mapping[str, Any]
    after: Mapping[str, Any]


class Sextets:
    """All options at once: the module takes whole lists, so that the six steps are a few runs whatever the number of options."""

    def __init__(self, subject: Subject, runner: Runner) -> None:
        self.subject = subject
        self.runner = runner
        self.options = sorted(option for option in VALUES if SINCE[option] <= subject.engine.api)
        made = self.run({option: self._base(option) for option in self.options}, False)
        assert (made["failed"], made["changed"]) == (False, True), made
        first = {option: VALUES[option][0] for option in self.options}
        # a value that a new service has already comes second
        changing = steps(self.run_values(first, True))
        orders = {option: VALUES[option] if service_of(option) in changing else VALUES[option][::-1] for option in self.options}
        self.laps = [self._lap({option: orders[option][number] for option in self.options}) for number in (0, 1)]

    def _base(self, option: str) -> dict[str, Any]:
        mode = {"mode": "replicated-job", "max_concurrent": 0, "total_completions": 0} if option in JOB else {"replicas": 0}
        # each its own port in host mode, which one node has once
        return {"image": IMAGE, **mode, **NEEDS.get(option, {})}

    def run(self, entries: Mapping[str, Mapping[str, Any]], check: bool) -> Result:
        services = [nested({"name": service_of(option), **entry}) for option, entry in entries.items()]
        return self.runner("services", self.subject.engine, {"services": services, "wait": False, "supersede_updates": True}, check)

    def run_values(self, values: Mapping[str, Any], check: bool) -> Result:
        result = self.run({option: {option: value} for option, value in values.items()}, check)
        assert not result["failed"], result["msg"]
        return result

    def specs(self) -> dict[str, Any]:
        return {each["Spec"]["Name"]: each["Spec"] for each in self.subject.get("/services")}

    def _lap(self, values: Mapping[str, Any]) -> Lap:
        before = self.specs()
        told, checked = self.run_values(values, True), self.specs()
        done, after = self.run_values(values, False), self.specs()
        return Lap(told, done, [self.run_values(values, check) for check in (False, True)], before, checked, after)


def service_of(option: str) -> str:
    """The service that shows an option."""
    return f"contract-{option.replace('.', '-').replace('_', '-')}"


def steps(result: Result) -> dict[str, str]:
    """What a result says, by service."""
    return {step["item"].removeprefix("service "): step["says"] for step in result["steps"]}


@pytest.fixture(scope="module")
def sextets(equipped: Subject) -> Iterator[Sextets]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        if not isinstance(equipped, Real):
            monkeypatch.setattr(equipped.engine, "api", max(SINCE.values()))
        made = Sextets(equipped, Runner(monkeypatch, real_time=isinstance(equipped, Real)))
    yield made
    for each in equipped.get("/services") or ():
        equipped.delete(f"/services/{each['ID']}")


@pytest.mark.parametrize("option", sorted(VALUES))
def test_D1_D2_D3_each_option_of_a_service(option: str, sextets: Sextets, run_module: Runner) -> None:
    name, engine = service_of(option), sextets.subject.engine
    if SINCE[option] > engine.api:
        entry = nested({"name": "contract-newer", "image": IMAGE, **NEEDS.get(option, {}), option: VALUES[option][0]})
        refused = run_module("services", engine, {"services": [entry]})
        assert refused["failed"] and "expected an Engine with API" in refused["msg"], refused
    if option not in sextets.options:
        return
    for lap in sextets.laps:
        assert lap.checked[name] == lap.before[name], "check mode changed it"
        assert steps(lap.told)[name] == steps(lap.done)[name]
        assert f"change {option} from" in steps(lap.done)[name]
        assert lap.after[name] != lap.before[name]
        assert [name in steps(again) for again in lap.again] == [False, False]


def test_D1_the_sextets_leave_nothing_to_do(sextets: Sextets) -> None:
    for lap in sextets.laps:
        assert [(again["changed"], again["steps"], again["diff"]) for again in lap.again] == [(False, [], [])] * 2


def test_D1_every_option_has_its_two_values() -> None:
    assert set(FIRST) | set(JOB) == {row.option for row in SERVICE}
    assert set(SECOND) == set(FIRST) - {"mode"}, "a mode is changed in a test of its own"
    assert set(BEFORE) <= set(FIRST)
    assert newest(FULL, (1, 46)) == FULL


def test_D1_a_mode_is_changed_where_that_was_allowed(service: Subject, run_module: Runner) -> None:
    def run(options: dict[str, Any]) -> Result:
        return run_module("services", service.engine, {"services": [{"name": NAME, **options}], "wait": False})

    labels = {"tier": "1"}
    assert run({"image": IMAGE, "replicas": 0, "labels": labels, "env": {"COLOR": "blue"}})["changed"]
    refused = run({"mode": "replicated-job"})
    assert refused["failed"] and "set recreate: true" in refused["msg"]
    made = run({"mode": "replicated-job", "max_concurrent": 0, "recreate": True})
    assert (made["failed"], [step["action"] for step in made["steps"]]) == (False, ["remove", "create"]), made
    spec = service.service(NAME)["Spec"]
    assert spec["Mode"] == {"ReplicatedJob": {"MaxConcurrent": 0, "TotalCompletions": 0}}
    assert (spec["Labels"]["tier"], spec["TaskTemplate"]["ContainerSpec"]["Env"]) == ("1", ["COLOR=blue"])
    assert not run({"mode": "replicated-job", "recreate": True})["changed"]


@pytest.mark.parametrize(
    "options",
    [
        {"update_config": {"monitor": "0s"}},
        {"update_config": {"max_failure_ratio": 1 / 3}},
        {"rollback_config": {"monitor": "0s", "max_failure_ratio": 0.123456789}},
        {"init": False},
        {"stop_grace_period": "0s", "restart_policy": {"delay": "0s", "window": "0s", "max_attempts": 0}},
    ],
)
def test_D1_what_the_engine_keeps_otherwise_is_found_as_it_was_written(
    options: dict[str, Any], service: Subject, run_module: Runner
) -> None:
    def run(more: dict[str, Any]) -> Result:
        return run_module("services", service.engine, {"services": [{"name": NAME, "image": IMAGE, "replicas": 0, **more}], "wait": False})

    assert run({})["changed"]
    changed = run(options)
    assert not changed["failed"], changed
    assert not run(options)["changed"]


def test_D2_a_port_that_the_swarm_has_chosen_is_told_and_kept(service: Subject, run_module: Runner) -> None:
    def run(*ports: dict[str, Any]) -> Result:
        entry = {"name": NAME, "image": IMAGE, "replicas": 0, "publish": list(ports)}
        return run_module("services", service.engine, {"services": [entry], "wait": False})

    made = run({"target_port": "80"})
    assert not made["failed"], made
    (chosen,) = made["ports"][NAME]
    assert 30000 <= chosen["published_port"] <= 32767
    again = run({"target_port": "80"})
    assert (again["changed"], again["ports"][NAME]) == (False, [chosen])
    more = run({"target_port": "80"}, {"target_port": "443", "published_port": "8443"})
    assert more["changed"]
    assert {port["TargetPort"]: port["PublishedPort"] for port in service.service(NAME)["Endpoint"]["Ports"]} == {
        80: chosen["published_port"],
        443: 8443,
    }
    assert not run({"target_port": "80"}, {"target_port": "443", "published_port": "8443"})["changed"]


def test_D2_an_update_under_way_is_awaited_unless_it_may_be_replaced(service: Subject, run_module: Runner) -> None:
    def run(options: dict[str, Any], **more: Any) -> Result:
        return run_module("services", service.engine, {"services": [{"name": NAME, **options}], "wait": False, "wait_timeout": 180, **more})

    if not isinstance(service, Real):
        service.engine.manners.update = 12
    base = {"image": IMAGE, "replicas": 1, "stop_grace_period": "1s", "update_config": {"monitor": "5s"}}
    assert not run(base)["failed"]
    service.until(lambda: service.service(NAME)["ServiceStatus"], lambda status: status["RunningTasks"] == 1)
    assert run({"env": {"COLOR": "blue"}})["changed"]
    service.until(lambda: service.service(NAME).get("UpdateStatus"), lambda status: (status or {}).get("State") == "updating")
    second = run({"env": {"COLOR": "green"}})
    assert (second["failed"], [step["action"] for step in second["steps"]]) == (False, ["wait", "update"]), second
    third = run({"env": {"COLOR": "red"}}, supersede_updates=True)
    assert (third["failed"], [step["action"] for step in third["steps"]]) == (False, ["update"]), third
    assert service.service(NAME)["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] == ["COLOR=red"]
