#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module membership."""

from __future__ import annotations

DOCUMENTATION = r"""
module: membership
short_description: Let a host join a Docker Swarm, or leave it
version_added: 1.0.0
description:
  - Joins the host to a swarm as manager or worker, or makes it leave.
  - A host that is in another swarm is told and left alone; so is one whose role differs, since only a manager can change roles.
author:
  - The meshwork.swarm contributors (@meshwork)
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.addresses
  - meshwork.swarm.engine.changing
options:
  state:
    description:
      - Whether the host is to be in the swarm.
    type: str
    choices: [joined, left]
    default: joined
  role:
    description:
      - What the host joins as.
    type: str
    choices: [manager, worker]
    default: worker
  remote_addrs:
    description:
      - Addresses of managers of the swarm, such as V(10.0.0.11:2377). The Engine uses the first.
    type: list
    elements: str
    default: []
  join_token:
    description:
      - The swarm's join token for the role, from M(meshwork.swarm.cluster_info). Needed only where the host has to join.
    type: str
  unlock_key:
    description:
      - The swarm's unlock key, from M(meshwork.swarm.cluster_info). Needed only where the host is a manager that is locked after a restart.
    type: str
  node_ids:
    description:
      - The IDs of the swarm's nodes, as one of its managers lists them.
      - When given, a host that is in a swarm with an ID that is not among them is in another swarm, and is refused.
    type: list
    elements: str
    default: []
  force:
    description:
      - Let a manager leave without having been demoted. It stays in the swarm's list of managers until it is removed there, and
        counts for the majority.
    type: bool
    default: false
seealso:
  - module: meshwork.swarm.cluster
  - module: meshwork.swarm.cluster_info
  - module: meshwork.swarm.nodes
"""

EXAMPLES = r"""
- name: Read the join tokens on a manager
  meshwork.swarm.cluster_info:
    gather: [join_tokens]
  delegate_to: manager1
  run_once: true
  no_log: true
  register: tokens

- name: Join as worker
  meshwork.swarm.membership:
    role: worker
    remote_addrs: [10.0.0.11:2377]
    join_token: "{{ tokens.join_tokens.worker }}"
    advertise_addr: 10.0.0.21
"""

RETURN = r"""
membership:
  description: How this host stands to a swarm, or in check mode would stand.
  returned: always
  type: dict
steps:
  description: What was done, or in check mode would be done, in order.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: The kind of step.
      type: str
    item:
      description: The object that it is about.
      type: str
    says:
      description: The step in a sentence.
      type: str
    call:
      description: The call that makes it.
      type: str
    costs:
      description: What the users of the cluster notice, empty when nothing.
      type: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client, observe, swarm_wide
from ansible_collections.meshwork.swarm.plugins.module_utils._kernel.addresses import interfaces
from ansible_collections.meshwork.swarm.plugins.module_utils._kernel.ports import tcp_port_free
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import EngineError, OutOfSequence
from ansible_collections.meshwork.swarm.plugins.module_utils._model.membership import GOSSIP_PORT, read_addresses, show_membership
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.membership import Host, WantedMembership, plan_membership
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Plan, Step
from ansible_collections.meshwork.swarm.plugins.module_utils._run import Reconciliation, run

GOES_ON = "Timeout was reached before node"
GIVEN_UP = "context deadline exceeded"


class MembershipWork(Reconciliation[Host]):
    """The membership that the options describe."""

    def __init__(self, module: Any) -> None:
        params: Mapping[str, Any] = module.params
        self.wanted = WantedMembership(
            state=params["state"],
            role=params["role"],
            remote_addrs=tuple(params["remote_addrs"]),
            join_token=params["join_token"] or "",
            addresses=read_addresses(params),
            availability=params["availability"],
            node_ids=frozenset(params["node_ids"]),
            force=params["force"],
            unlock_key=params["unlock_key"] or "",
            planning=module.check_mode,
        )
        self.engine = client.connect(params)
        self.deadline = float(params["wait_timeout"])

    def observe(self) -> Host:
        membership = observe.membership(self.engine)
        there = interfaces() if any(vars(self.wanted.addresses).values()) else {}
        return Host(membership, there, membership.state != "inactive" or tcp_port_free(GOSSIP_PORT))

    def plan(self, found: Host) -> Plan[Host]:
        return plan_membership(self.wanted, found)

    def apply(self, step: Step) -> None:
        try:
            swarm_wide.apply_call(self.engine, step)
        except EngineError as error:
            # A join that takes longer than the Engine's own 20 s goes on in the background (moby daemon/cluster/swarm.go).
            if GOES_ON in error.message:
                return
            # A leave that waits for tasks which are slow to stop is given up half-way; the next one succeeds (seen with Engine 20.10).
            if step.action == "leave" and GIVEN_UP in error.message:
                raise OutOfSequence(error.call, error.status, error.message) from None
            raise

    def settled(self, awaited: str, found: Host) -> bool:
        return found.gossip_free

    def pending(self, found: Host) -> Sequence[str]:
        membership = found.membership
        if self.wanted.state == "left":
            if membership.state != "inactive":
                return (f"this host's membership is still {membership.state}",)
            return () if found.gossip_free else (f"this host has left, and Docker still holds port {GOSSIP_PORT}/tcp: restart Docker",)
        arrived = membership.live_manager if self.wanted.role == "manager" else membership.state == "active"
        told = membership.error or f"its state is {membership.state}"
        return () if arrived else (f"this host has not become a {self.wanted.role}: {told}",)

    def show(self, state: Host) -> Mapping[str, Any]:
        shown = show_membership(state.membership)
        return {"membership": {name: shown[name] for name in ("state", "role", "node_addr")}}

    def returned(self, state: Host) -> Mapping[str, Any]:
        return {"membership": show_membership(state.membership)}


def main() -> None:
    """Run the module."""
    spec = {
        **client.argument_spec(),
        **client.address_options(),
        **client.wait_option(),
        "state": {"type": "str", "choices": ["joined", "left"], "default": "joined"},
        "role": {"type": "str", "choices": ["manager", "worker"], "default": "worker"},
        "remote_addrs": {"type": "list", "elements": "str", "default": []},
        "join_token": {"type": "str", "no_log": True},
        "unlock_key": {"type": "str", "no_log": True},
        "node_ids": {"type": "list", "elements": "str", "default": []},
        "force": {"type": "bool", "default": False},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), MembershipWork)


if __name__ == "__main__":
    main()
