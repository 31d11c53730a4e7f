# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only shows when all hosts of a play are compared with each other and with the swarm's own list of nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._model.certificate import BACKDATED, Certificate
from .._model.membership import Addresses, Interfaces, Membership, read_addresses, read_interfaces, read_shown
from .addresses import READDRESS, host_part, moved
from .quorum import majority
from .states import BRING_BACK, LEAVE, LOCKED, QUORUM_LOST, RECOVER, Finding, own_state

IN_ANOTHER_SWARM = "in_another_swarm"
REMOVED = "removed"
CLONED_IDENTITY = "cloned_identity"
CUT_OFF = "cut_off"
CLOCK_SKEWED = "clock_skewed"
DOWN_DUPLICATE = "down_duplicate"
ADDRESS_DIFFERS = "address_differs"
ADDRESS_UNREACHABLE = "address_unreachable"
ADDRESS_GONE = "address_gone"
IGNORABLE = (CLOCK_SKEWED, ADDRESS_DIFFERS, ADDRESS_UNREACHABLE, ADDRESS_GONE)
"""States that an operator may know better about, such as an address that a router translates."""

CLOCK_WARNING = 60.0
"""Seconds between two clocks that are worth a word: with NTP they are milliseconds apart, and reading one over SSH takes a few seconds."""
CLOCK_LIMIT = BACKDATED
"""Seconds that break the swarm. A new certificate is valid from an hour before it was made, so on a host that is further behind it is not
valid yet; and on one that is further ahead a certificate of the shortest life, one hour, has expired when it comes."""

_EVERYWHERE = ("lo", "docker0", "docker_gwbridge")
"""Interfaces that every host has for itself: packets for their addresses never leave the sender."""


@dataclass(frozen=True)
class Host:
    """One host as meshwork.swarm.cluster_info tells it. `wanted` are the inventory's addresses, `manager` says its group.

    `interfaces` are empty where they were not asked for, since all addresses are written as addresses.
    """

    name: str
    membership: Membership
    clock_offset: float | None = None
    address_here: bool | None = None
    interface: str = ""
    manager_addr: str = ""
    manager_addr_here: bool | None = None
    interfaces: Interfaces = field(default_factory=dict)
    wanted: Addresses = field(default_factory=Addresses)
    manager: bool = False

    @property
    def member(self) -> bool:
        """Whether the host is in a swarm, or tries to be."""
        return self.membership.state != "inactive"

    @property
    def swarm(self) -> str:
        """The ID of its swarm, where it can be known."""
        certificate = self.membership.certificate
        return self.membership.cluster_id or (certificate.swarm_id if certificate else "")


@dataclass(frozen=True)
class Cluster:
    """All hosts of a play, the name of the live manager that works for them ("" where there is none) and the nodes that it lists.

    `unlock_key` says whether the user gave one.
    """

    hosts: tuple[Host, ...]
    manager: str = ""
    nodes: tuple[Mapping[str, Any], ...] = ()
    unlock_key: bool = False

    @property
    def ids(self) -> frozenset[str]:
        """The IDs of the swarm's nodes."""
        return frozenset(str(node["id"]) for node in self.nodes)

    @property
    def working(self) -> Host | None:
        """The live manager."""
        return next((host for host in self.hosts if host.name == self.manager), None)


def read_host(standing: Mapping[str, Any]) -> Host:
    """A host from how it stands: its `name`, `manager`, the wanted addresses, and what meshwork.swarm.cluster_info told there (`info`).

    Raises KeyError or TypeError where something is missing.
    """
    told: Mapping[str, Any] = standing["info"]
    more: Mapping[str, Any] = told["host"]
    certificate = Certificate(**more["certificate"]) if more["certificate"] else None
    return Host(
        name=str(standing["name"]),
        membership=read_shown(told["membership"], more["clock"], certificate),
        clock_offset=more["clock_offset"],
        address_here=more["address_here"],
        interface=str(more["address_interface"]),
        manager_addr=str(more["manager_addr"]),
        manager_addr_here=more["manager_addr_here"],
        interfaces=read_interfaces(told.get("interfaces")),
        wanted=read_addresses(standing),
        manager=bool(standing["manager"]),
    )


def findings(cluster: Cluster, ignored: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Everything that is not as it should be. Those that are `ignored` by their state's name are warnings."""
    # where two hosts are one node, the list shows now the one's address and now the other's
    unmistakable = [host for host in cluster.hosts if not any(host in hosts for hosts in _clones(cluster).values())]
    found = (
        *_strange_manager(cluster),
        *_lost(cluster),
        *_own(cluster),
        *_strangers(cluster),
        *_cloned(cluster),
        *_clocks(cluster),
        *(finding for host in unmistakable for finding in _addresses(host, cluster)),
        *_duplicates(cluster),
    )
    return tuple(replace(finding, warning=finding.warning or finding.state in ignored) for finding in found)


def unlockable(cluster: Cluster) -> tuple[str, ...]:
    """The locked managers for which there is a key: of this swarm when a live manager can tell it, else when the user gave it."""
    working = cluster.working
    locked = [host for host in cluster.hosts if host.membership.state == "locked"]
    if working is None:
        return tuple(host.name for host in locked) if cluster.unlock_key else ()
    return tuple(host.name for host in locked if not host.swarm or host.swarm == working.swarm)


def _strange_manager(cluster: Cluster) -> Iterator[Finding]:
    working = cluster.working
    if working and not any(host.manager and host.membership.node_id in cluster.ids for host in cluster.hosts):
        yield Finding(
            IN_ANOTHER_SWARM,
            working.name,
            f"manages a swarm (node {working.membership.node_id}) that no host of the managers' group is in, so it is taken for another "
            "one and left alone",
            f"put {working.name} into that group when this is the swarm you mean, or {LEAVE}, then run again",
        )


def _without_leader(cluster: Cluster) -> list[Host]:
    """The managers whose Engines run and reach no leader."""
    active = [host for host in cluster.hosts if host.membership.state == "active"]
    return [host for host in active if (own := own_state(host.membership)) and own.state == QUORUM_LOST]


def _lost(cluster: Cluster) -> Iterator[Finding]:
    """One finding a swarm, not one a manager; none while a key for its locked managers is at hand."""
    swarms: dict[str, list[Host]] = {}
    for host in _without_leader(cluster):
        if cluster.working and host.membership.node_id in cluster.ids:
            reason = f"is a manager that reaches no leader, while {cluster.working.name} does"
            remedy = f"let it reach {', '.join(address for _id, address in host.membership.managers)} over TCP"
            yield Finding(CUT_OFF, host.name, reason, remedy, warning=True)
            continue
        swarms.setdefault(host.swarm or host.name, []).append(host)
    for swarm, alive in swarms.items():
        known = max((host.membership for host in alive), key=lambda each: len(each.managers)).managers
        locked = [host.name for host in cluster.hosts if host.membership.state == "locked" and host.swarm == swarm]
        if locked and set(locked) <= set(unlockable(cluster)):
            continue
        here = {host.membership.node_addr for host in alive}
        missing = ", ".join(address for _id, address in known if host_part(address) not in here)
        short = majority(len(known)) - len(alive)
        balance = f"{short} more needed, of {missing}" if short > 0 else "and do not reach each other"
        reason = (
            f"has no leader, since its swarm has lost its majority: {majority(len(known))} of its {len(known)} managers "
            "have to work together, "
            f"{len(alive)} answer here ({', '.join(host.name for host in alive)}), {balance}"
        )
        locks = f"unlock {', '.join(locked)}, " if locked else ""
        yield Finding(QUORUM_LOST, alive[0].name, reason, f"{locks}{BRING_BACK}; {RECOVER}. Then run again")


def _own(cluster: Cluster) -> Iterator[Finding]:
    keys = unlockable(cluster)
    for host in cluster.hosts:
        own = own_state(host.membership, host.name, -_ahead(host, cluster))
        if own is None or host in _without_leader(cluster) or (own.state == LOCKED and host.name in keys):
            continue
        if own.state == LOCKED and cluster.working:
            reason = f"is a locked manager of another swarm ({host.swarm}) than {cluster.working.name}"
            yield Finding(IN_ANOTHER_SWARM, host.name, reason, f"unlock it there, or {LEAVE}, then run again")
        elif own.state == LOCKED:
            remedy = "no live manager is there to tell its unlock key: give it as swarm_unlock_key, from a vault, and run again"
            yield replace(own, remedy=remedy)
        else:
            yield own


def _strangers(cluster: Cluster) -> Iterator[Finding]:
    working = cluster.working
    # members of a swarm whose managers are in trouble: that is told of the managers
    orphaned = set() if working else {host.swarm for host in cluster.hosts if own_state(host.membership)} - {""}
    for host in cluster.hosts:
        membership = host.membership
        if membership.state != "active" or host is working or membership.node_id in cluster.ids or host.swarm in orphaned:
            continue
        if own_state(membership):
            continue
        if working and host.swarm and host.swarm == working.swarm:
            reason = f"was removed from this swarm (node {membership.node_id}) and does not know it"
            yield Finding(REMOVED, host.name, reason, f"{LEAVE}, then run again, and it joins anew")
            continue
        managers = ", ".join(address for _id, address in membership.managers) or "unknown"
        other = f"it is not the swarm of {working.name}" if working else "no live manager was found among the hosts of this run"
        reason = f"is in a swarm already (node {membership.node_id}, managers {managers}), and {other}"
        remedy = f"bring that swarm's managers back or add them to the inventory, or {LEAVE}, then run again"
        yield Finding(IN_ANOTHER_SWARM, host.name, reason, remedy)


def _clones(cluster: Cluster) -> dict[str, list[Host]]:
    owners: dict[str, list[Host]] = {}
    for host in cluster.hosts:
        if host.member and host.membership.node_id:
            owners.setdefault(host.membership.node_id, []).append(host)
    return {node_id: hosts for node_id, hosts in owners.items() if len(hosts) > 1}


def _cloned(cluster: Cluster) -> Iterator[Finding]:
    for node_id, hosts in _clones(cluster).items():
        names = " and ".join(host.name for host in hosts)
        reason = (
            f"are the same node {node_id}: one was made from the other's disk, or with a copy of its /var/lib/docker/swarm. The swarm sees "
            "one node that is now here and now there"
        )
        remedy = f"on each that is a copy: {LEAVE}, then run again, and it joins as a node of its own; the original stays as it is"
        yield Finding(CLONED_IDENTITY, names, reason, remedy)


def _ahead(host: Host, cluster: Cluster) -> float:
    """Seconds by which a host's clock is ahead of the manager's, or of the first manager to be."""
    reference = cluster.working or next((each for each in cluster.hosts if each.manager), None)
    if host.clock_offset is None or reference is None or reference.clock_offset is None:
        return 0.0
    return host.clock_offset - reference.clock_offset


def _clocks(cluster: Cluster) -> Iterator[Finding]:
    reference = cluster.working or next((each for each in cluster.hosts if each.manager), None)
    for host in cluster.hosts:
        ahead = _ahead(host, cluster)
        if reference is None or abs(ahead) < CLOCK_WARNING:
            continue
        where = f"has a clock that is {_long(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} that of {reference.name}"
        breaks = (
            "more than the hour that certificates allow for, so that it cannot join or renew its own"
            if abs(ahead) >= CLOCK_LIMIT
            else "certificates allow for an hour"
        )
        remedy = f"set the clock of the one that is wrong (chronyc makestep, timedatectl set-ntp true); {breaks}"
        yield Finding(CLOCK_SKEWED, host.name, where, remedy, warning=abs(ahead) < CLOCK_LIMIT)


def _long(seconds: float) -> str:
    for unit, name in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"


def _addresses(host: Host, cluster: Cluster) -> Iterator[Finding]:
    """The address by which a node is known, against the host's interfaces, the inventory and the other hosts."""
    address = host.membership.node_addr
    if host.membership.state != "active" or not address:
        return
    seen = next((str(node["address"]) for node in cluster.nodes if node["id"] == host.membership.node_id), "")
    comes_from = f" The managers see it come from {seen}." if seen not in ("", address) else ""
    if host.address_here is False:
        reason = f"is known to the other nodes at {address}, which none of its interfaces has any more.{comes_from}"
        yield Finding(
            ADDRESS_GONE, host.name, reason.rstrip("."), f"give it the address back, or say in the inventory which it has now: {READDRESS}"
        )
        return
    if host.manager_addr_here is False:
        yield _restored_elsewhere(host)
    twins = [other.name for other in cluster.hosts if other is not host and other.member and other.membership.node_addr == address]
    if host.interface in _EVERYWHERE or twins:
        whose = f"which {', '.join(twins)} advertises, too" if twins else f"its {host.interface}, which every host has for itself"
        reason = f"is known to the other nodes at {address}, {whose}, so they cannot reach it there.{comes_from}"
        yield Finding(
            ADDRESS_UNREACHABLE, host.name, reason.rstrip("."), f"check its swarm_address ({host.wanted.advertise_addr}): {READDRESS}"
        )
        return
    differences = moved(host.wanted, host.membership, host.interfaces)
    if differences:
        reason = f"is a member at other addresses than the inventory's: {', '.join(str(each) for each in differences)}"
        yield Finding(ADDRESS_DIFFERS, host.name, reason, f"correct the inventory where it is wrong; {READDRESS}")


def _restored_elsewhere(host: Host) -> Finding:
    """Of a manager that Raft still knows at the address of the machine from which its state is (docker/for-linux#523)."""
    reason = (
        f"is told to other managers as {host.manager_addr}, an address that none of its interfaces has: a manager that joins would not "
        "find it, and the swarm would lose its majority"
    )
    command = f"ip address add {host_part(host.manager_addr)} dev {host.interface or 'eth0'}"
    remedy = f"give it that address beside its own for a while ({command}), "
    remedy += 'and go on as docs/day-two.md says under "Restored at another address"'
    return Finding(ADDRESS_GONE, host.name, reason, remedy)


def _duplicates(cluster: Cluster) -> Iterator[Finding]:
    """Old entries of hosts that left without being removed and joined anew."""
    today = {host.membership.node_id for host in cluster.hosts if host.member}
    for node in cluster.nodes:
        if node["state"] != "down" or node["id"] in today:
            continue
        rival = next((other for other in cluster.nodes if other["hostname"] == node["hostname"] and other["state"] == "ready"), None)
        if rival is None:
            continue
        name = next((host.name for host in cluster.hosts if host.membership.node_id == rival["id"]), str(rival["hostname"]))
        weight = ", and still counts as a manager for the majority" if node["role"] == "manager" else ""
        reason = (
            f"is in the swarm twice: as node {rival['id']}, which is ready, and as node {node['id']}, which is down{weight}: it left "
            "without being removed and joined anew"
        )
        remedy = f"remove the old one when nothing is to be learnt from it: playbook remove_node, removal_node={node['id']}"
        yield Finding(DOWN_DUPLICATE, name, reason, remedy, warning=True)
