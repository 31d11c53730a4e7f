# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The swarm and its nodes: what init gives, versions, and that an update of one setting keeps all others."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import OutOfSequence
from ansible_collections.meshwork.swarm.plugins.module_utils._model.node import NODE
from ansible_collections.meshwork.swarm.plugins.module_utils._model.swarm import SWARM, read_swarm
from fakes.authority import issuer, root
from fakes.module import Runner

from .subjects import Subject

FULL: dict[str, Any] = {
    "labels": {"team": "infra", "tier": 1},
    "task_history_retention_limit": 3,
    "snapshot_interval": 9000,
    "keep_old_snapshots": 1,
    "log_entries_for_slow_followers": 400,
    "heartbeat_tick": 2,
    "election_tick": 20,
    "dispatcher_heartbeat_period": "7s",
    "node_cert_expiry": "2000h",
    "external_cas": [{"url": "https://ca.lab:8888/sign", "options": {"profile": "node"}, "ca_cert": root("elsewhere")[0]}],
    "signing_ca_cert": root("one")[0],
    "autolock_managers": False,
}
OTHER: dict[str, Any] = {
    "labels": {"team": "web"},
    "task_history_retention_limit": 4,
    "snapshot_interval": 8000,
    "keep_old_snapshots": 2,
    "log_entries_for_slow_followers": 300,
    "heartbeat_tick": 1,
    "election_tick": 30,
    "dispatcher_heartbeat_period": "6s",
    "node_cert_expiry": "1000h",
    "external_cas": [],
    "signing_ca_cert": root("other")[0],
    "autolock_managers": True,
}
KEYS = dict((root("one"), root("other")))


def asked(options: dict[str, Any]) -> dict[str, Any]:
    """The options, with its key where a root is among them."""
    root_wanted = options.get("signing_ca_cert")
    return {**options, "signing_ca_key": KEYS[root_wanted]} if root_wanted else options


@pytest.fixture(scope="module")
def chosen(subject: Subject) -> Subject:
    """A swarm of which everything was chosen that can be chosen only now."""
    subject.init(DefaultAddrPool=["10.50.0.0/16"], SubnetSize=25, DataPathPort=4800)
    return subject


def test_a_member_cannot_be_made_one_again(chosen: Subject) -> None:
    refusal = chosen.refused(chosen.init)
    assert (refusal.status, refusal.message[:41]) == (503, "This node is already part of a swarm. Use")


def test_info_tells_of_the_membership(chosen: Subject) -> None:
    swarm = chosen.get("/info")["Swarm"]
    node = chosen.get("/nodes")[0]
    assert (swarm["LocalNodeState"], swarm["ControlAvailable"], swarm["NodeAddr"]) == ("active", True, chosen.address)
    assert swarm["NodeID"] == node["ID"]
    assert swarm["RemoteManagers"] == [{"NodeID": node["ID"], "Addr": f"{chosen.address}:2377"}]
    assert swarm["Cluster"]["ID"] == chosen.get("/swarm")["ID"]
    assert "JoinTokens" not in swarm["Cluster"]


def test_the_swarm_is_as_it_was_made(chosen: Subject) -> None:
    swarm = chosen.get("/swarm")
    assert (swarm["DefaultAddrPool"], swarm["SubnetSize"], swarm["DataPathPort"]) == (["10.50.0.0/16"], 25, 4800)
    assert set(swarm["JoinTokens"]) == {"Worker", "Manager"}
    unset = {row.option: row.absent for row in SWARM if row.mutable and row.option != "signing_ca_cert"}
    found = read_swarm(swarm).values
    assert {option: found[option] for option in unset} == unset


def test_the_node_is_reachable_and_leads(chosen: Subject) -> None:
    node = chosen.get("/nodes")[0]
    assert node["ManagerStatus"] == {"Leader": True, "Reachability": "reachable", "Addr": f"{chosen.address}:2377"}
    assert (node["Spec"]["Role"], node["Spec"]["Availability"], node["Status"]["Addr"]) == ("manager", "active", chosen.address)


def test_updates_name_the_newest_version(chosen: Subject) -> None:
    swarm, node = chosen.get("/swarm"), chosen.get("/nodes")[0]
    for path, document in (("/swarm/update", swarm), (f"/nodes/{node['ID']}/update", node)):
        version = document["Version"]["Index"]
        refusal = chosen.refused(
            lambda path=path, document=document, version=version: chosen.post(path, document["Spec"], version=version - 1)
        )
        assert isinstance(refusal, OutOfSequence)
        assert refusal.message.endswith("update out of sequence")
        chosen.post(path, document["Spec"], version=version)
        refusal = chosen.refused(lambda path=path, document=document, version=version: chosen.post(path, document["Spec"], version=version))
        assert isinstance(refusal, OutOfSequence), "the version has moved"


def test_the_last_manager_stays_one(chosen: Subject) -> None:
    node = chosen.get("/nodes")[0]
    demoted = {**node["Spec"], "Role": "worker"}
    refusal = chosen.refused(lambda: chosen.post(f"/nodes/{node['ID']}/update", demoted, version=node["Version"]["Index"]))
    assert (refusal.status, refusal.message.endswith("attempting to demote the last manager of the swarm")) == (400, True)
    refusal = chosen.refused(lambda: chosen.post("/swarm/leave"))
    assert (refusal.status, "participating as a manager" in refusal.message) == (503, True)


def test_a_node_that_is_not_there(chosen: Subject) -> None:
    refusal = chosen.refused(lambda: chosen.post("/nodes/nonesuch/update", {"Role": "worker", "Availability": "active"}, version=1))
    assert (refusal.status, refusal.message) == (404, "node nonesuch not found")


def test_changing_one_setting_of_the_swarm_keeps_all_others(chosen: Subject, run_module: Runner) -> None:
    assert set(FULL) == {row.option for row in SWARM if row.mutable} == set(OTHER)
    assert not run_module("cluster", chosen.engine, asked(FULL))["failed"]
    expected = read_swarm(chosen.get("/swarm")).values
    for option, value in OTHER.items():
        result = run_module("cluster", chosen.engine, asked({option: value}))
        assert (result["failed"], result["changed"]) == (False, True), result
        found = read_swarm(chosen.get("/swarm")).values
        assert {name for name in found if found[name] != expected[name]} == {option}
        expected = found
    again = run_module(
        "cluster", chosen.engine, {**OTHER, "data_path_port": 4800, "default_addr_pool": ["10.50.0.0/16"], "subnet_size": 25}
    )
    assert (again["failed"], again["changed"]) == (False, False)
    run_module("cluster", chosen.engine, {"autolock_managers": False})


def test_the_spec_of_a_swarm_comes_back_without_its_root_and_without_a_log_driver(chosen: Subject) -> None:
    """Why there is no option for a default log driver, and why the root is compared with TLSInfo."""
    certificate, key = root("one")
    swarm = chosen.get("/swarm")
    spec = {
        **swarm["Spec"],
        "TaskDefaults": {"LogDriver": {"Name": "json-file", "Options": {"max-size": "1m"}}},
        "CAConfig": {**swarm["Spec"]["CAConfig"], "SigningCACert": certificate, "SigningCAKey": key},
    }
    tokens = swarm["JoinTokens"]
    chosen.post("/swarm/update", spec, version=swarm["Version"]["Index"])
    begun = chosen.get("/swarm")
    assert begun["Spec"] == swarm["Spec"]
    assert {part: begun["TLSInfo"][part] for part in issuer(certificate)} == issuer(certificate)
    swarm = chosen.until(lambda: chosen.get("/swarm"), lambda seen: not seen["RootRotationInProgress"])
    assert swarm["TLSInfo"]["TrustRoot"] == certificate
    assert not set(swarm["JoinTokens"].values()) & set(tokens.values()), "the tokens name the root"
    chosen.until(
        lambda: chosen.get("/nodes")[0]["Description"]["TLSInfo"], lambda seen: seen == {"TrustRoot": certificate, **issuer(certificate)}
    )


ROOTS = [
    (
        {"SigningCACert": root("one")[0]},
        "there must be at least one valid, reachable external CA corresponding to the desired CA certificate",
    ),
    ({"SigningCAKey": root("one")[1]}, "if a signing CA key is provided, the signing CA cert must also be provided"),
    ({"SigningCACert": root("one")[0], "SigningCAKey": root("other")[1]}, "certificate key mismatch"),
    (dict(zip(("SigningCACert", "SigningCAKey"), root("short", 0), strict=True)), "CA certificate expires too soon"),
]


@pytest.mark.parametrize(("signing", "message"), ROOTS)
def test_roots_that_nobody_could_sign_with_are_refused(chosen: Subject, signing: dict[str, str], message: str) -> None:
    swarm = chosen.get("/swarm")
    spec = {**swarm["Spec"], "CAConfig": {**swarm["Spec"]["CAConfig"], **signing}}
    refusal = chosen.refused(lambda: chosen.post("/swarm/update", spec, version=swarm["Version"]["Index"]))
    assert (refusal.status, refusal.message) == (400, f"rpc error: code = InvalidArgument desc = {message}")


def test_a_root_made_anew_is_in_place_when_the_module_ends(chosen: Subject, run_module: Runner) -> None:
    before = chosen.get("/swarm")
    result = run_module("cluster", chosen.engine, {"rotate": ["ca"]})
    assert (result["failed"], result["changed"]) == (False, True), result
    after = chosen.get("/swarm")
    assert (after["RootRotationInProgress"], after["TLSInfo"] != before["TLSInfo"]) == (False, True)
    assert chosen.get("/nodes")[0]["Description"]["TLSInfo"] == after["TLSInfo"]
    assert read_swarm(after).values == {**read_swarm(before).values, "signing_ca_cert": after["TLSInfo"]["TrustRoot"]}


def test_changing_one_option_of_a_node_keeps_all_others(chosen: Subject, run_module: Runner) -> None:
    own = chosen.get("/nodes")[0]["ID"]
    run_module(
        "nodes", chosen.engine, {"nodes": [{"id": own, "labels": {"zone": "a", "disk": "ssd"}, "availability": "drain", "role": "manager"}]}
    )
    for option, value in {"labels": {"zone": "b"}, "availability": "active", "role": "manager"}.items():
        before = chosen.get("/nodes")[0]["Spec"]
        result = run_module("nodes", chosen.engine, {"nodes": [{"id": own, option: value}]})
        after = chosen.get("/nodes")[0]["Spec"]
        key = next(row.keys[-1] for row in NODE if row.option == option)
        assert not result["failed"]
        assert {name: content for name, content in after.items() if name != key} == {
            name: content for name, content in before.items() if name != key
        }
    assert chosen.get("/nodes")[0]["Spec"]["Labels"] == {"zone": "b", "disk": "ssd"}


def test_pools_without_a_size_stop_the_allocator_for_good(subject: Subject) -> None:
    """Why the cluster module always sends a size."""
    subject.reset()
    subject.init(DefaultAddrPool=["10.50.0.0/16"], SubnetSize=None)
    subject.post("/networks/create", {"Name": "contract-none", "Driver": "overlay", "CheckDuplicate": True})
    subject.stays(lambda: subject.network("contract-none"), lambda network: not network["IPAM"]["Config"])
    assert not any(each["Ingress"] and each["IPAM"]["Config"] for each in subject.get("/networks"))
