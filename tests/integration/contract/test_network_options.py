# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of a network, six times: check, apply, again, again in check mode, another in check mode, another.

No network can be changed, so that the last two are refusals that touch nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.network import NETWORK
from fakes.module import Runner

from .subjects import Fake, Subject

Result = Mapping[str, Any]
NAME = "contract-option"
CONFIG = "contract-config"
OVERLAY = {"subnets": [{"subnet": "10.61.1.0/24"}, {"subnet": "10.61.2.0/24"}]}
IPV6 = [{"subnet": "10.61.3.0/24"}, {"subnet": "fd00:61::/64"}]
MACVLAN = {"driver": "macvlan", "subnets": [{"subnet": "10.61.5.0/24"}]}
AUX = {"subnet": "10.61.4.0/24", "gateway": "10.61.4.1", "ip_range": "10.61.4.64/26", "aux_addresses": {"router": "10.61.4.70"}}


# What the network has beside, the first value, others that differ from it, and others that mean the same.
SWARM: dict[str, tuple[dict[str, Any], Any, list[Any], list[Any]]] = {
    "driver": ({}, "overlay", ["macvlan"], []),
    "config_from": ({"driver": "macvlan"}, CONFIG, ["another"], []),
    "subnets": (
        {},
        [{"subnet": "10.61.1.0/24", "gateway": "10.61.1.9", "ip_range": "10.61.1.0/25"}, {"subnet": "10.61.2.0/24"}],
        [
            [{"subnet": "10.61.1.0/24"}],
            [{"subnet": "10.61.1.0/24"}, {"subnet": "10.61.2.0/24"}, {"subnet": "10.61.3.0/24"}],
            [{"subnet": "10.61.1.0/24", "gateway": "10.61.1.8"}, {"subnet": "10.61.2.0/24"}],
            [{"subnet": "10.61.1.0/24", "ip_range": "10.61.1.0/26"}, {"subnet": "10.61.2.0/24"}],
        ],
        [[{"subnet": "10.61.2.0/24", "gateway": "10.61.2.1"}, {"subnet": "10.61.1.0/24"}]],
    ),
    "ipam_driver": ({}, "default", ["another"], []),
    "ipam_opts": ({}, {"a": "b", "c": 1}, [{"a": "b"}, {"a": "b", "c": 2}, {}], [{"c": "1", "a": "b"}]),
    "enable_ipv6": ({"subnets": IPV6}, True, [], []),
    "attachable": (OVERLAY, True, [False], []),
    "internal": (OVERLAY, True, [False], []),
    "encrypted": (OVERLAY, True, [False], []),
    "mtu": (OVERLAY, 1400, [1450], []),
    "vnis": (OVERLAY, [7001, 7002], [[7002, 7001], [7001, 7003]], []),
    "driver_opts": (OVERLAY, {"com.example.a": "b", "com.example.c": 1}, [{"com.example.a": "b"}, {}], []),
    "labels": (
        OVERLAY,
        {"tier": 1, "team": "blue"},
        [{"tier": 1}, {}, {"tier": 1, "team": "blue", "more": ""}],
        [{"team": "blue", "tier": "1"}],
    ),
}
LOCAL: dict[str, tuple[dict[str, Any], Any, list[Any], list[Any]]] = {
    "driver": ({"subnets": [{"subnet": "10.61.6.0/24"}]}, "bridge", ["macvlan"], []),
    "config_only": ({"subnets": [AUX]}, True, [False], []),
    "config_from": ({"driver": "macvlan"}, CONFIG, ["another"], []),
    "subnets": (
        {"driver": "macvlan"},
        [AUX],
        [
            [{**AUX, "aux_addresses": {}}],
            [{**AUX, "aux_addresses": {"router": "10.61.4.71"}}],
            [{**AUX, "gateway": "10.61.4.2"}],
            [AUX, {"subnet": "10.61.8.0/24"}],
        ],
        [[{"subnet": "10.61.4.0/24"}]],
    ),
    "ipam_opts": ({"subnets": [{"subnet": "10.61.6.0/24"}]}, {"a": "b"}, [{}], []),
    "enable_ipv6": ({"subnets": IPV6}, True, [], []),
    "attachable": ({}, True, [False], []),
    "internal": ({}, True, [False], []),
    "mtu": ({}, 1400, [1500], []),
    "driver_opts": ({}, {"com.docker.network.bridge.enable_icc": "false"}, [{}], []),
    "labels": (MACVLAN, {"tier": 1}, [{}, {"tier": 2}], []),
}
OPTIONS = {"swarm": SWARM, "local": LOCAL}


@pytest.fixture(scope="module", autouse=True)
def config(swarm: Subject) -> Iterator[None]:
    """A config-only network on the host."""
    body = {"Name": CONFIG, "ConfigOnly": True, "IPAM": {"Config": [{"Subnet": "10.61.7.0/24", "IPRange": "10.61.7.64/27"}]}}
    swarm.post("/networks/create", body)
    yield
    swarm.delete(f"/networks/{CONFIG}")


def networks_of(scope: str) -> dict[str, tuple[dict[str, Any], Any, list[Any], list[Any]]]:
    """A network an option, each with subnets of its own."""
    begin = 100 if scope == "swarm" else 150
    return {
        option: json.loads(json.dumps(case).replace("10.61.", f"10.{begin + number}.").replace("fd00:61", f"fd00:{begin + number}"))
        for number, (option, case) in enumerate(OPTIONS[scope].items())
    }


@pytest.mark.parametrize("scope", OPTIONS)
def test_C1_each_option_of_a_network(scope: str, swarm: Subject, run_module: Runner) -> None:
    cases = networks_of(scope)
    names = {option: f"{NAME}-{option.replace('_', '-')}-{scope}" for option in cases}
    first = {option: case[1] for option, case in cases.items()}

    def run(values: Mapping[str, Any], check: bool) -> Result:
        wanted = [{"name": names[option], **cases[option][0], option: value} for option, value in values.items()]
        return run_module("networks", swarm.engine, {"scope": scope, "networks": wanted}, check)

    def found() -> Any:
        return sorted((each for each in swarm.get("/networks") if each["Name"].startswith(NAME)), key=lambda each: str(each["Id"]))

    told = run(first, True)
    assert (told["failed"], told["changed"], found()) == (False, True, []), told
    made = run(first, False)
    assert (made["failed"], made["changed"], made["steps"]) == (False, True, told["steps"]), made
    there = found()
    assert sorted(each["Name"] for each in there) == sorted(names.values())
    try:
        for number in range(3):
            meaning = {option: [first[option], *case[3]] for option, case in cases.items()}
            for check in (False, True) if number < 2 else ():
                again = run({option: values[min(number, len(values) - 1)] for option, values in meaning.items()}, check)
                assert (again["failed"], again["changed"], again["diff"]) == (False, False, []), again
            others = {option: case[2][number] for option, case in cases.items() if number < len(case[2])}
            for check in (True, False):
                refused = run(others, check)
                assert (refused["failed"], refused["changed"]) == (True, False), refused
                lines = refused["msg"].splitlines()
                assert len(lines) == len(others), refused["msg"]
                for option, line in zip(others, lines, strict=True):
                    assert f"({names[option]})" in line and f"{option}: wanted " in line, line
        assert found() == there, "a refusal touches nothing"
    finally:
        for network in there:
            swarm.delete(f"/networks/{network['Id']}")


def test_C1_every_option_has_its_sextet(swarm: Subject) -> None:
    # scope is the module's own option; an Engine that has enable_ipv4 is not in the lab
    assert set(SWARM) | set(LOCAL) | {"scope", "enable_ipv4"} == {row.option for row in NETWORK}
    assert isinstance(swarm, Fake) or swarm.engine.api < (1, 48)
