# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of secrets and configs: what goes wrong on the way, what is sent with what, and what never shows."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Call
from fakes.engine import FakeEngine
from fakes.module import Runner

LOW, HIGH = "content-of-before", "content-of-after"


@pytest.fixture
def engine(run_module: Runner) -> FakeEngine:
    """A swarm with a service that has a secret."""
    found = FakeEngine()
    run_module("cluster", found, {})
    assert rotate(run_module, found, LOW)["changed"]
    entry = {"name": "api", "image": "shop:1", "replicas": 2, "secrets": [{"source": "key"}]}
    assert not run_module("services", found, {"services": [entry]})["failed"]
    return found


def rotate(run_module: Runner, engine: FakeEngine, content: str, check: bool = False, **options: Any) -> dict[str, Any]:
    return run_module("secrets", engine, {"secrets": [{"name": "key", "content": content}], **options}, check)


def objects(engine: FakeEngine) -> list[str]:
    return [each["Spec"]["Name"] for each in engine.managed().secrets.values()]


def api(engine: FakeEngine) -> dict[str, Any]:
    (service,) = engine.managed().services.values()
    return service


def test_an_update_that_stops_fails_the_run_and_keeps_the_old_secret(run_module: Runner, engine: FakeEngine) -> None:
    engine.manners.task_start, engine.manners.update = 10**6, 10**6

    def stop() -> None:
        if api(engine).get("UpdateStatus"):
            api(engine)["UpdateStatus"]["State"] = "paused"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_pass_time", lambda: (FakeEngine._pass_time(engine), stop()))
        result = rotate(run_module, engine, HIGH)
        assert result["failed"] and "the swarm gave the update up: service api: 0 of 2 tasks running" in result["msg"]
        assert objects(engine) == ["key", "key-2"]
        again = rotate(run_module, engine, HIGH)
        assert (again["failed"], again["changed"], objects(engine)) == (False, False, ["key", "key-2"])
    api(engine)["UpdateStatus"]["State"] = "completed"
    assert rotate(run_module, engine, HIGH)["changed"]
    assert objects(engine) == ["key-2"]


def test_a_service_that_rolled_back_by_itself_goes_over_again(run_module: Runner, engine: FakeEngine) -> None:
    rotate(run_module, engine, HIGH)
    service, previous = api(engine), api(engine)["PreviousSpec"]
    (old,) = previous["TaskTemplate"]["ContainerSpec"]["Secrets"]
    engine.managed().secrets[old["SecretID"]] = {
        **next(iter(engine.managed().secrets.values())),
        "ID": old["SecretID"],
    }
    engine.managed().secrets[old["SecretID"]]["Spec"] = {"Name": "key", "Labels": {"io.meshwork.swarm.name": "key"}}
    service["Spec"] = previous
    engine._run_tasks(service)
    result = rotate(run_module, engine, HIGH)
    assert [step["action"] for step in result["steps"]] == ["update", "wait", "remove"]
    assert objects(engine) == ["key-2"]


def test_another_content_and_another_image_are_one_update(run_module: Runner, engine: FakeEngine) -> None:
    """The service that the same run describes is left to the module services; the older object goes after that."""
    entry = {"name": "api", "image": "shop:2", "secrets": [{"source": "key"}]}
    before = len(engine.done)
    planned = rotate(run_module, engine, HIGH, check=True, left_to_services=["api"])
    newest = {each["name"]: each["object"] for each in planned["secrets"]}
    told = run_module("services", engine, {"services": [entry], "planned": {"secrets": ["key"], "newest_secrets": newest}}, check=True)
    made = rotate(run_module, engine, HIGH, left_to_services=["api"])
    assert (made["failed"], made["secrets"]) == (False, [{"name": "key", "object": "key-2", "older": ["key"]}])
    assert made["secrets"] == planned["secrets"]
    done = run_module("services", engine, {"services": [entry]})
    assert not done["failed"] and [step["says"] for step in done["steps"]] == [step["says"] for step in told["steps"]]
    last = run_module("secrets", engine, {"secrets": [{"name": "key"}]})
    assert (last["failed"], last["secrets"], objects(engine)) == (False, [{"name": "key", "object": "key-2"}], ["key-2"])
    calls = [(call.method, call.path.split("/")[1], call.path.rpartition("/")[2]) for call in engine.done[before:]]
    assert [(method, kind) for method, kind, _what in calls] == [("POST", "secrets"), ("POST", "services"), ("DELETE", "secrets")]
    again = rotate(run_module, engine, HIGH, left_to_services=["api"])
    assert (again["changed"], "older" in again["secrets"][0]) == (False, False)


def test_somebody_who_is_faster_is_no_error(run_module: Runner, engine: FakeEngine) -> None:
    faster = [lambda: engine.managed().bump(api(engine))]

    def interfere(call: Call) -> None:
        if call.path.endswith("/update") and faster:
            faster.pop()()

    engine.interfere = interfere
    # the service is read right before its update, so that only what happens in between counts
    result = rotate(run_module, engine, HIGH)
    assert (result["failed"], objects(engine)) == (False, ["key-2"]), result


def test_contents_are_in_no_result(run_module: Runner, engine: FakeEngine, caplog: pytest.LogCaptureFixture) -> None:
    results = [rotate(run_module, engine, content, **more) for content, more in ((HIGH, {}), (HIGH, {}), ("", {}))]
    results += [run_module("secrets", engine, {"secrets": [{"name": "key", "content": HIGH * 40000}]})]

    def refuse(call: Call) -> None:
        raise client._refused(str(call), 500, "no room")

    engine.interfere = refuse
    results += [rotate(run_module, engine, LOW)]
    assert [result["failed"] for result in results] == [False, False, True, True, True]
    everything = json.dumps(results) + caplog.text
    for content in (LOW, HIGH, base64.b64encode(HIGH.encode()).decode()):
        assert content not in everything


def test_a_name_without_room_for_another_object_is_refused(run_module: Runner, engine: FakeEngine) -> None:
    entry = {"name": "k" * 64, "content": LOW}
    assert run_module("secrets", engine, {"secrets": [entry]})["changed"]
    refused = run_module("secrets", engine, {"secrets": [{**entry, "content": HIGH}]})
    assert refused["failed"] and f"its next object would be called {'k' * 64}-2, and names have 64 characters at most" in refused["msg"]


def test_credentials_go_with_the_services_whose_images_need_them(run_module: Runner, engine: FakeEngine) -> None:
    registries = [{"server": "registry.lab:5000", "username": "deploy", "password": "nobody-sees-this"}]
    services = [{"name": "a", "image": "registry.lab:5000/a:1"}, {"name": "b", "image": "b:1"}]
    before = len(engine.done)
    results = [run_module("services", engine, {"services": services, "registries": registries})]
    services[0]["env"] = {"A": "1"}
    results.append(run_module("services", engine, {"services": services, "registries": registries}))
    made = [
        (call.path.rpartition("/")[2], json.loads(base64.urlsafe_b64decode(call.auth)) if call.auth else None)
        for call in engine.done[before:]
    ]
    auth = {"serveraddress": "registry.lab:5000", "username": "deploy", "password": "nobody-sees-this"}
    assert made == [("create", auth), ("create", None), ("update", auth)]
    assert not [each for each in ("nobody-sees-this", engine.done[before].auth) if each in json.dumps(results) + repr(engine.done)]


def test_credentials_are_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Mapping[str, Any]] = []

    def request(_method: str, _url: str, **arguments: Any) -> Any:
        sent.append(arguments)
        return SimpleNamespace(status_code=200, text="")

    answers = SimpleNamespace(api_version="1.41", base_url="http://x", timeout=1, request=request)
    monkeypatch.setattr(client, "APIClient", lambda **_arguments: answers)
    engine = client.Engine("unix:///x", 1)
    for call in (Call("POST", "/services/create", auth="abc"), Call("POST", "/services/create")):
        engine.do(call)
    assert [each["headers"] for each in sent] == [{"X-Registry-Auth": "abc"}, None]
