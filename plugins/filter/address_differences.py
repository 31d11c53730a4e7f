# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the filter address_differences."""

from __future__ import annotations

DOCUMENTATION = r"""
name: address_differences
short_description: Where a member of a swarm has other addresses than it is to have
version_added: 1.0.0
author:
  - The meshwork.swarm contributors (@meshwork)
description:
  - Compares the addresses with which a host joined its swarm and those that are written for it. What is not written, or could not be read,
    is not compared.
options:
  _input:
    description:
      - A dictionary with C(host) (its name in the inventory), C(membership) and C(interfaces) (as M(meshwork.swarm.cluster_info) returns
        them), C(advertise_addr), C(listen_addr) and C(data_path_addr) (wanted; empty is not managed).
    type: dict
    required: true
seealso:
  - module: meshwork.swarm.cluster_info
"""

EXAMPLES = r"""
- name: Say where this host is that it should not be
  ansible.builtin.debug:
    msg: "{{ host | meshwork.swarm.address_differences }}"
  vars:
    host:
      host: "{{ inventory_hostname }}"
      membership: "{{ info.membership }}"
      advertise_addr: 10.0.0.11
"""

RETURN = r"""
_value:
  description: One line for each address that differs, such as C(data_path_addr:\ wanted 10.1.0.11, found 10.0.0.11).
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.addresses import moved
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.readdress import read_members


def address_differences(host: Mapping[str, Any]) -> list[str]:
    """The differences of one host as lines."""
    try:
        member = read_members([host])[0]
        return [str(each) for each in moved(member.wanted, member.membership, member.interfaces)]
    except (KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"address_differences: this is not what cluster_info returns: {error!r}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"address_differences": address_differences}
