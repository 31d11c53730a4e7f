# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The swarm as people and the roles read it: plain values in the shape of the modules' options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from .._kernel.local import interface_of, is_here
from .._model.certificate import show_certificate
from .._model.membership import Membership, show_membership
from .._model.network import NETWORK, read_network
from .._model.publish import read_ports, show_ports
from .._model.service import SERVICE, named_networks, read_service
from .._model.swarm import SWARM, read_swarm
from .._model.table import show
from .._plan.addresses import host_part
from .._plan.capacity import Listing, capacity
from . import attached, observe
from .client import Engine

Shown = dict[str, Any]
LOCAL_NETWORKS = "local_networks"


def cluster(engine: Engine, gather: Sequence[str], reference_clock: float | None = None) -> Shown:
    """The membership of this host, what else its part in a swarm depends on and, on a live manager, everything that `gather` names."""
    membership = observe.membership(engine)
    shown: Shown = {"membership": show_membership(membership), "host": _host(engine, membership, reference_clock)}
    if LOCAL_NETWORKS in gather:
        shown[LOCAL_NETWORKS] = [_network(document) for document in engine.get("/networks", {"filters": {"scope": ["local"]}})]
    if membership.live_manager:
        shown.update({part: READERS[part](engine) for part in gather if part in READERS})
    return shown


def _host(engine: Engine, membership: Membership, reference_clock: float | None) -> Shown:
    address = membership.node_addr if engine.on_this_host else ""
    told = dict(membership.managers).get(membership.node_id, "") if engine.on_this_host else ""
    clock = membership.clock
    return {
        "clock": clock,
        "clock_offset": None if clock is None or reference_clock is None else round(clock - reference_clock, 1),
        "address_here": is_here(address) if address else None,
        "address_interface": interface_of(address) if address else "",
        "manager_addr": told,
        "manager_addr_here": is_here(host_part(told)) if told else None,
        "certificate": show_certificate(membership.certificate) if membership.certificate else None,
    }


def _swarm(engine: Engine) -> Shown:
    return show(SWARM, read_swarm(engine.get("/swarm")).values)


def _join_tokens(engine: Engine) -> Shown:
    tokens: Mapping[str, str] = engine.get("/swarm")["JoinTokens"]
    return {"manager": tokens["Manager"], "worker": tokens["Worker"]}


def _unlock_key(engine: Engine) -> str:
    return str(engine.get("/swarm/unlockkey")["UnlockKey"])


def _nodes(engine: Engine) -> list[Shown]:
    return [observe.show_node(node) for node in observe.nodes(engine)]


def _swarm_networks(engine: Engine) -> list[Mapping[str, Any]]:
    return list(engine.get("/networks", {"filters": {"scope": ["swarm"]}}))


def _networks(engine: Engine) -> list[Shown]:
    listing = Listing(
        engine.get("/services") or (), [*(engine.get("/tasks") or ()), *attached.attachments(engine)], engine.get("/nodes") or ()
    )
    return [{**_network(document), "capacity": capacity(read_network(document), listing)} for document in _swarm_networks(engine)]


def _network(document: Mapping[str, Any]) -> Shown:
    return {
        "id": str(document["Id"]),
        "name": str(document["Name"]),
        "vnis": [],
        **show(NETWORK, read_network(document).values),
        "ingress": bool(document.get("Ingress")),
    }


def _services(engine: Engine) -> list[Shown]:
    names = {str(each["Id"]): str(each["Name"]) for each in _swarm_networks(engine)}
    return [_service(document, names) for document in engine.get("/services", {"status": "true"}) or ()]


def _service(document: Mapping[str, Any], names: Mapping[str, str]) -> Shown:
    endpoint: Mapping[str, Any] = document.get("Endpoint") or {}
    status: Mapping[str, Any] = document.get("ServiceStatus") or {}
    return {
        "id": str(document["ID"]),
        "name": str(document["Spec"]["Name"]),
        **show(SERVICE, read_service(named_networks(document, names)).values),
        "ports": show_ports(read_ports(endpoint.get("Ports") or ())),
        "vips": [
            {"network": names.get(vip["NetworkID"], vip["NetworkID"]), "address": str(vip.get("Addr") or "").partition("/")[0]}
            for vip in endpoint.get("VirtualIPs") or ()
            if vip.get("Addr")
        ],
        "running": int(status.get("RunningTasks") or 0),
        "desired": int(status.get("DesiredTasks") or 0),
    }


def _tasks(engine: Engine) -> list[Shown]:
    services = {str(each["ID"]): str(each["Spec"]["Name"]) for each in engine.get("/services") or ()}
    tasks = engine.get("/tasks", {"filters": {"desired-state": ["running"]}}) or ()
    return [_task(task, services) for task in tasks if task["Status"]["State"] == "running" and task.get("ServiceID") in services]


def _task(task: Mapping[str, Any], services: Mapping[str, str]) -> Shown:
    return {
        "id": str(task["ID"]),
        "service": services[task["ServiceID"]],
        "node_id": str(task.get("NodeID") or ""),
        "slot": int(task.get("Slot") or 0),
        "state": str(task["Status"]["State"]),
        "container_id": str((task["Status"].get("ContainerStatus") or {}).get("ContainerID") or ""),
        "networks": [
            {"name": str(each["Network"]["Spec"]["Name"]), "address": str(each["Addresses"][0]).partition("/")[0]}
            for each in task.get("NetworksAttachments") or ()
            if each.get("Addresses")
        ],
    }


READERS: Mapping[str, Callable[[Engine], Any]] = {
    "swarm": _swarm,
    "nodes": _nodes,
    "networks": _networks,
    "services": _services,
    "tasks": _tasks,
    "attachments": attached.show_attachments,
    "join_tokens": _join_tokens,
    "unlock_key": _unlock_key,
}
