# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as a user could write them, for every option of every table."""

from __future__ import annotations

import ipaddress
from typing import Any

from ansible_collections.meshwork.swarm.plugins.module_utils._model import authority, container, kinds
from ansible_collections.meshwork.swarm.plugins.module_utils._model.content import CONFIG, SECRET
from ansible_collections.meshwork.swarm.plugins.module_utils._model.network import (
    DRIVER_OPTS,
    IPAM_OPTS,
    MANAGED_OPTIONS,
    NETWORK,
    VNIS,
)
from ansible_collections.meshwork.swarm.plugins.module_utils._model.node import NODE
from ansible_collections.meshwork.swarm.plugins.module_utils._model.placement import CONSTRAINTS
from ansible_collections.meshwork.swarm.plugins.module_utils._model.publish import PUBLISH
from ansible_collections.meshwork.swarm.plugins.module_utils._model.service import MONITOR, SERVICE
from ansible_collections.meshwork.swarm.plugins.module_utils._model.stack import STACK_LABELS
from ansible_collections.meshwork.swarm.plugins.module_utils._model.subnets import POOLS
from ansible_collections.meshwork.swarm.plugins.module_utils._model.swarm import SWARM
from ansible_collections.meshwork.swarm.plugins.module_utils._model.table import Kind, Row
from hypothesis import strategies as st

from .authority import root

TABLES = {"swarm": SWARM, "node": NODE, "network": NETWORK, "service": SERVICE, "secret": SECRET.table, "config": CONFIG.table}
ROWS = [(name, row) for name, table in TABLES.items() for row in table]

# a choice each: the options of a whole service are many, and hypothesis gives up on values that take too much to draw
WORD = st.sampled_from(["a", "b-2", "c.d/e", "x=y", "k: v", " ", "ä", "io.x.label", "0", "true", "with space", "=", "zz_z"])
SCALAR = st.one_of(WORD, st.sampled_from([True, False, 0, 7, 10**6, 0.5, 99.125]))
MAPPING = st.dictionaries(WORD, st.one_of(SCALAR, st.none()), max_size=2)


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
    """Values of the option publish, every port once; some are ranges."""
    published = draw(st.lists(st.integers(1, 6000), max_size=3, unique=True))
    entries = []
    for port in published:
        length, target = draw(st.sampled_from([1, 1, 3])), draw(st.integers(1, 65000))
        entries.append(
            {
                "target_port": _range(target, length),
                "published_port": draw(st.sampled_from([_range(port * 10, length), None])),
                "protocol": draw(st.sampled_from(["tcp", "udp", "sctp"])),
                "mode": draw(st.sampled_from(["ingress", "host"])),
                "name": draw(st.sampled_from([None, "web"])),
            }
        )
    return entries


def _range(first: int, length: int) -> str:
    return str(first) if length == 1 else f"{first}-{first + length - 1}"


def entry_lists(key: str, names: list[str], **options: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Lists of entries of which each has another name, and any of the options."""
    one = st.fixed_dictionaries({key: st.sampled_from(names)}, optional=options)
    return st.lists(one, unique_by=lambda entry: entry[key], max_size=3).map(lambda entries: [nested(entry) for entry in entries])


@st.composite
def mount_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Values of the option mounts, each with options of its type only."""
    sources = {"bind": "/srv", "volume": "data", "tmpfs": None, "npipe": r"\\.\pipe\x", "cluster": "csi"}
    sections: dict[str, dict[str, st.SearchStrategy[Any]]] = {
        "bind": {"propagation": st.sampled_from(["rprivate", "rslave"]), "non_recursive": st.booleans()},
        "volume": {
            "no_copy": st.booleans(),
            "labels": MAPPING,
            "driver": st.just("local"),
            "driver_opts": MAPPING,
            "subpath": st.just("a/b"),
        },
        "tmpfs": {"size": st.just("1M"), "mode": st.just("0700"), "options": st.just(["noexec", "uid=1"])},
    }
    entries = []
    for target in draw(st.lists(st.sampled_from(["/a", "/b", "/c"]), unique=True)):
        kind = draw(st.sampled_from(sorted(sources)))
        entry: dict[str, Any] = {"target": target, "type": kind, "source": sources[kind], "read_only": draw(st.none() | st.booleans())}
        if kind in sections:
            entry[f"{kind}_options"] = draw(st.fixed_dictionaries({}, optional=sections[kind]))
        entries.append(entry)
    return entries


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
    (container.IMAGE, st.sampled_from(["nginx:1.27", "nginx@sha256:" + "ab" * 32, "registry.lab:5000/a/b"])),
    (kinds.INTEGER, st.one_of(st.integers(0, 10**6), st.integers(0, 99).map(str))),
    (kinds.BOOLEAN, st.booleans()),
    (kinds.RATIO, st.floats(0, 1)),
    (kinds.CPUS, st.sampled_from(["0", "0.5", ".25", "500m", "2", 1.5, "1500m"])),
    (kinds.MEMORY, st.sampled_from(["0", "4M", "512M", "1GiB", "1.5g", "67108864"])),
    (kinds.COUNTS, st.dictionaries(WORD, st.integers(1, 9), max_size=3)),
    (kinds.CAPABILITIES, st.lists(st.sampled_from(["net_admin", "CAP_SYS_TIME", "ALL"]), max_size=3)),
    (kinds.HOSTS, st.dictionaries(st.sampled_from(["db", "cache"]), st.sampled_from(["10.0.0.5", ["10.0.0.6", "FD00::5"], []]))),
    (kinds.SCORE, st.integers(-1000, 1000)),
    (kinds.ADDRESSES, st.lists(st.sampled_from(["10.0.0.2", "fd00::2"]), max_size=2)),
    (kinds.DURATION, durations()),
    (MONITOR, durations()),
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
    (STACK_LABELS, MAPPING),
    (CONSTRAINTS, st.lists(st.sampled_from(["node.role==worker", "node.labels.zone != a", "engine.labels.x == y z"]), max_size=3)),
    (container.TEST, st.sampled_from([[], ["CMD", "true"], ["CMD-SHELL", "wget x || exit 1"]])),
    (container.INTERVAL, st.sampled_from(["0", "10s", "1m30s", "1ms"])),
    (container.PROFILE, st.sampled_from(["", '{"defaultAction": "SCMP_ACT_ALLOW"}'])),
    (authority.CERTIFICATE, CERTIFICATES),
    (authority.EXTERNAL_CAS, signer_lists()),
]

FILES = {"target": st.none(), "uid": st.just("33"), "gid": st.just("33"), "mode": st.sampled_from(["0400", "0444", 0o440])}
BY_OPTION: dict[str, st.SearchStrategy[Any]] = {
    "networks": entry_lists("name", ["front", "back", "store"], aliases=st.lists(WORD, max_size=2, unique=True), driver_opts=MAPPING),
    "mounts": mount_lists(),
    "secrets": entry_lists("source", ["key", "token"], **FILES),
    "configs": entry_lists("source", ["site", "rules"], **FILES),
    "credential_spec": st.sampled_from(["", "config://account", "file://x.json", "registry://x"]),
    "ulimits": entry_lists("name", ["nofile", "core"], soft=st.integers(-1, 9), hard=st.just(-1)).map(
        lambda entries: [{"hard": -1, **entry} for entry in entries]
    ),
    "placement.preferences": entry_lists("spread", ["node.labels.zone", "engine.labels.rack"]),
    "placement.platforms": entry_lists("architecture", ["amd64", "arm64"]).map(lambda found: [{"os": "linux", **each} for each in found]),
}


def written(row: Row) -> st.SearchStrategy[Any]:
    """Values of a row as a user could write them."""
    if row.kind.choices:
        return st.sampled_from(row.kind.choices)
    if row.option in BY_OPTION:
        return BY_OPTION[row.option]
    if row.option == "driver":
        return st.sampled_from(["overlay", "bridge", "macvlan"])
    if row.option == "mtu":
        # What ESP can carry; check_network refuses the others.
        return st.integers(150, 2300).map(lambda value: value * 4)
    return next(strategy for kind, strategy in BY_KIND if kind is row.kind)


def options(name: str, complete: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """Written values by option name: all of a table, or any part of it, of which large tables have a few options at a time."""
    fields = {row.option: written(row) for row in TABLES[name]}
    if complete:
        return st.fixed_dictionaries(fields)
    if len(fields) < FEW:
        return st.fixed_dictionaries({}, optional=fields)
    some = st.lists(st.sampled_from(sorted(fields)), unique=True, max_size=FEW)
    return some.flatmap(lambda chosen: st.fixed_dictionaries({option: fields[option] for option in chosen}))


FEW = 20


def sensible(values: dict[str, Any]) -> dict[str, Any]:
    """Values by option name without what the checks of whole objects refuse."""
    numbers = {"replicated": ("replicas",), "replicated-job": ("total_completions", "max_concurrent")}
    refused = {"replicas", "total_completions", "max_concurrent"} - set(numbers.get(values.get("mode", "replicated"), ()))
    if values.get("mode") in ("replicated-job", "global-job"):
        refused |= {each for each in values if each.startswith(("update_config.", "rollback_config."))}
    if values.get("healthcheck.disable"):
        refused.add("healthcheck.test")
    if values.get("seccomp.mode") != "custom":
        refused.add("seccomp.profile")
    if values.get("config_only"):
        refused.add("scope")
    if values.get("publish"):
        refused |= {"endpoint_mode", "update_config.order"}
    return {option: value for option, value in values.items() if option not in refused}


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
