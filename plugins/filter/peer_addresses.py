# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the filter peer_addresses."""

from __future__ import annotations

DOCUMENTATION = r"""
name: peer_addresses
short_description: The addresses from which hosts of the inventory send to each other
version_added: 1.0.0
author:
  - The meshwork.swarm contributors (@meshwork)
description:
  - For each host its C(swarm_address) (an address or a list), else its C(ansible_host), else its name; and its
    C(swarm_data_path_addr) where it has one.
  - An interface name becomes the address of that interface, as the role C(meshwork.swarm.live_manager) has read it on the host.
    A name that nobody has read is refused.
options:
  _input:
    description: The variables of each host.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show who sends to whom
  ansible.builtin.debug:
    msg: "{{ groups['swarm'] | map('extract', hostvars) | meshwork.swarm.peer_addresses }}"
"""

RETURN = r"""
_value:
  description: The addresses, each once.
  type: list
  elements: str
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.peers import peers


def peer_addresses(hosts: Iterable[Mapping[str, Any]]) -> list[str]:
    """The addresses of all hosts."""
    try:
        return peers(list(hosts))
    except SwarmError as error:
        raise AnsibleFilterError(f"peer_addresses: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"peer_addresses": peer_addresses}
