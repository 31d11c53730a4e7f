# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network: what POST /networks/create takes and GET /networks gives back. Nothing of it can be changed later."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .errors import InvalidOption
from .item import Item, check_labels, of_ours, of_users
from .kinds import BOOLEAN, INTEGER, LABELS, TEXT, WORDS, choice, labels, subnet
from .subnets import POOLS
from .table import Json, Kind, Row, Table, Unfit, read

MTU_OPTION = "com.docker.network.driver.mtu"
VNI_OPTION = "com.docker.network.driver.overlay.vxlanid_list"
ENCRYPTED_OPTION = "encrypted"
MANAGED_OPTIONS: Mapping[str, str] = {
    ENCRYPTED_OPTION: "encrypted",
    MTU_OPTION: "mtu",
    VNI_OPTION: "vnis",
    "com.docker.network.enable_ipv4": "enable_ipv4",
    "com.docker.network.enable_ipv6": "enable_ipv6",
}
"""Driver options for which there are options of their own. The Engine adds some of them by itself, the last two since 28.0."""
IPAM_SERIAL = "com.docker.network.ipam.serial"
"""What the swarm's allocator adds to IPAM options that were written (seen with Engine 20.10)."""

NODE_LOCAL = ("bridge", "macvlan", "ipvlan")
"""Drivers of one host. A swarm-wide network of theirs is made anew on each node that needs it, and shares nothing but its name."""

DEFAULT_MTU = 1500
VXLAN_OVERHEAD = 50
ESP_OVERHEAD = 26
LAST_VNI = 2**24 - 1


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
    return document.get("Driver") or ("null" if document.get("ConfigOnly") else "overlay")


def _overlay(document: Mapping[str, Any]) -> bool:
    return _driver(document) == "overlay"


def _get_mtu(document: Mapping[str, Any]) -> int | None:
    """What containers get; None where it is not the network that says so, but the parent interface or a driver that we do not know."""
    written = str((document.get("Options") or {}).get(MTU_OPTION) or "")
    # The swarm takes any text; the driver falls back to its default where it is no number.
    if not written.isdigit() and _driver(document) not in ("overlay", "bridge"):
        return None
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
    for option, own in MANAGED_OPTIONS.items():
        if option in options:
            raise Unfit(f"no value here, since the option {own} sets it", f"[{option}]", options[option])
    return options


DRIVER_OPTS = Kind("dict", _driver_opts, dict)


def _user_labels(document: Mapping[str, Any]) -> dict[str, str]:
    return of_users(document.get("Labels") or {})


def _put_labels(document: Json, value: Mapping[str, str]) -> None:
    document["Labels"] = {**value, **of_ours(document.get("Labels") or {})}


def _vnis(value: Any) -> tuple[int, ...]:
    numbers: list[int] = []
    for index, entry in enumerate(value):
        number = int(entry) if str(entry).isdigit() else 0
        if not 1 <= number <= LAST_VNI:
            raise Unfit(f"a VNI from 1 to {LAST_VNI}", f"[{index}]", entry)
        if number in numbers:
            raise Unfit("every VNI once", f"[{index}]", entry)
        numbers.append(number)
    return tuple(numbers)


VNIS = Kind("list", _vnis, list, elements="int")


def _get_vnis(document: Mapping[str, Any]) -> tuple[int, ...]:
    written = str((document.get("Options") or {}).get(VNI_OPTION) or "").split(",")
    return tuple(int(number) for number in written if number.strip().isdigit())


def _put_vnis(document: Json, value: Sequence[int]) -> None:
    document.setdefault("Options", {})[VNI_OPTION] = ",".join(map(str, value))


def _put_scope(document: Json, value: str) -> None:
    """A config-only network is local, and the Engine refuses one that says so (moby libnetwork validateConfiguration)."""
    if not document.get("ConfigOnly"):
        document["Scope"] = value


def _get_ipam_opts(document: Mapping[str, Any]) -> dict[str, str]:
    written = (document.get("IPAM") or {}).get("Options") or {}
    return {name: value for name, value in written.items() if name != IPAM_SERIAL}


def _ipam_opts(value: Any) -> dict[str, str]:
    options = labels(value)
    if IPAM_SERIAL in options:
        raise Unfit("no value here, since the swarm itself sets it", f"[{IPAM_SERIAL}]", options[IPAM_SERIAL])
    return options


IPAM_OPTS = Kind("dict", _ipam_opts, dict, labels)


def _get_ipam_driver(document: Mapping[str, Any]) -> str:
    """Empty until the network is allocated, and for ever on swarm-wide networks that are made on each node."""
    return (document.get("IPAM") or {}).get("Driver") or "default"


NETWORK: Table = (
    Row("driver", "Driver", TEXT, mutable=False, get=_driver),
    Row("config_only", "ConfigOnly", BOOLEAN, absent=False, mutable=False, quiet=True),
    Row("config_from", "ConfigFrom/Network", TEXT, absent="", mutable=False),
    Row("scope", "Scope", choice("swarm", "local"), absent="local", mutable=False, put=_put_scope),
    Row("subnets", "IPAM/Config", POOLS, absent=(), mutable=False),
    Row("ipam_driver", "IPAM/Driver", TEXT, absent="default", mutable=False, quiet=True, get=_get_ipam_driver),
    Row("ipam_opts", "IPAM/Options", IPAM_OPTS, absent={}, mutable=False, get=_get_ipam_opts),
    Row("enable_ipv4", "EnableIPv4", BOOLEAN, absent=True, mutable=False, since=(1, 48), quiet=True),
    Row("enable_ipv6", "EnableIPv6", BOOLEAN, absent=False, mutable=False, quiet=True),
    Row("attachable", "Attachable", BOOLEAN, absent=False, mutable=False),
    Row("internal", "Internal", BOOLEAN, absent=False, mutable=False),
    Row("encrypted", "Options/encrypted", BOOLEAN, mutable=False, get=_get_encrypted, put=_put_encrypted),
    Row("mtu", "Options/" + MTU_OPTION, INTEGER, mutable=False, get=_get_mtu, put=_put_mtu),
    Row("vnis", "Options/" + VNI_OPTION, VNIS, absent=(), mutable=False, get=_get_vnis, put=_put_vnis),
    Row("driver_opts", "Options", DRIVER_OPTS, mutable=False, get=_get_driver_opts, put=_put_driver_opts),
    Row("labels", "Labels", LABELS, mutable=False, get=_user_labels, put=_put_labels),
)

POLICY: Table = (
    Row("replace", "", choice("never", "unused", "rolling")),
    Row("replace_order", "", WORDS),
    Row("replace_subnet", "", Kind("str", subnet)),
)
"""What may be done where a network differs. The Engine knows nothing of it, so that it is neither compared nor written."""


def check_network(item: Item) -> None:
    """What no network can be, whatever the swarm looks like. Raises InvalidOption."""
    check_labels(item)
    local = item.values.get("scope") == "local"
    if item.values.get("config_only"):
        _check_config_only(item)
    elif item.values.get("config_from"):
        _check_config_from(item)
    elif wanted_driver(item) in NODE_LOCAL and item.values.get("scope") == "swarm":
        _check_node_local(item)
    if wanted_driver(item) == "overlay" and not item.values.get("config_only"):
        if local:
            raise InvalidOption(f"{item.where}.scope", "swarm for the driver overlay", "local")
        _check_overlay(item)
    else:
        _none_of(item, ("encrypted", "vnis"), "nothing, since only the driver overlay has it")
    if wanted_driver(item) in ("host", "null") and item.name not in ("host", "none") and not item.values.get("config_only"):
        told = "another driver, since every host has the networks host and none already, and no others of their drivers"
        raise InvalidOption(f"{item.where}.driver", told, item.values["driver"])
    if item.values.get("mtu") is not None and item.values["mtu"] < 68:
        raise InvalidOption(f"{item.where}.mtu", "at least 68, the least that IPv4 works with", item.values["mtu"])
    parallel = item.values.get("replace_subnet")
    if parallel and ipaddress.ip_network(parallel).version != 4:
        raise InvalidOption(f"{item.where}.replace_subnet", "an IPv4 subnet, since the parallel network has no other", parallel)
    _check_subnets(item)


def wanted_driver(item: Item) -> str:
    """The driver that was written, or the one with which a network is made otherwise."""
    return str(item.values.get("driver") or ("bridge" if item.values.get("scope") == "local" else "overlay"))


def _none_of(item: Item, options: Sequence[str], expected: str) -> None:
    for option in options:
        # false, 0 and nothing are what a network has anyway
        if item.values.get(option):
            shown = next(row.kind.show for row in NETWORK if row.option == option)(item.values[option])
            raise InvalidOption(f"{item.where}.{option}", expected, shown)


def _check_config_only(item: Item) -> None:
    """moby libnetwork validateConfiguration."""
    if item.values.get("scope") == "swarm":
        told = "a config-only network in the scope local only, since it is made on each host for itself"
        raise InvalidOption(f"{item.where}.config_only", told, True)
    told = "nothing on a config-only network, which is what networks are made from; write it on those"
    # null is the driver that the Engine tells of it
    _none_of(item, ("config_from", "internal", "attachable", *(() if item.values.get("driver") == "null" else ("driver",))), told)


def _check_config_from(item: Item) -> None:
    """moby libnetwork validateConfiguration; labels, too, are refused."""
    if wanted_driver(item) not in NODE_LOCAL:
        expected = f"one of the drivers {', '.join(NODE_LOCAL)}, which are made from a config-only network of their host"
        raise InvalidOption(f"{item.where}.driver", expected, wanted_driver(item))
    told = "nothing beside config_from; write it on the config-only network"
    _none_of(item, ("subnets", "ipam_driver", "ipam_opts", "enable_ipv6", "mtu", "driver_opts", "labels"), told)


def _check_node_local(item: Item) -> None:
    told = (
        f"nothing on a swarm-wide {item.values['driver']} network, since the swarm drops it; "
        "write it on a config-only network of each host, and name that in config_from"
    )
    _none_of(item, ("subnets", "ipam_driver", "ipam_opts", "enable_ipv6", "mtu", "driver_opts"), told)


def _check_overlay(item: Item) -> None:
    mtu, vnis, pools = item.values.get("mtu"), item.values.get("vnis"), item.values.get("subnets")
    if item.values.get("encrypted") and mtu is not None and mtu % 4:
        raise InvalidOption(f"{item.where}.mtu", "a multiple of 4 on an encrypted overlay, to which ESP pads", mtu, f"use {mtu // 4 * 4}")
    if vnis and len(vnis) != len(pools or ("",)):
        expected = f"one VNI for each subnet, {len(pools)} in all" if pools else "one VNI, for the one subnet from the default pool"
        raise InvalidOption(f"{item.where}.vnis", expected, list(vnis))
    if pools is not None and not pools:
        raise InvalidOption(
            f"{item.where}.subnets", "a subnet, since no overlay is without one", [], "leave it out for one from the default pool"
        )
    if vnis is not None and not vnis:
        raise InvalidOption(
            f"{item.where}.vnis", "a VNI, since no overlay is without one", [], "leave it out for one that the swarm chooses"
        )
    for pool in pools or ():
        if ipaddress.ip_network(pool.subnet).num_addresses < 8:
            smallest = "/29" if ipaddress.ip_network(pool.subnet).version == 4 else "/125"
            told = f"a subnet of {smallest} or larger, since the swarm itself takes 4 addresses"
            raise InvalidOption(f"{item.where}.subnets", told, pool.subnet)
        if pool.aux_addresses:
            told = "nothing on a network of the swarm, which drops it; leave these addresses out of ip_range"
            raise InvalidOption(f"{item.where}.subnets.aux_addresses", told, dict(pool.aux_addresses))


def _check_subnets(item: Item) -> None:
    subnets = subnets_of(item)
    for index, pool in enumerate(subnets):
        for other in subnets[index + 1 :]:
            if ipaddress.ip_network(pool).overlaps(ipaddress.ip_network(other)):
                raise InvalidOption(f"{item.where}.subnets", "subnets that do not overlap", f"{pool} and {other}")
    versions = [ipaddress.ip_network(pool).version for pool in subnets]
    if 6 in versions and not item.values.get("enable_ipv6"):
        raise InvalidOption(f"{item.where}.enable_ipv6", "true beside an IPv6 subnet", item.values.get("enable_ipv6"))
    if item.values.get("enable_ipv6") and 6 not in versions and (subnets or item.values.get("scope") == "swarm"):
        raise InvalidOption(f"{item.where}.subnets", "an IPv6 subnet among them, as enable_ipv6 is true", list(subnets))
    if subnets and 4 not in versions and item.values.get("scope") == "local" and item.values.get("enable_ipv4", True):
        told = "an IPv4 subnet among them, since the Engine takes one of its own pool otherwise"
        raise InvalidOption(f"{item.where}.subnets", told, list(subnets))
    if wanted_driver(item) == "bridge" and not item.values.get("config_only") and versions.count(4) > 1:
        raise InvalidOption(f"{item.where}.subnets", "one IPv4 subnet, since a bridge has no more", list(subnets))


def read_network(document: Mapping[str, Any]) -> Item:
    """A network from an entry of GET /networks."""
    return Item(name=str(document["Name"]), values=read(NETWORK, document), id=str(document["Id"]), document=document)


def subnets_of(item: Item) -> tuple[str, ...]:
    """The subnets of a network, wanted or found."""
    return tuple(pool.subnet for pool in item.values.get("subnets") or ())


def aligned(item: Item, there: Item) -> Item:
    """The wanted network with its VNIs in the order in which `there` has the same subnets, which is the order of its VNIs."""
    subnets, vnis = subnets_of(item), item.values.get("vnis") or ()
    if len(subnets) != len(vnis) or set(subnets) != set(subnets_of(there)):
        return item
    by_subnet = dict(zip(subnets, vnis))
    return replace(item, values={**item.values, "vnis": tuple(by_subnet[subnet] for subnet in subnets_of(there))})


def allocated(item: Item) -> bool:
    """Whether the swarm's allocator has come to an overlay: an answer of 201 comes before that (ENGINE: IPAM.Config stays empty)."""
    return item.values["driver"] != "overlay" or bool(item.values["subnets"])
