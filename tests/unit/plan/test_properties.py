# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every plan: it ends where it was to end, and never takes a swarm its majority."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.meshwork.swarm.plugins.module_utils._model import content_use
from ansible_collections.meshwork.swarm.plugins.module_utils._model.content import CONFIG, config_data, generations
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import InvalidOption
from ansible_collections.meshwork.swarm.plugins.module_utils._model.item import Item, parse_items
from ansible_collections.meshwork.swarm.plugins.module_utils._model.membership import Addresses, Membership
from ansible_collections.meshwork.swarm.plugins.module_utils._model.network import NETWORK, check_network, read_network
from ansible_collections.meshwork.swarm.plugins.module_utils._model.node import NODE, reachable, read_node, ready
from ansible_collections.meshwork.swarm.plugins.module_utils._model.parked import park
from ansible_collections.meshwork.swarm.plugins.module_utils._model.service import SERVICE
from ansible_collections.meshwork.swarm.plugins.module_utils._model.service_check import check_service
from ansible_collections.meshwork.swarm.plugins.module_utils._model.swarm import SWARM, check_swarm, read_swarm
from ansible_collections.meshwork.swarm.plugins.module_utils._model.table import parse
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.cluster import Cluster, WantedCluster, plan_cluster
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.contents import Contents, WantedContents, plan_contents
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.ingress import Ingress, WantedIngress, plan_ingress, read_publisher
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.membership import Host, WantedMembership, plan_membership
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.networks import Networks, WantedNetworks, plan_networks
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.nodes import Nodes, WantedNodes, plan_nodes
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Call
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.quorum import majority, tolerance
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.services import Services, WantedServices, plan_services
from fakes import documents
from fakes.engine import FakeEngine
from fakes.written import nested, options, sensible
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

few = settings(max_examples=40, suppress_health_check=list(HealthCheck))
NAMES = ("front", "back", "store")
NOT_OF_A_NODE = ("subnets", "ipam_driver", "ipam_opts", "mtu", "driver_opts")
INTERFACES = {"eth0": ("10.0.0.11",), "eth1": ("10.1.0.11", "fd00::11")}
ADDRESSES = st.builds(Addresses, st.sampled_from([None, "eth0", "10.0.0.11", "10.0.0.11:2377"]), st.none(), st.sampled_from([None, "eth0"]))


def accepted(check: Any, *arguments: Any) -> bool:
    """Whether a check lets its argument pass."""
    try:
        check(*arguments)
    except InvalidOption:
        return False
    return True


def lists(name: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Lists of entries with a name and any options."""
    entry = st.tuples(st.sampled_from(NAMES), st.sampled_from(["present", "present", "absent"]), options(name))
    return st.lists(entry, unique_by=lambda each: each[0], max_size=3).map(
        lambda entries: [{"name": name, "state": state, **nested(sensible(flat))} for name, state, flat in entries]
    )


def wanted_networks(entries: list[dict[str, Any]]) -> tuple[Item, ...]:
    """The entries as items of the swarm's scope, where the module would take them; what no network of a swarm can be is left out."""
    for entry in entries:
        overlay = entry.get("driver", "overlay") == "overlay"
        unfit = ["config_only", "enable_ipv6", "config_from" if overlay else "vnis", *(() if overlay else ("encrypted", *NOT_OF_A_NODE))]
        for option in unfit:
            entry.pop(option, None)
        for pool in entry.get("subnets") or ():
            pool["aux_addresses"] = None
        if "vnis" in entry:
            entry["vnis"] = entry["vnis"][: len(entry.get("subnets") or ("",))]
        if entry.get("config_from"):
            entry.pop("labels", None)
        entry["scope"] = "swarm"
    items = parse_items(NETWORK, entries, "networks")
    assume(all(accepted(check_network, item) for item in items))
    return items


@few
@given(lists("network"), lists("network"), st.booleans())
def test_networks_end_where_they_were_to_end(first: list[dict[str, Any]], second: list[dict[str, Any]], exclusive: bool) -> None:
    made = plan_networks(WantedNetworks(wanted_networks(first)), Networks())
    assume(not made.blockers)
    found = made.after
    wanted = WantedNetworks(wanted_networks(second), exclusive)
    plan = plan_networks(wanted, found)
    assume(not plan.blockers)
    again = plan_networks(wanted, plan.after)
    assert (again.steps, again.blockers) == ((), ())
    assert plan.steps or plan.after == plan.before
    names = {item.name for item in plan.after.items}
    assert {item.name for item in wanted.items if item.state == "present"} <= names
    assert not {item.name for item in wanted.items if item.state == "absent"} & names


@few
@given(lists("service"), lists("service"), st.booleans())
def test_services_end_where_they_were_to_end(first: list[dict[str, Any]], second: list[dict[str, Any]], exclusive: bool) -> None:
    everything = Services(
        networks=frozenset(NAMES),
        secrets={"key": ("1", "key-2"), "token": ("2", "token")},
        configs={"site": ("3", "site"), "rules": ("4", "rules-2"), "account": ("5", "account")},
    )
    made = plan_services(WantedServices(_wanted_services(first)), everything)
    assume(not made.blockers)
    wanted = WantedServices(_wanted_services(second), exclusive)
    plan = plan_services(wanted, made.after)
    assume(not plan.blockers)
    again = plan_services(wanted, plan.after)
    assert (again.steps, again.blockers) == ((), ())
    assert plan.steps or plan.after == plan.before


@st.composite
def configs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Entries of configs, each with a content; names that are those of each other's objects among them."""
    chosen = draw(st.lists(st.sampled_from(["site", "site-2", "rules"]), unique=True, max_size=3))
    state = st.sampled_from(["present", "present", "absent"])
    return [{"name": name, "state": draw(state), "content": draw(st.sampled_from("abc")), **draw(options("config"))} for name in chosen]


@few
@given(st.lists(configs(), min_size=2, max_size=4), st.booleans(), st.sets(st.sampled_from(["site", "site-2", "rules"])))
def test_configs_and_their_services_end_where_they_were_to_end(
    entries: list[list[dict[str, Any]]], exclusive: bool, used: set[str]
) -> None:
    found = Contents()
    for written in entries:
        items = parse_items(CONFIG.table, written, "configs")
        wanted = WantedContents(items, {each["name"]: each["content"].encode() for each in written}, exclusive=exclusive)
        plan = plan_contents(CONFIG, wanted, found)
        if plan.blockers:
            continue
        again = plan_contents(CONFIG, wanted, plan.after)
        assert (again.steps, again.blockers) == ((), ())
        assert plan.steps or plan.after == plan.before
        newest = {name: objects[-1] for name, objects in generations(plan.after.items).items()}
        present = {each["name"]: each["content"].encode() for each in written if each["state"] == "present"}
        assert {name: config_data(newest[name]) for name in present} == present
        assert len({item.name for item in plan.after.items}) == len(plan.after.items) == len(newest)
        # each name has a service that uses its newest object from now on, where one was asked for
        held = {identity for service in plan.after.services for identity in content_use.used(service["Spec"], "config")}
        assert held <= {item.id for item in newest.values()}
        found = replace(plan.after, services=plan.after.services or tuple(_user(newest[name]) for name in sorted(used & set(newest))))


def _user(item: Item) -> dict[str, Any]:
    reference = {"ConfigID": item.id, "ConfigName": item.name, "File": {"Name": "/etc/file"}}
    spec = {"Name": f"user-{item.name}", "Mode": {"Global": {}}, "TaskTemplate": {"ContainerSpec": {"Configs": [reference]}}}
    return {"ID": f"of {item.name}", "Spec": spec}


def _wanted_services(entries: list[dict[str, Any]]) -> tuple[Item, ...]:
    for entry in entries:
        entry.setdefault("image", "nginx:1.27")
    items = parse_items(SERVICE, entries, "services")
    assume(all(accepted(check_service, item) for item in items))
    return items


@few
@given(st.data())
def test_the_ingress_network_ends_where_it_was_to_end(data: st.DataObject) -> None:
    flat = data.draw(options("network"))
    values = parse(NETWORK, {key: value for key, value in flat.items() if key in ("subnets", "encrypted", "mtu", "labels")}, "ingress")
    wanted = Item(data.draw(st.sampled_from(["ingress", "mesh"])), values, where="ingress_network")
    assume(accepted(check_network, wanted))
    engine = FakeEngine()
    engine.do(_init())
    for _read in range(3):
        there = [read_network(each) for each in engine.get("/networks") if each["Ingress"]]
    services = tuple(_publisher(name, data.draw(st.sampled_from(["publishes", "parked", "both"]))) for name in data.draw(st.sets(SERVICES)))
    network = data.draw(st.sampled_from([None, *there]))
    held = data.draw(st.sampled_from([(), ("web on node1 (running)",)])) if network else ()
    found = Ingress(network, services=services, held=held)
    consent = WantedIngress(wanted, in_use=True)
    plan = plan_ingress(consent, found)
    assert not [blocker for blocker in plan.blockers if "addresses to give" not in blocker.reason]
    again = plan_ingress(consent, plan.after)
    assert again.steps == ()
    actions = [step.action for step in plan.steps]
    if "remove" in actions:
        before = plan.steps[: actions.index("remove")]
        assert {step.item for step in before if step.action == "unpublish"} == {f"service {each.name}" for each in found.publishing}
        assert [step.awaits for step in before if step.awaits] == (["left"] if found.publishing or held else [])
        assert actions[-len(services) :] == ["publish"] * len(services) or not services
    refused = plan_ingress(WantedIngress(wanted), found).blockers
    assert bool(set(refused) - set(plan.blockers)) == ("unpublish" in actions), "consent is asked for what publishes, and for nothing else"


SERVICES = st.sampled_from(["agent", "dns", "web"])


def _publisher(name: str, state: str) -> Item:
    """A service that publishes, whose ports are parked, or that was published anew since."""
    spec: dict[str, Any] = {"Name": name, "EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"}]}}
    parked = park(spec)
    both = {**parked, "EndpointSpec": spec["EndpointSpec"]}
    return read_publisher({"ID": name, "Version": {"Index": 1}, "Spec": {"publishes": spec, "parked": parked, "both": both}[state]})


def _init() -> Call:
    return Call("POST", "/swarm/init", body={"Spec": {"Name": "default"}, "SubnetSize": 24})


@few
@given(options("swarm"), ADDRESSES, st.booleans())
def test_the_swarm_ends_where_it_was_to_end(flat: dict[str, Any], addresses: Addresses, there: bool) -> None:
    values = parse(SWARM, nested(flat), "cluster")
    assume(accepted(check_swarm, values))
    engine = FakeEngine()
    engine.do(_init())
    member = Membership("active", "n1", "10.0.0.11", "c1", True, managers=(("n1", "10.0.0.11:2377"),))
    found = Cluster(member, read_swarm(engine.get("/swarm")), INTERFACES) if there else Cluster(Membership(), None, INTERFACES)
    wanted = WantedCluster(values, addresses, signing_ca_key="the key of signing_ca_cert")
    plan = plan_cluster(wanted, found)
    if plan.blockers:
        fixed = {"data_path_port", "default_addr_pool", "subnet_size"}
        assert there and fixed & set(values), "only what is fixed in a swarm that is there may be refused here"
        return
    again = plan_cluster(wanted, plan.after)
    assert (again.steps, again.blockers) == ((), ())


@few
@given(st.sampled_from(["joined", "left"]), st.sampled_from(["manager", "worker"]), ADDRESSES, st.sampled_from(["", "manager", "worker"]))
def test_membership_ends_where_it_was_to_end(state: str, role: str, addresses: Addresses, there: str) -> None:
    managers = (("n1", "10.0.0.11:2377"),) if there == "manager" else (("n9", "10.0.0.19:2377"),)
    member = Membership("active", "n1", "10.0.0.11", control=there == "manager", managers=managers) if there else Membership()
    wanted = WantedMembership(state, role, ("10.0.0.19:2377",), "token", addresses, force=True)
    plan = plan_membership(wanted, Host(member, INTERFACES))
    if plan.blockers:
        assert there not in ("", role) and state == "joined"
        return
    again = plan_membership(wanted, plan.after)
    assert (again.steps, again.blockers) == ((), ())


@st.composite
def swarms(draw: st.DrawFn) -> Nodes:
    """Up to 7 nodes of which a majority of the managers, and one of them the leader, is reachable."""
    documents_ = []
    for number in range(draw(st.integers(1, 7))):
        role = "manager" if number == 0 else draw(st.sampled_from(["manager", "worker"]))
        up = number == 0 or draw(st.booleans())
        engine = FakeEngine(f"10.0.0.{11 + number}", f"node{number + 1}")
        engine.node_id = f"n{number + 1}"
        document = documents.node(engine, role, draw(st.sampled_from(["active", "drain"])), leader=number == 0)
        document["Status"]["State"] = "ready" if up else "down"
        if role == "manager" and not up:
            document["ManagerStatus"]["Reachability"] = "unreachable"
        documents_.append(document)
    managers = [document for document in documents_ if "ManagerStatus" in document]
    alive = [document for document in managers if document["ManagerStatus"]["Reachability"] == "reachable"]
    assume(len(alive) >= majority(len(managers)))
    return tuple(read_node(document) for document in documents_)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(swarms(), st.data())
def test_no_step_takes_the_majority(found: Nodes, data: st.DataObject) -> None:
    other = {"manager": "worker", "worker": "manager"}
    entries = []
    for node in found:
        fate = data.draw(st.sampled_from(["left alone", "the other role", "anything"]))
        if fate != "left alone":
            wanted = {"role": other[node.values["role"]]} if fate == "the other role" else data.draw(options("node"))
            entries.append({"id": node.id, **wanted})
    plan = plan_nodes(WantedNodes(parse_items(NODE, entries, "nodes", key="id")), found)
    if plan.blockers:
        return
    # Raft as it would be: those that take part, and those of them that answer.
    members = {node.id for node in found if node.values["role"] == "manager"}
    alive = {node.id for node in found if reachable(node)}
    awake = {node.id for node in found if ready(node)}
    for step in plan.steps:
        node_id = step.call.path.split("/")[2]
        if step.action == "promote" and node_id in awake:
            members.add(node_id)
            alive.add(node_id)
        if step.action == "demote":
            members.discard(node_id)
            alive.discard(node_id)
        assert len(alive) >= majority(len(members)) and members, f"lost after: {step.says}"
    again = plan_nodes(WantedNodes(parse_items(NODE, entries, "nodes", key="id")), plan.after)
    assert (again.steps, again.blockers) == ((), ())


@given(st.integers(1, 50))
def test_a_majority_survives_as_many_failures_as_are_tolerated(managers: int) -> None:
    assert managers - tolerance(managers) >= majority(managers) > managers - tolerance(managers) - 1
