# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host has to be for a swarm: kernel modules, kernel features and kernel parameters, one row each, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import InvalidOption
from .kinds import text
from .sysctl import canonical, dotted

OPTIONS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "encrypted": {"type": "bool", "default": False},
    "nodes": {"type": "int"},
    "rp_filter": {"type": "int", "choices": [0, 1, 2]},
    "sysctls": {"type": "dict"},
    "interfaces_unmanaged": {"type": "bool"},
    "offload_workaround": {"type": "str", "choices": ["auto", "always", "never"]},
}

ENDPOINTS_PER_NODE = 1024
"""A Linux bridge has 1024 ports, so that no node has more endpoints on its overlays (BR_PORT_BITS in net/bridge/br_private.h)."""
DOCKER_NEIGHBOURS = 65536
"""What Docker raises gc_thresh3 of IPv4 to when its overlay driver starts (moby, libnetwork/drivers/overlay/ostweaks_linux.go)."""

FAULTY_DRIVER = "vmxnet3"
OFFLOADS = ("tx-checksum-ip-generic", "tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation")
"""Features with which a card works on packets inside VXLAN, as ethtool names them (moby/moby#41775)."""


@dataclass(frozen=True)
class Module:
    """A kernel module, why a swarm needs it, and whether only encrypted networks or hosts with IPv6 do."""

    name: str
    why: str
    encrypted: bool = False
    ipv6: bool = False


MODULES = (
    Module("bridge", "docker_gwbridge and the bridge of each overlay network"),
    Module("br_netfilter", "docker_gwbridge keeps containers apart with iptables rules on bridged packets"),
    Module("veth", "the interfaces of containers"),
    Module("vxlan", "overlay networks"),
    Module("nf_conntrack", "address translation of published ports"),
    Module("ip_vs", "virtual addresses of services and the routing mesh"),
    Module("ip_vs_rr", "the scheduler of Docker's virtual addresses"),
    Module("xt_ipvs", "address translation behind virtual addresses"),
    Module("xt_mark", "the marks by which IPVS knows a service"),
    Module("esp4", "IPsec between the nodes", encrypted=True),
    Module("esp6", "IPsec between the nodes over IPv6", encrypted=True, ipv6=True),
    Module("xfrm_user", "Docker writes IPsec policies through it", encrypted=True),
    Module("xfrm_algo", "the algorithms of IPsec", encrypted=True),
    Module("xt_policy", "the rule that drops clear packets of encrypted networks", encrypted=True),
    Module("xt_bpf", "the rules that know an encrypted network by its VNI", encrypted=True),
)


@dataclass(frozen=True)
class Feature:
    """Something that the kernel must be able to do; it is found out by doing it in a network namespace that is thrown away.

    Each of `tries` is a way to have it, as lines of a program's words that all have to succeed (`IPVS` stands for an IPVS service); one way
    is enough.
    `option` is the kernel's configuration, `breaks` what fails in a swarm without it.
    """

    name: str
    what: str
    option: str
    breaks: str
    tries: tuple[tuple[str, ...], ...]
    encrypted: bool = False


IPVS = "ipvs"
# the shortest program there is: whether the kernel takes one does not depend on what it says
BPF = "iptables -w -A OUTPUT -p udp --dport 4789 -m bpf --bytecode '1,6 0 0 1' -j ACCEPT"
U32 = "iptables -w -A OUTPUT -p udp --dport 4789 -m u32 --u32 '0>>22&0x3C@12&0xFFFFFF00=4096' -j ACCEPT"
STATE = (
    "ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001 reqid 13681891 mode transport"
    " aead 'rfc4106(gcm(aes))' 0x0123456789abcdef0123456789abcdef01234567 64"
)
POLICY = (
    "ip xfrm policy add src 192.0.2.1/32 dst 192.0.2.2/32 proto udp dport 4789 dir out mark 13681891"
    " tmpl src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001 reqid 13681891 mode transport"
)
FEATURES = (
    Feature("veth", "pairs of virtual interfaces", "CONFIG_VETH", "no container gets a network", (("ip link add type veth",),)),
    Feature("bridge", "bridges", "CONFIG_BRIDGE", "no container gets a network", (("ip link add type bridge",),)),
    Feature(
        "vxlan",
        "VXLAN interfaces",
        "CONFIG_VXLAN",
        "no task on an overlay network starts (error creating vxlan interface)",
        (("ip link add type vxlan id 4096 dstport 4789 learning proxy l2miss l3miss",),),
    ),
    Feature(
        "ipvs",
        "IPVS services by firewall mark with the scheduler rr",
        "CONFIG_IP_VS and CONFIG_IP_VS_RR",
        "virtual addresses of services and the routing mesh do not answer",
        ((IPVS,),),
    ),
    Feature(
        "mark",
        "the iptables target MARK",
        "CONFIG_NETFILTER_XT_TARGET_MARK and CONFIG_IP_NF_MANGLE",
        "virtual addresses of services and the routing mesh do not answer",
        (("iptables -w -t mangle -A INPUT -d 192.0.2.1/32 -j MARK --set-mark 256",),),
    ),
    Feature(
        "ipvs_match",
        "the iptables match ipvs",
        "CONFIG_NETFILTER_XT_MATCH_IPVS",
        "virtual addresses of services and the routing mesh do not answer",
        (("iptables -w -t nat -A POSTROUTING -d 192.0.2.0/24 -m ipvs --ipvs -j SNAT --to-source 192.0.2.2",),),
    ),
    Feature(
        "redirect",
        "address translation with iptables",
        "CONFIG_IP_NF_NAT and CONFIG_NETFILTER_XT_TARGET_REDIRECT",
        "ports published through the routing mesh do not reach their tasks",
        (("iptables -w -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080",),),
    ),
    Feature(
        "addrtype",
        "the iptables matches addrtype and conntrack, and the target MASQUERADE",
        "CONFIG_NETFILTER_XT_MATCH_ADDRTYPE, CONFIG_NETFILTER_XT_MATCH_CONNTRACK and CONFIG_NETFILTER_XT_TARGET_MASQUERADE",
        "containers reach nothing outside, and published ports do not answer",
        (
            (
                "iptables -w -t nat -A POSTROUTING -o lo -m addrtype --src-type LOCAL -j MASQUERADE",
                "iptables -w -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            ),
        ),
    ),
    Feature(
        "esp",
        "IPsec (ESP in transport mode with AES-GCM)",
        "CONFIG_INET_ESP, CONFIG_XFRM_USER and CONFIG_CRYPTO_GCM",
        "no task on an encrypted network starts (required modules to install IPSEC rules are missing)",
        ((STATE, POLICY),),
        encrypted=True,
    ),
    Feature(
        "policy_match",
        "the iptables match policy",
        "CONFIG_NETFILTER_XT_MATCH_POLICY",
        "no task on an encrypted network starts, since clear packets could not be dropped",
        (("iptables -w -A INPUT -m policy --dir in --pol none -p udp --dport 4789 -j DROP",),),
        encrypted=True,
    ),
    Feature(
        "vni_match",
        "the iptables match bpf, or u32 with Engines before 24.0",
        "CONFIG_NETFILTER_XT_MATCH_BPF",
        "no task on an encrypted network starts (Engines before 20.10.24 and 23.0.3: its packets leave in clear)",
        ((BPF,), (U32,)),
        encrypted=True,
    ),
)


@dataclass(frozen=True)
class Parameter:
    """A kernel parameter (sysctl) and why it is wanted.

    `least` means that more is as good, so that what an operator has set higher stays. `module` is what has to be loaded before the
    parameter is there; one that is `optional` is left out where the kernel does not have it.
    """

    key: str
    value: str
    why: str
    least: bool = False
    module: str = ""
    optional: bool = False


NEEDED = (
    Parameter(canonical("net.ipv4.ip_forward"), "1", "containers, virtual addresses and the routing mesh are reached by forwarding"),
    Parameter(
        canonical("net.bridge.bridge-nf-call-iptables"),
        "1",
        "without it docker_gwbridge does not keep the containers of different networks apart",
        module="br_netfilter",
    ),
)


BROUGHT = {
    "net/bridge/": "br_netfilter",
    "net/netfilter/nf_conntrack": "nf_conntrack",
    "net/nf_conntrack": "nf_conntrack",
    "net/ipv4/vs/": "ip_vs",
}
"""The modules that bring parameters, by how their keys begin."""


def _module_of(key: str) -> str:
    return next((module for start, module in BROUGHT.items() if key.startswith(start)), "")


def neighbour_parameters(nodes: int) -> tuple[Parameter, ...]:
    """The sizes of the neighbour tables for a cluster of so many nodes.

    Each node has a permanent entry for each remote endpoint of its overlays, and the limits hold for all its namespaces together.
    Docker itself raises those of IPv4 only, when its overlay driver starts, in the proportions that are kept here.
    """
    most = max(DOCKER_NEIGHBOURS, nodes * ENDPOINTS_PER_NODE)
    sizes = (("gc_thresh1", most // 8), ("gc_thresh2", most // 4 * 3), ("gc_thresh3", most))
    why = f"the neighbour table has room for the endpoints of {max(nodes, DOCKER_NEIGHBOURS // ENDPOINTS_PER_NODE)} nodes"
    return tuple(
        Parameter(canonical(f"net.{family}.neigh.default.{name}"), str(size), why, least=True, optional=family == "ipv6")
        for family in ("ipv4", "ipv6")
        for name, size in sizes
    )


@dataclass(frozen=True)
class Desired:
    """What the options say. None is what was not written, and so is not managed."""

    present: bool
    encrypted: bool = False
    nodes: int | None = None
    rp_filter: int | None = None
    sysctls: Mapping[str, str] = field(default_factory=dict)
    unmanaged: bool | None = None
    offload: str | None = None

    @property
    def features(self) -> tuple[Feature, ...]:
        """The kernel features that this host has to have."""
        return tuple(each for each in FEATURES if self.encrypted or not each.encrypted) if self.present else ()

    def modules(self, ipv6: bool) -> tuple[Module, ...]:
        """The kernel modules that a host with or without IPv6 is to load."""
        return tuple(each for each in MODULES if (self.encrypted or not each.encrypted) and (ipv6 or not each.ipv6))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The kernel parameters that do not depend on the host's interfaces; the user's own replace ours."""
        sized = neighbour_parameters(self.nodes) if self.nodes is not None else ()
        ours = [row for row in (*NEEDED, *sized) if row.key not in self.sysctls]
        own = tuple(Parameter(key, value, "the option sysctls", module=_module_of(key)) for key, value in self.sysctls.items())
        return (*ours, *own)


def parse_host(options: Mapping[str, Any]) -> Desired:
    """The module's options. Raises InvalidOption."""
    nodes = options.get("nodes")
    if nodes is not None and nodes < 1:
        raise InvalidOption("nodes", "the number of hosts of the cluster, 1 or more", nodes)
    return Desired(
        present=options["state"] == "present",
        encrypted=bool(options["encrypted"]),
        nodes=nodes,
        rp_filter=options.get("rp_filter"),
        sysctls=_sysctls(options.get("sysctls") or {}),
        unmanaged=options.get("interfaces_unmanaged"),
        offload=options.get("offload_workaround"),
    )


def _sysctls(written: Mapping[str, Any]) -> dict[str, str]:
    needed = {row.key: row for row in NEEDED}
    found: dict[str, str] = {}
    for name, content in written.items():
        where = f"sysctls[{name}]"
        try:
            key = canonical(str(name))
        except ValueError as error:
            raise InvalidOption("sysctls", str(error), name) from None
        try:
            # the kernel takes 1 and 0 where YAML has true and false
            value = " ".join(text(int(content) if isinstance(content, bool) else content).split())
        except ValueError as error:
            raise InvalidOption(where, str(error), content) from None
        if not value:
            raise InvalidOption(where, "a value", content)
        if key in found:
            raise InvalidOption(where, "every parameter once", dotted(key))
        if key in needed and value != needed[key].value:
            raise InvalidOption(where, f"{needed[key].value}, since {needed[key].why}", value)
        found[key] = value
    return found
