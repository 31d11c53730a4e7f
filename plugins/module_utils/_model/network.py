# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network: what POST /networks/create takes and GET /networks gives back. Nothing of it can be changed later."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from .errors import InvalidOption
from .item import Item, of_ours, of_users
from .kinds import BOOLEAN, INTEGER, LABELS, TEXT, address, choice, labels, subnet
from .table import Json, Kind, Row, Table, Unfit, read

MTU_OPTION = "com.docker.network.driver.mtu"
VNI_OPTION = "com.docker.network.driver.overlay.vxlanid_list"
ENCRYPTED_OPTION = "encrypted"
MANAGED_OPTIONS = frozenset({MTU_OPTION, VNI_OPTION, ENCRYPTED_OPTION})

DEFAULT_MTU = 1500
VXLAN_OVERHEAD = 50
ESP_OVERHEAD = 26

Pool = tuple[str, str, str]
"""One subnet of a network: subnet, gateway, range of addresses to give out; "" where the Engine chooses."""


def parse_pools(value: Any) -> tuple[Pool, ...]:
    """Pools from mappings of subnet, gateway and ip_range, in order of subnet; the order has no meaning to the Engine."""
    return tuple(sorted(_pool(entry, f"[{index}]") for index, entry in enumerate(value)))


def _pool(entry: Any, place: str) -> Pool:
    if not isinstance(entry, Mapping):
        return (entry[0], entry[1], entry[2])
    network = _part(subnet, entry, "subnet", place)
    gateway = _part(address, entry, "gateway", place)
    ip_range = _part(subnet, entry, "ip_range", place)
    if gateway and ipaddress.ip_address(gateway) not in ipaddress.ip_network(network):
        raise Unfit(f"an address inside {network}", f"{place}.gateway", gateway)
    if ip_range and not _inside(ip_range, network):
        raise Unfit(f"a subnet inside {network}", f"{place}.ip_range", ip_range)
    return (network, gateway, ip_range)


def _part(parse: Callable[[Any], str], entry: Mapping[str, Any], name: str, place: str) -> str:
    if not entry.get(name):
        return ""
    try:
        return parse(entry[name])
    except ValueError as error:
        raise Unfit(str(error), f"{place}.{name}", entry[name]) from None


def _inside(inner: str, outer: str) -> bool:
    small, large = ipaddress.ip_network(inner), ipaddress.ip_network(outer)
    return small.version == large.version and small.network_address in large and small.prefixlen >= large.prefixlen


def show_pools(pools: Sequence[Pool]) -> list[dict[str, str]]:
    """Pools as people write them."""
    return [{name: value for name, value in zip(("subnet", "gateway", "ip_range"), pool) if value} for pool in pools]


def same_pools(wanted: Sequence[Pool], found: Sequence[Pool]) -> bool:
    """The same subnets, with the gateways and ranges that were written."""
    there = {pool[0]: pool for pool in found}
    return len(wanted) == len(there) and all(
        pool[0] in there and all(not value or value == other for value, other in zip(pool[1:], there[pool[0]][1:])) for pool in wanted
    )


def _read_pools(value: Any) -> tuple[Pool, ...]:
    """Pools as they are. The Engine keeps host bits, so 10.21.1.7/24 is read as the subnet that it means."""
    pools = ((_meant(each["Subnet"]), each.get("Gateway") or "", _meant(each.get("IPRange"))) for each in value if each.get("Subnet"))
    return tuple(sorted(pools))


def _meant(written: str | None) -> str:
    return str(ipaddress.ip_network(written, strict=False)) if written else ""


def _write_pools(pools: Sequence[Pool]) -> list[dict[str, str]]:
    return [{name: value for name, value in zip(("Subnet", "Gateway", "IPRange"), pool) if value} for pool in pools]


POOLS = Kind(
    "list",
    parse_pools,
    show_pools,
    _read_pools,
    _write_pools,
    same_pools,
    elements="dict",
    options={"subnet": {"type": "str", "required": True}, "gateway": {"type": "str"}, "ip_range": {"type": "str"}},
)


def _get_encrypted(document: Mapping[str, Any]) -> bool:
    """The driver tests the presence of the option only: encrypted=false encrypts (moby overlay/ov_network.go)."""
    return ENCRYPTED_OPTION in (document.get("Options") or {})


def _put_encrypted(document: Json, value: bool) -> None:
    options = document.setdefault("Options", {})
    options.pop(ENCRYPTED_OPTION, None)
    if value:
        options[ENCRYPTED_OPTION] = ""


def container_mtu(underlay: int, encrypted: bool) -> int:
    """What containers get on an overlay over an underlay of this MTU (moby overlay/encryption.go maxMTU)."""
    mtu = underlay - VXLAN_OVERHEAD
    return (mtu - ESP_OVERHEAD) // 4 * 4 if encrypted else mtu


def underlay_mtu(container: int, encrypted: bool) -> int:
    """The MTU of the underlay that gives containers this MTU: the value that the overlay driver's option means."""
    return container + VXLAN_OVERHEAD + (ESP_OVERHEAD if encrypted else 0)


def _driver(document: Mapping[str, Any]) -> str:
    """A swarm-wide network has no driver until it is allocated, and those of this scope are overlays unless they say otherwise."""
    return document.get("Driver") or "overlay"


def _overlay(document: Mapping[str, Any]) -> bool:
    return _driver(document) == "overlay"


def _get_mtu(document: Mapping[str, Any]) -> int:
    written = str((document.get("Options") or {}).get(MTU_OPTION) or "")
    # The swarm takes any text; the driver falls back to its default where it is no number.
    option = int(written) if written.isdigit() else DEFAULT_MTU
    return container_mtu(option, _get_encrypted(document)) if _overlay(document) else option


def _put_mtu(document: Json, value: int) -> None:
    option = underlay_mtu(value, _get_encrypted(document)) if _overlay(document) else value
    document.setdefault("Options", {})[MTU_OPTION] = str(option)


def _get_driver_opts(document: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in (document.get("Options") or {}).items() if name not in MANAGED_OPTIONS}


def _put_driver_opts(document: Json, value: Mapping[str, str]) -> None:
    kept = {name: option for name, option in (document.get("Options") or {}).items() if name in MANAGED_OPTIONS}
    document["Options"] = {**kept, **value}


def _driver_opts(value: Any) -> dict[str, str]:
    options = labels(value)
    for option, remedy in ((ENCRYPTED_OPTION, "the option encrypted"), (MTU_OPTION, "the option mtu"), (VNI_OPTION, "the swarm itself")):
        if option in options:
            raise Unfit(f"no value here, since {remedy} sets it", f"[{option}]", options[option])
    return options


DRIVER_OPTS = Kind("dict", _driver_opts, dict)


def _user_labels(document: Mapping[str, Any]) -> dict[str, str]:
    return of_users(document.get("Labels") or {})


def _put_labels(document: Json, value: Mapping[str, str]) -> None:
    document["Labels"] = {**value, **of_ours(document.get("Labels") or {})}


NETWORK: Table = (
    Row("driver", "Driver", TEXT, mutable=False, get=_driver),
    Row("scope", "Scope", choice("swarm", "local"), absent="local", mutable=False),
    Row("subnets", "IPAM/Config", POOLS, absent=(), mutable=False),
    Row("attachable", "Attachable", BOOLEAN, absent=False, mutable=False),
    Row("internal", "Internal", BOOLEAN, absent=False, mutable=False),
    Row("encrypted", "Options/encrypted", BOOLEAN, mutable=False, get=_get_encrypted, put=_put_encrypted),
    Row("mtu", "Options/" + MTU_OPTION, INTEGER, mutable=False, get=_get_mtu, put=_put_mtu),
    Row("driver_opts", "Options", DRIVER_OPTS, mutable=False, get=_get_driver_opts, put=_put_driver_opts),
    Row("labels", "Labels", LABELS, mutable=False, get=_user_labels, put=_put_labels),
)


def check_network(item: Item) -> None:
    """What an overlay cannot be, whatever the swarm looks like. Raises InvalidOption."""
    driver = item.values.get("driver", "overlay")
    mtu = item.values.get("mtu")
    if mtu is not None and mtu < 68:
        raise InvalidOption(f"{item.where}.mtu", "at least 68, the least that IPv4 works with", mtu)
    if driver != "overlay" and item.values.get("encrypted"):
        raise InvalidOption(f"{item.where}.encrypted", "false, since only the driver overlay encrypts", True)
    if driver == "overlay" and item.values.get("encrypted") and mtu is not None and mtu % 4:
        raise InvalidOption(f"{item.where}.mtu", "a multiple of 4 on an encrypted overlay, to which ESP pads", mtu, f"use {mtu // 4 * 4}")
    if driver == "overlay" and item.values.get("scope") == "local":
        raise InvalidOption(f"{item.where}.scope", "swarm for the driver overlay", "local")
    subnets = [pool[0] for pool in item.values.get("subnets") or ()]
    for pool in subnets:
        if driver == "overlay" and ipaddress.ip_network(pool).prefixlen > 29 and ipaddress.ip_network(pool).version == 4:
            raise InvalidOption(f"{item.where}.subnets", "a subnet of /29 or larger, since the swarm itself takes 4 addresses", pool)
    for index, pool in enumerate(subnets):
        for other in subnets[index + 1 :]:
            if ipaddress.ip_network(pool).overlaps(ipaddress.ip_network(other)):
                raise InvalidOption(f"{item.where}.subnets", "subnets that do not overlap", f"{pool} and {other}")


def read_network(document: Mapping[str, Any]) -> Item:
    """A network from an entry of GET /networks."""
    return Item(name=str(document["Name"]), values=read(NETWORK, document), id=str(document["Id"]), document=document)


def subnets_of(item: Item) -> tuple[str, ...]:
    """The subnets of a network, wanted or found."""
    return tuple(pool[0] for pool in item.values.get("subnets") or ())


def allocated(item: Item) -> bool:
    """Whether the swarm's allocator has come to an overlay: an answer of 201 comes before that (ENGINE: IPAM.Config stays empty)."""
    return item.values["driver"] != "overlay" or bool(item.values["subnets"])
