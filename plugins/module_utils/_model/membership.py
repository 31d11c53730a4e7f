# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a host stands to a swarm, as its own Engine sees it (GET /info)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from .certificate import Certificate
from .firewall import DATA_PATH_PORT

Interfaces = Mapping[str, tuple[str, ...]]
"""A host's interfaces with their addresses: {"eth0": ("10.0.0.11", "fe80::1")}."""


GOSSIP_PORT = 7946
"""The port of the gossip between nodes, TCP and UDP. It cannot be chosen."""


@dataclass(frozen=True)
class Membership:
    """One host's membership. `state` is the Engine's LocalNodeState; `managers` are the managers it knows, ID to address.

    `listen_addr` ("0.0.0.0:2377") and `data_path_addr` are what the host joined with, "" where that cannot be read.
    `data_path_port` is that of the swarm, 0 where the host does not know it: only managers do.
    `clock` is what the host's clock showed, in seconds since 1970; `certificate` is there where it could be read.
    """

    state: str = "inactive"
    node_id: str = ""
    node_addr: str = ""
    cluster_id: str = ""
    control: bool = False
    error: str = ""
    hostname: str = ""
    engine_version: str = ""
    managers: tuple[tuple[str, str], ...] = ()
    listen_addr: str = ""
    data_path_addr: str = ""
    data_path_port: int = 0
    clock: float | None = None
    certificate: Certificate | None = None

    @property
    def role(self) -> str:
        """manager or worker; "" outside a swarm. A manager without quorum still has itself among the managers.

        A locked manager, and a node whose certificate has expired, know neither themselves nor others; their certificate does.
        """
        if self.state == "inactive" or not self.node_id:
            return ""
        if self.state != "active" and self.certificate:
            return self.certificate.role
        return "manager" if self.control or self.node_id in dict(self.managers) else "worker"

    @property
    def live_manager(self) -> bool:
        """Whether swarm-wide work can be done here: control is available only while there is a leader to reach."""
        return self.state == "active" and self.control and not self.error


def read_membership(
    info: Mapping[str, Any], joined_with: Mapping[str, Any] | None = None, certificate: Certificate | None = None
) -> Membership:
    """Membership from the answer of GET /info, and from what is on the host's disk where it could be read.

    `joined_with` is what the Engine wrote down when the host joined (docker-state.json), `certificate` is the node's.

    A host that joined without a data-path address takes its advertise address for the traffic of containers, too.
    """
    written = joined_with or {}
    swarm: Mapping[str, Any] = info.get("Swarm") or {}
    cluster: Mapping[str, Any] = swarm.get("Cluster") or {}
    state = str(swarm.get("LocalNodeState") or "inactive")
    known = certificate.node_id if certificate and state != "inactive" else ""
    return Membership(
        state=state,
        node_id=str(swarm.get("NodeID") or known),
        node_addr=str(swarm.get("NodeAddr") or ""),
        cluster_id=str(cluster.get("ID") or ""),
        control=bool(swarm.get("ControlAvailable")),
        error=str(swarm.get("Error") or ""),
        hostname=str(info.get("Name") or ""),
        engine_version=str(info.get("ServerVersion") or ""),
        managers=tuple((str(peer["NodeID"]), str(peer["Addr"])) for peer in swarm.get("RemoteManagers") or ()),
        listen_addr=str(written.get("ListenAddr") or ""),
        data_path_addr=str(written.get("DataPathAddr") or (swarm.get("NodeAddr") if written else "") or ""),
        data_path_port=int(cluster.get("DataPathPort") or DATA_PATH_PORT) if cluster.get("ID") else 0,
        clock=instant(str(info.get("SystemTime") or "")),
        certificate=certificate,
    )


_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|([+-])(\d\d):(\d\d))$")


def instant(written: str) -> float | None:
    """Seconds since 1970 from a time as the Engine writes it, None from anything else.

    That is RFC 3339 with nanoseconds, which Python's own parser refuses.
    """
    match = _RFC_3339.match(written)
    if not match:
        return None
    at, sign, hours, minutes = match.groups()
    east = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    return (datetime.strptime(at, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc) - east).timestamp()


def show_membership(membership: Membership) -> dict[str, Any]:
    """Membership as people see it."""
    return {
        "state": membership.state,
        "role": membership.role,
        "node_id": membership.node_id,
        "node_addr": membership.node_addr,
        "listen_addr": membership.listen_addr,
        "data_path_addr": membership.data_path_addr,
        "data_path_port": membership.data_path_port,
        "cluster_id": membership.cluster_id,
        "live_manager": membership.live_manager,
        "error": membership.error,
        "hostname": membership.hostname,
        "engine_version": membership.engine_version,
        "managers": [addr for _id, addr in membership.managers],
    }


def read_shown(shown: Mapping[str, Any], clock: float | None = None, certificate: Certificate | None = None) -> Membership:
    """The membership behind what show_membership made of it. The IDs of other managers are not shown, so they stay empty."""
    texts = {name: str(shown[name]) for name in ("state", "node_id", "node_addr", "cluster_id", "error", "hostname", "engine_version")}
    return Membership(
        **texts,
        # of a manager without a majority it counts that it is one; whether it is live tells its error
        control=shown["role"] == "manager",
        managers=tuple(("", str(address)) for address in shown["managers"]),
        listen_addr=str(shown["listen_addr"]),
        data_path_addr=str(shown["data_path_addr"]),
        data_path_port=int(shown.get("data_path_port") or 0),
        clock=clock,
        certificate=certificate,
    )


@dataclass(frozen=True)
class Addresses:
    """Where a host is to be reached: address, address:port or interface name, as `docker swarm init` takes them."""

    advertise_addr: str | None = None
    listen_addr: str | None = None
    data_path_addr: str | None = None

    def body(self) -> dict[str, str]:
        """The fields of POST /swarm/init and /swarm/join; the Engine wants a listen address always."""
        given = {"AdvertiseAddr": self.advertise_addr, "DataPathAddr": self.data_path_addr}
        return {"ListenAddr": self.listen_addr or "0.0.0.0:2377", **{name: value for name, value in given.items() if value}}


def read_addresses(options: Mapping[str, Any]) -> Addresses:
    """Addresses from options of that name. What is not written is None."""
    return Addresses(*(str(options.get(name) or "") or None for name in ("advertise_addr", "listen_addr", "data_path_addr")))


def read_interfaces(shown: Mapping[str, Any] | None) -> Interfaces:
    """Interfaces from what meshwork.swarm.cluster_info told of them; none where they were not asked for."""
    return {str(name): tuple(str(address) for address in found) for name, found in (shown or {}).items()}
