#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module cluster_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_info
short_description: Read how a host stands to a Docker Swarm, and on a manager the swarm itself
version_added: 1.0.0
description:
  - Tells on every host, in a swarm or not, how its Engine stands to a swarm.
  - On a live manager it reads what O(gather) asks for, in the shape of the options of the modules that change it. Elsewhere those
    lists are empty.
author:
  - The meshwork.swarm contributors (@meshwork)
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.reading
requirements:
  - pyroute2 on the host, to read V(interfaces)
options:
  gather:
    description:
      - What to read besides the membership.
      - V(join_tokens) and V(unlock_key) are secrets. Ask for them in a task with C(no_log) only.
      - V(addresses), V(interfaces) and V(local_networks) are read on every host, all else on live managers only.
    type: list
    elements: str
    choices: [swarm, nodes, networks, services, tasks, attachments, join_tokens, unlock_key, addresses, interfaces, local_networks]
    default: []
  reference_clock:
    description:
      - What another clock shows at this moment, in seconds since 1970, such as the controller's C({{ now().timestamp() }}).
      - When it is given, RV(host.clock_offset) tells how far the host's clock is from it, so that hosts that were read one after the
        other can be compared.
    type: float
"""

EXAMPLES = r"""
- name: Find out which hosts are live managers
  meshwork.swarm.cluster_info:
  register: info

- name: Read everything but the secrets
  meshwork.swarm.cluster_info:
    gather: [swarm, nodes, networks, services, tasks]
  register: info
"""

RETURN = r"""
membership:
  description: How this host stands to a swarm.
  returned: always
  type: dict
  contains:
    state:
      description: V(inactive), V(pending), V(active), V(error) or V(locked), as the Engine says.
      type: str
    role:
      description: V(manager), V(worker) or empty.
      type: str
    live_manager:
      description: Whether swarm-wide work can be done here.
      type: bool
    node_id:
      description: The ID of the node that this host is.
      type: str
    node_addr:
      description: The address by which other nodes know it.
      type: str
    listen_addr:
      description: Where the host listens as a manager, as it joined with. Empty where C(docker-state.json) cannot be read.
      type: str
    data_path_addr:
      description: The address for the traffic of containers, as the host joined with. Empty where C(docker-state.json) cannot be read.
      type: str
    data_path_port:
      description: The UDP port of the swarm's overlay networks. V(0) where the host does not know it; only managers do.
      type: int
    cluster_id:
      description: The ID of the swarm. Only managers know it.
      type: str
    error:
      description: What is wrong, as the Engine says.
      type: str
    managers:
      description: The addresses of the managers that this host knows.
      type: list
      elements: str
addresses:
  description: What the host has that a network of the swarm must not overlap, and how large the packets of its interfaces may be.
  returned: when asked for
  type: dict
  contains:
    routes:
      description: The destinations (C(subnet)) of the main routing table, with C(interface).
      type: list
      elements: dict
    addresses:
      description: The host's own addresses.
      type: list
      elements: str
    nameservers:
      description: Whom the host asks for names.
      type: list
      elements: str
    mtus:
      description: The MTU of each interface.
      type: dict
    networks:
      description: The bridge networks of the host's Engine with C(name), C(subnets) and C(interface).
      type: list
      elements: dict
interfaces:
  description: The addresses of each interface of the host.
  returned: when asked for
  type: dict
local_networks:
  description: The networks of this host itself, config-only networks among them.
  returned: when asked for
  type: list
  elements: dict
host:
  description: What else of this host its part in a swarm depends on.
  returned: always
  type: dict
  contains:
    clock:
      description: What the host's clock shows, in seconds since 1970.
      type: float
    clock_offset:
      description:
        - How many seconds it is ahead of O(reference_clock), the time for carrying the question included. Null when that is not given.
      type: float
    address_here:
      description:
        - Whether one of the host's interfaces has RV(membership.node_addr). Null outside a swarm, and when O(docker_host) is another host.
      type: bool
    address_interface:
      description: The interface whose first IPv4 address it is, else empty.
      type: str
    manager_addr:
      description: Where other managers are told to reach this one; empty on a worker.
      type: str
    manager_addr_here:
      description:
        - Whether one of the host's interfaces has that address. A manager whose state was restored on another machine keeps the old
          address. Null on a worker.
      type: bool
    certificate:
      description:
        - The certificate by which the host is known in its swarm, with C(node_id), C(role), C(swarm_id), C(not_before) and C(not_after)
          (seconds since 1970). Null where there is none and for users who may not read it.
      type: dict
swarm:
  description: The settings of the swarm.
  returned: when asked for, on a live manager
  type: dict
nodes:
  description: The nodes of the swarm.
  returned: when asked for, on a live manager
  type: list
  elements: dict
networks:
  description:
    - The swarm-wide networks, with their VNIs and whether it is the ingress network.
    - C(capacity) tells how many addresses each has in all (C(size)), how many are in use (C(used)) by its gateways, the virtual
      addresses of services, tasks, other containers and the nodes on it, and how many are C(free).
  returned: when asked for, on a live manager
  type: list
  elements: dict
services:
  description: The services with their VIPs, ports, and how many tasks run and should.
  returned: when asked for, on a live manager
  type: list
  elements: dict
tasks:
  description: The running tasks of services, with their addresses on each network.
  returned: when asked for, on a live manager
  type: list
  elements: dict
attachments:
  description:
    - The containers of no service on swarm-wide networks, wherever they run, with C(container_id), C(node_id), C(network) and C(address).
  returned: when asked for, on a live manager
  type: list
  elements: dict
join_tokens:
  description: The join tokens by role. Secret.
  returned: when asked for, on a live manager
  type: dict
unlock_key:
  description: The key that unlocks managers after a restart, empty when autolock is off. Secret.
  returned: when asked for, on a live manager
  type: str
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client, describe
from ansible_collections.meshwork.swarm.plugins.module_utils._engine.surroundings import host_addresses
from ansible_collections.meshwork.swarm.plugins.module_utils._kernel.addresses import interfaces
from ansible_collections.meshwork.swarm.plugins.module_utils._run import run_reading

INTERFACES = "interfaces"
ADDRESSES = "addresses"


def read(module: Any) -> Mapping[str, Any]:
    """What the options ask for."""
    gather = module.params["gather"]
    there: dict[str, Any] = {INTERFACES: {name: list(found) for name, found in interfaces().items()}} if INTERFACES in gather else {}
    engine = client.connect(module.params)
    if ADDRESSES in gather:
        there[ADDRESSES] = host_addresses(engine)
    return {**describe.cluster(engine, gather, module.params["reference_clock"]), **there}


def main() -> None:
    """Run the module."""
    spec = {
        **client.argument_spec(),
        "gather": {
            "type": "list",
            "elements": "str",
            "choices": [*describe.READERS, ADDRESSES, INTERFACES, describe.LOCAL_NETWORKS],
            "default": [],
        },
        "reference_clock": {"type": "float"},
    }
    run_reading(AnsibleModule(argument_spec=spec, supports_check_mode=True), read)


if __name__ == "__main__":
    main()
