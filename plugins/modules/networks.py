#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module networks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: networks
short_description: Make and remove the networks of a Docker Swarm, or those of one host
version_added: 1.0.0
description:
  - Makes the networks in the list that are missing and removes those whose state is V(absent). Those of a swarm on one of its managers,
    those of a host on the host itself, see O(scope).
  - Nothing of a network can be changed once it is there. A network that differs is reported, with every difference, and nothing is touched,
    unless O(networks[].replace) says otherwise.
  - What the Engine adds by itself, such as gateways and VNIs, is no difference. An option that is not given is not managed.
author:
  - The meshwork.swarm contributors (@meshwork)
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.changing
  - meshwork.swarm.engine.surroundings
options:
  scope:
    description:
      - V(swarm) is for the networks of the swarm, on one of its managers. Networks of single hosts are left alone.
      - V(local) is for the networks of the host on which the module runs, which need not be in a swarm. Networks of the swarm are left
        alone. Config-only networks, from which swarm-wide macvlan and ipvlan networks are made, are of this kind.
    type: str
    choices: [swarm, local]
    default: swarm
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
          - Whether the network is to be there. One that services or containers use is not removed, nor is a config-only network from which
            others are made.
        type: str
        choices: [present, absent]
        default: present
      driver:
        description:
          - The network driver by name, a remote one as well. A network that is made without one gets V(overlay), and with
            O(scope=local) V(bridge).
          - A swarm-wide network of the drivers V(bridge), V(macvlan) or V(ipvlan) is a network of its own on each node, and shares
            nothing but its name. Services on it need C(endpoint_mode) V(dnsrr).
        type: str
      scope:
        description:
          - As O(scope), which need not be repeated here. Any other is refused.
        type: str
        choices: [swarm, local]
      config_only:
        description:
          - Whether this is no network but the addresses and driver options from which others are made. With O(scope=local) only.
        type: bool
      config_from:
        description:
          - The config-only network from which a network of the driver V(bridge), V(macvlan) or V(ipvlan) is made. Each node needs
            one of this name, with a range of addresses of its own.
          - The Engine takes no addresses, driver options and labels beside it. Without labels nobody can tell later that a swarm-wide
            network of this kind was made here, so that O(exclusive) does not remove it.
        type: str
      subnets:
        description:
          - The subnets of the network. Exact when given, in any order.
          - A container on an overlay with several subnets has an address in one of them and reaches those in the others.
        type: list
        elements: dict
        suboptions:
          subnet:
            description: A subnet in CIDR notation, such as V(10.20.1.0/24). On an overlay V(/29) or larger.
            type: str
            required: true
          gateway:
            description: Its gateway. Chosen by the swarm when not given.
            type: str
          ip_range:
            description: The part of the subnet from which addresses are given out.
            type: str
          aux_addresses:
            description:
              - Addresses of the subnet that others have, by any name; the Engine does not give them out. Exact when given.
              - With O(scope=local) only, since a swarm drops them.
            type: dict
      ipam_driver:
        description:
          - The driver that gives out addresses, by name. V(default) when a network is made without one.
        type: str
      ipam_opts:
        description:
          - Options of that driver, exact when given.
        type: dict
      enable_ipv4:
        description:
          - Whether containers get IPv4 addresses. Needs API 1.48 (Docker 28.0).
        type: bool
      enable_ipv6:
        description:
          - Whether containers get IPv6 addresses. Needs an IPv6 subnet among O(networks[].subnets), and is needed beside one.
        type: bool
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
            or by 76 when it is encrypted, so that 1450 and 1424 are what an underlay of 1500 carries. Where nodes reach each other by
            IPv6, they are larger by 20 bytes more, so that it is 1430 and 1404 there.
        type: int
      vnis:
        description:
          - The VNI of each subnet of an overlay, in the order of O(networks[].subnets), for example where others on the wire have to
            know it. Chosen by the swarm when not given.
        type: list
        elements: int
      driver_opts:
        description:
          - Further options of the driver, exact when given, such as C(parent) and C(macvlan_mode) of V(macvlan). With C(parent=eth1.10)
            Docker makes the sub-interface for VLAN 10 on C(eth1) itself.
        type: dict
      labels:
        description:
          - Labels of the network, exact when given.
        type: dict
      replace:
        description:
          - What may be done when an overlay network differs from what is written. What is not written of it stays as it was.
          - With V(never), which holds when nothing is given, nothing is touched and the differences are told.
          - With V(unused), it is removed and made anew when no service and no container uses it.
          - With V(rolling), the services that use it are moved over a parallel network and back by rolling updates, four of each service,
            while they go on answering each other. Everything else of them stays. A run that was cut off is ended by the next one.
          - For no request to be lost, services have to tell by a healthcheck when they listen, and to go on answering for some seconds
            after they were told to stop.
          - It is refused while a paused node runs tasks of a global service on the network, which the swarm leaves there as they are.
        type: str
        choices: [never, unused, rolling]
      replace_order:
        description:
          - With O(networks[].replace=rolling), the services in the order in which they move, callers before those that they call. The
            others follow, those that publish ports first.
          - It counts only for programs that ask the DNS server themselves and disregard the file C(/etc/hosts). All others may call each
            other as they like.
        type: list
        elements: str
      replace_subnet:
        description:
          - With O(networks[].replace=rolling), the subnet of the parallel network, such as V(10.20.250.0/24). When not given, one from the
            pools of the swarm that no other network and, by O(taken), no host has.
        type: str
  exclusive:
    description:
      - Remove the networks of O(scope) that this collection made and that are not in the list.
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

- name: On each host, the part of the wire's addresses that its containers may have
  meshwork.swarm.networks:
    scope: local
    networks:
      - name: wire-config
        config_only: true
        subnets:
          - subnet: 192.0.2.0/24
            gateway: 192.0.2.1
            ip_range: "{{ range_of_this_host }}"
        driver_opts:
          parent: eth1

- name: On a manager, the network whose containers are on the wire itself
  meshwork.swarm.networks:
    networks:
      - name: wire
        driver: macvlan
        config_from: wire-config
        attachable: true

- name: Encrypt a network while its services use it
  meshwork.swarm.networks:
    networks:
      - name: front
        encrypted: true
        replace: rolling
    wait_timeout: 300
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
from dataclasses import replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client, observe
from ansible_collections.meshwork.swarm.plugins.module_utils._engine.relocate import relocate
from ansible_collections.meshwork.swarm.plugins.module_utils._engine.swarm_wide import SwarmWide
from ansible_collections.meshwork.swarm.plugins.module_utils._kernel.local import interface_names
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import InvalidOption
from ansible_collections.meshwork.swarm.plugins.module_utils._model.item import Item, parse_items
from ansible_collections.meshwork.swarm.plugins.module_utils._model.network import NETWORK, POLICY, allocated, check_network
from ansible_collections.meshwork.swarm.plugins.module_utils._model.relocation import Relocation
from ansible_collections.meshwork.swarm.plugins.module_utils._model.table import argument_spec, check_api, show
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.address_plan import parse_surroundings
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.allocation import unallocated
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.networks import WINDOWS_VNI, Networks, WantedNetworks
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.placement import placed
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Plan, Step
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.replacement import holding, plan_with_replacements, replacements, settled
from ansible_collections.meshwork.swarm.plugins.module_utils._run import run


class NetworksWork(SwarmWide[Networks]):
    """The networks that the options describe."""

    def __init__(self, module: Any) -> None:
        scope = module.params["scope"]
        parsed = parse_items((*NETWORK, *POLICY), module.params["networks"], "networks")
        items = tuple(_of_scope(item, scope) for item in parsed)
        for item in items:
            check_network(item)
        self.wanted = WantedNetworks(items, module.params["exclusive"], scope)
        self._low_vnis = any(vni < WINDOWS_VNI for item in items for vni in item.values.get("vnis") or ())
        self.around = parse_surroundings(module.params["taken"], module.params["underlay"])
        super().__init__(module, "networks")
        for item in items:
            check_api(NETWORK, item.values, self.engine.api, item.where)

    def observe(self) -> Networks:
        if self.wanted.scope == "local":
            return observe.local_networks(self.engine, interface_names() if self.engine.on_this_host else None)
        if not self.on_manager():
            return Networks()
        found = observe.networks(self.engine, windows=self._low_vnis)
        affected = replacements(self.wanted, found)
        return observe.used_networks(self.engine, found, affected) if affected else found

    def plan(self, found: Networks) -> Plan[Networks]:
        return self.told(placed(plan_with_replacements(self.wanted, found, self.around), self.wanted.items, self.around))

    def apply(self, step: Step) -> None:
        if isinstance(step.call, Relocation):
            relocate(self.engine, step, step.call)
        else:
            super().apply(step)

    def settled(self, awaited: str, found: Networks) -> bool:
        return settled(awaited, found)

    def holding(self, awaited: str, found: Networks) -> str:
        return holding(awaited, found)

    def pending(self, found: Networks) -> Sequence[str]:
        wanted = {item.name: item for item in self.wanted.items}
        return [
            unallocated(wanted[item.name], item, found.items, found.pools)
            for item in found.items
            if item.name in wanted and item.values["scope"] == self.wanted.scope and not allocated(item)
        ]

    def show(self, state: Networks) -> Mapping[str, Any]:
        return {item.name: show(NETWORK, item.values) for item in self._ours(state)}

    def returned(self, state: Networks) -> Mapping[str, Any]:
        wanted = {item.name for item in self.wanted.items}
        return {"networks": [{"name": item.name, **show(NETWORK, item.values)} for item in self._ours(state) if item.name in wanted]}

    def _ours(self, state: Networks) -> list[Item]:
        return [item for item in state.items if item.values["scope"] == self.wanted.scope]


def _of_scope(item: Item, scope: str) -> Item:
    if item.values.get("scope", scope) != scope:
        told = f"{scope}, since one run is for networks of one scope, which the option scope of the module says"
        raise InvalidOption(f"{item.where}.scope", told, item.values["scope"])
    return replace(item, values={**item.values, "scope": scope})


def main() -> None:
    """Run the module."""
    suboptions: dict[str, Any] = {**client.named_item(), **argument_spec((*NETWORK, *POLICY))}
    spec = {
        **client.argument_spec(),
        **client.wait_option(),
        **client.surroundings_options(),
        "scope": {"type": "str", "choices": ["swarm", "local"], "default": "swarm"},
        "networks": {"type": "list", "elements": "dict", "required": True, "options": suboptions},
        "exclusive": {"type": "bool", "default": False},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), NetworksWork)


if __name__ == "__main__":
    main()
