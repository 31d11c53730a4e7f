# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of docker_gwbridge: before a host joins, on a member, and what forbids a replacement there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import InvalidOption
from ansible_collections.meshwork.swarm.plugins.module_utils._model.item import OWNER_LABEL
from ansible_collections.meshwork.swarm.plugins.module_utils._model.membership import Membership
from ansible_collections.meshwork.swarm.plugins.module_utils._model.network import read_network
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.gwbridge import (
    DOCKERS,
    Gateway,
    parse_gateway,
    plan_gateway,
    replaceable,
)
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Plan
from hypothesis import given
from hypothesis import strategies as st

MEMBER = Membership(state="active", node_id="n1", control=True, managers=(("n1", "10.0.0.11"),))
SUBNET = {"subnets": [{"subnet": "172.31.240.0/24"}]}


def network(subnet: str = "172.18.0.0/16", **options: str) -> Any:
    """The bridge as the Engine lists it; by default as the Engine makes it."""
    pool = {"Subnet": subnet, "Gateway": subnet.replace(".0/", ".1/").partition("/")[0]}
    document = {"Name": "docker_gwbridge", "Id": "g1", "Driver": "bridge", "Scope": "local", "IPAM": {"Config": [pool]}}
    return read_network({**document, "Options": {**DOCKERS, **options}})


JOINED = Gateway(network(), MEMBER, mesh=True, managers={"n1": True})


def plan(options: dict[str, Any], found: Gateway, drained: bool = False, assumed: bool = False) -> Plan[Gateway]:
    return plan_gateway(parse_gateway(options), found, drained, assumed)


def test_it_is_made_before_a_host_joins_with_what_docker_gives_it() -> None:
    made = plan({**SUBNET, "mtu": 1400}, Gateway(None))
    (step,) = made.steps
    assert step.says == "create bridge network docker_gwbridge 172.31.240.0/24, MTU 1400"
    assert str(step.call) == "POST /networks/create"
    body = {**step.call.body}
    assert body.pop("Options") == {**DOCKERS, "com.docker.network.driver.mtu": "1400"}
    assert body.pop("IPAM") == {"Config": [{"Subnet": "172.31.240.0/24"}]}
    assert body == {"Name": "docker_gwbridge", "CheckDuplicate": True, "Driver": "bridge", "Labels": {}}
    assert OWNER_LABEL not in str(step.call.body), "networks with exclusive=true would remove it"


def test_what_is_not_written_is_not_compared() -> None:
    assert not plan({}, JOINED).steps
    assert not plan({"subnets": [{"subnet": "172.18.0.0/16"}]}, JOINED).steps
    assert not plan({"mtu": 1500}, JOINED).steps, "the driver's default"
    assert not plan({"driver_opts": {}}, JOINED).steps, "what Docker gives it is always among them"


def test_outside_a_swarm_it_is_replaced_without_a_restart() -> None:
    assert [step.action for step in plan(SUBNET, Gateway(network())).steps] == ["remove", "create"]
    (blocker,) = plan(SUBNET, Gateway(network(), endpoints=("db",))).blockers
    assert blocker.reason.endswith("and db are connected to it")


def test_what_is_not_written_stays_when_it_is_made_anew() -> None:
    old = network("172.31.240.0/24", **{"com.docker.network.driver.mtu": "1400", "com.docker.network.bridge.enable_icc": "true"})
    made = plan({"labels": {"a": "b"}}, Gateway(old))
    body = made.steps[-1].call.body
    assert body["IPAM"] == {"Config": [{"Subnet": "172.31.240.0/24", "Gateway": "172.31.240.1"}]}
    assert body["Options"] == {**DOCKERS, "com.docker.network.driver.mtu": "1400", "com.docker.network.bridge.enable_icc": "true"}
    assert body["Labels"] == {"a": "b"}
    default = plan({"labels": {"a": "b"}}, Gateway(network())).steps[-1].call.body
    assert default["Options"] == DOCKERS, "what is Docker's default is not written down"


def test_on_a_member_it_is_refused_without_leave() -> None:
    refused = plan(SUBNET, JOINED)
    (blocker,) = refused.blockers
    assert "subnets: wanted [{'subnet': '172.31.240.0/24'}], found [{'subnet': '172.18.0.0/16', 'gateway': '172.18.0.1'}]" in blocker.reason
    assert "replace=drained" in blocker.remedy
    assert replaceable(parse_gateway(SUBNET), JOINED)


def test_on_a_drained_member_it_is_replaced_and_docker_restarted() -> None:
    made = plan(SUBNET, JOINED, drained=True)
    assert not made.blockers
    assert [(step.action, str(step.call)) for step in made.steps] == [
        ("begin", "write down that Docker has to be restarted"),
        ("disconnect", "POST /networks/g1/disconnect"),
        ("remove", "DELETE /networks/g1"),
        ("create", "POST /networks/create"),
        ("restart", "systemctl restart docker.service"),
    ]
    assert made.steps[1].call.body == {"Container": "gateway_ingress-sbox", "Force": True}
    assert made.steps[1].costs and made.steps[4].costs == "the swarm has no manager until it is back"


def test_a_replacement_that_was_cut_off_is_completed() -> None:
    removed = replace(JOINED, network=None, mesh=False, unfinished=True)
    assert [step.action for step in plan(SUBNET, removed, drained=True).steps] == ["create", "restart"]
    made = replace(removed, network=network("172.31.240.0/24"))
    assert [step.action for step in plan(SUBNET, made, drained=True).steps] == ["restart"]
    (blocker,) = plan(SUBNET, made).blockers
    assert "Docker has not been restarted since it was made" in blocker.reason


@pytest.mark.parametrize("busy", [{"containers": ("web.1", "db")}, {"endpoints": ("gateway_1",)}])
def test_what_still_runs_is_named(busy: dict[str, Any]) -> None:
    found = replace(JOINED, **busy)
    (blocker,) = plan(SUBNET, found, drained=True).blockers
    (name,) = (names for names in busy.values())
    assert ", ".join(name) in blocker.reason
    assumed = plan(SUBNET, found, drained=True, assumed=True)
    assert not assumed.blockers and ", ".join(name) in assumed.warnings[0]
    assert replaceable(parse_gateway(SUBNET), found)


@pytest.mark.parametrize(
    ("managers", "refused"),
    [
        ({"n1": True}, False),
        ({"n1": True, "n2": True}, False),
        ({"n1": True, "n2": True, "n3": True}, False),
        ({"n1": True, "n2": True, "n3": False}, True),
        ({"n1": False, "n2": True, "n3": True}, False),
    ],
)
def test_a_manager_is_not_restarted_when_that_costs_the_majority(managers: dict[str, bool], refused: bool) -> None:
    found = replace(JOINED, managers=managers)
    made = plan(SUBNET, found, drained=True)
    assert bool(made.blockers) is refused
    assert replaceable(parse_gateway(SUBNET), found) is not refused, "and no node is drained for nothing"


def test_a_member_whose_state_is_not_known_is_left_alone() -> None:
    found = replace(JOINED, membership=replace(MEMBER, state="locked"))
    assert "is locked" in plan(SUBNET, found, drained=True).blockers[0].reason


def test_its_subnet_is_free_before_the_old_one_goes() -> None:
    others = {"the route by eth1": ("172.31.0.0/16",), "network bridge": ("172.17.0.0/16",)}
    (blocker,) = plan(SUBNET, replace(JOINED, others=others), drained=True).blockers
    assert str(blocker).startswith("gwbridge: its subnet 172.31.240.0/24 overlaps 172.31.0.0/16 of the route by eth1")
    assert not replaceable(parse_gateway(SUBNET), replace(JOINED, others=others))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"driver_opts": {"com.docker.network.bridge.name": "br0"}},
            "gwbridge.driver_opts[com.docker.network.bridge.name]: expected docker_gw",
        ),
        ({"subnets": [{"subnet": "10.1.0.0/24"}, {"subnet": "10.2.0.0/24"}]}, "gwbridge.subnets: expected one subnet"),
        ({"subnets": [{"subnet": "fd00::/64"}]}, "gwbridge.subnets: expected an IPv4 subnet"),
        ({"mtu": 60}, "gwbridge.mtu: expected at least 68"),
    ],
)
def test_what_the_bridge_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOption) as raised:
        parse_gateway(options)
    assert str(raised.value).startswith(message)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "subnets": st.sampled_from(["172.18.0.0/16", "172.31.240.0/24"]).map(lambda each: [{"subnet": each}]),
            "mtu": st.sampled_from([1400, 1500]),
            "driver_opts": st.sampled_from([{}, {"com.docker.network.bridge.enable_icc": True}]),
            "labels": st.sampled_from([{}, {"a": "b"}]),
        },
    ),
    st.sampled_from([Gateway(None), Gateway(network()), JOINED, replace(JOINED, network=None), replace(JOINED, unfinished=True)]),
    st.booleans(),
)
def test_the_plan_ends_where_it_was_to_end(options: dict[str, Any], found: Gateway, drained: bool) -> None:
    made = plan(options, found, drained)
    if not made.blockers:
        assert plan(options, made.after, drained).steps == ()
