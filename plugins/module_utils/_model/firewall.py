# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may reach a swarm's ports: the rules, whatever firewall enforces them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import InvalidOption

MANAGEMENT_PORT = 2377
GOSSIP_PORT = 7946
DATA_PATH_PORT = 4789
FAMILIES = (4, 6)

OPTIONS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent", "confirmed"], "default": "present"},
    "backend": {"type": "str", "choices": ["auto", "firewalld", "ufw", "nftables", "iptables"], "default": "auto"},
    "role": {"type": "str", "choices": ["manager", "worker"]},
    "peers": {"type": "list", "elements": "str"},
    "data_path_port": {"type": "int", "default": DATA_PATH_PORT},
    "encrypted": {"type": "bool", "default": False},
    "guard": {"type": "bool", "default": True},
    "persistent": {"type": "bool", "default": True},
    "output_guard": {"type": "bool", "default": False},
    "confirm_within": {"type": "int", "default": 0},
    "published": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "port": {"type": "int", "required": True},
            "protocol": {"type": "str", "choices": ["tcp", "udp", "sctp"], "default": "tcp"},
            "sources": {"type": "list", "elements": "str", "required": True},
        },
    },
}
PEERS = "peers"
"""A source that stands for the addresses of all peers."""


@dataclass(frozen=True)
class Rule:
    """One thing that the hosts in `sources` may do on this host.

    `port` is None for a protocol without ports. `ipsec` narrows it to packets that IPsec has authenticated.
    `guarded` says that nobody else may do it when strangers are refused.
    """

    purpose: str
    protocol: str
    port: int | None
    why: str
    ipsec: bool = False
    guarded: bool = True
    sources: str = "peers"

    @property
    def subject(self) -> str:
        """What the rule is about, as people write it: "7946/udp"."""
        if self.port is None:
            return self.protocol.upper()
        return f"{self.port}/{self.protocol}" + (" inside IPsec" if self.ipsec else "")

    def shown(self) -> dict[str, Any]:
        """The rule as it is returned to the user."""
        return {"purpose": self.purpose, "protocol": self.protocol, "port": self.port, "ipsec": self.ipsec, "why": self.why}


@dataclass(frozen=True)
class Published:
    """A port that services publish, and who may reach it: subnets by family (4 and 6), sorted as numbers, and the peers when `peers` is
    set. Nobody else may.

    Both ways of publishing are meant, the routing mesh and the mode `host`.
    """

    protocol: str
    port: int
    sources: Mapping[int, tuple[str, ...]]
    peers: bool = False

    @property
    def subject(self) -> str:
        """What is published, as people write it: "8080/tcp"."""
        return f"{self.port}/{self.protocol}"


@dataclass(frozen=True)
class Entry:
    """One rule as a backend writes it. Two entries are the same when their `text` is.

    `verb` ("allow", "keep", "refuse", or nothing when the rule is not of our making) and `subject` say what it means.
    """

    text: str
    verb: str = field(default="", compare=False)
    subject: str = field(default="", compare=False)


@dataclass(frozen=True)
class Layer:
    """What one address family has of ours, now or at the next boot.

    `peers` are the members of the set (None: there is no set), `entries` the rules (None: there is no chain or policy to
    hold them), `attached` says that packets really come by these rules. `published` are the rules for published ports, `local` those for
    what programs of the host send (None: there is nothing to hold them).
    """

    peers: tuple[str, ...] | None = None
    entries: tuple[Entry, ...] | None = None
    attached: bool = False
    published: tuple[Entry, ...] | None = None
    local: tuple[Entry, ...] | None = None

    @property
    def empty(self) -> bool:
        return self == Layer()


@dataclass(frozen=True)
class Desired:
    """What the user wants. `peers` are canonical addresses by family (4 and 6), sorted as numbers."""

    present: bool
    peers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    guarded: tuple[tuple[str, int], ...] = ()
    persistent: bool = True
    published: tuple[Published, ...] = ()
    confirm_within: int = 0
    sealed_port: int = 0
    """The UDP port to which only the kernel itself may send, 0 for none."""

    @property
    def count(self) -> str:
        """How many hosts the rules are for: "1 peer", "3 peers"."""
        number = sum(len(addresses) for addresses in self.peers.values())
        return f"{number} peer" + ("" if number == 1 else "s")


def parse_firewall(options: Mapping[str, Any]) -> Desired:
    """The wanted rules from the module's options. Raises InvalidOption."""
    if options["state"] == "absent":
        return Desired(present=False, peers={4: (), 6: ()})
    port = options["data_path_port"]
    if not 1024 <= port <= 49151:
        raise InvalidOption("data_path_port", "a port from 1024 to 49151, as `docker swarm init --data-path-port` takes", port)
    if port == GOSSIP_PORT:
        raise InvalidOption("data_path_port", f"a port other than {GOSSIP_PORT}, which the swarm's gossip uses", port)
    if (options.get("confirm_within") or 0) < 0:
        raise InvalidOption("confirm_within", "a number of seconds, or 0 for no way back", options["confirm_within"])
    role = options.get("role")
    if not role:
        raise InvalidOption("role", "manager or worker", role, "only managers are reached on 2377/tcp")
    manager = role == "manager"
    return Desired(
        present=True,
        peers=parse_peers(options.get("peers") or ()),
        rules=swarm_rules(manager, port, bool(options["encrypted"])),
        guarded=(("tcp", MANAGEMENT_PORT), ("tcp", GOSSIP_PORT), ("udp", port), ("udp", GOSSIP_PORT)) if options["guard"] else (),
        persistent=bool(options["persistent"]),
        published=parse_published(options.get("published") or ()),
        confirm_within=options.get("confirm_within") or 0,
        sealed_port=port if options.get("output_guard") else 0,
    )


def parse_published(written: Sequence[Mapping[str, Any]]) -> tuple[Published, ...]:
    """Published ports in the order of their numbers, each once. Raises InvalidOption that names the entry."""
    found: dict[tuple[int, str], Published] = {}
    for index, each in enumerate(written):
        port, protocol = each["port"], each.get("protocol") or "tcp"
        if not 1 <= port <= 65535:
            raise InvalidOption(f"published[{index}].port", "a port from 1 to 65535", port)
        if (port, protocol) in found:
            raise InvalidOption(f"published[{index}].port", "each port once", f"{port}/{protocol}", "put all its sources into one entry")
        sources: dict[int, list[str]] = {family: [] for family in FAMILIES}
        for place, source in enumerate(each["sources"]):
            if source != PEERS:
                subnet = _subnet(f"published[{index}].sources[{place}]", source)
                sources[subnet.version].append(str(subnet.network_address) if subnet.num_addresses == 1 else str(subnet))
        ordered = {family: tuple(sorted(set(subnets), key=_subnet_number)) for family, subnets in sources.items()}
        found[port, protocol] = Published(protocol, port, ordered, PEERS in each["sources"])
    return tuple(found[key] for key in sorted(found))


def _subnet(item: str, source: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(str(source).strip())
    except ValueError as error:
        expected = f'an address, a subnet such as 10.0.0.0/24, or "{PEERS}" for all hosts of the cluster'
        raise InvalidOption(item, expected, source, str(error)) from None


def _subnet_number(subnet: str) -> tuple[int, int]:
    network = ipaddress.ip_network(subnet)
    return int(network.network_address), network.prefixlen


def parse_peers(written: Sequence[Any]) -> dict[int, tuple[str, ...]]:
    """Canonical addresses by family. Raises InvalidOption that names the entry."""
    if not written:
        raise InvalidOption("peers", "the address of every host of the cluster", list(written), "without peers no host could reach another")
    found: dict[int, dict[int, str]] = {family: {} for family in FAMILIES}
    for index, value in enumerate(written):
        item, text = f"peers[{index}]", str(value).strip()
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            remedy = "list every host by its own address" if "/" in text else "a firewall follows addresses, not names"
            raise InvalidOption(item, "one IPv4 or IPv6 address", value, remedy) from None
        if address.is_loopback or address.is_multicast or address.is_unspecified or "%" in text:
            raise InvalidOption(item, "the address from which a host of the cluster sends to the others", value)
        found[address.version][int(address)] = str(address)
    return {family: in_order(list(addresses.values())) for family, addresses in found.items()}


def in_order(addresses: Sequence[str]) -> tuple[str, ...]:
    """Addresses sorted as numbers; what is not an address comes first."""
    return tuple(sorted(addresses, key=_number))


def _number(text: str) -> tuple[int, str]:
    try:
        return int(ipaddress.ip_address(text)), text
    except ValueError:
        return -1, text


def swarm_rules(manager: bool, data_path_port: int, encrypted: bool) -> tuple[Rule, ...]:
    """What the hosts of a swarm have to reach on one of them (docs.docker.com, "Open protocols and ports between the hosts").

    2377/tcp is dialled on managers only. Encrypted overlay networks send ESP in transport mode; the packet inside comes by
    the firewall a second time, as VXLAN with an IPsec policy.
    """
    rules = []
    if manager:
        rules.append(Rule("management", "tcp", MANAGEMENT_PORT, "cluster management and raft, on managers"))
    rules += [
        Rule("gossip-tcp", "tcp", GOSSIP_PORT, "gossip of nodes and networks"),
        Rule("gossip-udp", "udp", GOSSIP_PORT, "gossip of nodes and networks"),
    ]
    if encrypted:
        rules += [
            Rule("encryption", "esp", None, "encrypted overlay networks", guarded=False),
            Rule("data-path-ipsec", "udp", data_path_port, "encrypted overlay networks, once decrypted", ipsec=True),
        ]
    rules.append(Rule("data-path", "udp", data_path_port, "overlay networks (VXLAN)"))
    return tuple(rules)
