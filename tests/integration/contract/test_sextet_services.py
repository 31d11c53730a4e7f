# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of a service, six times: check, apply, again, again in check mode, change in check mode, change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.service import SERVICE
from fakes.module import Runner
from fakes.written import nested

from .service_values import BEFORE, FULL, JOB, OTHER, equip, flat, newest
from .subjects import IMAGE, Subject
from .test_sextet import sextet

Result = Mapping[str, Any]
NAME = "contract-sextet"
FIRST, SECOND = flat(FULL), flat(OTHER)
NEEDS: dict[str, dict[str, Any]] = {
    # what an option cannot be without
    "publish": {"endpoint_mode": "dnsrr"},
    "endpoint_mode": {"networks": [{"name": "contract-back"}]},
    "seccomp.profile": {"seccomp": {"mode": "custom"}},
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
        equipped.delete(f"/services/{each['ID']}")


@pytest.mark.parametrize("option", sorted(VALUES))
def test_D1_D2_D3_each_option_of_a_service(option: str, service: Subject, run_module: Runner) -> None:
    if SINCE[option] > service.engine.api:
        message = run_module("services", service.engine, {"services": [nested({"name": "x", "image": IMAGE, option: VALUES[option][0]})]})
        assert message["failed"] and f"{option} is known to Engine" in message["msg"]
        return
    mode = {"mode": "replicated-job", "max_concurrent": 0, "total_completions": 0} if option in JOB else {"replicas": 0}

    def run(value: Any, check: bool) -> Result:
        entry = {"name": NAME, option: value}
        return run_module("services", service.engine, {"services": [nested(entry)], "wait": False, "supersede_updates": True}, check)

    def read() -> Any:
        return service.service(NAME)["Spec"]

    needed = NEEDS.get(option, {})
    base = {"name": NAME, "image": IMAGE, **mode, **needed}
    made = run_module("services", service.engine, {"services": [base], "wait": False})
    assert (made["failed"], made["changed"]) == (False, True), made
    values = VALUES[option]
    # a value that a new service has already comes second
    first, second = values if run(values[0], True)["changed"] else reversed(values)
    sextet(run, read, first, second)


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
