# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the filter swarm_states."""

from __future__ import annotations

DOCUMENTATION = r"""
name: swarm_states
short_description: What is not as it should be among the hosts of a swarm
version_added: 1.0.0
author:
  - The meshwork.swarm contributors (@meshwork)
description:
  - Compares what M(meshwork.swarm.cluster_info) told on each host with the other hosts and with the swarm's own list of nodes.
  - It finds hosts that are in another swarm or were removed from this one, two hosts with one identity, joins that did not end, locked
    managers, expired certificates, clocks that differ, old entries of hosts that joined anew, a lost majority, and addresses that are
    wrong, unreachable or gone.
positional: manager
options:
  _input:
    description:
      - For each host its inventory C(name), what M(meshwork.swarm.cluster_info) returned there as C(info), the C(advertise_addr),
        C(listen_addr) and C(data_path_addr) that it should have (empty is not compared), and whether it is to be a C(manager).
    type: list
    elements: dict
    required: true
  manager:
    description: The name of the host that is a live manager, empty when there is none. Its C(info) has the C(nodes).
    type: str
    required: true
  ignored:
    description: Names of states that stop nothing.
    type: list
    elements: str
    choices: [clock_skewed, address_differs, address_unreachable, address_gone]
    default: []
  unlock_key:
    description: Whether an unlock key is at hand for managers that no live manager can tell it for.
    type: bool
    default: false
seealso:
  - module: meshwork.swarm.cluster_info
"""

EXAMPLES = r"""
- name: Say what is not as it should be
  ansible.builtin.debug:
    msg: "{{ (standings | meshwork.swarm.swarm_states('manager1')).blockers }}"
"""

RETURN = r"""
_value:
  description:
    - C(blockers) and C(warnings) are sentences, each with the host, what was found, and the way out.
    - C(unlock) names the locked managers for which there is a key.
    - C(findings) has the same as dictionaries with C(state), C(host), C(reason), C(remedy) and C(warning).
  type: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.comparison import IGNORABLE, Cluster, findings, read_host, unlockable


def swarm_states(
    standings: Sequence[Mapping[str, Any]], manager: str, ignored: Sequence[str] = (), unlock_key: bool = False
) -> dict[str, Any]:
    """What is not as it should be, and which managers can be unlocked."""
    unknown = sorted(set(ignored) - set(IGNORABLE))
    if unknown:
        raise AnsibleFilterError(f"swarm_states: {', '.join(unknown)} cannot be ignored; only {', '.join(IGNORABLE)} can")
    try:
        hosts = tuple(read_host(each) for each in standings)
        nodes = next((tuple(each["info"]["nodes"]) for each in standings if each["name"] == manager), ())
    except (KeyError, TypeError) as error:
        raise AnsibleFilterError(f"swarm_states: this is not what cluster_info returns: {error!r}") from error
    cluster = Cluster(hosts, manager, nodes, unlock_key)
    found = findings(cluster, ignored)
    return {
        "blockers": [str(finding) for finding in found if not finding.warning],
        "warnings": [str(finding) for finding in found if finding.warning],
        "unlock": list(unlockable(cluster)),
        "findings": [dict(vars(finding)) for finding in found],
    }


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"swarm_states": swarm_states}
