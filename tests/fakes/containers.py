# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of one host as the fake Engine has them, and how they get onto networks and off them."""

from __future__ import annotations

import ipaddress
import secrets
from typing import TYPE_CHECKING, Any

from . import documents
from .refusal import Refusal

if TYPE_CHECKING:
    from .engine import FakeEngine

Json = dict[str, Any]
TIMED_OUT = "attaching to network failed, make sure your network options are correct and check manager logs: context deadline exceeded"


def add(engine: FakeEngine, name: str, running: bool = True, restart: str = "", **labels: str) -> Json:
    """A container that somebody has made; it runs, or did not come to run."""
    container: Json = {
        "Id": secrets.token_hex(32),
        "Name": f"/{name}",
        "Config": {"Labels": labels},
        "HostConfig": {"NetworkMode": "default", "RestartPolicy": {"Name": restart}},
        "State": {"Status": "running" if running else "exited", "Running": running, "Error": "" if running else TIMED_OUT},
        "NetworkSettings": {"Networks": {}},
    }
    engine.containers[container["Id"]] = container
    return container


def read(engine: FakeEngine, path: str) -> Any:
    """GET /containers/json and GET /containers/{id}/json."""
    if path == "/containers/json":
        return [_listed(each) for each in engine.containers.values()]
    return _find(engine, path.split("/")[2])


def _listed(container: Json) -> Json:
    """The list leaves the aliases out."""
    networks = {name: {**each, "Aliases": None} for name, each in container["NetworkSettings"]["Networks"].items()}
    return {
        "Id": container["Id"],
        "Names": [container["Name"]],
        "Labels": container["Config"]["Labels"],
        "State": container["State"]["Status"],
        "HostConfig": {"NetworkMode": container["HostConfig"]["NetworkMode"]},
        "NetworkSettings": {"Networks": networks},
    }


def _find(engine: FakeEngine, name: str) -> Json:
    found = next((each for each in engine.containers.values() if name in (each["Id"], each["Name"].lstrip("/"))), None)
    if found is None:
        raise Refusal(404, f"No such container: {name}")
    return found


def _network(engine: FakeEngine, name: str) -> Json:
    """A network by name or ID: the swarm's are known on every member, whatever its own list has."""
    there = [*engine.local.values(), *(engine.swarm.networks.values() if engine.swarm else ())]
    found = next((each for each in there if name in (each["Id"], each["Name"])), None)
    if found is None:
        raise Refusal(500, f"Could not attach to network {name}: rpc error: code = NotFound desc = network {name} not found")
    return found


def connect(engine: FakeEngine, name: str, body: Json) -> None:
    """POST /networks/{name}/connect."""
    container, network = _find(engine, body["Container"]), _network(engine, name)
    wanted = body.get("EndpointConfig") or {}
    there = container["NetworkSettings"]["Networks"]
    if network["Name"] in there:
        raise Refusal(403, f"endpoint with name {container['Name'].lstrip('/')} already exists in network {network['Name']}")
    fixed = (wanted.get("IPAMConfig") or {}).get("IPv4Address") or ""
    endpoint = {
        "IPAMConfig": wanted.get("IPAMConfig"),
        "Aliases": [*(wanted.get("Aliases") or ()), container["Id"][:12]],
        "NetworkID": network["Id"],
        "IPAddress": "",
        "DriverOpts": wanted.get("DriverOpts") or {},
    }
    if container["State"]["Running"] and network["Scope"] == "swarm":
        endpoint["IPAddress"] = _attach(engine, network, container, fixed)
        # what the swarm has chosen stands where what was asked for would (IPAMOperational, which only the Engine's file has)
        endpoint["IPAMConfig"] = endpoint["IPAMConfig"] or {"IPv4Address": endpoint["IPAddress"]}
    elif container["State"]["Running"]:
        endpoint["IPAddress"] = fixed or "172.20.0.2"
    there[network["Name"]] = endpoint


def _attach(engine: FakeEngine, network: Json, container: Json, fixed: str) -> str:
    """A place from the swarm. One that is taken is never given, and the call gives up after 20 s."""
    swarm = engine.swarm
    if swarm is None or not network["Attachable"]:
        told = f"rpc error: code = PermissionDenied desc = network {network['Name']} not manually attachable"
        raise Refusal(500, f"Could not attach to network {network['Name']}: {told}")
    subnet = ipaddress.ip_network(network["IPAM"]["Config"][0]["Subnet"], strict=False)
    taken = {address.partition("/")[0] for task in swarm.attachments for address in task["NetworksAttachments"][0]["Addresses"]}
    given = fixed or next(str(address) for address in list(subnet)[2:-1] if str(address) not in taken)
    key = (container["Id"], network["Id"])
    if given in taken:
        swarm.withdrawn.add(key)
        raise Refusal(500, TIMED_OUT)
    if key in swarm.withdrawn:
        # what the Engine takes back is the attempt that it gave up, and it finds this one under the same name
        swarm.withdrawn.remove(key)
        return given
    swarm.attachments.append(
        {
            "ID": documents.identity(),
            "Spec": {
                "NetworkAttachmentSpec": {"ContainerID": container["Id"]},
                "Networks": [{"Target": network["Id"]}],
                "Runtime": "attachment",
            },
            "NodeID": engine.node_id,
            "Status": {"State": "running", "Message": "started"},
            "DesiredState": "running",
            "NetworksAttachments": [
                {"Network": {"ID": network["Id"], "Spec": {"Name": network["Name"]}}, "Addresses": [f"{given}/{subnet.prefixlen}"]}
            ],
        }
    )
    return given


def disconnect(engine: FakeEngine, name: str, body: Json) -> None:
    """POST /networks/{name}/disconnect."""
    container, network = _find(engine, body["Container"]), _network(engine, name)
    if container["NetworkSettings"]["Networks"].pop(network["Name"], None) is None:
        raise Refusal(500, f"container {container['Id']} is not connected to network {network['Name']}")
    if engine.swarm is not None:
        engine.swarm.attachments = [
            task
            for task in engine.swarm.attachments
            if (container["Id"], network["Id"])
            != (task["Spec"]["NetworkAttachmentSpec"]["ContainerID"], task["Spec"]["Networks"][0]["Target"])
        ]


def start(engine: FakeEngine, name: str) -> None:
    """POST /containers/{name}/start: the container takes its places on its networks."""
    container = _find(engine, name)
    container["State"].update(Status="running", Running=True, Error="")
    for network, endpoint in container["NetworkSettings"]["Networks"].items():
        found = _network(engine, network)
        if found["Scope"] == "swarm":
            endpoint["IPAddress"] = _attach(engine, found, container, (endpoint.get("IPAMConfig") or {}).get("IPv4Address") or "")
