# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the filter hosts_apart."""

from __future__ import annotations

DOCUMENTATION = r"""
name: hosts_apart
short_description: The hosts whose containers' traffic has an address of its own
version_added: 1.0.0
author:
  - The meshwork.swarm contributors (@meshwork)
description:
  - Names the hosts that have joined their swarm with a data-path address other than their advertise address, and hosts in no swarm for
    which that is written. Docker does not encrypt networks between such hosts.
options:
  _input:
    description: The variables of each host.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Say where encrypted networks would be sent in clear
  ansible.builtin.debug:
    msg: "{{ groups['swarm'] | map('extract', hostvars) | meshwork.swarm.hosts_apart }}"
"""

RETURN = r"""
_value:
  description: The names of the hosts in the inventory.
  type: list
  elements: str
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.peers import apart


def hosts_apart(hosts: Iterable[Mapping[str, Any]]) -> list[str]:
    """The hosts whose data path is apart."""
    try:
        return apart(list(hosts))
    except SwarmError as error:
        raise AnsibleFilterError(f"hosts_apart: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"hosts_apart": hosts_apart}
