#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module gwbridge."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gwbridge
short_description: Choose the docker_gwbridge of a host
version_added: 1.0.0
description:
  - Makes C(docker_gwbridge), the bridge by which the tasks of a node reach what is outside their overlay networks, as it is written.
  - The Engine makes it when a host joins a swarm, with the first subnet that it finds free and an MTU of 1500. Where one is there
    already, it takes that, so that this module is best run before.
  - It cannot be changed, so one that differs is removed and made anew. On a member of a swarm that takes a node on which nothing
    runs, and a restart of Docker, without which the routing mesh stays dead on that node. It is refused unless O(replace=drained).
  - An option that is not given is not managed, and stays as it was when the bridge is made anew.
author:
  - The meshwork.swarm contributors (@meshwork)
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.changing
options:
  subnets:
    description:
      - The one IPv4 subnet of the bridge.
      - It is compared with the networks of the Engine and the routes of the host first.
    type: list
    elements: dict
    suboptions:
      subnet:
        description: A subnet in CIDR notation, such as V(172.31.240.0/24). Each task on the node takes one of its addresses.
        type: str
        required: true
      gateway:
        description: The address of the bridge itself. The Engine takes the first when not given.
        type: str
      ip_range:
        description: The part of the subnet from which addresses are given out.
        type: str
      aux_addresses:
        description: Addresses of the subnet that others have, by any name; the Engine does not give them out. Exact when given.
        type: dict
  mtu:
    description:
      - The MTU that tasks get on their way out. Where the interface of the host has less than 1500, packets that are too large are lost
        without it.
    type: int
  driver_opts:
    description:
      - Further options of the driver bridge, exact when given. C(com.docker.network.bridge.name),
        C(com.docker.network.bridge.enable_icc=false) and C(com.docker.network.bridge.enable_ip_masquerade=true) are always among them, as
        the Engine itself has them; the last two can be given another value.
    type: dict
  labels:
    description:
      - Labels of the network, exact when given.
    type: dict
  replace:
    description:
      - What to do on a member of a swarm whose bridge differs.
      - V(never) refuses.
      - V(drained) replaces it and restarts Docker, where no container runs on the host and a majority of the managers is left. In
        check mode it is planned as if nothing ran there.
    type: str
    choices: [never, drained]
    default: never
requirements:
  - The program C(ip).
seealso:
  - module: meshwork.swarm.host
  - module: meshwork.swarm.nodes
"""

EXAMPLES = r"""
- name: Keep away from the networks of the company, and fit into a tunnel
  meshwork.swarm.gwbridge:
    subnets:
      - subnet: 172.31.240.0/24
    mtu: 1400

- name: The same on a node that has been drained
  meshwork.swarm.gwbridge:
    subnets:
      - subnet: 172.31.240.0/24
    mtu: 1400
    replace: drained
"""

RETURN = r"""
gwbridge:
  description: The bridge as it is, or in check mode would be, in the shape of the options; empty where there is none.
  returned: when the Engine answers
  type: dict
needs_drain:
  description: Whether the bridge differs on a member of a swarm, and can be replaced once the node is drained.
  returned: when the Engine answers
  type: bool
recorded:
  description:
    - The availability that the role C(meshwork.swarm.host) or C(meshwork.swarm.engine) took from this node before it was cut off. The next
      run of either gives it back. Empty when there is none.
  returned: when the Engine answers
  type: str
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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client
from ansible_collections.meshwork.swarm.plugins.module_utils._engine.gwbridge import GatewayWork
from ansible_collections.meshwork.swarm.plugins.module_utils._model.table import argument_spec
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.gwbridge import TABLE
from ansible_collections.meshwork.swarm.plugins.module_utils._run import run


def main() -> None:
    """Run the module."""
    spec = {
        **client.argument_spec(),
        **client.wait_option(),
        **argument_spec(TABLE),
        "replace": {"type": "str", "choices": ["never", "drained"], "default": "never"},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), GatewayWork)


if __name__ == "__main__":
    main()
