# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as a user could write them, for every option of every table."""

from __future__ import annotations

import ipaddress
from typing import Any

from ansible_collections.meshwork.swarm.plugins.module_utils._model import authority, kinds
from ansible_collections.meshwork.swarm.plugins.module_utils._model.network import (
    DRIVER_OPTS,
    IPAM_OPTS,
    MANAGED_OPTIONS,
    NETWORK,
    VNIS,
)
from ansible_collections.meshwork.swarm.plugins.module_utils._model.node import NODE
from ansible_collections.meshwork.swarm.plugins.module_utils._model.publish import ATTACHMENTS, PUBLISH
from ansible_collections.meshwork.swarm.plugins.module_utils._model.service import IMAGE, SERVICE
from ansible_collections.meshwork.swarm.plugins.module_utils._model.subnets import POOLS
from ansible_collections.meshwork.swarm.plugins.module_utils._model.swarm import SWARM
from ansible_collections.meshwork.swarm.plugins.module_utils._model.table import Kind, Row
from hypothesis import strategies as st

from .authority import root

TABLES = {"swarm": SWARM, "node": NODE, "network": NETWORK, "service": SERVICE}
ROWS = [(name, row) for name, table in TABLES.items() for row in table]

WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-_/=: ä", min_size=1, max_size=12)
SCALAR = st.one_of(WORD, st.booleans(), st.integers(0, 10**6), st.floats(0, 100, allow_nan=False).map(lambda value: round(value, 3)))
MAPPING = st.dictionaries(WORD, st.one_of(SCALAR, st.none()), max_size=4)


@st.composite
def durations(draw: st.DrawFn) -> str:
    """ "1h30m", "500ms", "1.5s"."""
    units = draw(st.lists(st.sampled_from(["h", "m", "s", "ms", "us", "ns"]), unique=True, min_size=1, max_size=3))
    return "".join(f"{draw(st.integers(0, 10**5))}{unit}" for unit in units) if draw(st.booleans()) else f"{draw(st.integers(0, 99))}.5s"


@st.composite
def subnets(draw: st.DrawFn) -> str:
    """Subnets that do not overlap those with another first number."""
    prefix = draw(st.integers(16, 29))
    address = ipaddress.ip_network((draw(st.integers(1, 223)) << 24 | draw(st.integers(0, 2**24 - 1)), prefix), strict=False)
    return str(address)


@st.composite
def pool_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Values of the option subnets."""
    entries = []
    for subnet in draw(st.lists(subnets(), max_size=3, unique_by=lambda each: each.partition(".")[0])):
        entry: dict[str, Any] = {"subnet": subnet, "gateway": None, "ip_range": None, "aux_addresses": None}
        if draw(st.booleans()):
            entry["gateway"] = str(ipaddress.ip_network(subnet)[draw(st.integers(1, 5))])
        if draw(st.booleans()):
            entry["ip_range"] = str(next(ipaddress.ip_network(subnet).subnets()))
        if draw(st.booleans()):
            names = draw(st.lists(st.sampled_from(["router", "printer"]), unique=True))
            entry["aux_addresses"] = {name: str(ipaddress.ip_network(subnet)[place + 1]) for place, name in enumerate(names)}
        entries.append(entry)
    return entries


@st.composite
def port_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Values of the option publish, every port once."""
    published = draw(st.lists(st.integers(1, 65535), max_size=3, unique=True))
    return [
        {
            "target_port": draw(st.integers(1, 65535)),
            "published_port": draw(st.sampled_from([port, None])),
            "protocol": draw(st.sampled_from(["tcp", "udp", "sctp"])),
            "mode": draw(st.sampled_from(["ingress", "host"])),
        }
        for port in published
    ]


@st.composite
def attachment_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Values of the option networks of a service."""
    names = draw(st.lists(st.sampled_from(["front", "back", "store"]), unique=True))
    return [
        {
            "name": name,
            "aliases": draw(st.one_of(st.none(), st.lists(WORD, max_size=2, unique=True))),
            "driver_opts": draw(st.one_of(st.none(), MAPPING)),
        }
        for name in names
    ]


@st.composite
def signer_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Values of the option external_cas."""
    names = draw(st.lists(st.sampled_from(["https://ca.lab/sign", "http://10.0.0.9:8888/api/v1/cfssl/sign"]), max_size=3))
    return [
        {"url": name, "protocol": "cfssl", "options": draw(st.none() | MAPPING), "ca_cert": draw(st.none() | CERTIFICATES)}
        for name in names
    ]


CERTIFICATES = st.sampled_from(["one", "two", "three"]).map(lambda name: f"of {name}:\n{root(name)[0]}")
BY_KIND: list[tuple[Kind, st.SearchStrategy[Any]]] = [
    (kinds.TEXT, SCALAR),
    (IMAGE, st.sampled_from(["nginx:1.27", "nginx@sha256:" + "ab" * 32, "registry.lab:5000/a/b"])),
    (kinds.INTEGER, st.one_of(st.integers(0, 10**6), st.integers(0, 99).map(str))),
    (kinds.BOOLEAN, st.booleans()),
    (kinds.RATIO, st.floats(0, 1)),
    (kinds.CPUS, st.floats(0, 512)),
    (kinds.DURATION, durations()),
    (
        kinds.SIZE,
        st.builds(lambda number, unit: f"{number}{unit}", st.integers(0, 10**12), st.sampled_from(["", "b", "k", "M", "Gib", " g"])),
    ),
    (kinds.LABELS, MAPPING),
    (kinds.WORDS, st.lists(SCALAR, max_size=4)),
    (kinds.NAMES, st.lists(WORD, max_size=4)),
    (kinds.ENVIRONMENT, st.dictionaries(st.from_regex("[A-Z]{1,5}", fullmatch=True), st.one_of(SCALAR, st.none()), max_size=4)),
    (kinds.SUBNETS, st.lists(subnets(), max_size=3)),
    (DRIVER_OPTS, MAPPING.map(lambda value: {key: each for key, each in value.items() if key not in MANAGED_OPTIONS})),
    (IPAM_OPTS, MAPPING),
    (POOLS, pool_lists()),
    (VNIS, st.lists(st.integers(1, 2**24 - 1), max_size=3, unique=True)),
    (PUBLISH, port_lists()),
    (ATTACHMENTS, attachment_lists()),
    (authority.CERTIFICATE, CERTIFICATES),
    (authority.EXTERNAL_CAS, signer_lists()),
]


def written(row: Row) -> st.SearchStrategy[Any]:
    """Values of a row as a user could write them."""
    if row.kind.choices:
        return st.sampled_from(row.kind.choices)
    if row.option == "driver":
        return st.sampled_from(["overlay", "bridge", "macvlan"])
    if row.option == "mtu":
        # What ESP can carry; check_network refuses the others.
        return st.integers(150, 2300).map(lambda value: value * 4)
    return next(strategy for kind, strategy in BY_KIND if kind is row.kind)


def options(name: str, complete: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """Written values by option name: any part of a table, or all of it."""
    fields = {row.option: written(row) for row in TABLES[name]}
    return st.fixed_dictionaries(fields) if complete else st.fixed_dictionaries({}, optional=fields)


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """Options as Ansible gives them: suboptions inside their option."""
    result: dict[str, Any] = {}
    for option, value in flat.items():
        *parents, name = option.split(".")
        level = result
        for parent in parents:
            level = level.setdefault(parent, {})
        level[name] = value
    return result
