# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the filter surroundings."""

from __future__ import annotations

DOCUMENTATION = r"""
name: surroundings
short_description: What the hosts have that networks of the swarm must fit into
version_added: 1.0.0
author:
  - The meshwork.swarm contributors (@meshwork)
description:
  - Brings together what M(meshwork.swarm.cluster_info) told of the V(addresses) of each host, in the shape of the options C(taken) and
    C(underlay) of M(meshwork.swarm.networks) and M(meshwork.swarm.ingress_network).
  - Default routes, and what is valid on one host or link only, are left out. So are the routes of Docker's bridges, whose networks are told
    by their names.
options:
  _input:
    description:
      - The variables of each host, with C(live_manager_info) from the role P(meshwork.swarm.live_manager#role).
      - A host without it is left out.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: A network that fits into what the hosts have
  meshwork.swarm.networks:
    networks:
      - name: back
        subnets:
          - subnet: 10.20.2.0/24
    taken: "{{ around.taken }}"
    underlay: "{{ around.underlay }}"
  vars:
    around: "{{ ansible_play_hosts | map('extract', hostvars) | meshwork.swarm.surroundings }}"
"""

RETURN = r"""
_value:
  description: C(taken) and C(underlay).
  type: dict
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.meshwork.swarm.plugins.module_utils._plan import address_plan


def surroundings(hosts: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What the hosts have."""
    try:
        return address_plan.surroundings(list(hosts))
    except (KeyError, ValueError) as error:
        raise AnsibleFilterError(f"surroundings: what was read on a host is not what cluster_info tells: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"surroundings": surroundings}
