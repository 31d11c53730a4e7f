# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The states in which a member of a swarm needs somebody's hand, as the host itself can tell them: each with its own way out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from .._model.membership import Membership
from .plan import Blocker
from .quorum import majority

HALF_JOINED = "half_joined"
LOCKED = "locked"
CERTIFICATE_EXPIRED = "certificate_expired"
FAILED = "failed"
QUORUM_LOST = "quorum_lost"

UNREACHED = ("DeadlineExceeded", "Unavailable")
"""Codes of gRPC for a manager that cannot be reached. With a node that has never been in, there is no certificate beside them."""
NO_LEADER = "does not have a leader"
"""What a manager's Engine says of itself without a majority (moby daemon/cluster/errors.go), 10 to 20 s after it was lost."""

LEAVE = "make it leave on purpose (meshwork.swarm.membership, state left, force true)"
BRING_BACK = "start the others, or let them reach each other over 2377/tcp"
RECOVER = "where too few can come back, the playbook recover makes a majority out of one manager"


@dataclass(frozen=True)
class Finding:
    """One state of one host (`host`, or the swarm of that host). A finding that is a `warning` stops nothing."""

    state: str
    host: str
    reason: str
    remedy: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.host} {self.reason}; {self.remedy}"

    def blocker(self, item: str) -> Blocker:
        """The same as a module says it of its own host."""
        return Blocker(item, f"{self.host} {self.reason}", self.remedy)


def own_state(membership: Membership, host: str = "this host", behind: float = 0.0) -> Finding | None:
    """What keeps a host from being the member that it is, or None. `behind` are the seconds by which its clock is late."""
    if membership.state == "locked":
        return _locked(membership, host)
    if membership.state == "pending":
        return _half_joined(membership, host)
    if membership.state == "error":
        return _failed(membership, host, behind)
    if membership.state == "active" and membership.role == "manager" and membership.error:
        return without_majority(membership, host)
    return None


def _locked(membership: Membership, host: str) -> Finding:
    remedy = (
        "give its unlock key (unlock_key of meshwork.swarm.membership; another live manager tells it: meshwork.swarm.cluster_info, "
        "gather [unlock_key]), or run the role cluster, which fetches the key from another live manager by itself"
    )
    return Finding(LOCKED, host, f"is a manager that is locked since its Docker was restarted{_named(membership)}", remedy)


def _half_joined(membership: Membership, host: str) -> Finding:
    at = ", ".join(address for _id, address in membership.managers) or "its manager"
    told = f": {membership.error}" if membership.error else ""
    remedy = (
        f"let it reach {at} over TCP (firewall, routes, the manager itself) and the Engine, which goes on trying for a minute or so, "
        f"gets in by itself; or {LEAVE}. Then run again"
    )
    return Finding(HALF_JOINED, host, f"has begun to join at {at} and has not got in yet{told}", remedy)


def _gave_up(membership: Membership, host: str) -> Finding:
    """Half a minute to a minute after the join (seen with Engine 20.10). The Engine tells no longer at which manager."""
    remedy = f"let it reach the managers over 2377/tcp (firewall, routes, the managers themselves), {LEAVE}, then run again"
    return Finding(HALF_JOINED, host, f"has begun to join, has not got in, and its Engine has given up: {membership.error}", remedy)


def _failed(membership: Membership, host: str, behind: float) -> Finding:
    certificate, clock = membership.certificate, membership.clock
    if NO_LEADER in membership.error:
        reason = f"is a manager that could not start its part of Raft{_named(membership)}: the swarm has no leader"
        return Finding(QUORUM_LOST, host, reason, f"{BRING_BACK}, and it starts when Docker is restarted there; {RECOVER}. Then run again")
    if certificate is None and any(code in membership.error for code in UNREACHED):
        return _gave_up(membership, host)
    if "certificate has expired" not in membership.error and "not valid after" not in membership.error:
        remedy = f"read its log (journalctl -u docker); when it cannot be mended: {_rejoin(membership)}"
        return Finding(FAILED, host, f"cannot start its part of the swarm: {membership.error or 'the Engine does not say why'}", remedy)
    ended = f" on {_shown(certificate.not_after)}" if certificate else ""
    reason = f"has a swarm certificate that was no longer valid when its Docker started{_named(membership)}: it ended{ended}"
    if certificate and clock is not None and certificate.not_after > clock + behind:
        wrong = f", and its clock showed {_shown(clock)}" if certificate.not_after <= clock else ""
        return Finding(
            CERTIFICATE_EXPIRED, host, f"{reason}{wrong}", "set its clock right and restart Docker there: the certificate is still good"
        )
    # the manager that would have to renew it does not trust it any more (swarmkit ca/server.go)
    return Finding(CERTIFICATE_EXPIRED, host, reason, f"it cannot be renewed any more: {_rejoin(membership)}")


def _rejoin(membership: Membership) -> str:
    """How a member comes back as a new node. The only manager of a swarm has it with it, and must never leave."""
    anew = f"{LEAVE}, then run again, and it joins anew; its old node is removed with the playbook remove_node"
    anew += f", removal_node={membership.node_id}" if membership.node_id else ""
    only = "; but when it is the only manager, the swarm would be gone: use the playbook recover"
    return anew + ("" if membership.role == "worker" else only)


def without_majority(membership: Membership, host: str) -> Finding:
    """A manager that reaches no leader. It knows how many managers there are, and not how many of them are alive."""
    addresses = [address for _id, address in membership.managers]
    count = len(addresses)
    told = "" if NO_LEADER in membership.error else f": {membership.error}"
    reason = (
        f"is a manager without a leader: its swarm has {_count(count)} ({', '.join(addresses)}), a majority is {majority(count)}, "
        f"and fewer of them reach each other{told}"
    )
    return Finding(QUORUM_LOST, host, reason, f"{BRING_BACK}; {RECOVER}. Then run again")


def _count(managers: int) -> str:
    return f"{managers} manager" + ("" if managers == 1 else "s")


def _named(membership: Membership) -> str:
    return f" (node {membership.node_id})" if membership.node_id else ""


def _shown(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
