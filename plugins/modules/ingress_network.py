#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module ingress_network."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ingress_network
short_description: Choose the ingress network of a Docker Swarm
version_added: 1.0.0
description:
  - Makes the network that carries the routing mesh as it is written, on a manager of the swarm.
  - The ingress network cannot be changed, so one that differs is removed and made anew. While services publish ports through it, that
    needs O(replace=in_use).
  - Then each of these services keeps its ports in a label of its own, and is updated so that it publishes them no more, by its own
    update settings. When no task is left on the network on any node, it is removed and made as it is written, and the ports are
    published again. Nothing else of the services changes. In between, published ports answer nowhere; RV(gap_seconds) tells for
    how long.
  - A run that was cut off anywhere is carried to its end by the next one, which finds the labels, whatever is written then.
  - An option that is not given is not managed. A network that is made anew has the swarm's own value there; what the old one had beside
    what is written is warned of.
author:
  - The meshwork.swarm contributors (@meshwork)
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.changing
  - meshwork.swarm.engine.surroundings
options:
  name:
    description:
      - The name of the network.
    type: str
    default: ingress
  subnets:
    description:
      - The subnets of the network. Exact when given.
    type: list
    elements: dict
    suboptions:
      subnet:
        description: A subnet in CIDR notation, such as V(10.20.1.0/24).
        type: str
        required: true
      gateway:
        description: Its gateway. Chosen by the swarm when not given.
        type: str
      ip_range:
        description: The part of the subnet from which addresses are given out.
        type: str
  encrypted:
    description:
      - Whether its traffic between nodes is encrypted with IPsec. V(false) means not encrypted, unlike the Engine's option of this name.
    type: bool
  mtu:
    description:
      - The MTU that containers get on the network. On an overlay, the packets between the nodes are larger by 50 bytes,
        or by 76 when it is encrypted, so that 1450 and 1424 are what an underlay of 1500 carries.
    type: int
  driver_opts:
    description:
      - Further options of the driver, exact when given.
    type: dict
  labels:
    description:
      - Labels of the network, exact when given.
    type: dict
  attachable:
    description:
      - No container can be attached to the ingress network by hand, so that only V(false) is accepted.
    type: bool
  replace:
    description:
      - When a network that differs is replaced.
      - V(unused) refuses while services publish through it, and names them.
      - V(in_use) takes their ports off for the length of the replacement. It is refused when a node is down, which would come back with
        tasks on the removed network, and while a paused node runs tasks of a global service on it, which the swarm leaves there as they
        are.
      - Both refuse when the Engines of the nodes have different versions, and when a job publishes through it, which an update would run
        again.
    type: str
    choices: [unused, in_use]
    default: unused
  only_finish:
    description:
      - Whether only to end a replacement that was cut off. Ports that are off are published again through the network that is there,
        whatever it is like. Where there is none, it is made as it is written. Where no ports are off, nothing is done.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: An ingress network with addresses of our own choosing
  meshwork.swarm.ingress_network:
    subnets:
      - subnet: 10.20.0.0/24
        gateway: 10.20.0.1
    mtu: 1400

- name: An encrypted one, also while services publish through the one that is there
  meshwork.swarm.ingress_network:
    encrypted: true
    replace: in_use
    wait_timeout: 300
"""

RETURN = r"""
ingress:
  description: The ingress network as it is, or in check mode would be, in the shape of the options.
  returned: always
  type: dict
gap_seconds:
  description:
    - For how long published ports were off, from the first service that stopped to publish to the moment when all tasks of all of
      them ran on the new network, as the swarm tells it. A run that goes on where another was cut off counts that one's time, too.
  returned: when ports were published again
  type: float
steps:
  description: What was done, or in check mode would be done, in order.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: The kind of step.
      type: str
    item:
      description: The object that it is about.
      type: str
    says:
      description: The step in a sentence.
      type: str
    call:
      description: The call that makes it.
      type: str
    costs:
      description: What the users of the cluster notice, empty when nothing.
      type: str
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client, observe
from ansible_collections.meshwork.swarm.plugins.module_utils._engine.swarm_wide import SwarmWide
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import InvalidOption, OutOfSequence
from ansible_collections.meshwork.swarm.plugins.module_utils._model.item import Item
from ansible_collections.meshwork.swarm.plugins.module_utils._model.network import NETWORK, allocated, check_network
from ansible_collections.meshwork.swarm.plugins.module_utils._model.publish import show_ports
from ansible_collections.meshwork.swarm.plugins.module_utils._model.subnets import SWARM_POOLS
from ansible_collections.meshwork.swarm.plugins.module_utils._model.table import argument_spec, parse, show
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.address_plan import parse_surroundings
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.convergence import Progress, awaited
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.ingress import (
    Ingress,
    Rewrite,
    WantedIngress,
    holding,
    parked_for,
    plan_ingress,
    settled,
)
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.placement import placed_ingress
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Plan, Step
from ansible_collections.meshwork.swarm.plugins.module_utils._run import run

TABLE = tuple(
    replace(row, kind=SWARM_POOLS) if row.option == "subnets" else row
    for row in NETWORK
    if row.option in ("subnets", "encrypted", "mtu", "driver_opts", "labels")
)
WHERE = "ingress_network"


class IngressWork(SwarmWide[Ingress]):
    """The ingress network that the options describe.

    `rewritten` are the services that this run has changed, by ID; `began` and `ended` are when ports went and when the last was back.
    """

    def __init__(self, module: Any) -> None:
        params = module.params
        network = Item(params["name"], parse(TABLE, params, WHERE), where=WHERE)
        check_network(network)
        if params["attachable"]:
            raise InvalidOption(f"{WHERE}.attachable", "false, since only the swarm itself attaches to it", True, "make a network for that")
        self.wanted = WantedIngress(network, params["replace"] == "in_use", params["only_finish"])
        self.around = parse_surroundings(params["taken"], params["underlay"])
        self.found = Ingress(None)
        self.rewritten: dict[str, str] = {}
        self.began: float | None = None
        self.ended: float | None = None
        super().__init__(module, WHERE)

    def observe(self) -> Ingress:
        if not self.on_manager():
            return Ingress(None)
        found = observe.ingress(self.engine)
        plan = plan_ingress(self.wanted, found)
        if plan.steps or plan.blockers or self.rewritten:
            found = observe.ingress_at_work(self.engine, found)
        if found.parked and self.began is None:
            self.began = time.monotonic() - parked_for(found, self.clock)
        self.found = found
        return found

    def plan(self, found: Ingress) -> Plan[Ingress]:
        plan = plan_ingress(self.wanted, found)
        if not self.wanted.only_finish:
            plan = placed_ingress(plan, self.wanted.network, self.around)
        return self.told(plan)

    def apply(self, step: Step) -> None:
        if not isinstance(step.call, Rewrite):
            super().apply(step)
            return
        service = next((each for each in self.found.services if each.id == step.call.service), None)
        if service is None:
            raise OutOfSequence(str(step.call), 404, f"{step.item} has gone")
        if self.began is None and step.call.change == "park":
            self.began = time.monotonic()
        super().apply(replace(step, call=step.call.call(service.document)))
        self.rewritten[service.id] = step.call.change

    def settled(self, awaited: str, found: Ingress) -> bool:
        self._moving(found)
        return settled(awaited, found)

    def holding(self, awaited: str, found: Ingress) -> str:
        return holding(awaited, found)

    def pending(self, found: Ingress) -> Sequence[str]:
        there = found.network
        if there is None or not allocated(there):
            idle = self.wanted.only_finish and not found.parked
            return () if idle else ("the swarm has not given the ingress network its subnet",)
        moving = self._moving(found)
        if self.ended is None and self.rewritten and all(each.running == each.wanted for each in self._progress(found)):
            self.ended = time.monotonic()
        return moving

    def _progress(self, found: Ingress) -> list[Progress]:
        names = {service.name for service in found.services if service.id in self.rewritten}
        return [each for each in found.progress if each.name in names]

    def _moving(self, found: Ingress) -> list[str]:
        """The services of ours that are still on their way. Raises NotReady when the swarm has given one up."""
        return awaited(self._progress(found))

    def measured(self) -> Mapping[str, Any]:
        if self.began is None or self.ended is None:
            return {}
        return {"gap_seconds": round(self.ended - self.began, 1)}

    def show(self, state: Ingress) -> Mapping[str, Any]:
        network = {state.network.name: show(NETWORK, state.network.values)} if state.network else {}
        return {**network, **{f"service {each.name}": {"publish": show_ports(each.values["publish"])} for each in state.services}}

    def returned(self, state: Ingress) -> Mapping[str, Any]:
        shown: dict[str, Any] = {"name": state.network.name, **show(NETWORK, state.network.values)} if state.network else {}
        return {"ingress": shown}


def main() -> None:
    """Run the module."""
    spec = {
        **client.argument_spec(),
        **client.wait_option(),
        **client.surroundings_options(),
        "name": {"type": "str", "default": "ingress"},
        **argument_spec(TABLE),
        "attachable": {"type": "bool"},
        "only_finish": {"type": "bool", "default": False},
        "replace": {"type": "str", "choices": ["unused", "in_use"], "default": "unused"},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), IngressWork)


if __name__ == "__main__":
    main()
