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

from .subjects import IMAGE, Subject

FULL: dict[str, Any] = {
    "image": IMAGE,
    "mode": "replicated",
    "replicas": 0,
    "command": ["/serve"],
    "args": ["8080"],
    "env": {"COLOR": "blue"},
    "labels": {"tier": "1"},
    "container_labels": {"team": "web"},
    "hostname": "web",
    "user": "1000",
    "working_dir": "/www",
    "init": True,
    "read_only": True,
    "stop_signal": "SIGTERM",
    "stop_grace_period": "5s",
    "healthcheck": {"test": ["CMD", "true"], "interval": "10s", "timeout": "2s", "retries": 3, "start_period": "5s"},
    "networks": [{"name": "contract-back", "aliases": ["www"]}],
    "endpoint_mode": "dnsrr",
    "publish": [{"target_port": 8080, "published_port": 18080, "mode": "host"}],
    "update_config": {
        "parallelism": 2,
        "delay": "1s",
        "failure_action": "rollback",
        "monitor": "6s",
        "max_failure_ratio": 0.25,
        "order": "stop-first",
    },
    "rollback_config": {
        "parallelism": 2,
        "delay": "1s",
        "failure_action": "continue",
        "monitor": "6s",
        "max_failure_ratio": 0.25,
        "order": "stop-first",
    },
    "restart_policy": {"condition": "on-failure", "delay": "3s", "max_attempts": 4, "window": "1m"},
    "placement": {"constraints": ["node.role == manager"], "replicas_max_per_node": 2},
    "limits": {"cpus": 0.5, "memory": "64M"},
    "reservations": {"cpus": 0.1, "memory": "16M"},
    "logging": {"driver": "json-file", "options": {"max-size": "1m"}},
}
OTHER: dict[str, Any] = {
    "image": "meshwork-lab:2",
    "replicas": 1,
    "command": ["/client"],
    "args": ["8081"],
    "env": {"COLOR": "red", "SIZE": "2"},
    "labels": {"tier": "2"},
    "container_labels": {"team": "infra"},
    "hostname": "other",
    "user": "1001",
    "working_dir": "/",
    "init": False,
    "read_only": False,
    "stop_signal": "SIGINT",
    "stop_grace_period": "6s",
    "healthcheck": {"test": ["CMD", "false"], "interval": "11s", "timeout": "3s", "retries": 4, "start_period": "6s"},
    "networks": [{"name": "contract-front"}],
    "endpoint_mode": "vip",
    "publish": [{"target_port": 8081, "published_port": 18081, "mode": "host"}],
    "update_config": {
        "parallelism": 3,
        "delay": "2s",
        "failure_action": "pause",
        "monitor": "7s",
        "max_failure_ratio": 0.5,
        "order": "start-first",
    },
    "rollback_config": {
        "parallelism": 3,
        "delay": "2s",
        "failure_action": "pause",
        "monitor": "7s",
        "max_failure_ratio": 0.5,
        "order": "start-first",
    },
    "restart_policy": {"condition": "any", "delay": "4s", "max_attempts": 5, "window": "2m"},
    "placement": {"constraints": ["node.role == worker"], "replicas_max_per_node": 3},
    "limits": {"cpus": 0.6, "memory": "65M"},
    "reservations": {"cpus": 0.2, "memory": "17M"},
    "logging": {"driver": "local", "options": {"max-size": "2m"}},
}


def flat(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options by dotted name, as the table has them."""
    known = {row.option for row in SERVICE}
    found = {}
    for name, value in options.items():
        found.update({name: value} if name in known else {f"{name}.{inner}": each for inner, each in value.items()})
    return found


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
    for name in ("contract-back", "contract-front"):
        swarm.post("/networks/create", {"Name": name, "Driver": "overlay", "CheckDuplicate": True})
        swarm.until(lambda name=name: swarm.network(name), lambda network: network["IPAM"]["Config"])
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


def test_changing_one_option_of_a_service_keeps_all_others(equipped: Subject, run_module: Runner) -> None:
    fixed = {row.option for row in SERVICE if not row.mutable}
    assert set(flat(FULL)) == {row.option for row in SERVICE}
    assert set(flat(OTHER)) == {row.option for row in SERVICE} - fixed
    options = {"services": [{"name": "contract-full", **FULL}], "wait": False}
    first = run_module("services", equipped.engine, options)
    assert (first["failed"], first["changed"]) == (False, True), first
    again = run_module("services", equipped.engine, options)
    assert (again["failed"], again["changed"], again["diff"]) == (False, False, [])
    # start-first and a port in host mode exclude each other: the ports change in time
    publish_first = sorted(flat(OTHER).items(), key=lambda each: (each[0].endswith(".order"), each[0] == "image"))
    for option, value in publish_first:
        _change_alone(equipped, run_module, option, value)


def _change_alone(equipped: Subject, run_module: Runner, option: str, value: Any) -> None:
    if option == "update_config.order":
        run_module("services", equipped.engine, {"services": [{"name": "contract-full", "publish": []}], "wait": False})
    before = _found(equipped)
    section, _dot, inner = option.partition(".")
    entry = {"name": "contract-full", section: {inner: value} if inner else value}
    # An image that is not there would have its tasks fail, which is not waited for.
    result = run_module("services", equipped.engine, {"services": [entry], "wait": False})
    assert (result["failed"], result["changed"]) == (False, True), (option, result)
    after = _found(equipped)
    assert {name for name in after if after[name] != before[name]} == {option}


def _found(equipped: Subject) -> Mapping[str, Any]:
    items = observe.ServiceList(equipped.engine).services().items
    return next(item.values for item in items if item.name == "contract-full")


def test_tasks_come_up_and_are_counted(equipped: Subject, run_module: Runner) -> None:
    equipped.delete(f"/services/{equipped.service('contract-full')['ID']}")
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
