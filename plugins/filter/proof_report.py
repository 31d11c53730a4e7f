# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the filter proof_report."""

from __future__ import annotations

DOCUMENTATION = r"""
name: proof_report
short_description: A report of what the module probe proved on all hosts
version_added: 1.0.0
author:
  - The meshwork.swarm contributors (@meshwork)
description:
  - Brings together what M(meshwork.swarm.probe) returned on each host, and what M(meshwork.swarm.cluster_info) told of the cluster.
positional: silent, facts
options:
  _input:
    description: What M(meshwork.swarm.probe) returned on each host.
    type: list
    elements: dict
    required: true
  silent:
    description: The inventory hosts that should have been asked, and were not. Each counts as a failure.
    type: list
    elements: str
    required: true
  facts:
    description: What M(meshwork.swarm.cluster_info) returned on a manager, as it was given to M(meshwork.swarm.probe).
    type: dict
    required: true
seealso:
  - module: meshwork.swarm.probe
"""

EXAMPLES = r"""
- name: Say what was proved
  ansible.builtin.debug:
    msg: "{{ (proofs | meshwork.swarm.proof_report(silent, cluster)).summary }}"
  vars:
    proofs: "{{ ansible_play_hosts | map('extract', hostvars, 'proof') | list }}"
    silent: "{{ ansible_play_hosts_all | difference(ansible_play_hosts) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description:
    - C(nodes), C(networks), C(services) and C(proof) are lists of flat dictionaries, one a row of a table.
    - C(summary) is C(proof) as aligned lines of text.
    - C(failed) and C(skipped) have one line for each question that failed or was not asked.
    - C(results) has the results of all hosts.
  type: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.proof_report import report


def proof_report(probed: Sequence[Mapping[str, Any]], silent: Sequence[str], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The report of all hosts."""
    if isinstance(probed, (str, Mapping)) or not isinstance(probed, Sequence):
        raise AnsibleFilterError(f"proof_report: expected a list of what the module probe returned, got {type(probed).__name__}")
    try:
        return report(probed, silent, facts)
    except (KeyError, TypeError) as error:
        raise AnsibleFilterError(f"proof_report: this is not what cluster_info and probe return: {error!r}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"proof_report": proof_report}
