# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of docker_gwbridge, the local bridge by which the tasks of a node reach what is outside their overlays.

The Engine makes it when it is first needed and takes one that is there already. On a member the sandbox of the routing mesh (ingress-sbox)
has a leg on it. The Engine gives that leg only when it makes the sandbox, so a bridge that was made anew on a member serves published
ports only after a restart of Docker (seen on Engine 20.10: `Failed to add ingress: failed to find gateway bridge interface name`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .._model.errors import InvalidOption
from .._model.item import Item
from .._model.membership import Membership
from .._model.network import MTU_OPTION, NETWORK, check_network, subnets_of
from .._model.table import Table, differences, parse
from .addresses import overlap
from .networks import create_step, network_body, predicted, remove_step
from .plan import Blocker, Call, Plan, Step
from .quorum import arithmetic, majority

NAME = "docker_gwbridge"
SANDBOX = "ingress-sbox"
NAME_OPTION = "com.docker.network.bridge.name"
DOCKERS = {
    NAME_OPTION: NAME,
    "com.docker.network.bridge.enable_icc": "false",
    "com.docker.network.bridge.enable_ip_masquerade": "true",
}
"""The options with which the Engine makes it (moby, libnetwork/default_gateway_linux.go and daemon/cluster)."""
TABLE: Table = tuple(row for row in NETWORK if row.option in ("subnets", "mtu", "driver_opts", "labels"))
DRAIN = "drain the node, wait until its tasks are gone, and run again with replace=drained; the role meshwork.swarm.host does all of it"


@dataclass(frozen=True)
class Gateway:
    """The bridge (None: there is none) and what stands around it.

    `endpoints` are those on it but for the sandbox of the routing mesh, which is there when `mesh` is. `containers` are those that run on
    this host. `managers` are the IDs of the swarm's managers and whether each is reachable, where this host can tell. `others` are the
    subnets of this host by what has them. `unfinished` tells of a replacement after which Docker has still to be restarted,
    `recorded` is the availability that a run which was cut off took from this node.
    """

    network: Item | None
    membership: Membership = field(default_factory=Membership)
    endpoints: tuple[str, ...] = ()
    mesh: bool = False
    containers: tuple[str, ...] = ()
    managers: Mapping[str, bool] = field(default_factory=dict)
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unfinished: bool = False
    recorded: str = ""

    @property
    def joined(self) -> bool:
        return self.membership.state != "inactive"


@dataclass(frozen=True)
class Begin:
    """Write down that a replacement has begun, so that a run that is cut off is completed by the next one."""

    def __str__(self) -> str:
        return "write down that Docker has to be restarted"


@dataclass(frozen=True)
class Restart:
    """Restart the Engine."""

    def __str__(self) -> str:
        return "systemctl restart docker.service"


def parse_gateway(options: Mapping[str, Any]) -> Item:
    """The wanted bridge. The options that make it Docker's are kept beside those that were written. Raises InvalidOption."""
    values = parse(TABLE, options, "gwbridge")
    if "driver_opts" in values:
        name = values["driver_opts"].get(NAME_OPTION, NAME)
        if name != NAME:
            raise InvalidOption(f"gwbridge.driver_opts[{NAME_OPTION}]", f"{NAME}, by which the Engine knows the bridge", name)
        values["driver_opts"] = {**DOCKERS, **values["driver_opts"]}
    if len(values.get("subnets", ())) > 1:
        raise InvalidOption("gwbridge.subnets", "one subnet, since docker_gwbridge is a bridge with one IPv4 subnet", options["subnets"])
    for pool in values.get("subnets", ()):
        if ipaddress.ip_network(pool.subnet).version != 4:
            raise InvalidOption("gwbridge.subnets", "an IPv4 subnet, since the Engine makes docker_gwbridge without IPv6", pool.subnet)
    item = Item(NAME, values, where="gwbridge")
    check_network(replace(item, values={**values, "driver": "bridge"}))
    return item


def plan_gateway(wanted: Item, found: Gateway, drained: bool, assumed: bool) -> Plan[Gateway]:
    """Nothing, a creation, or a replacement.

    `drained` says that a member may have it replaced once nothing runs there. When it is `assumed` that the node is drained by then, what
    still runs is no hindrance: check mode shows the plan for it.
    """
    there = found.network
    changes = differences(TABLE, wanted.values, there.values) if there else ()
    if there is not None and not changes and not found.unfinished:
        return Plan(found, found)
    blockers = _overlapping(wanted, found) if there is None or changes else ()
    told = "; ".join(map(str, changes)) or ("there is none" if there is None else "Docker has not been restarted since it was made")
    warnings: tuple[str, ...] = ()
    if found.joined:
        blockers = (*blockers, *_member(found, told, drained))
        if assumed and drained and (found.containers or found.endpoints):
            warnings = (f"{NAME}: planned as if the node were drained; {_busy(found)}",)
        else:
            blockers = (*blockers, *_occupied(found)) if drained else blockers
    elif found.endpoints and changes:
        reason = f"it differs ({told}) and {', '.join(found.endpoints)} are connected to it"
        blockers = (*blockers, Blocker(NAME, reason, "disconnect or remove them first"))
    anew = there is None or bool(changes)
    network = predicted(_complete(wanted, there)) if anew else there
    return Plan(found, replace(found, network=network, unfinished=False), _steps(wanted, found, anew), blockers, warnings)


def replaceable(wanted: Item, found: Gateway) -> bool:
    """Whether nothing but the tasks of a member stands against its replacement: it can be made once the node is drained."""
    plan = plan_gateway(wanted, found, drained=True, assumed=True)
    return found.joined and plan.changed and not plan.blockers


def _steps(wanted: Item, found: Gateway, anew: bool) -> tuple[Step, ...]:
    steps: list[Step] = []
    there = found.network
    if anew:
        if found.joined and not found.unfinished:
            says = "write down that Docker has to be restarted once the bridge is made anew"
            steps.append(Step("begin", NAME, says, Begin()))
        if there is not None and found.mesh:
            leave = Call("POST", f"/networks/{there.id}/disconnect", body={"Container": f"gateway_{SANDBOX}", "Force": True})
            cost = "published ports do not answer on this node until Docker has been restarted"
            steps.append(Step("disconnect", NAME, "take the routing mesh off the bridge", leave, cost))
        if there is not None:
            steps.append(remove_step(there))
        complete = _complete(wanted, there)
        # without our label, by which `networks` with exclusive=true would know it as one to remove
        steps.append(create_step(complete, network_body(complete, Labels={})))
    if found.joined:
        alone = len(found.managers) == 1
        cost = "the swarm has no manager until it is back" if alone else "the node is down until it is back"
        steps.append(Step("restart", "Docker", "restart Docker, which gives the routing mesh its leg on the new bridge", Restart(), cost))
    return tuple(steps)


def _complete(wanted: Item, there: Item | None) -> Item:
    """What a new bridge is made with: what was written, what the old one has beside it, and Docker's own options."""
    kept = {row.option: there.values[row.option] for row in TABLE} if there else {}
    if there and MTU_OPTION not in (there.document.get("Options") or {}):
        del kept["mtu"]
    return replace(wanted, values={"driver_opts": DOCKERS, **kept, **wanted.values, "driver": "bridge"})


def _member(found: Gateway, told: str, drained: bool) -> tuple[Blocker, ...]:
    """What forbids a replacement on a member, whatever runs there."""
    blockers = []
    if not drained:
        reason = (
            f"it differs ({told}), and on a member of a swarm it can only be replaced while no task runs there, with a restart of Docker"
        )
        blockers.append(Blocker(NAME, reason, DRAIN))
    if found.membership.state != "active":
        reason = (
            f"the node's state in the swarm is {found.membership.state}, so that nobody can tell what a restart of Docker would lead to"
        )
        blockers.append(Blocker(NAME, reason, "mend the node first"))
    others = len(found.managers)
    here = found.managers.get(found.membership.node_id, False)
    reachable = sum(found.managers.values())
    if others > 2 and here and reachable - 1 < majority(others):
        reason = f"a restart of Docker on this manager would cost the swarm its majority: {arithmetic(others, reachable)}"
        blockers.append(Blocker(NAME, reason, "bring the other managers back first"))
    return tuple(blockers)


def _occupied(found: Gateway) -> tuple[Blocker, ...]:
    return (Blocker(NAME, f"it has to be replaced, and {_busy(found)}", DRAIN),) if found.containers or found.endpoints else ()


def _busy(found: Gateway) -> str:
    names = found.containers or found.endpoints
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"these containers run here: {shown}" if found.containers else f"these endpoints of containers are still on it: {shown}"


def _overlapping(wanted: Item, found: Gateway) -> tuple[Blocker, ...]:
    """Looked at before the old bridge is gone, since the Engine would refuse the new one, or the host would lose a route."""
    return tuple(
        Blocker(wanted.where, f"its subnet {subnet} overlaps {rival} of {owner}", "give it a subnet that is free on every host")
        for subnet in subnets_of(wanted)
        for owner, rivals in found.others.items()
        for rival in rivals
        if overlap(subnet, rival)
    )
