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
