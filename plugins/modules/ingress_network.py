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
  - The ingress network cannot be changed, so one that differs is removed and made anew. That is refused while a service publishes a
    port through it.
  - An option that is not given is not managed.
author:
  - The meshwork.swarm contributors (@meshwork)
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.changing
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
"""

EXAMPLES = r"""
- name: An ingress network with addresses of our own choosing
  meshwork.swarm.ingress_network:
    subnets:
      - subnet: 10.20.0.0/24
        gateway: 10.20.0.1
    mtu: 1400
"""

RETURN = r"""
ingress:
  description: The ingress network as it is, or in check mode would be, in the shape of the options.
  returned: always
  type: dict
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

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client, observe
from ansible_collections.meshwork.swarm.plugins.module_utils._engine.swarm_wide import SwarmWide
from ansible_collections.meshwork.swarm.plugins.module_utils._model.item import Item
from ansible_collections.meshwork.swarm.plugins.module_utils._model.network import NETWORK, allocated, check_network
from ansible_collections.meshwork.swarm.plugins.module_utils._model.subnets import SWARM_POOLS
from ansible_collections.meshwork.swarm.plugins.module_utils._model.table import argument_spec, parse, show
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.ingress import Ingress, plan_ingress, settled
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Plan
from ansible_collections.meshwork.swarm.plugins.module_utils._run import run

TABLE = tuple(
    replace(row, kind=SWARM_POOLS) if row.option == "subnets" else row
    for row in NETWORK
    if row.option in ("subnets", "encrypted", "mtu", "driver_opts", "labels")
)


class IngressWork(SwarmWide[Ingress]):
    """The ingress network that the options describe."""

    def __init__(self, module: Any) -> None:
        where = "ingress_network"
        self.wanted = Item(module.params["name"], parse(TABLE, module.params, where), where=where)
        check_network(self.wanted)
        super().__init__(module, where)

    def observe(self) -> Ingress:
        return observe.ingress(self.engine) if self.on_manager() else Ingress(None)

    def plan(self, found: Ingress) -> Plan[Ingress]:
        return self.told(plan_ingress(self.wanted, found))

    def settled(self, awaited: str, found: Ingress) -> bool:
        return settled(awaited, found)

    def pending(self, found: Ingress) -> Sequence[str]:
        there = found.network
        return () if there is not None and allocated(there) else ("the swarm has not given the ingress network its subnet",)

    def show(self, state: Ingress) -> Mapping[str, Any]:
        return {state.network.name: show(NETWORK, state.network.values)} if state.network else {}

    def returned(self, state: Ingress) -> Mapping[str, Any]:
        shown: dict[str, Any] = {"name": state.network.name, **show(NETWORK, state.network.values)} if state.network else {}
        return {"ingress": shown}


def main() -> None:
    """Run the module."""
    spec = {
        **client.argument_spec(),
        **client.wait_option(),
        "name": {"type": "str", "default": "ingress"},
        **argument_spec(TABLE),
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), IngressWork)


if __name__ == "__main__":
    main()
