# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The address plan put to the plans of networks: what they are to make is held against the hosts and the pools before anything is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from .._model.item import Item
from .address_plan import Surroundings, addressed
from .ingress import Ingress
from .networks import Networks
from .plan import Plan
from .pools import exhausted, unsafe


def placed(plan: Plan[Networks], wanted: Sequence[Item], around: Surroundings) -> Plan[Networks]:
    """The plan of the networks with what the hosts and the default address pools have to say."""
    there = {item.id for item in plan.before.items}
    where = {item.name: item.where for item in wanted}
    new = {where.get(item.name) or f"network {item.name}": item for item in plan.after.items if item.id not in there}
    kept = [item for item in plan.after.items if item.id in there]
    blockers, warnings = addressed(new, kept, _sized(wanted), around)
    blockers += exhausted(new, kept, plan.after.pools)
    warnings += unsafe(new, plan.after.pools, around)
    return replace(plan, blockers=(*plan.blockers, *blockers), warnings=(*plan.warnings, *warnings))


def placed_ingress(plan: Plan[Ingress], wanted: Item, around: Surroundings) -> Plan[Ingress]:
    """The plan of the ingress network with what the hosts have to say of it."""
    before, after = plan.before.network, plan.after.network
    new = {wanted.where: after} if after and after != before else {}
    kept = [after] if after and not new else []
    local = [item for item in plan.after.others.items if item.values.get("driver") != "overlay"]
    blockers, warnings = addressed(new, [*kept, *local], _sized([wanted]), around)
    return replace(plan, blockers=(*plan.blockers, *blockers), warnings=(*plan.warnings, *warnings))


def _sized(wanted: Iterable[Item]) -> list[str]:
    return [item.name for item in wanted if "mtu" in item.values]
