# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets and configs: every option six times, contents that change under services, and what the Engine itself says of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.content import CONFIG, SECRET, Family
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import EngineUnreachable, OutOfSequence
from fakes.module import Runner

from .subjects import IMAGE, Subject

Result = Mapping[str, Any]
FAMILIES = pytest.mark.parametrize("family", [SECRET, CONFIG], ids=lambda family: family.plural)
LOW, HIGH = "blue-content-that-nobody-sees", "green-content-that-nobody-sees"
VALUES: dict[str, tuple[Any, Any]] = {
    "content": (LOW, HIGH),
    "content_base64": ("AAEC", "AAED"),
    "template_driver": ("", "golang"),
    "version": ("1", "2"),
    "labels": ({"team": "web"}, {"team": "api", "tier": "1"}),
}
"""Two values of each option; a driver is a plugin, which this Engine has not, and a new object without a template driver has none."""
IN_PLACE = ("labels",)
FEW, MANY = 3, 20


@pytest.fixture
def emptied(swarm: Subject) -> Iterator[Subject]:
    """The swarm, without services, secrets and configs at the end."""
    yield swarm
    for kind in ("services", "secrets", "configs"):
        for each in swarm.get(f"/{kind}") or ():
            swarm.delete(f"/{kind}/{each['ID']}")


def specs(subject: Subject, family: Family) -> dict[str, Any]:
    return {each["Spec"]["Name"]: (each["ID"], each["Spec"]) for each in subject.get(family.path) or ()}


def encoded(content: str) -> str:
    return base64.b64encode(content.encode()).decode()


def named(option: str) -> str:
    return f"contract-{option.replace('_', '-')}"


@FAMILIES
def test_D5_each_option_six_times(family: Family, emptied: Subject, run_module: Runner) -> None:
    def run(number: int, check: bool = False) -> Result:
        entries = []
        for option, values in VALUES.items():
            base = {} if option.startswith("content") else {"content": LOW}
            written = {option: values[number]} if values[number] else {}
            entries.append({"name": named(option), **base, **written})
        result = run_module(family.plural, emptied.engine, {family.plural: entries}, check)
        assert not result["failed"], result["msg"]
        assert not any(each in json.dumps(result) for each in (LOW, HIGH, encoded(LOW), encoded(HIGH)))
        return result

    bare = specs(emptied, family)
    told, checked = run(0, check=True), specs(emptied, family)
    assert (checked, len(told["steps"])) == (bare, len(VALUES))
    assert run(0)["steps"] == told["steps"]
    assert [(again["changed"], again["diff"]) for again in (run(0), run(0, check=True))] == [(False, [])] * 2
    before = specs(emptied, family)
    told, checked = run(1, check=True), specs(emptied, family)
    assert checked == before
    assert run(1)["steps"] == told["steps"]
    assert [(again["changed"], again["diff"]) for again in (run(1), run(1, check=True))] == [(False, [])] * 2
    after = specs(emptied, family)
    assert set(after) == {named(option) if option in IN_PLACE else f"{named(option)}-2" for option in VALUES}
    assert after["contract-labels"][0] == before["contract-labels"][0]
    assert {"team": "api", "tier": "1"}.items() <= after["contract-labels"][1]["Labels"].items()
    assert after["contract-template-driver-2"][1]["Templating"]["Name"] == "golang"
    if family.told:
        assert (after["contract-content-2"][1]["Data"], after["contract-content-base64-2"][1]["Data"]) == (encoded(HIGH), "AAED")
    assert not any(content in json.dumps([spec["Labels"] for _id, spec in after.values()]) for content in (LOW, HIGH, encoded(HIGH)))


@FAMILIES
def test_D5_what_the_engine_takes_and_refuses(family: Family, emptied: Subject) -> None:
    def create(**body: Any) -> Any:
        return emptied.post(f"{family.path}/create", {"Name": "contract-x", "Data": encoded("x"), **body})

    refusal = emptied.refused(lambda: create(Name="bad name"))
    assert (refusal.status, "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed" in refusal.message) == (400, True)
    for content in ("", "x" * family.limit):
        refusal = emptied.refused(lambda content=content: create(Data=encoded(content)))
        told = f"{family.noun} data must be larger than 0 and less than {family.limit} bytes"
        assert (refusal.status, refusal.message.endswith(told)) == (400, True)
    create(Name="contract-largest", Data=encoded("x" * (family.limit - 1)))
    identity = create(Labels={"a": "b"}, Templating={"Name": "golang"})["ID"]
    assert isinstance(emptied.refused(create), OutOfSequence)
    path, (_id, spec) = f"{family.path}/{identity}", specs(emptied, family)["contract-x"]
    assert spec == {
        "Name": "contract-x",
        "Labels": {"a": "b"},
        "Templating": {"Name": "golang"},
        **({"Data": encoded("x")} if family.told else {}),
    }
    version = next(each["Version"]["Index"] for each in emptied.get(family.path) if each["ID"] == identity)
    changed = {"Name": "contract-x", "Labels": {"c": "d"}}
    assert isinstance(emptied.refused(lambda: emptied.post(f"{path}/update", changed, version=version - 1)), OutOfSequence)
    refusal = emptied.refused(lambda: emptied.post(f"{path}/update", {**changed, "Data": encoded("y")}, version=version))
    assert refusal.message.endswith("only updates to Labels are allowed")
    emptied.post(f"{path}/update", changed, version=version)
    assert specs(emptied, family)["contract-x"][1] == {**spec, "Labels": {"c": "d"}}
    assert emptied.refused(lambda: emptied.delete(f"{family.path}/nonesuch")).status == 404
    key = family.noun.capitalize()
    reference = {f"{key}ID": identity, f"{key}Name": "contract-y", "File": {"Name": "/x", "UID": "0", "GID": "0", "Mode": 292}}
    container = {"Image": IMAGE, family.plural.capitalize(): [reference]}
    service = {"Name": "contract-a", "TaskTemplate": {"ContainerSpec": container}, "Mode": {"Replicated": {"Replicas": 0}}}
    refusal = emptied.refused(lambda: emptied.post("/services/create", service))
    assert (refusal.status, refusal.message.endswith(f"{family.noun} not found: contract-y")) == (400, True)


@FAMILIES
def test_D5_another_content_moves_the_services(family: Family, emptied: Subject, run_module: Runner) -> None:
    def entry(content: str) -> dict[str, Any]:
        return {family.plural: [{"name": "contract-key", "content": content}], "wait_timeout": 240}

    def served(name: str, **options: Any) -> dict[str, Any]:
        return {
            "name": name,
            "image": IMAGE,
            # the configs go the same way, and need not take the time of tasks again
            "replicas": 1 if family is SECRET else 0,
            "stop_grace_period": "1s",
            "update_config": {"monitor": "1s"},
            family.plural: [{"source": "contract-key", "target": "/etc/key" if family is CONFIG else "key", **options}],
        }

    services = {"services": [served("contract-a"), served("contract-b", mode="0400")], "wait_timeout": 240}
    assert not run_module(family.plural, emptied.engine, entry(LOW))["failed"]
    made = run_module("services", emptied.engine, services)
    assert not made["failed"], made["msg"]
    ((old, _spec),) = specs(emptied, family).values()

    absent = {family.plural: [{"name": "contract-key", "state": "absent"}]}
    refused = run_module(family.plural, emptied.engine, absent)
    assert refused["failed"] and "it is used by services contract-a, contract-b" in refused["msg"]
    refusal = emptied.refused(lambda: emptied.delete(f"{family.path}/{old}"))
    assert (refusal.status, "is in use by the following services" in refusal.message) == (400, True)

    told = run_module(family.plural, emptied.engine, entry(HIGH), check=True)
    done = run_module(family.plural, emptied.engine, entry(HIGH))
    assert (done["failed"], [step["action"] for step in done["steps"]]) == (False, ["create", "update", "update", "wait", "remove"]), done
    assert done["steps"] == told["steps"]
    assert done[family.plural] == [{"name": "contract-key", "object": "contract-key-2"}]
    ((name, (new, _spec)),) = specs(emptied, family).items()
    assert (name, new != old) == ("contract-key-2", True)
    for service in ("contract-a", "contract-b"):
        (reference,) = emptied.service(service)["Spec"]["TaskTemplate"]["ContainerSpec"][family.plural.capitalize()]
        key = family.noun.capitalize()
        assert (reference[f"{key}ID"], reference[f"{key}Name"]) == (new, name)
        assert reference["File"]["Name"] == ("/etc/key" if family is CONFIG else "key")
        assert reference["File"]["Mode"] == (0o400 if service == "contract-b" else 0o444)
    for again in (run_module(family.plural, emptied.engine, entry(HIGH)), run_module("services", emptied.engine, services)):
        assert (again["failed"], again["changed"], again["steps"]) == (False, False, [])


def test_D5_what_was_cut_off_is_ended_by_the_next_run(emptied: Subject, run_module: Runner) -> None:
    """Each state that a run may leave: the new object alone, one of two services moved, all of them moved."""
    wanted = {"secrets": [{"name": "contract-key", "content": HIGH}], "wait_timeout": 240}
    service = {"image": IMAGE, "replicas": 0, "secrets": [{"source": "contract-key"}]}
    services = {"services": [{"name": name, **service} for name in ("contract-a", "contract-b")], "wait": False}
    for cut_after in (1, 2, 3):
        run_module("secrets", emptied.engine, {"secrets": [{"name": "contract-key", "content": LOW}]})
        assert not run_module("services", emptied.engine, services)["failed"]
        with pytest.MonkeyPatch.context() as patch:
            _stop_after(cut_after, emptied.engine, patch)
            assert run_module("secrets", emptied.engine, wanted)["failed"]
        assert len(specs(emptied, SECRET)) == 2
        ended = run_module("secrets", emptied.engine, wanted)
        assert (ended["failed"], ended["changed"]) == (False, True), ended
        assert len(specs(emptied, SECRET)) == 1
        assert not run_module("secrets", emptied.engine, wanted)["changed"]
        assert not run_module("services", emptied.engine, services)["changed"]


def _stop_after(changes: int, engine: Any, patch: pytest.MonkeyPatch) -> None:
    """Let the Engine take so many changes and no more."""
    left, do = [changes], engine.do

    def stopping(call: Any) -> Any:
        if call.method != "GET":
            left[0] -= 1
            if left[0] < 0:
                raise EngineUnreachable("cut off")
        return do(call)

    patch.setattr(engine, "do", stopping)


@FAMILIES
@pytest.mark.parametrize("count", [FEW, MANY])
def test_D5_the_calls_do_not_grow_with_the_number(count: int, family: Family, emptied: Subject, run_module: Runner) -> None:
    wanted = {family.plural: [{"name": f"contract-{number}", "content": f"content {number}"} for number in range(count)]}
    first = run_module(family.plural, emptied.engine, wanted)
    assert (first["failed"], len(first["steps"])) == (False, count)
    before = emptied.engine.calls
    again = run_module(family.plural, emptied.engine, wanted)
    assert (again["failed"], again["changed"]) == (False, False)
    assert emptied.engine.calls - before == 4
    gone = run_module(family.plural, emptied.engine, {family.plural: [], "exclusive": True})
    assert (gone["failed"], len(gone["steps"]), specs(emptied, family)) == (False, count, {})


def test_D5_services_are_forced_and_told_of_credentials(emptied: Subject, run_module: Runner) -> None:
    def run(force: bool = False, **options: Any) -> Result:
        services = [{"name": "contract-a", "image": IMAGE, "replicas": 0, "force": force}]
        return run_module("services", emptied.engine, {"services": services, "wait": False, **options})

    assert run()["changed"] and not run()["changed"]
    registries = [{"server": "docker.io", "username": "somebody", "password": "password-that-nobody-sees"}]
    assert not run(registries=registries)["changed"], "credentials are part of no spec"
    for count in (1, 2):
        forced = run(force=True, registries=registries)
        assert (forced["failed"], [step["action"] for step in forced["steps"]]) == (False, ["update"]), forced
        assert emptied.service("contract-a")["Spec"]["TaskTemplate"]["ForceUpdate"] == count
        assert "password-that-nobody-sees" not in json.dumps(forced)
