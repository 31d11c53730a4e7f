# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that the swarm chose for containers are told from those that somebody asked for, by the Engine's own file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._engine.attached import as_asked
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Call
from fakes import containers
from fakes.engine import FakeEngine
from fakes.module import Runner

ADDRESS = "10.71.0.9"


def manager() -> FakeEngine:
    """A manager with an attachable network whose addresses are allocated."""
    engine = FakeEngine(on_this_host=True)
    engine.do(Call("POST", "/swarm/init", body={"Spec": {"Name": "default"}, "SubnetSize": 24}))
    body = {"Name": "front", "Driver": "overlay", "Attachable": True, "IPAM": {"Config": [{"Subnet": "10.71.0.0/24"}]}}
    engine.do(Call("POST", "/networks/create", body=body))
    for _read in range(5):
        engine.get("/networks")
    return engine


def restarted(folder: Path, chosen: bool) -> FakeEngine:
    """A host with a container as the Engine shows it once it was started again: with the address that it has, whoever chose it."""
    engine = manager()
    container = containers.add(engine, "db")
    endpoint = {"Aliases": ["sql"], "IPAMConfig": {"IPv4Address": ADDRESS}}
    engine.do(Call("POST", "/networks/front/connect", body={"Container": container["Id"], "EndpointConfig": endpoint}))
    container["ResolvConfPath"] = str(folder / "resolv.conf")

    def note(chosen: bool) -> None:
        noted = {"front": {"IPAMConfig": {"IPv4Address": ADDRESS}, "IPAMOperational": chosen}}
        (folder / "config.v2.json").write_text(json.dumps({"NetworkSettings": {"Networks": noted}}))

    def connected(call: Call) -> None:
        if call.path.endswith("/connect"):
            note("IPAMConfig" not in call.body["EndpointConfig"])

    note(chosen)
    engine.interfere = connected
    engine.done.clear()
    return engine


def asked(engine: FakeEngine) -> Any:
    """The body of the last call that connected the container."""
    return next(call.body["EndpointConfig"] for call in reversed(engine.done) if call.path.endswith("/connect"))


@pytest.mark.parametrize(("chosen", "changed"), [(True, False), (False, True)])
def test_an_address_left_to_the_swarm_is_not_given_up_for_another(chosen: bool, changed: bool, tmp_path: Path, run_module: Runner) -> None:
    engine = restarted(tmp_path, chosen)
    result = run_module("attachments", engine, {"attachments": [{"container": "db", "network": "front", "ipv4_address": ""}]})
    assert (result["failed"], result["changed"]) == (False, changed)


@pytest.mark.parametrize(("chosen", "kept"), [(True, {}), (False, {"IPAMConfig": {"IPv4Address": ADDRESS}})])
def test_with_other_aliases_only_an_address_that_was_asked_for_is_asked_for(
    chosen: bool, kept: dict[str, Any], tmp_path: Path, run_module: Runner
) -> None:
    engine = restarted(tmp_path, chosen)
    result = run_module("attachments", engine, {"attachments": [{"container": "db", "network": "front", "aliases": ["pg"]}]})
    assert (result["failed"], result["changed"]) == (False, True)
    assert asked(engine) == {"Aliases": ["pg"], **kept}


@pytest.mark.parametrize("told", ["", "/nowhere/resolv.conf"])
def test_who_may_not_read_the_file_takes_every_address_as_asked_for(told: str) -> None:
    container = {"ResolvConfPath": told, "NetworkSettings": {"Networks": {"front": {"IPAMConfig": {"IPv4Address": ADDRESS}}}}}
    assert as_asked(container) == container


def two(*addresses: str) -> FakeEngine:
    """A manager with two containers on a network, at these addresses."""
    engine = manager()
    for name, address in zip(("db", "cache"), addresses, strict=True):
        endpoint = {"Aliases": [name], "IPAMConfig": {"IPv4Address": address}}
        container = containers.add(engine, name)
        engine.do(Call("POST", "/networks/front/connect", body={"Container": container["Id"], "EndpointConfig": endpoint}))
    return engine


def test_each_container_that_is_connected_anew_is_away_for_its_own_step_only(run_module: Runner) -> None:
    engine = two("10.71.0.9", "10.71.0.10")
    wanted = [{"container": name, "network": "front", "aliases": [name, "more"]} for name in ("db", "cache")]
    result = run_module("attachments", engine, {"attachments": wanted})
    assert not result["failed"], result
    assert [step["item"] for step in result["steps"]] == ["db on front", "db on front", "cache on front", "cache on front"]
    assert [step["action"] for step in result["steps"]] == ["disconnect", "connect"] * 2


def test_two_containers_exchange_their_addresses_in_one_run(run_module: Runner) -> None:
    engine = two("10.71.0.9", "10.71.0.10")
    addresses = {"db": "10.71.0.10", "cache": "10.71.0.9"}
    wanted = [{"container": name, "network": "front", "ipv4_address": address} for name, address in addresses.items()]
    result = run_module("attachments", engine, {"attachments": wanted})
    assert not result["failed"], result
    assert [step["action"] for step in result["steps"]] == ["disconnect", "disconnect", "connect", "connect"]
    again = run_module("attachments", engine, {"attachments": wanted})
    assert (again["failed"], again["changed"]) == (False, False)
    assert {each["container"]: each["address"] for each in again["attachments"]} == addresses
