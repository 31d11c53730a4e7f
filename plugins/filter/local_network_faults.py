# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the filter local_network_faults."""

from __future__ import annotations

DOCUMENTATION = r"""
name: local_network_faults
short_description: What is wrong with the networks of single hosts when they are looked at together
version_added: 1.0.0
author:
  - The meshwork.swarm contributors (@meshwork)
description:
  - Compares the networks of single hosts, config-only networks among them, as they are to be on every host.
  - It finds parents that are no interfaces, config-only networks that a host lacks although a swarm-wide network is made from them,
    and ranges of addresses that overlap between hosts or hold the address of a host.
positional: networks
options:
  _input:
    description:
      - For each host its C(name), its C(wanted) networks as entries of M(meshwork.swarm.networks), what M(meshwork.swarm.cluster_info)
        returned there with C(interfaces) and C(local_networks) as C(info), and whether it is C(drained).
    type: list
    elements: dict
    required: true
  networks:
    description: The networks of the swarm, as entries of M(meshwork.swarm.networks).
    type: list
    elements: dict
    default: []
seealso:
  - module: meshwork.swarm.networks
"""

EXAMPLES = r"""
- name: Say what is wrong with the networks of the hosts
  ansible.builtin.debug:
    msg: "{{ hosts | meshwork.swarm.local_network_faults(swarm_networks) }}"
"""

RETURN = r"""
_value:
  description: Sentences, each with the host, what was found, and the way out.
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.local_networks import faults, read_host


def local_network_faults(hosts: Sequence[Mapping[str, Any]], networks: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """What is wrong, as sentences."""
    try:
        return faults([read_host(str(each["name"]), each["wanted"], each["info"], bool(each["drained"])) for each in hosts], networks)
    except SwarmError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"local_network_faults": local_network_faults}
