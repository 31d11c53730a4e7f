# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the filter readdress_plan."""

from __future__ import annotations

DOCUMENTATION = r"""
name: readdress_plan
short_description: The plan of a move of a swarm's nodes to other addresses
version_added: 1.0.0
author:
  - The meshwork.swarm contributors (@meshwork)
description:
  - Compares the addresses that the hosts have in the swarm with those that they are to have, and tells which have to leave and join
    again, in which order, and what forbids it. The role C(meshwork.swarm.readdress) carries the plan out.
positional: nodes, services, encrypted
options:
  _input:
    description:
      - One dictionary a host with C(host) (its name in the inventory), C(membership) and C(interfaces) (as
        M(meshwork.swarm.cluster_info) returns them there), C(advertise_addr), C(listen_addr) and C(data_path_addr) (wanted; empty is
        not managed).
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
  encrypted:
    description: The names of networks that have to stay encrypted. A data path apart from the advertise address is refused then.
    type: list
    elements: str
    default: []
seealso:
  - module: meshwork.swarm.cluster_info
"""

EXAMPLES = r"""
- name: Say which nodes have other addresses than the inventory
  ansible.builtin.debug:
    msg: "{{ (hosts | meshwork.swarm.readdress_plan(info.nodes)).summary }}"
"""

RETURN = r"""
_value:
  description:
    - C(moves) has what each host has still to do, in order. C(blockers) has the reasons why nothing may be done, and then there are no
      moves. C(summary) has both as lines of text.
    - C(whole) has the services that have all their tasks, by name.
  type: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.readdress import plan_readdress, read_members, show_moves
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.rolling import whole_services


def readdress_plan(
    hosts: Sequence[Mapping[str, Any]],
    nodes: Sequence[Mapping[str, Any]],
    services: Sequence[Mapping[str, Any]] = (),
    encrypted: Sequence[str] = (),
) -> dict[str, Any]:
    """The plan of all hosts."""
    try:
        shown = show_moves(plan_readdress(read_members(hosts), nodes, encrypted))
        return {**shown, "whole": whole_services(services)}
    except (KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"readdress_plan: this is not what cluster_info returns: {error!r}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"readdress_plan": readdress_plan}
