# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network replaced under its services, against an Engine in memory: everything of the services stays, and any interruption is mended."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Call
from fakes.engine import FakeEngine
from fakes.module import Runner

from .test_runs import made

PARALLEL = "0-parallel-to-back"
WANTED = {"name": "back", "encrypted": True, "replace": "rolling"}
HEALTHCHECK = {"Test": ["CMD", "true"]}


def running(engine: FakeEngine) -> FakeEngine:
    """The same some time later."""
    for _read in range(6):
        engine.get("/services")
    engine.done.clear()
    engine.calls = 0
    return engine


def furnished() -> FakeEngine:
    """A network that two services use: one of a stack, with aliases and settings of its own, and one that publishes a port."""
    engine = made()
    for name, labels in (("other", {}), ("back", {"team": "blue"})):
        engine.do(Call("POST", "/networks/create", body={"Name": name, "Driver": "overlay", "Attachable": True, "Labels": labels}))
    running(engine)
    shop = {
        "Name": "shop_api",
        "Labels": {"com.docker.stack.namespace": "shop"},
        "Mode": {"Replicated": {"Replicas": 2}},
        "TaskTemplate": {
            "ContainerSpec": {"Image": "api:1", "Hosts": ["192.0.2.1 ldap", "192.0.2.2 web"], "Healthcheck": HEALTHCHECK},
            "Networks": [
                {"Target": "back", "Aliases": ["api"], "DriverOpts": {"some": "thing"}},
                {"Target": "other", "Aliases": ["api"]},
            ],
        },
        "UpdateConfig": {"Parallelism": 2, "FailureAction": "continue", "Order": "stop-first"},
        "EndpointSpec": {"Mode": "vip"},
    }
    web = {
        "Name": "web",
        "Mode": {"Global": {}},
        "TaskTemplate": {"ContainerSpec": {"Image": "nginx:1.27"}, "Networks": [{"Target": "back"}]},
        "EndpointSpec": {"Mode": "vip", "Ports": [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 80, "PublishMode": "ingress"}]},
    }
    for spec in (shop, web):
        engine.do(Call("POST", "/services/create", body=spec))
    return running(engine)


def services(engine: FakeEngine) -> dict[str, Any]:
    """The specs with the names of their networks in place of IDs."""
    names = {each["Id"]: each["Name"] for each in engine.get("/networks")}
    specs = {each["Spec"]["Name"]: copy.deepcopy(each["Spec"]) for each in engine.get("/services")}
    for spec in specs.values():
        for each in spec["TaskTemplate"]["Networks"]:
            each["Target"] = names[each["Target"]]
    return specs


def network(engine: FakeEngine, name: str = "back") -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in engine.get("/networks") if each["Name"] == name)
    return found


def test_everything_but_the_network_is_as_it_was(run_module: Runner) -> None:
    engine = furnished()
    before, old = services(engine), network(engine)
    result = run_module("networks", engine, {"networks": [WANTED]})
    assert (result["failed"], result["changed"]) == (False, True), result
    new = network(engine)
    assert new["Id"] != old["Id"] and "encrypted" in new["Options"]
    assert (new["Labels"]["team"], new["Attachable"]) == ("blue", True), "what was not written stays"
    assert new["IPAM"]["Config"][0]["Subnet"] == old["IPAM"]["Config"][0]["Subnet"]
    assert services(engine) == before
    assert PARALLEL not in [each["Name"] for each in engine.get("/networks")]
    again = run_module("networks", engine, {"networks": [WANTED]})
    assert (again["failed"], again["changed"]) == (False, False), again


def test_check_mode_tells_the_same_steps(run_module: Runner) -> None:
    engine = furnished()
    told = run_module("networks", engine, {"networks": [WANTED]}, check=True)
    assert not engine.done
    done = run_module("networks", engine, {"networks": [WANTED]})
    assert told["steps"] == done["steps"]
    assert told["steps"][0]["costs"] == "8 updates follow, 4 of each service: web (1 task), shop_api (2 tasks)"


def updates(engine: FakeEngine, name: str) -> list[Any]:
    identity = next(each["ID"] for each in engine.get("/services") if each["Spec"]["Name"] == name)
    return [call.body for call in engine.done if call.path == f"/services/{identity}/update"]


def test_the_second_to_come_back_knows_the_address_of_the_first(run_module: Runner) -> None:
    engine = furnished()
    run_module("networks", engine, {"networks": [{**WANTED, "replace_order": ["web", "shop_api"]}]})
    hosts = [body["TaskTemplate"]["ContainerSpec"].get("Hosts") for body in updates(engine, "shop_api")]
    own = ["192.0.2.1 ldap", "192.0.2.2 web"]
    assert all(each == own for each in hosts), "what the user wrote about web stays"

    engine = furnished()
    run_module("networks", engine, {"networks": [{**WANTED, "replace_order": ["shop_api", "web"]}]})
    hosts = [body["TaskTemplate"]["ContainerSpec"].get("Hosts") for body in updates(engine, "web")]
    api, alias = hosts[2]
    assert (hosts[:2], hosts[3:]) == ([None, None], [None, None])
    assert api.split()[1:] == ["shop_api", "io.meshwork.swarm.journal.moved"]
    assert alias == api.replace("shop_api", "api")


def test_new_tasks_come_first_while_it_lasts(run_module: Runner) -> None:
    engine = furnished()
    run_module("networks", engine, {"networks": [WANTED]})
    moving = [body.get("UpdateConfig") for body in updates(engine, "shop_api")]
    assert all(each == {"Parallelism": 2, "FailureAction": "pause", "Order": "start-first"} for each in moving[:-1])
    assert moving[-1] == {"Parallelism": 2, "FailureAction": "continue", "Order": "stop-first"}
    assert [body.get("UpdateConfig") for body in updates(engine, "web")][-1] is None


class Killed(Exception):
    """The run ends here."""


def cut_off(run_module: Runner, engine: FakeEngine, calls: int) -> None:
    """A run that is killed after so many calls."""

    def kill(_call: Call) -> None:
        if len(engine.done) > calls:
            raise Killed

    engine.interfere = kill
    with pytest.raises(Killed):
        run_module("networks", engine, {"networks": [WANTED]})
    engine.interfere = None
    engine.done.clear()


@pytest.mark.parametrize("after", range(1, 14))
def test_a_run_that_was_killed_is_ended_by_the_next(after: int, run_module: Runner) -> None:
    """After each call in turn; `services` that also keep their labels exact may run between the two."""
    engine = furnished()
    before = services(engine)
    cut_off(run_module, engine, after)
    exact = run_module("services", engine, {"services": [{"name": "web", "labels": {}}]})
    assert not exact["failed"], exact
    result = run_module("networks", engine, {"networks": [WANTED], "exclusive": True})
    assert (result["failed"], result["changed"]) == (False, True), result
    assert services(engine) == before
    assert "encrypted" in network(engine)["Options"] and network(engine)["Labels"]["team"] == "blue"
    assert PARALLEL not in [each["Name"] for each in engine.get("/networks")]


def test_without_the_option_what_is_under_way_is_left_alone(run_module: Runner) -> None:
    engine = furnished()
    cut_off(run_module, engine, 4)
    result = run_module("networks", engine, {"networks": [{"name": "back", "encrypted": True}], "exclusive": True})
    assert result["msg"] == (
        "networks[0] (back): its replacement is under way, with web, shop_api on 0-parallel-to-back; "
        "write replace: rolling until it has ended"
    )
    assert not engine.done


def test_an_unused_network_is_made_anew(run_module: Runner) -> None:
    engine = furnished()
    wanted = {"name": "other", "encrypted": True, "replace": "unused"}
    refused = run_module("networks", engine, {"networks": [wanted]})
    assert "is used by shop_api; write replace: rolling" in refused["msg"]
    for each in engine.get("/services"):
        engine.do(Call("DELETE", f"/services/{each['ID']}"))
    result = run_module("networks", engine, {"networks": [wanted]})
    assert [step["action"] for step in result["steps"]] == ["remove", "create"], result
    assert "encrypted" in network(engine, "other")["Options"]


def test_the_number_of_calls_does_not_grow_with_networks_that_are_as_written(run_module: Runner) -> None:
    engine = furnished()
    run_module("networks", engine, {"networks": [WANTED]}, check=True)
    few = engine.calls
    for number in range(20):
        engine.do(Call("POST", "/networks/create", body={"Name": f"n{number}", "Driver": "overlay"}))
    running(engine)
    run_module(
        "networks", engine, {"networks": [WANTED, *({"name": f"n{number}", "replace": "rolling"} for number in range(20))]}, check=True
    )
    assert engine.calls == few


def failing(engine: FakeEngine) -> None:
    """From now on new tasks end at once, and the swarm gives the update up."""

    def fail(call: Call) -> None:
        if engine.swarm is not None and call.path.endswith("/update"):
            engine.swarm.manners.task_start = 10**6

    engine.interfere = fail


def test_an_update_that_does_not_end_is_told_with_its_tasks(run_module: Runner) -> None:
    engine = furnished()
    failing(engine)
    result = run_module("networks", engine, {"networks": [WANTED], "wait_timeout": 5})
    assert result["msg"] == ("not true after 5 s: service web: 0 of 1 tasks running"), result
    assert [step["action"] for step in result["steps"]] == ["create", "update"]


def test_an_update_that_the_swarm_gave_up_ends_the_run_and_is_taken_up_by_the_next(run_module: Runner) -> None:
    engine = furnished()
    failing(engine)
    run_module("networks", engine, {"networks": [WANTED], "wait_timeout": 5})
    assert engine.swarm is not None
    web = next(each for each in engine.swarm.services.values() if each["Spec"]["Name"] == "web")
    web["UpdateStatus"] = {"State": "paused"}
    engine.swarm.giving_up = "paused"
    told = run_module("networks", engine, {"networks": [WANTED]}, check=True)
    assert told["steps"][0]["says"] == "service web: go on with the update that was given up"
    again = run_module("networks", engine, {"networks": [WANTED]})
    assert again["msg"] == (
        "the swarm gave the update up: service web: 0 of 1 tasks running, update paused; mend that and run again, which goes on from here"
    )


def test_an_update_that_the_swarm_took_back_ends_the_run_before_the_service_leaves_its_only_network(run_module: Runner) -> None:
    """With failure_action rollback all tasks run in the end, but on the networks of before."""
    engine = furnished()
    before = services(engine)
    assert engine.swarm is not None
    engine.swarm.giving_up = "rollback_completed"
    told = run_module("networks", engine, {"networks": [WANTED]})
    assert told["msg"].startswith("the swarm took the update back: service web: 1 of 1 tasks running, update rollback_completed"), told
    assert services(engine)["web"]["TaskTemplate"]["Networks"] == before["web"]["TaskTemplate"]["Networks"]
    engine.swarm.giving_up = ""
    web = next(each["ID"] for each in engine.get("/services") if each["Spec"]["Name"] == "web")
    new = copy.deepcopy(next(each for each in engine.swarm.tasks if each["ServiceID"] == web))
    ending = {**new, "ID": "ending", "DesiredState": "shutdown"}
    engine.swarm.tasks.append(ending)
    engine.swarm.stopping.append((engine.swarm.now + 12, ending))
    again = run_module("networks", engine, {"networks": [WANTED]})
    assert not again["failed"], f"an old task that still ends is no reason to stop: {again}"
    assert services(engine) == before


def test_a_service_that_somebody_takes_back_meanwhile_does_not_leave_its_only_network(run_module: Runner) -> None:
    engine = furnished()
    before = services(engine)
    old = network(engine)["Id"]

    def roll_back(call: Call) -> None:
        """Once all have joined the parallel network, web is on its old one alone again."""
        joined = [each for each in engine.done if each.path.endswith("/update")]
        if len(joined) == 2 and engine.swarm is not None:
            engine.interfere = None
            web = next(each for each in engine.swarm.services.values() if each["Spec"]["Name"] == "web")
            engine.do(Call("POST", f"/services/{web['ID']}/update", {"version": web["Version"]["Index"]}, on_the_old_one(web["Spec"])))

    def on_the_old_one(spec: dict[str, Any]) -> dict[str, Any]:
        return {**spec, "TaskTemplate": {**spec["TaskTemplate"], "Networks": [{"Target": old}]}}

    engine.interfere = roll_back
    result = run_module("networks", engine, {"networks": [WANTED]})
    assert not result["failed"], result
    bodies = updates(engine, "web")
    assert all(body["TaskTemplate"]["Networks"] for body in bodies), "it is on no network at all"
    assert services(engine) == before


def test_a_network_of_the_managers_own_that_is_called_the_same_is_not_meant(run_module: Runner) -> None:
    engine = furnished()
    before = services(engine)
    namesake = {**copy.deepcopy(network(engine)), "Id": "f" * 64, "Scope": "local", "Driver": "bridge", "Options": {}}
    listed = engine.get

    def get(path: str, query: Any = None) -> Any:
        return [*listed(path, query), namesake] if path == "/networks" else listed(path, query)

    engine.get = get  # type: ignore[method-assign]
    result = run_module("networks", engine, {"networks": [WANTED]})
    assert not result["failed"], result
    engine.get = listed  # type: ignore[method-assign]
    assert services(engine) == before


def test_nobody_joins_a_parallel_network_that_has_no_subnet_yet(run_module: Runner) -> None:
    engine = furnished()
    cut_off(run_module, engine, 1)
    assert engine.swarm is not None
    beside = next(each for each in engine.swarm.networks.values() if each["Name"] == PARALLEL)
    beside["IPAM"]["Config"] = []
    told = run_module("networks", engine, {"networks": [WANTED], "wait_timeout": 5})
    assert told["msg"] == f"not true after 5 s: wait until the swarm has given network {PARALLEL} its subnet", told
    assert not engine.done, "no service is touched"


def test_a_replacement_that_nobody_asks_to_be_ended_is_told(run_module: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = furnished()
    cut_off(run_module, engine, 4)
    warnings: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: warnings.append(text))
    result = run_module("networks", engine, {"networks": [{"name": "other"}]})
    assert result["changed"] is False
    assert warnings == [
        "network 0-parallel-to-back: the replacement of network back was cut off, and back is not in the list; "
        "write it with replace: rolling, which brings its services back and removes 0-parallel-to-back"
    ]


def test_a_network_called_none_is_no_replacement(run_module: Runner) -> None:
    """A network without our label is nobody's parallel network, whatever the name."""
    engine = furnished()
    engine.do(Call("POST", "/networks/create", body={"Name": "None", "Driver": "overlay"}))
    running(engine)
    result = run_module("networks", engine, {"networks": [{"name": "None", "replace": "rolling"}]}, check=True)
    assert (result["changed"], result["failed"]) == (False, False), result


@pytest.mark.parametrize("calls", [4, 6, 7])
def test_services_leaves_the_networks_of_those_on_the_way_alone(calls: int, run_module: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """While both are on both networks, when both have left the old one, and when that is gone; a new image may be what is needed."""
    engine = furnished()
    before = services(engine)
    cut_off(run_module, engine, calls)
    between = services(engine)["shop_api"]
    warnings: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: warnings.append(text))
    written = {
        "name": "shop_api",
        "stack": "shop",
        "image": "api:2",
        "networks": [{"name": "back", "aliases": ["api"]}, {"name": "other", "aliases": ["api"]}],
        "update_config": {"order": "stop-first"},
    }
    result = run_module("services", engine, {"services": [written]})
    assert (result["failed"], result["changed"]) == (False, True), result
    after = services(engine)["shop_api"]
    assert after["TaskTemplate"]["ContainerSpec"]["Image"] == "api:2"
    assert (after["TaskTemplate"]["Networks"], after["UpdateConfig"]) == (between["TaskTemplate"]["Networks"], between["UpdateConfig"])
    told = [each for each in warnings if "cut off" in each]
    assert told == [
        "services[0] (shop_api): networks, update_config stay as they are, since a replacement of network back was cut off; run the module "
        "networks (site.yml with the tag networks), which ends it, and then this again"
    ]
    assert not run_module("networks", engine, {"networks": [WANTED]})["failed"]
    assert services(engine)["shop_api"]["TaskTemplate"]["Networks"] == before["shop_api"]["TaskTemplate"]["Networks"]
