# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the filter restart_plan."""

from __future__ import annotations

DOCUMENTATION = r"""
name: restart_plan
short_description: The plan of restarts of the Engines of a swarm
version_added: 1.0.0
author:
  - The meshwork.swarm contributors (@meshwork)
description:
  - Tells in which order the Engines of a swarm's nodes are restarted, one after the other, which of the nodes are drained before, and what
    forbids it. The role C(meshwork.swarm.engine) carries the plan out.
positional: nodes, services, way, allow_interruption
options:
  _input:
    description:
      - One dictionary a host with C(host) (its name in the inventory), C(membership) (as M(meshwork.swarm.cluster_info) returns it there),
        C(reason) (why its Engine has to be restarted, empty when it need not), C(recorded) (the availability that an earlier run took
        from the node, empty when there was none), C(recorded_node) (the ID of that node) and C(member) (whether the Engine has state of a
        swarm, as M(meshwork.swarm.daemon_config) returns it).
    type: list
    elements: dict
    required: true
  nodes:
    description: The swarm's nodes as M(meshwork.swarm.cluster_info) returns them on a live manager; empty where there is none.
    type: list
    elements: dict
    required: true
  services:
    description: The swarm's services as M(meshwork.swarm.cluster_info) returns them on a live manager.
    type: list
    elements: dict
    default: []
  way:
    description: V(drained) moves the tasks of each node away before, V(direct) does not.
    type: str
    choices: [drained, direct]
    default: drained
  allow_interruption:
    description: Plan restarts that leave the swarm without a majority of its managers meanwhile, too.
    type: bool
    default: false
seealso:
  - module: meshwork.swarm.cluster_info
  - module: meshwork.swarm.daemon_config
"""

EXAMPLES = r"""
- name: Say what a restart of all Engines would be
  ansible.builtin.debug:
    msg: "{{ (hosts | meshwork.swarm.restart_plan(info.nodes)).summary }}"
"""

RETURN = r"""
_value:
  description:
    - C(restarts) has what is to be done for each node, in order. C(blockers) has the reasons why nothing may be done, and then there are no
      restarts. C(summary) has both as lines of text.
    - C(whole) has the services that have all their tasks, by name. C(forgotten) has the hosts whose C(recorded) is of a node that they are
      no more.
  type: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.rolling import (
    DRAINED,
    plan_restarts,
    read_hosts,
    show_restarts,
    whole_services,
)


def restart_plan(
    hosts: Sequence[Mapping[str, Any]],
    nodes: Sequence[Mapping[str, Any]],
    services: Sequence[Mapping[str, Any]] = (),
    way: str = DRAINED,
    allow_interruption: bool = False,
) -> dict[str, Any]:
    """The plan of all hosts."""
    try:
        plan = plan_restarts(read_hosts(hosts), nodes, way, allow_interruption)
        return {**show_restarts(plan), "whole": whole_services(services)}
    except (KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"restart_plan: this is not what cluster_info returns: {error!r}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"restart_plan": restart_plan}
