# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services: what is refused, that an update of one option keeps all others, and how tasks come up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import observe
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import OutOfSequence
from ansible_collections.meshwork.swarm.plugins.module_utils._model.service import SERVICE
from fakes.module import Runner
from fakes.written import nested

from .service_values import BEFORE, FULL, JOB, OTHER, equip, flat, newest
from .subjects import IMAGE, Subject


def spec(name: str, port: int = 0, mode: str = "ingress", replicas: int = 0, **template: Any) -> dict[str, Any]:
    """The body of POST /services/create."""
    ports = [{"TargetPort": 8080, "PublishedPort": port, "Protocol": "tcp", "PublishMode": mode}] if port else []
    return {
        "Name": name,
        "Labels": {},
        "Mode": {"Replicated": {"Replicas": replicas}},
        "EndpointSpec": {"Mode": "vip", "Ports": ports},
        "TaskTemplate": {"ContainerSpec": {"Image": IMAGE}, **template},
    }


@pytest.fixture(scope="module")
def equipped(swarm: Subject) -> Subject:
    """A swarm with two networks, and the service web on one of them."""
    equip(swarm)
    swarm.post("/services/create", spec("web", 8080, Networks=[{"Target": "contract-back", "Aliases": ["www"]}]))
    return swarm


def test_names_of_networks_become_ids(equipped: Subject) -> None:
    (attachment,) = equipped.service("web")["Spec"]["TaskTemplate"]["Networks"]
    assert attachment == {"Target": equipped.network("contract-back")["Id"], "Aliases": ["www"]}


def test_a_name_is_taken_once(equipped: Subject) -> None:
    refusal = equipped.refused(lambda: equipped.post("/services/create", spec("web")))
    assert (refusal.status, refusal.message.endswith("service web already exists")) == (409, True)


REFUSED = [
    (spec("next", 8080), 400, "port '8080' is already in use by service 'web' (ID) as an ingress port"),
    (spec("next", 8080, "host"), 400, "port '8080' is already in use by service 'web' (ID) as an ingress port"),
    (
        {**spec("next", 8081), "EndpointSpec": {"Mode": "dnsrr", "Ports": spec("next", 8081)["EndpointSpec"]["Ports"]}},
        400,
        "EndpointSpec: port published with ingress mode can't be used with dnsrr mode",
    ),
    (
        {
            **spec("next"),
            "EndpointSpec": {"Ports": spec("x", 8082)["EndpointSpec"]["Ports"] + spec("x", 8082, "host")["EndpointSpec"]["Ports"]},
        },
        400,
        "EndpointSpec: duplicate published ports provided",
    ),
    (spec("next.one"), 400, "name must be valid as a DNS name component"),
    (spec("next", Networks=[{"Target": "nonesuch"}]), None, "network nonesuch not found"),
    ({**spec("next"), "TaskTemplate": {"ContainerSpec": {}}}, 400, "ContainerSpec: image reference must be provided"),
]


@pytest.mark.parametrize(("body", "status", "message"), REFUSED)
def test_what_cannot_run_is_refused(body: dict[str, Any], status: int | None, message: str, equipped: Subject) -> None:
    refusal = equipped.refused(lambda: equipped.post("/services/create", body))
    # Engine 20.10 answers with 500 where a network is not there, newer ones with 404
    assert refusal.status == status or (status is None and refusal.status in (404, 500))
    assert refusal.message.replace(equipped.service("web")["ID"], "ID").endswith(message)


def test_updates_name_the_newest_version_and_keep_name_and_mode(equipped: Subject) -> None:
    web = equipped.service("web")
    path, version = f"/services/{web['ID']}/update", web["Version"]["Index"]
    assert isinstance(equipped.refused(lambda: equipped.post(path, web["Spec"], version=version - 1)), OutOfSequence)
    refusal = equipped.refused(lambda: equipped.post(path, {**web["Spec"], "Mode": {"Global": {}}}, version=version))
    assert (refusal.status, refusal.message.endswith("service mode change is not allowed")) == (501, True)
    refusal = equipped.refused(lambda: equipped.post(path, {**web["Spec"], "Name": "other"}, version=version))
    assert (refusal.status, refusal.message.endswith("renaming services is not supported")) == (501, True)


def test_services_that_are_not_there(equipped: Subject) -> None:
    for ask in (lambda: equipped.delete("/services/nonesuch"), lambda: equipped.post("/services/nonesuch/update", spec("web"), version=1)):
        refusal = equipped.refused(ask)
        assert (refusal.status, refusal.message) == (404, "service nonesuch not found")


def test_networks_stay_while_services_need_them(equipped: Subject) -> None:
    web, back = equipped.service("web")["ID"], equipped.network("contract-back")["Id"]
    refusal = equipped.refused(lambda: equipped.delete("/networks/contract-back"))
    assert (refusal.status, refusal.message.endswith(f"network {back} is in use by service {web}")) == (400, True)
    refusal = equipped.refused(lambda: equipped.delete("/networks/ingress"))
    assert (refusal.status, refusal.message.endswith(f"ingress network cannot be removed because service {web} depends on it")) == (
        400,
        True,
    )
    found = observe.ingress(equipped.engine)
    assert [service.name for service in found.publishing] == ["web"]


def test_D1_changing_one_option_of_a_service_keeps_all_others(equipped: Subject, run_module: Runner) -> None:
    """A service of its own for each option: all have every option set, and each has that one changed."""
    api = equipped.engine.api
    others = {option: value for option, value in flat(newest(OTHER, api)).items() if option != "mode"}
    assert set(others) == {row.option for row in SERVICE if row.since <= api} - {"mode", *JOB}
    names = {option: f"full-{number}" for number, option in enumerate(sorted(others))}

    def run(entries: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        services = [nested({"name": names[option], **entry}) for option, entry in entries.items()]
        result = run_module("services", equipped.engine, {"services": services, "wait": False})
        assert not result["failed"], result["msg"]
        return result

    whole = {option: {**flat(newest(FULL, api)), **BEFORE.get(option, {})} for option in names}
    assert len(run(whole)["steps"]) == len(names)
    assert (run(whole)["changed"], run(whole)["diff"]) == (False, [])
    before = _found(equipped)
    calls = equipped.engine.calls
    assert len(run({option: {option: value} for option, value in others.items()})["steps"]) == len(names)
    assert equipped.engine.calls - calls <= len(names) + 2 * 7, "a call for each that changes, and seven lists before and after"
    after = _found(equipped)
    for option, name in names.items():
        assert {each for each in after[name] if after[name][each] != before[name][each]} == {option}, option
    for option in names:
        equipped.delete(f"/services/{equipped.service(names[option])['ID']}")


def _found(equipped: Subject) -> dict[str, Mapping[str, Any]]:
    return {item.name: item.values for item in observe.ServiceList(equipped.engine).services().items}


def test_tasks_come_up_and_are_counted(equipped: Subject, run_module: Runner) -> None:
    options = {"services": [{"name": "web", "replicas": 1}], "wait_timeout": 240}
    result = run_module("services", equipped.engine, options)
    assert (result["failed"], result["changed"]) == (False, True), result
    web = equipped.service("web")
    assert (web["ServiceStatus"]["RunningTasks"], web["ServiceStatus"]["DesiredTasks"]) == (1, 1)
    (task,) = [each for each in equipped.get("/tasks", filters={"service": [web["ID"]]}) if each["DesiredState"] == "running"]
    assert (task["Status"]["State"], task["Slot"], task["NodeID"]) == ("running", 1, equipped.get("/nodes")[0]["ID"])
    assert web["Spec"]["TaskTemplate"]["Runtime"] == "container"
    assert "Runtime" not in task["Spec"], "which is why the two are compared without it"
    assert {key for key in web["Spec"]["TaskTemplate"] if key != "Runtime"} == set(task["Spec"])
    equipped.delete(f"/services/{web['ID']}")
    assert "web" not in [each["Spec"]["Name"] for each in equipped.get("/services")]
