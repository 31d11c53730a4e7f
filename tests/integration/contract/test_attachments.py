# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Standalone containers on attachable networks: what the Engine says, and every option of a place six times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import attached
from ansible_collections.meshwork.swarm.plugins.module_utils._model.attachment import ATTACHMENT
from fakes import containers
from fakes.module import Runner

from .subjects import IMAGE, Fake, Real, Subject
from .test_networks import request
from .test_sextet import sextet

NAME = "contract-db"
OTHER = "contract-cache"
VALUES: dict[str, tuple[Any, Any]] = {
    "aliases": (["db", "sql"], ["db"]),
    "ipv4_address": ("10.71.0.77", "10.71.0.78"),
}


@pytest.fixture(scope="module")
def network(swarm: Subject) -> Iterator[str]:
    """An attachable network, one that is not, and two containers on neither."""
    swarm.post("/networks/create", request("contract-open", "10.71.0.0/24", Attachable=True))
    swarm.post("/networks/create", request("contract-closed", "10.72.0.0/24"))
    for name in ("contract-open", "contract-closed"):
        swarm.until(lambda name=name: swarm.network(name), lambda found: found["IPAM"]["Config"])
    for name in (NAME, OTHER):
        if isinstance(swarm, Real):
            swarm.on_node(f"docker rm --force {name} >/dev/null 2>&1; docker run --detach --name {name} {IMAGE}")
        else:
            assert isinstance(swarm, Fake)
            containers.add(swarm.engine, name)
    yield "contract-open"
    if isinstance(swarm, Real):
        swarm.on_node(f"docker rm --force {NAME} {OTHER}")


def identity(swarm: Subject, name: str) -> str:
    listed = swarm.get("/containers/json", all="true")
    return next(str(each["Id"]) for each in listed if attached.name_of(each) == name)


def place(swarm: Subject, network: str, name: str = NAME) -> Any:
    """What was asked for of a place; which address the swarm chose is its own business."""
    found = swarm.get(f"/containers/{identity(swarm, name)}/json")["NetworkSettings"]["Networks"].get(network)
    return found and (found["IPAMConfig"], sorted(found["Aliases"]))


def test_only_attachable_networks_take_containers(swarm: Subject, network: str) -> None:
    for name in ("contract-closed", "ingress"):
        body = {"Container": identity(swarm, NAME)}
        refusal = swarm.refused(lambda name=name, body=body: swarm.post(f"/networks/{name}/connect", body))
        assert (refusal.status, refusal.message.endswith(f"network {name} not manually attachable")) == (500, True)
    refusal = swarm.refused(lambda: swarm.post("/networks/contract-none/connect", {"Container": identity(swarm, NAME)}))
    assert (refusal.status, refusal.message.endswith("network contract-none not found")) == (500, True)


@pytest.mark.parametrize("option", sorted(VALUES))
def test_C5_each_option_of_a_place(option: str, swarm: Subject, network: str, run_module: Runner) -> None:
    def run(value: Any, check: bool) -> Mapping[str, Any]:
        entry = {"container": NAME, "network": network, option: value}
        return run_module("attachments", swarm.engine, {"attachments": [entry]}, check)

    sextet(run, lambda: place(swarm, network), *VALUES[option])


def test_C5_every_option_has_its_sextet() -> None:
    assert set(VALUES) == {row.option for row in ATTACHMENT}


def test_a_manager_lists_the_containers_only_when_it_is_asked_for_them(swarm: Subject, network: str) -> None:
    known = {each["container_id"]: each["address"] for each in attached.show_attachments(swarm.engine)}
    assert known[identity(swarm, NAME)] == "10.71.0.78"
    assert not [task for task in swarm.get("/tasks") if "NetworkAttachmentSpec" in task["Spec"]]


def test_an_address_is_given_once_and_that_is_told_before_the_engine_waits(swarm: Subject, network: str, run_module: Runner) -> None:
    entry = {"container": OTHER, "network": network, "ipv4_address": "10.71.0.78"}
    result = run_module("attachments", swarm.engine, {"attachments": [entry]})
    assert result["failed"] and "has been given to the container" in result["msg"]
    assert result["steps"] == []


def test_C1_a_network_with_a_container_on_it_stays_and_the_container_is_named(swarm: Subject, network: str, run_module: Runner) -> None:
    result = run_module("networks", swarm.engine, {"networks": [{"name": network, "state": "absent"}]})
    assert result["failed"] and f"network {network}: it is used by container {NAME};" in result["msg"], result
    refusal = swarm.refused(lambda: swarm.delete(f"/networks/{network}"))
    assert (refusal.status, "is in use by task" in refusal.message) == (400, True)


def test_C5_a_container_leaves(swarm: Subject, network: str, run_module: Runner) -> None:
    wanted = {"attachments": [{"container": NAME, "network": network, "state": "absent"}]}
    first = run_module("attachments", swarm.engine, wanted)
    assert (first["failed"], [step["action"] for step in first["steps"]]) == (False, ["disconnect"]), first
    assert not run_module("attachments", swarm.engine, wanted)["changed"]
    assert place(swarm, network) is None


def test_an_attempt_that_was_given_up_leaves_nothing_behind(swarm: Subject, network: str, run_module: Runner) -> None:
    """The next connection counts on the host only: its address would be given to others."""
    swarm.post(f"/networks/{network}/connect", {"Container": identity(swarm, OTHER)})
    held = {each["container_id"]: each["address"] for each in attached.show_attachments(swarm.engine)}[identity(swarm, OTHER)]
    shown = swarm.get(f"/containers/{identity(swarm, OTHER)}/json")["NetworkSettings"]["Networks"][network]
    assert shown["IPAMConfig"] == {"IPv4Address": held}, "it stands where an address stands that was asked for"
    body = {"Container": identity(swarm, NAME), "EndpointConfig": {"IPAMConfig": {"IPv4Address": held}}}
    refusal = swarm.refused(lambda: swarm.post(f"/networks/{network}/connect", body))
    assert refusal.message == containers.TIMED_OUT
    entry = {"container": NAME, "network": network, "aliases": ["db"]}
    for _run in range(2):
        assert not run_module("attachments", swarm.engine, {"attachments": [entry]})["failed"]

    def both() -> set[str]:
        return {each["container_id"] for each in attached.show_attachments(swarm.engine)}

    swarm.stays(both, lambda seen: seen == {identity(swarm, NAME), identity(swarm, OTHER)}, 8)
