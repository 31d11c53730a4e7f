# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subnets of a network: what the option `subnets` says, and IPAM/Config of the Engine's JSON."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Callable, NamedTuple

from .kinds import address, labels, subnet
from .table import Kind, Unfit

Aux = tuple[tuple[str, str], ...]


class Pool(NamedTuple):
    """One subnet of a network; "" and None where nothing was written, so that the Engine chooses.

    `aux_addresses` are addresses in use by others, by name, which the Engine does not give out.
    """

    subnet: str
    gateway: str = ""
    ip_range: str = ""
    aux_addresses: Aux | None = None


def parse_pools(value: Any) -> tuple[Pool, ...]:
    """Pools from mappings, in the order in which they were written: VNIs come in the same order."""
    return tuple(_pool(entry, f"[{index}]") for index, entry in enumerate(value))


def _pool(entry: Any, place: str) -> Pool:
    if not isinstance(entry, Mapping):
        return Pool(*entry)
    network = _part(subnet, entry, "subnet", place)
    gateway = _part(address, entry, "gateway", place)
    ip_range = _part(subnet, entry, "ip_range", place)
    if gateway and ipaddress.ip_address(gateway) not in ipaddress.ip_network(network):
        raise Unfit(f"an address inside {network}", f"{place}.gateway", gateway)
    if ip_range and not _inside(ip_range, network):
        raise Unfit(f"a subnet inside {network}", f"{place}.ip_range", ip_range)
    return Pool(network, gateway, ip_range, _aux(entry, network, place))


def _aux(entry: Mapping[str, Any], network: str, place: str) -> Aux | None:
    if entry.get("aux_addresses") is None:
        return None
    parsed = {}
    for name, written in labels(entry["aux_addresses"]).items():
        where = f"{place}.aux_addresses[{name}]"
        try:
            parsed[name] = address(written)
        except ValueError as error:
            raise Unfit(str(error), where, written) from None
        if ipaddress.ip_address(parsed[name]) not in ipaddress.ip_network(network):
            raise Unfit(f"an address inside {network}", where, written)
    return tuple(sorted(parsed.items()))


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


def show_pools(pools: Sequence[Pool]) -> list[dict[str, Any]]:
    """Pools as people write them."""
    return [_shown(pool) for pool in pools]


def _shown(pool: Pool) -> dict[str, Any]:
    shown: dict[str, Any] = {name: value for name, value in pool._asdict().items() if value and name != "aux_addresses"}
    return shown if pool.aux_addresses is None else {**shown, "aux_addresses": dict(pool.aux_addresses)}


def same_pools(wanted: Sequence[Pool], found: Sequence[Pool]) -> bool:
    """The same subnets in any order, with the gateways, ranges and auxiliary addresses that were written."""
    there = {pool.subnet: pool for pool in found}
    return len(wanted) == len(found) and all(pool.subnet in there and _same_pool(pool, there[pool.subnet]) for pool in wanted)


def _same_pool(wanted: Pool, found: Pool) -> bool:
    texts = all(not value or value == other for value, other in ((wanted.gateway, found.gateway), (wanted.ip_range, found.ip_range)))
    return texts and (wanted.aux_addresses is None or wanted.aux_addresses == (found.aux_addresses or ()))


def completed_pools(wanted: Sequence[Pool], found: Sequence[Pool]) -> tuple[Pool, ...]:
    """The wanted pools with the gateways and ranges that were not written, as the same subnets have them."""
    there = {pool.subnet: pool for pool in found}
    return tuple(_completed(pool, there.get(pool.subnet, pool)) for pool in wanted)


def _completed(wanted: Pool, found: Pool) -> Pool:
    gateway, ip_range = wanted.gateway or found.gateway, wanted.ip_range or found.ip_range
    return wanted._replace(gateway=gateway, ip_range=ip_range)


def read_pools(value: Any) -> tuple[Pool, ...]:
    """Pools as they are. The Engine keeps host bits, so 10.21.1.7/24 is read as the subnet that it means."""
    return tuple(_found(each) for each in value if each.get("Subnet"))


def _found(entry: Mapping[str, Any]) -> Pool:
    aux = tuple(sorted((name, _meant_address(each)) for name, each in (entry.get("AuxiliaryAddresses") or {}).items())) or None
    return Pool(_meant(entry["Subnet"]), _meant_address(entry.get("Gateway")), _meant(entry.get("IPRange")), aux)


def _meant_address(written: str | None) -> str:
    """An address in its canonical form: the Engine keeps FD00:0::1 as somebody wrote it. What is none stays as it is."""
    try:
        return str(ipaddress.ip_interface(written).ip) if written else ""
    except ValueError:
        return str(written)


def _meant(written: str | None) -> str:
    return str(ipaddress.ip_network(written, strict=False)) if written else ""


def write_pools(pools: Sequence[Pool]) -> list[dict[str, Any]]:
    """IPAM/Config of a request."""
    return [_written(pool) for pool in pools]


def _written(pool: Pool) -> dict[str, Any]:
    parts = {"Subnet": pool.subnet, "Gateway": pool.gateway, "IPRange": pool.ip_range, "AuxiliaryAddresses": dict(pool.aux_addresses or ())}
    return {name: value for name, value in parts.items() if value}


_PARTS: Mapping[str, Any] = {"subnet": {"type": "str", "required": True}, "gateway": {"type": "str"}, "ip_range": {"type": "str"}}
POOLS = Kind(
    "list",
    parse_pools,
    show_pools,
    read_pools,
    write_pools,
    same_pools,
    elements="dict",
    options={**_PARTS, "aux_addresses": {"type": "dict"}},
)
SWARM_POOLS = Kind("list", parse_pools, show_pools, read_pools, write_pools, same_pools, elements="dict", options=_PARTS)
"""The same for networks that are always the swarm's, which drops auxiliary addresses."""
