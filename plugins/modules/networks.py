#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module networks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: networks
short_description: Make and remove the networks of a Docker Swarm
version_added: 1.0.0
description:
  - Makes the networks in the list that are missing and removes those whose state is V(absent), on a manager of the swarm.
  - Nothing of a network can be changed once it is there. A network that differs is reported, with every difference, and nothing is touched.
  - An option that is not given is not managed.
author:
  - The meshwork.swarm contributors (@meshwork)
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.changing
  - meshwork.swarm.engine.surroundings
options:
  networks:
    description:
      - The networks to look after, all in one plan.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The name of the network.
        type: str
        required: true
      state:
        description:
          - Whether the network is to be there. One that services use is not removed.
        type: str
        choices: [present, absent]
        default: present
      driver:
        description:
          - The network driver by name. A network that is made without one gets V(overlay).
        type: str
      scope:
        description:
          - Whether the network is the swarm's or one host's.
        type: str
        choices: [swarm, local]
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
      attachable:
        description:
          - Whether standalone containers may attach to it.
        type: bool
      internal:
        description:
          - Whether it has no way to the outside.
        type: bool
      encrypted:
        description:
          - Whether its traffic between nodes is encrypted with IPsec. V(false) means not encrypted, unlike the Engine's option of
            this name.
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
  exclusive:
    description:
      - Remove the networks that this collection made and that are not in the list.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: One network in clear for the front, one encrypted for the back
  meshwork.swarm.networks:
    networks:
      - name: front
        subnets:
          - subnet: 10.20.1.0/24
            gateway: 10.20.1.1
        attachable: true
      - name: back
        subnets:
          - subnet: 10.20.2.0/24
        encrypted: true
"""

RETURN = r"""
networks:
  description: The networks of the list, as they are or in check mode would be, in the shape of the options.
  returned: always
  type: list
  elements: dict
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
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client, observe
from ansible_collections.meshwork.swarm.plugins.module_utils._engine.swarm_wide import SwarmWide
from ansible_collections.meshwork.swarm.plugins.module_utils._model.item import parse_items
from ansible_collections.meshwork.swarm.plugins.module_utils._model.network import NETWORK, allocated, check_network
from ansible_collections.meshwork.swarm.plugins.module_utils._model.table import argument_spec, show
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.address_plan import parse_surroundings
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.networks import Networks, WantedNetworks, plan_networks
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.placement import placed
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Plan
from ansible_collections.meshwork.swarm.plugins.module_utils._run import run


class NetworksWork(SwarmWide[Networks]):
    """The networks that the options describe."""

    def __init__(self, module: Any) -> None:
        items = parse_items(NETWORK, module.params["networks"], "networks")
        for item in items:
            check_network(item)
        self.wanted = WantedNetworks(items, module.params["exclusive"])
        self.around = parse_surroundings(module.params["taken"], module.params["underlay"])
        super().__init__(module, "networks")

    def observe(self) -> Networks:
        return observe.networks(self.engine) if self.on_manager() else Networks()

    def plan(self, found: Networks) -> Plan[Networks]:
        return self.told(placed(plan_networks(self.wanted, found), self.wanted.items, self.around))

    def pending(self, found: Networks) -> Sequence[str]:
        wanted = {item.name for item in self.wanted.items}
        return [
            f'the swarm has not given network {item.name} its subnet; a leader that cannot logs "Failed allocation for network {item.id}"'
            for item in found.items
            if item.name in wanted and not allocated(item)
        ]

    def show(self, state: Networks) -> Mapping[str, Any]:
        return {item.name: show(NETWORK, item.values) for item in state.items}

    def returned(self, state: Networks) -> Mapping[str, Any]:
        wanted = {item.name for item in self.wanted.items}
        return {"networks": [{"name": item.name, **show(NETWORK, item.values)} for item in state.items if item.name in wanted]}


def main() -> None:
    """Run the module."""
    suboptions: dict[str, Any] = {**client.named_item(), **argument_spec(NETWORK)}
    spec = {
        **client.argument_spec(),
        **client.wait_option(),
        **client.surroundings_options(),
        "networks": {"type": "list", "elements": "dict", "required": True, "options": suboptions},
        "exclusive": {"type": "bool", "default": False},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), NetworksWork)


if __name__ == "__main__":
    main()
