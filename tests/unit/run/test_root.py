# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root of the nodes' certificates in a run: what is awaited, which node is named, and that its key is told nowhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes.authority import root
from fakes.engine import FakeEngine
from fakes.module import Runner

OWN: dict[str, Any] = dict(zip(("signing_ca_cert", "signing_ca_key"), root("own"), strict=True))


@pytest.fixture
def managers(run_module: Runner) -> FakeEngine:
    """A manager whose swarm has two workers, node2 and node3."""
    engine = FakeEngine()
    run_module("cluster", engine, {})
    token = engine.get("/swarm")["JoinTokens"]["Worker"]
    for number in (2, 3):
        host = FakeEngine(f"10.0.0.1{number}", f"node{number}", hosts=engine.hosts)
        run_module("membership", host, {"remote_addrs": ["10.0.0.11:2377"], "join_token": token})
    engine.done.clear()
    return engine


def _down(engine: FakeEngine, name: str, state: str = "down") -> None:
    node = next(node for node in engine.managed().nodes.values() if node["Description"]["Hostname"] == name)
    node["Status"]["State"] = state


@pytest.mark.parametrize("options", [OWN, {"rotate": ["ca"]}])
def test_a_run_ends_when_every_node_has_the_new_root(managers: FakeEngine, run_module: Runner, options: dict[str, Any]) -> None:
    before = managers.get("/swarm")
    result = run_module("cluster", managers, options)
    assert (result["failed"], result["changed"], len(managers.done)) == (False, True, 1), result
    after = managers.get("/swarm")
    assert after["TLSInfo"]["TrustRoot"] != before["TLSInfo"]["TrustRoot"]
    assert {json.dumps(node["Description"]["TLSInfo"]) for node in managers.get("/nodes")} == {json.dumps(after["TLSInfo"])}


@pytest.mark.parametrize("options", [OWN, {"rotate": ["ca"]}])
def test_a_node_that_is_down_is_named_at_the_deadline(managers: FakeEngine, run_module: Runner, options: dict[str, Any]) -> None:
    _down(managers, "node3")
    result = run_module("cluster", managers, {**options, "wait_timeout": 30})
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["msg"] == (
        "not true after 30 s: node3 is down and holds the rotation of the root up: bring it back, or remove it from the swarm"
    )


def test_a_rotation_that_goes_on_is_awaited_but_not_for_nodes_that_are_down(managers: FakeEngine, run_module: Runner) -> None:
    _down(managers, "node3")
    run_module("cluster", managers, {**OWN, "wait_timeout": 1})
    later = run_module("cluster", managers, OWN)
    assert (later["failed"], later["changed"], len(managers.done)) == (False, False, 1)
    assert not run_module("cluster", managers, {"snapshot_interval": 10000})["changed"]
    _down(managers, "node3", "ready")
    assert run_module("cluster", managers, OWN)["changed"] is False
    assert managers.get("/swarm")["TLSInfo"]["TrustRoot"] == OWN["signing_ca_cert"]


def test_what_is_asked_of_other_settings_does_not_wait_for_a_rotation(managers: FakeEngine, run_module: Runner) -> None:
    _down(managers, "node3")
    run_module("cluster", managers, {**OWN, "wait_timeout": 1})
    result = run_module("cluster", managers, {"snapshot_interval": 5000, "rotate": ["worker_token"]})
    assert (result["failed"], result["changed"]) == (False, True)
    assert managers.get("/swarm")["RootRotationInProgress"]


def test_the_key_of_a_root_is_told_nowhere(managers: FakeEngine, run_module: Runner) -> None:
    wrong = root("other")[1]
    results = [
        run_module("cluster", managers, options, check=check) for options in (OWN, {**OWN, "labels": {"a": 1}}) for check in (True, False)
    ]
    results.append(run_module("cluster", managers, {"signing_ca_cert": root("third")[0], "signing_ca_key": wrong}))
    results.append(run_module("cluster", managers, {**OWN, "signing_ca_key": wrong.replace("BEGIN EC", "BEGIN ENCRYPTED")}))
    results.append(run_module("cluster_info", managers, {"gather": ["swarm"]}))
    assert [result["failed"] for result in results] == [False] * 4 + [True, True, False]
    assert "certificate key mismatch" in results[4]["msg"]
    assert managers.done[0].body["CAConfig"]["SigningCAKey"] == OWN["signing_ca_key"]
    told = json.dumps(results) + repr(managers.done)
    assert not [line for key in (OWN["signing_ca_key"], wrong) for line in key.splitlines()[1:-1] if line in told]
