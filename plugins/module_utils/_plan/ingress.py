# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the ingress network: removed and made anew where it differs, on a swarm that publishes nothing yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from .._model.item import Item
from .._model.network import NETWORK, allocated, subnets_of
from .._model.table import differences
from .addresses import overlap
from .networks import Networks, create_step, network_body, predicted, remove_step
from .plan import Blocker, Plan, Step

GONE = "gone:"


@dataclass(frozen=True)
class Ingress:
    """The ingress network (None: the swarm has none), the other networks, and the services that publish through it."""

    network: Item | None
    others: Networks = field(default_factory=Networks)
    publishers: tuple[str, ...] = ()


def plan_ingress(wanted: Item, found: Ingress) -> Plan[Ingress]:
    """Nothing, a creation, or a replacement; blocked while services publish through it."""
    there = found.network
    changes = differences(NETWORK, wanted.values, there.values) if there else ()
    renamed = there is not None and there.name != wanted.name
    if there is not None and not renamed and (not changes or not allocated(there)):
        return Plan(found, found)
    blockers: list[Blocker] = _overlapping(wanted, found.others)
    steps: list[Step] = []
    if there is not None:
        told = "; ".join([str(change) for change in changes] + ([f"name: wanted {wanted.name!r}, found {there.name!r}"] if renamed else []))
        if found.publishers:
            names = ", ".join(found.publishers)
            blockers.append(
                Blocker(wanted.where, f"it differs ({told}) and {names} publish through it", "unpublish their ports first, then run again")
            )
        steps.append(remove_step(there, "nothing is published through it", GONE + there.id))
    steps.append(create_step(wanted, network_body(wanted, Ingress=True)))
    after = Ingress(predicted(wanted), found.others, found.publishers)
    return Plan(found, after, tuple(steps), tuple(blockers))


def settled(awaited: str, found: Ingress) -> bool:
    """Whether the removed network, named by its ID behind "gone:", has left the list."""
    return found.network is None or GONE + found.network.id != awaited


def _overlapping(wanted: Item, others: Networks) -> list[Blocker]:
    return [
        Blocker(wanted.where, f"its subnet {subnet} overlaps {rival} of network {other.name}", "give it a subnet that is free")
        for other in others.items
        for subnet in subnets_of(wanted)
        for rival in subnets_of(other)
        if overlap(subnet, rival)
    ]
