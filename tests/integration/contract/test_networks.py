# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks: when they are allocated, what is refused, how they go, and the ingress network."""

from __future__ import annotations

from typing import Any

from ansible_collections.meshwork.swarm.plugins.module_utils._engine import observe
from ansible_collections.meshwork.swarm.plugins.module_utils._model.network import VNI_OPTION, allocated, read_network
from ansible_collections.meshwork.swarm.plugins.module_utils._model.subnets import Pool
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.addresses import overlap
from fakes.module import Runner

from .subjects import Subject

FULL: dict[str, Any] = {
    "name": "contract-full",
    "driver": "overlay",
    "scope": "swarm",
    "subnets": [
        {"subnet": "10.62.0.0/16"},
        {"subnet": "10.61.1.0/24", "gateway": "10.61.1.254", "ip_range": "10.61.1.0/25"},
        {"subnet": "fd00:61::/64"},
    ],
    "ipam_driver": "default",
    "ipam_opts": {"com.example.shape": "round"},
    "enable_ipv6": True,
    "vnis": [8003, 8001, 8002],
    "attachable": True,
    "internal": True,
    "encrypted": True,
    "mtu": 1376,
    "driver_opts": {"com.example.color": "blue"},
    "labels": {"tier": 1},
}


def request(name: str, *subnets: str, **fields: Any) -> dict[str, Any]:
    """The body of POST /networks/create."""
    config = {"IPAM": {"Config": [{"Subnet": subnet} for subnet in subnets]}} if subnets else {}
    return {"Name": name, "CheckDuplicate": True, "Driver": "overlay", **config, **fields}


def test_a_new_swarm_makes_its_ingress_network(swarm: Subject) -> None:
    ingress = swarm.until(lambda: swarm.network("ingress"), lambda network: network["IPAM"]["Config"])
    assert (ingress["Ingress"], ingress["Scope"], ingress["Driver"], ingress["Attachable"]) == (True, "swarm", "overlay", False)
    assert VNI_OPTION in ingress["Options"]


def test_a_network_is_allocated_after_it_was_made(swarm: Subject) -> None:
    created = swarm.post("/networks/create", request("contract-a"))
    assert set(created) == {"Id", "Warning"}
    network = swarm.until(lambda: swarm.network("contract-a"), lambda network: network["IPAM"]["Config"])
    assert (network["Id"], network["Driver"], network["Scope"]) == (created["Id"], "overlay", "swarm")
    assert len(network["IPAM"]["Config"]) == 1
    assert set(network["IPAM"]["Config"][0]) == {"Subnet", "Gateway"}
    assert int(network["Options"][VNI_OPTION]) >= 4096
    ingress = swarm.network("ingress")["IPAM"]["Config"][0]["Subnet"]
    assert not overlap(network["IPAM"]["Config"][0]["Subnet"], ingress)


def test_a_name_is_taken_once(swarm: Subject) -> None:
    refusal = swarm.refused(lambda: swarm.post("/networks/create", request("contract-a")))
    assert (refusal.status, refusal.message) == (409, "network with name contract-a already exists")


def test_overlapping_subnets_are_accepted_and_never_allocated(swarm: Subject) -> None:
    """Why the networks module compares subnets itself."""
    taken = swarm.network("contract-a")["IPAM"]["Config"][0]["Subnet"]
    swarm.post("/networks/create", request("contract-overlap", taken))
    swarm.stays(lambda: swarm.network("contract-overlap"), lambda network: (network["Driver"], network["IPAM"]["Config"]) == ("", None))
    assert not allocated(read_network(swarm.network("contract-overlap")))
    swarm.delete("/networks/contract-overlap")


def test_a_gateway_outside_its_subnet_is_refused(swarm: Subject) -> None:
    body = request("contract-gateway") | {"IPAM": {"Config": [{"Subnet": "10.63.0.0/24", "Gateway": "10.64.0.1"}]}}
    refusal = swarm.refused(lambda: swarm.post("/networks/create", body))
    assert (refusal.status, refusal.message.endswith("subnet 10.63.0.0/24 does not contain gateway 10.64.0.1")) == (400, True)


def test_host_bits_are_kept_and_read_as_the_subnet_that_they_mean(swarm: Subject) -> None:
    swarm.post("/networks/create", request("contract-hostbits", "10.65.1.7/24", Options={"com.docker.network.driver.mtu": "much"}))
    network = swarm.until(lambda: swarm.network("contract-hostbits"), lambda network: network["IPAM"]["Config"])
    assert network["IPAM"]["Config"][0]["Subnet"] == "10.65.1.7/24"
    values = read_network(network).values
    assert (values["subnets"], values["mtu"]) == ((Pool("10.65.1.0/24", "10.65.1.1"),), 1450)


def test_every_option_reads_back_as_it_was_written(swarm: Subject, run_module: Runner) -> None:
    first = run_module("networks", swarm.engine, {"networks": [FULL]})
    assert (first["failed"], first["changed"]) == (False, True), first
    again = run_module("networks", swarm.engine, {"networks": [FULL]})
    assert (again["failed"], again["changed"], again["diff"]) == (False, False, [])


def test_a_removed_network_is_gone_in_the_end(swarm: Subject, run_module: Runner) -> None:
    result = run_module("networks", swarm.engine, {"networks": [{"name": "contract-full", "state": "absent"}]})
    assert (result["failed"], result["changed"]) == (False, True), result
    assert "contract-full" not in swarm.names()
    refusal = swarm.refused(lambda: swarm.delete("/networks/contract-full"))
    assert (refusal.status, refusal.message) == (404, "network contract-full not found")


def test_there_is_one_ingress_network(swarm: Subject) -> None:
    refusal = swarm.refused(lambda: swarm.post("/networks/create", request("contract-mesh", Ingress=True)))
    assert (refusal.status, "is already present" in refusal.message) == (409, True)


def test_a_removed_ingress_network_lingers_in_the_list(swarm: Subject) -> None:
    """Until then its name is taken, and removing it again is answered with HTTP 500, not 404."""
    # what no node has taken up yet does not linger
    swarm.ingress_taken_up()
    old = swarm.network("ingress")["Id"]
    swarm.delete(f"/networks/{old}")
    assert old in [each["Id"] for each in swarm.get("/networks")]
    refusal = swarm.refused(lambda: swarm.post("/networks/create", request("ingress", Ingress=True)))
    assert (refusal.status, refusal.message) == (409, "network with name ingress already exists")
    refusal = swarm.refused(lambda: swarm.delete(f"/networks/{old}"))
    assert (refusal.status, refusal.message) == (500, f"network {old} not found")
    swarm.until(swarm.names, lambda names: "ingress" not in names)
    swarm.post("/networks/create", request("ingress", "10.66.0.0/24", Ingress=True))
    found = swarm.until(lambda: observe.ingress(swarm.engine).network, lambda network: network and allocated(network))
    assert found is not None
    assert found.values["subnets"] == (Pool("10.66.0.0/24", "10.66.0.1"),)


def test_the_ingress_network_is_replaced(swarm: Subject, run_module: Runner) -> None:
    options = {"subnets": [{"subnet": "10.67.0.0/24", "gateway": "10.67.0.9"}], "mtu": 1400}
    first = run_module("ingress_network", swarm.engine, options)
    assert (first["failed"], [step["action"] for step in first["steps"]]) == (False, ["remove", "create"]), first
    again = run_module("ingress_network", swarm.engine, options)
    assert (again["failed"], again["changed"]) == (False, False)


def test_C1_C6_an_exhausted_pool_is_told_before_anything_is_made(subject: Subject, run_module: Runner) -> None:
    """The second /24 of this pool is the last, beside that of the ingress network. What the Engine makes beyond it never gets a subnet."""
    subject.reset()
    subject.init(DefaultAddrPool=["10.50.0.0/23"], SubnetSize=24)
    subject.until(lambda: subject.network("ingress"), lambda network: network["IPAM"]["Config"])
    wanted = {"networks": [{"name": "contract-last"}, {"name": "contract-none"}]}
    told = run_module("networks", subject.engine, wanted)
    assert told["failed"] and told["steps"] == [], told
    left = "the default pools (10.50.0.0/23 in subnets of /24) have 1 of 2 subnets left, and 2 new networks ask for one"
    assert told["msg"] == f"networks[1] (contract-none): {left}; give it a subnet outside of them"
    assert not {"contract-last", "contract-none"} & set(subject.names())
    for name in ("contract-last", "contract-none"):
        subject.post("/networks/create", request(name))
    subject.until(lambda: subject.network("contract-last"), lambda network: network["IPAM"]["Config"])
    waiting = run_module("networks", subject.engine, {"networks": [{"name": "contract-none"}], "wait_timeout": 5})
    assert waiting["failed"] and "the default pool 10.50.0.0/23 has no /24 left; give the network a subnet outside of it" in waiting["msg"]
    for name in ("contract-last", "contract-none"):
        subject.delete(f"/networks/{name}")
    subject.until(subject.names, lambda names: "contract-none" not in names)
    outside = {"networks": [{"name": "contract-none", "subnets": [{"subnet": "10.52.0.0/24"}]}]}
    made = run_module("networks", subject.engine, outside)
    assert (made["failed"], made["changed"]) == (False, True), made


def test_C1_what_is_refused_touches_nothing(subject: Subject, run_module: Runner) -> None:
    """A network that can be made stands before one that cannot."""
    good = {"name": "contract-good", "subnets": [{"subnet": "10.53.0.0/24"}]}
    there = subject.network("contract-none")
    for bad in (
        {"name": there["Id"][:-1]},
        {"name": "bridge"},
        {"name": "contract-none", "driver": "macvlan"},
        {"name": "ingress", "attachable": True},
        {"name": "contract-bad", "subnets": [{"subnet": "10.54.0.0/30"}]},
        {"name": "contract-bad", "vnis": [int(there["Options"][VNI_OPTION])]},
        {"name": "contract-bad", "enable_ipv4": True},
        {"name": "contract-bad", "subnets": [{"subnet": "10.54.0.0/24", "aux_addresses": {"a": "10.54.0.9"}}]},
        {"name": "contract-bad", "driver": "macvlan", "subnets": [{"subnet": "10.54.0.0/24"}]},
        {"name": "contract-bad", "config_only": True},
    ):
        # docker_gwbridge comes and goes with the swarm of each story, in its own time
        before = set(subject.names()) - {"docker_gwbridge"}
        told = run_module("networks", subject.engine, {"networks": [good, bad]})
        assert (told["failed"], told["changed"]) == (True, False), told
        assert len(told["msg"].splitlines()) == 1 and f"networks[1] ({bad['name']})" in told["msg"], told["msg"]
        assert set(subject.names()) - {"docker_gwbridge"} == before
    missing = {"scope": "local", "networks": [{"name": "contract-wire", "driver": "macvlan", "config_from": "nowhere"}]}
    assert "no config-only network nowhere on this host" in run_module("networks", subject.engine, missing)["msg"]
