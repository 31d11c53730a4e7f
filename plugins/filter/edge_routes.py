# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the filter edge_routes."""

from __future__ import annotations

DOCUMENTATION = r"""
name: edge_routes
short_description: What a proxy in front of a swarm has to know
version_added: 1.0.0
author:
  - The meshwork.swarm contributors (@meshwork)
description:
  - Tells which names, paths and ports lead to which service, from the labels of the services, and on which nodes each of them answers.
    The role C(meshwork.swarm.edge) writes the configuration of HAProxy from it, and its README has the labels.
  - Nodes that are drained or not ready are left out. A service that publishes on its own nodes (O(ignore:mode=host)) is asked on
    those that run a task of it.
positional: services, tasks, addresses, taken, on_a_node, here
options:
  _input:
    description: The swarm's nodes as M(meshwork.swarm.cluster_info) returns them on a live manager.
    type: list
    elements: dict
    required: true
  services:
    description: The swarm's services as M(meshwork.swarm.cluster_info) returns them.
    type: list
    elements: dict
    required: true
  tasks:
    description: The running tasks as M(meshwork.swarm.cluster_info) returns them.
    type: list
    elements: dict
    required: true
  addresses:
    description: Where the proxy reaches a node, by its hostname, if not at the address by which the swarm knows it.
    type: dict
    default: {}
  taken:
    description: Ports of the proxy's host on which no service may ask it to listen, each with who has it.
    type: dict
    default: {}
  on_a_node:
    description: Whether the proxy's host is a node of the swarm. There it cannot listen on a TCP port that a service publishes.
    type: bool
    default: false
  here:
    description:
      - The ID of the node that the proxy's host is, so that ports which services publish on their own nodes (O(ignore:mode=host)) count
        where a task of theirs runs. When it is not given, they count whatever node they are on.
    type: str
    default: ""
seealso:
  - module: meshwork.swarm.cluster_info
"""

EXAMPLES = r"""
- name: Say which names lead to which service
  ansible.builtin.debug:
    msg: "{{ (info.nodes | meshwork.swarm.edge_routes(info.services, info.tasks)).rules }}"
"""

RETURN = r"""
_value:
  description:
    - C(rules) has C(host), C(path) and C(backend) in the order in which they are to be tried; an empty host or path fits any.
    - C(listeners) has C(port) and C(backend) of what is passed on as TCP.
    - C(backends) has C(name), C(mode), C(check), C(check_host), C(proxy_protocol) and C(servers) (C(name), C(address), C(port)).
    - C(faults) has what is wrong with the labels. With faults the others are empty.
  type: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.edge import edge


def edge_routes(
    nodes: Sequence[Mapping[str, Any]],
    services: Sequence[Mapping[str, Any]],
    tasks: Sequence[Mapping[str, Any]],
    addresses: Mapping[str, str] | None = None,
    taken: Mapping[Any, str] | None = None,
    on_a_node: bool = False,
    here: str = "",
) -> dict[str, Any]:
    """The routes of all services."""
    try:
        by_number = {int(port): owner for port, owner in (taken or {}).items()}
        return edge(nodes, services, tasks, addresses or {}, by_number, on_a_node, here)
    except (KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"edge_routes: this is not what cluster_info returns: {error!r}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"edge_routes": edge_routes}
