# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Golden cases of what is found when all hosts of a play are compared.

A case is a file under states/: `hosts` are changes to three healthy hosts (node1 is the live manager), `nodes` changes to the swarm's list,
and `blockers`, `warnings` and `unlock` are what comes of them, word for word. `--write-plans` writes these three anew.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.meshwork.swarm.plugins.filter.swarm_states import swarm_states
from ansible_collections.meshwork.swarm.plugins.module_utils._model.certificate import Certificate, read_certificate
from ansible_collections.meshwork.swarm.plugins.module_utils._model.membership import read_membership, show_membership

from .test_cases import dump

STATES = Path(__file__).parent / "states"
CASES = sorted(STATES.glob("*.yml"))
NOON = 1795176000.0
DAY = 86400.0
TOLD = ("blockers", "warnings", "unlock")


def healthy(number: int) -> dict[str, Any]:
    """node1, the manager, or one of the workers node2 and node3, as the role cluster gives it to the filter."""
    name, address = f"node{number}", f"10.97.0.1{number}"
    role = "manager" if number == 1 else "worker"
    return {
        "name": name,
        "advertise_addr": address,
        "manager": role == "manager",
        "info": {
            "interfaces": {"lo": ["127.0.0.1"], "eth0": [address, "fe80::1"], "eth1": [f"10.97.1.1{number}"], "docker0": ["172.17.0.1"]},
            "membership": {
                "state": "active",
                "role": role,
                "node_id": f"id{number}",
                "node_addr": address,
                "listen_addr": "0.0.0.0:2377",
                "data_path_addr": address,
                "cluster_id": "swarm1" if role == "manager" else "",
                "live_manager": role == "manager",
                "error": "",
                "hostname": name,
                "engine_version": "20.10.24",
                "managers": ["10.97.0.11:2377"],
            },
            "host": {
                "clock": NOON,
                "clock_offset": 0.5,
                "address_here": True,
                "address_interface": "eth0",
                "manager_addr": f"{address}:2377" if role == "manager" else "",
                "manager_addr_here": True if role == "manager" else None,
                "certificate": {
                    "node_id": f"id{number}",
                    "role": role,
                    "swarm_id": "swarm1",
                    "not_before": NOON - DAY,
                    "not_after": NOON + 89 * DAY,
                },
            },
        },
    }


def listed(number: int) -> dict[str, Any]:
    """The same host's entry in the swarm's list of nodes."""
    return {
        "id": f"id{number}",
        "hostname": f"node{number}",
        "role": "manager" if number == 1 else "worker",
        "address": f"10.97.0.1{number}",
        "state": "ready",
    }


def changed(whole: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A document with changes in it, at any depth; a path such as info/host/clock reaches far."""
    for path, value in changes.items():
        *above, last = path.split("/")
        place = whole
        for key in above:
            place = place[key]
        place[last] = value
    return whole


def compared(case: dict[str, Any]) -> dict[str, Any]:
    """What the filter says of a case."""
    hosts = [changed(healthy(number), (case.get("hosts") or {}).get(f"node{number}", {})) for number in (1, 2, 3)]
    nodes = [changed(listed(number), (case.get("nodes") or {}).get(f"node{number}", {})) for number in (1, 2, 3)]
    nodes = [node for node in nodes if node["id"]] + list(case.get("more_nodes") or ())
    manager = str(case.get("manager", "node1"))
    if manager:
        next(host for host in hosts if host["name"] == manager)["info"]["nodes"] = nodes
    told = swarm_states(hosts, manager, case.get("ignored") or (), bool(case.get("unlock_key")))
    return {key: json.loads(json.dumps(told[key])) for key in TOLD if told[key]}


@pytest.mark.parametrize("file", CASES, ids=[file.stem for file in CASES])
def test_compared(file: Path, request: pytest.FixtureRequest) -> None:
    case = yaml.safe_load(file.read_text())
    found = compared(copy.deepcopy(case))
    given = {key: value for key, value in case.items() if key not in TOLD}
    if request.config.getoption("--write-plans"):
        file.write_text(dump({**given, **found}))
    expected = {key: value for key, value in yaml.safe_load(file.read_text()).items() if key in TOLD}
    assert found == expected


def test_every_state_has_a_case() -> None:
    assert {file.stem for file in CASES} >= {
        "healthy",
        "in_another_swarm",
        "removed",
        "cloned_identity",
        "half_joined",
        "locked",
        "certificate_expired",
        "failed",
        "clock_skewed",
        "down_duplicate",
        "quorum_lost",
        "cut_off",
        "address_differs",
        "address_unreachable",
        "address_gone",
    }


def test_a_state_that_cannot_be_ignored_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="cloned_identity cannot be ignored; only clock_skewed, "):
        swarm_states([], "", ["cloned_identity"])


def test_what_is_no_answer_of_cluster_info_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="this is not what cluster_info returns: KeyError"):
        swarm_states([{"name": "node1", "info": {}, "advertise_addr": "", "manager": True}], "")


PEM = """-----BEGIN CERTIFICATE-----
MIICNTCCAdugAwIBAgIULu4Rw5YDYpEoR1VpQ5SAJYwEglswCgYIKoZIzj0EAwIw
EzERMA8GA1UEAxMIc3dhcm0tY2EwHhcNMjYxMTIwMTM1NjAwWhcNMjcwMjE4MTQ1
NjAwWjBgMSIwIAYDVQQKExl4dmU1aXlwZ3dicjlrMzQ2dnF0eGFlZXNvMRYwFAYD
VQQLEw1zd2FybS1tYW5hZ2VyMSIwIAYDVQQDExl2dnZpdmw0Y2hsanNua3o0dWZs
NnMyMjFsMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVK+FQy5ujLnnoowEfxy4
XIt1kJvqSDHou/OF73npa8g573/cdNjRw2syjDF+QEwU/Hv9ug98MQqy9ZSfVsp3
V6OBvzCBvDAOBgNVHQ8BAf8EBAMCBaAwHQYDVR0lBBYwFAYIKwYBBQUHAwEGCCsG
AQUFBwMCMAwGA1UdEwEB/wQCMAAwHQYDVR0OBBYEFEMppFiSVTysX9oGP2/zDc47
12PAMB8GA1UdIwQYMBaAFM6D3Fml0hIsCm/F2WdPNs5rxO72MD0GA1UdEQQ2MDSC
DXN3YXJtLW1hbmFnZXKCGXZ2dml2bDRjaGxqc25rejR1Zmw2czIyMWyCCHN3YXJt
LWNhMAoGCCqGSM49BAMCA0gAMEUCIHhxc/hRT6taGDkqg4PAzbYr+yH76Jt+fh0O
Uu9xLFrHAiEA/wV1lDxegtty9eLuzhiYkZieROKgHHVYMlQEUrXY3ls=
-----END CERTIFICATE-----
"""


def test_a_certificate_tells_who_a_node_is() -> None:
    assert read_certificate(PEM + PEM) == Certificate(
        node_id="vvvivl4chljsnkz4ufl6s221l",
        role="manager",
        swarm_id="xve5iypgwbr9k346vqtxaeeso",
        not_before=1795182960.0,
        not_after=1802962560.0,
    )


@pytest.mark.parametrize("text", ["", "nonsense", PEM.replace("M", "N"), PEM[: len(PEM) // 2], "-----BEGIN CERTIFICATE-----\nMAA=\n"])
def test_what_is_no_certificate_is_none(text: str) -> None:
    assert read_certificate(text) is None


@pytest.mark.parametrize(
    ("written", "clock"),
    [
        ("2026-11-20T14:48:11.008592589Z", 1795186091.0),
        ("2026-11-20T16:48:11.1+02:00", 1795186091.0),
        ("2026-11-20T11:18:11-03:30", 1795186091.0),
        ("", None),
        ("yesterday", None),
    ],
)
def test_the_clock_is_read_from_what_the_engine_writes(written: str, clock: float | None) -> None:
    assert read_membership({"SystemTime": written}).clock == clock


@pytest.mark.parametrize(
    ("cluster", "port"), [({"ID": "swarm1", "DataPathPort": 4790}, 4790), ({"ID": "swarm1", "DataPathPort": 0}, 4789), (None, 0)]
)
def test_the_data_path_port_is_what_managers_tell_of_the_swarm(cluster: dict[str, Any] | None, port: int) -> None:
    membership = read_membership({"Swarm": {"LocalNodeState": "active", "NodeID": "n1", "Cluster": cluster}})
    assert membership.data_path_port == show_membership(membership)["data_path_port"] == port
