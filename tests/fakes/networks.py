# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks as the Engine makes, gives out and refuses them: shapes and words from Engine 20.10.24 on the lab."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .refusal import Refusal

Json = dict[str, Any]
VNI_OPTION = "com.docker.network.driver.overlay.vxlanid_list"


def scope_of(body: Mapping[str, Any]) -> str:
    """Where a network is made."""
    return str(body.get("Scope") or ("swarm" if body.get("Driver") == "overlay" and not body.get("ConfigOnly") else "local"))


def refuse(body: Mapping[str, Any], there: Sequence[Mapping[str, Any]]) -> None:
    """What the Engine looks at before it knows whose the network will be (moby libnetwork validateConfiguration)."""
    if any(each["Name"] == body["Name"] for each in there):
        raise Refusal(409, f"network with name {body['Name']} already exists")
    if body.get("Driver") == "overlay" and body.get("Scope") == "local":
        raise Refusal(403, "cannot downgrade network scope for overlay networks")
    if body.get("Driver") not in (None, "overlay", "bridge", "macvlan", "ipvlan", "host", "null"):
        raise Refusal(404, f'plugin "{body["Driver"]}" not found')
    if body.get("ConfigOnly"):
        if any(body.get(key) for key in ("Ingress", "Internal", "Attachable", "Scope")):
            told = "Network operator fields like [ ingress | internal | attachable | scope ] are not supported."
            raise Refusal(403, f"configuration network can only contain network specific fields. {told}")
        if body.get("ConfigFrom"):
            raise Refusal(403, "a configuration network cannot depend on another configuration network")
    ipam = body.get("IPAM") or {}
    if body.get("ConfigFrom") and any((ipam.get("Config"), ipam.get("Options"), *(body.get(key) for key in ("Labels", "Options")))):
        raise Refusal(403, "user specified configurations are not supported if the network depends on a configuration network")


def whole(body: Mapping[str, Any], identity: str, created: str) -> Json:
    """An entry of GET /networks, before anything is allocated."""
    ipam = body.get("IPAM") or {}
    return {
        "Name": body["Name"],
        "Id": identity,
        "Created": created,
        "Scope": scope_of(body),
        "Driver": "null" if body.get("ConfigOnly") else body.get("Driver") or "bridge",
        "EnableIPv6": bool(body.get("EnableIPv6")),
        "IPAM": {
            "Driver": ipam.get("Driver") or "default",
            "Options": dict(ipam["Options"]) if ipam.get("Options") else None,
            "Config": [dict(each) for each in ipam.get("Config") or ()],
        },
        "Internal": bool(body.get("Internal")),
        "Attachable": bool(body.get("Attachable")),
        "Ingress": bool(body.get("Ingress")),
        "ConfigFrom": {"Network": (body.get("ConfigFrom") or {}).get("Network") or ""},
        "ConfigOnly": bool(body.get("ConfigOnly")),
        "Containers": None,
        "Options": dict(body.get("Options") or {}),
        "Labels": dict(body.get("Labels") or {}),
    }


def make_local(network: Json, there: Iterable[Mapping[str, Any]]) -> None:
    """Give a host's own network its addresses, from its config-only network or from the Engine's pool."""
    others = list(there)
    if network["ConfigOnly"]:
        return
    if network["Driver"] in ("host", "null"):
        raise Refusal(403, f'only one instance of "{network["Driver"]}" network is allowed')
    name = network["ConfigFrom"]["Network"]
    if name:
        source = next((each for each in others if each["Name"] == name and each["ConfigOnly"]), None)
        if source is None:
            raise Refusal(404, f'configuration network "{name}" does not exist')
        network.update({key: source[key] for key in ("IPAM", "Options", "Labels", "EnableIPv6")})
    configs = network["IPAM"]["Config"]
    held = [subnet_of(entry["Subnet"]) for other in others if not other["ConfigOnly"] for entry in other["IPAM"]["Config"] or ()]
    if not any(subnet_of(entry["Subnet"]).version == 4 for entry in configs):
        pool = ipaddress.ip_network("172.16.0.0/12")
        free = next(each for each in pool.subnets(new_prefix=16) if not any(each.overlaps(one) for one in held))
        configs.insert(0, {"Subnet": str(free), "Gateway": str(free[1])})
    if any(
        subnet_of(entry["Subnet"]).overlaps(one) for entry in configs for one in held if one.version == subnet_of(entry["Subnet"]).version
    ):
        raise Refusal(403, "Pool overlaps with other one on this address space")


def refuse_local_removal(network: Mapping[str, Any], there: Iterable[Mapping[str, Any]], containers: Iterable[Mapping[str, Any]]) -> None:
    """A network that is in use stays."""
    if any(each["ConfigFrom"]["Network"] == network["Name"] for each in there if each["Scope"] == "local"):
        raise Refusal(403, f'error while removing network: configuration network "{network["Name"]}" is in use')
    for container in containers:
        if any(each["NetworkID"] == network["Id"] for each in container["NetworkSettings"]["Networks"].values()):
            raise Refusal(403, f"error while removing network: network {network['Name']} id {network['Id']} has active endpoints")


def make_swarm_wide(network: Json, swarm: Mapping[str, Any], numbers: Iterator[int], others: Sequence[Mapping[str, Any]]) -> bool:
    """Give a network of the swarm its subnets and VNIs. False where the allocator cannot: then it stays without them for good.

    What is made on each node by its own driver loses its addresses and options. Auxiliary addresses are dropped from any.
    """
    if network["Driver"] != "overlay":
        network.update(IPAM={"Driver": "", "Options": None, "Config": []}, Options=None, Labels=network["Labels"] or None)
        return True
    ipam = network["IPAM"]
    if ipam["Options"]:
        ipam["Options"]["com.docker.network.ipam.serial"] = "true"
    configs = ipam["Config"]
    held = [subnet_of(entry["Subnet"]) for other in others for entry in other["IPAM"]["Config"] or ()]
    if not configs:
        pools = [ipaddress.ip_network(pool) for pool in swarm["DefaultAddrPool"]]
        chunks = (each for pool in pools for each in pool.subnets(new_prefix=swarm["SubnetSize"]))
        free = next((each for each in chunks if not any(each.overlaps(one) for one in held if one.version == each.version)), None)
        if free is None:
            return False
        configs.append({"Subnet": str(free)})
    elif any(_overlap(subnet_of(entry["Subnet"]), one) for entry in configs for one in held):
        return False
    for entry in configs:
        entry.pop("AuxiliaryAddresses", None)
        entry.setdefault("Gateway", str(subnet_of(entry.get("IPRange") or entry["Subnet"])[0 if entry.get("IPRange") else 1]))
    return _give_vnis(network, numbers, others)


def _give_vnis(network: Json, numbers: Iterator[int], others: Iterable[Mapping[str, Any]]) -> bool:
    written = [vni for vni in str(network["Options"].get(VNI_OPTION) or "").split(",") if vni]
    held = {vni for other in others for vni in str((other["Options"] or {}).get(VNI_OPTION) or "").split(",")}
    count = len(network["IPAM"]["Config"])
    if any(not vni.isdigit() or int(vni) >= 2**24 or vni in held for vni in written[:count]):
        return False
    chosen = [str(4095 + next(numbers)) for _subnet in range(count - len(written))]
    network["Options"][VNI_OPTION] = ",".join([*written[:count], *chosen])
    return True


def unallocated(network: Mapping[str, Any]) -> Json:
    """How the list shows a network of the swarm to which the allocator has not come."""
    return {**network, "Driver": "", "IPAM": {"Driver": "", "Options": None, "Config": None}, "Options": None, "Labels": None}


def subnet_of(written: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The subnet that an address with a prefix means."""
    return ipaddress.ip_network(written, strict=False)


def _overlap(one: Any, other: Any) -> bool:
    return bool(one.version == other.version and one.overlaps(other))


def outside(gateway: str | None, subnet: str) -> bool:
    """Whether a gateway is not in its subnet."""
    return bool(gateway) and ipaddress.ip_address(gateway) not in subnet_of(subnet)
