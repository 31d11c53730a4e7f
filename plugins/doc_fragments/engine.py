# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation that the modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """The options and attributes of every module that speaks to an Engine."""

    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - Where the Docker Engine of the host listens.
    type: str
    default: unix:///var/run/docker.sock
  timeout:
    description:
      - Bound for each call of the Engine API, in seconds.
    type: int
    default: 60
requirements:
  - Docker Engine 20.10 (API 1.41) or newer
  - Docker SDK for Python (docker) 5.0 or newer on the host
  - Python 3.9 or newer on the host
"""

    CHANGING = r"""
options:
  wait_timeout:
    description:
      - How long to wait, in seconds, until what was changed is seen to be true.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
    description: Stops after the plan; what it returns is what a real run would.
  diff_mode:
    support: full
    description: Shows the steps and, for each object that changes, the whole before and after.
  idempotent:
    support: full
    description: A second run changes nothing.
"""

    READING = r"""
attributes:
  check_mode:
    support: full
    description: Reads only, so that check mode makes no difference.
  diff_mode:
    support: none
    description: Changes nothing, so that there is nothing to compare.
  idempotent:
    support: full
    description: Changes nothing.
"""

    ADDRESSES = r"""
options:
  advertise_addr:
    description:
      - Address, address and port, or interface name by which the other nodes reach this host.
      - An interface must have exactly one IPv4 address, or none and exactly one IPv6 address that is not link-local. The Engine is
        given that address.
      - It is fixed when a node joins. On a member it is compared, and refused with the way to change it when it differs.
    type: str
  listen_addr:
    description:
      - Address and port, or interface name, on which a manager listens for the other nodes. The Engine's default is V(0.0.0.0:2377).
      - It is fixed when a node joins, and compared on managers.
    type: str
  data_path_addr:
    description:
      - Address or interface name for the traffic of containers (VXLAN), where it is to be kept apart from management.
      - It is fixed when a node joins, and compared on members. For that the module has to read the Engine's C(docker-state.json), which
        only root can.
      - Engines before 25.0 carry this traffic over IPv4 only. Give an IPv4 address here when O(advertise_addr) is one of IPv6.
    type: str
  availability:
    description:
      - Whether the node takes tasks from the moment it joins. Later changes are made with M(meshwork.swarm.nodes).
    type: str
    choices: [active, pause, drain]
requirements:
  - pyroute2 on the host, to check the addresses against its interfaces
"""

    SURROUNDINGS = r"""
options:
  taken:
    description:
      - Subnets that hosts of the swarm have already, such as their routes, addresses and nameservers. A new overlay that overlaps one is
        refused, and one that is there is warned about.
      - The filter P(meshwork.swarm.surroundings#filter) makes it of what M(meshwork.swarm.cluster_info) told of each host.
    type: list
    elements: dict
    default: []
    suboptions:
      subnet:
        description: The subnet in CIDR notation, or one address.
        type: str
        required: true
      by:
        description: What has it, in words, such as V(the route by eth0 of node1).
        type: str
        required: true
  underlay:
    description:
      - What carries the traffic of containers on each host of the swarm. An overlay with an MTU that does not fit is refused, and one
        without an MTU whose packets would be too large is warned about.
      - From the same filter.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: The name of the host.
        type: str
        required: true
      interface:
        description: The interface that has the data-path address.
        type: str
        required: true
      mtu:
        description: The largest packet that it takes, counted as over IPv4.
        type: int
        required: true
"""
