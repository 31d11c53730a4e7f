#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster
short_description: Make a Docker Swarm and keep its settings
version_added: 1.0.0
description:
  - Makes a new swarm on a host that is in none, and changes the settings of the swarm on a host that is one of its managers.
  - An option that is not given is not managed. It is neither compared nor reset, whatever else changes.
  - The Engine has no default log driver for the whole swarm. It accepts one in its API and drops it. Each node's C(daemon.json) has
    the default, and the option C(logging) of M(meshwork.swarm.services) is for one service.
  - Settings that are fixed when the swarm is made (O(data_path_port), O(default_addr_pool), O(subnet_size)) and differ are
    reported, never worked around.
author:
  - The meshwork.swarm contributors (@meshwork)
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.addresses
  - meshwork.swarm.engine.changing
requirements:
  - cryptography and PyNaCl on the host, for O(force_new_cluster) with O(unlock_key)
options:
  rotate:
    description:
      - Secrets to make anew in this run. Each run with this option is a change.
      - V(worker_token) and V(manager_token) are what hosts join with.
      - V(unlock_key) is what unlocks managers after a restart. V(ca) is the root of the nodes' certificates, which the swarm
        makes by itself; the run waits until every node has a certificate of the new root. The join tokens change with it.
    type: list
    elements: str
    choices: [worker_token, manager_token, unlock_key, ca]
    default: []
  force_new_cluster:
    description:
      - Begin a new cluster from the state that this host has as a manager, with all services, networks, secrets and configs, and
        with this host as
        the only manager (C(docker swarm init --force-new-cluster)). For a swarm that has lost the majority of its managers, and
        for one that was
        put back by M(meshwork.swarm.restore).
      - The Engine is restarted, so that the tasks of this host end and start again. Tasks on other hosts go on, and their nodes come
        back by themselves when they know this host by its address.
      - A swarm that has a leader and other managers is refused. Where this host is the only manager already, nothing is done.
      - Settings are neither compared nor changed in such a run.
    type: bool
    default: false
  unlock_key:
    description:
      - The unlock key of a swarm with autolock on. Needed with O(force_new_cluster) there.
      - Docker itself cannot begin a new cluster from a locked state (moby#36852), so that the lock is taken off the key on disk first.
        The new cluster has autolock off; turn it on with O(autolock_managers) in another task.
    type: str
  data_path_port:
    description:
      - UDP port of the VXLAN traffic, from 1024 to 49151. Fixed when the swarm is made. The Engine's default is 4789.
    type: int
  default_addr_pool:
    description:
      - Subnets from which networks without a subnet of their own get theirs. Fixed when the swarm is made.
    type: list
    elements: str
  subnet_size:
    description:
      - Prefix length of the subnets that are cut from the pools. Fixed when the swarm is made. The Engine's default is 24.
    type: int
  labels:
    description:
      - Labels of the swarm. The list is exact when it is given.
    type: dict
  task_history_retention_limit:
    description:
      - How many old tasks are kept for each slot.
    type: int
  snapshot_interval:
    description:
      - How many log entries Raft writes between snapshots.
    type: int
  keep_old_snapshots:
    description:
      - How many snapshots are kept beyond the newest.
    type: int
  log_entries_for_slow_followers:
    description:
      - How many log entries are kept for slow followers after a snapshot.
    type: int
  heartbeat_tick:
    description:
      - Ticks between heartbeats of the leader.
    type: int
  election_tick:
    description:
      - Ticks without a heartbeat after which a follower calls an election.
    type: int
  dispatcher_heartbeat_period:
    description:
      - How often nodes report, such as V(5s).
    type: str
  node_cert_expiry:
    description:
      - How long the certificates of nodes are valid, such as V(2160h). It holds for certificates that are made after the Docker of the
        leader was restarted (seen with Engine 20.10).
    type: str
  external_cas:
    description:
      - Services that sign the certificates of nodes in place of the managers. The list is exact when it is given,
        and an empty one clears it.
      - As long as one of them signs for the root that the swarm has, certificates come from it alone.
    type: list
    elements: dict
    suboptions:
      url:
        description:
          - Where certificates are asked for, such as V(https://ca.example.org:8888/api/v1/cfssl/sign).
        type: str
        required: true
      protocol:
        description:
          - How it is asked.
        type: str
        choices: [cfssl]
        default: cfssl
      options:
        description:
          - Options of the protocol.
        type: dict
      ca_cert:
        description:
          - The root certificate, in PEM, that it signs for. Without one it is the root that the swarm has.
        type: str
  signing_ca_cert:
    description:
      - The root certificate of the swarm, in PEM. It has to be valid for a year or more.
      - When the swarm has another one, it is rotated to this one, and the run waits until every node has a certificate of it. The join
        tokens change with it.
      - Cannot be given together with V(ca) in O(rotate).
    type: str
  signing_ca_key:
    description:
      - The key of O(signing_ca_cert), in PEM, without a passphrase. Where it is not given, an entry of O(external_cas) has to sign for
        that certificate.
      - The Engine never gives it back, so it is not compared. It is sent when the certificate changes, and is not shown anywhere.
    type: str
  autolock_managers:
    description:
      - Whether managers need the unlock key after a restart.
    type: bool
seealso:
  - module: meshwork.swarm.membership
  - module: meshwork.swarm.nodes
"""

EXAMPLES = r"""
- name: Make a swarm on the first manager
  meshwork.swarm.cluster:
    advertise_addr: 10.0.0.11
    default_addr_pool:
      - 10.50.0.0/16
    subnet_size: 24

- name: Keep less history, and change nothing else
  meshwork.swarm.cluster:
    task_history_retention_limit: 2

- name: Go on with this manager alone, after the majority of the managers is lost for good
  meshwork.swarm.cluster:
    force_new_cluster: true
    advertise_addr: 10.0.0.11

- name: Make the join tokens anew, after somebody has seen them
  meshwork.swarm.cluster:
    rotate: [worker_token, manager_token]

- name: Have the nodes' certificates signed by a root of our own
  meshwork.swarm.cluster:
    signing_ca_cert: "{{ lookup('ansible.builtin.file', 'ca/swarm.crt') }}"
    signing_ca_key: "{{ vault_swarm_ca_key }}"
"""

RETURN = r"""
cluster:
  description:
    - The swarm as it is, or in check mode would be, in the shape of the options. C(signing_ca_cert) is the root that its nodes trust.
  returned: always
  type: dict
membership:
  description: How this host stands to the swarm.
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
from dataclasses import replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client, observe, swarm_wide
from ansible_collections.meshwork.swarm.plugins.module_utils._kernel.addresses import interfaces
from ansible_collections.meshwork.swarm.plugins.module_utils._kernel.ports import tcp_port_free
from ansible_collections.meshwork.swarm.plugins.module_utils._model.authority import check_key
from ansible_collections.meshwork.swarm.plugins.module_utils._model.membership import GOSSIP_PORT, read_addresses, show_membership
from ansible_collections.meshwork.swarm.plugins.module_utils._model.swarm import SWARM, check_swarm, read_swarm
from ansible_collections.meshwork.swarm.plugins.module_utils._model.table import argument_spec, parse, show
from ansible_collections.meshwork.swarm.plugins.module_utils._plan import authority
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.cluster import ROTATIONS, Cluster, WantedCluster, plan_cluster
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Plan, Step
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.recovery import Detach, OnDisk
from ansible_collections.meshwork.swarm.plugins.module_utils._run import Reconciliation, run
from ansible_collections.meshwork.swarm.plugins.module_utils._state import service
from ansible_collections.meshwork.swarm.plugins.module_utils._state.archive import state_on_disk


class ClusterWork(Reconciliation[Cluster]):
    """The swarm that the options describe."""

    def __init__(self, module: Any) -> None:
        params: Mapping[str, Any] = module.params
        values = parse(SWARM, params, "cluster")
        check_swarm(values)
        if params["signing_ca_key"]:
            check_key(params["signing_ca_key"])
        addresses = read_addresses(params)
        self.wanted = WantedCluster(
            values,
            addresses,
            params["availability"],
            tuple(params["rotate"]),
            params["signing_ca_key"],
            params["force_new_cluster"],
            params["unlock_key"] or "",
        )
        self.about_root = "ca" in params["rotate"] or authority.CERTIFICATE in values
        self.rotated = False
        self.engine = client.connect(params)
        self.deadline = float(params["wait_timeout"])
        self._params = params

    def observe(self) -> Cluster:
        membership = observe.membership(self.engine)
        swarm = read_swarm(self.engine.get("/swarm")) if membership.live_manager else None
        there = interfaces() if any(vars(self.wanted.addresses).values()) else {}
        nodes = observe.nodes(self.engine) if swarm and self.about_root else ()
        on_disk = state_on_disk(observe.state_folder(self.engine)) if self.wanted.force_new_cluster else OnDisk()
        return Cluster(membership, swarm, there, membership.state != "inactive" or tcp_port_free(GOSSIP_PORT), nodes, on_disk)

    def plan(self, found: Cluster) -> Plan[Cluster]:
        return plan_cluster(self.wanted, found)

    def apply(self, step: Step) -> None:
        if isinstance(step.call, Detach):
            service.restart_outside_the_swarm(step.call, self.wanted.unlock_key, self.deadline)
            self.engine = client.connect(self._params)
            return
        swarm_wide.apply_call(self.engine, step)
        if step.action in ("update", "rotate"):
            self.wanted = replace(self.wanted, rotate=())
        self.rotated = self.rotated or step.action in ("init", "rotate")

    def settled(self, awaited: str, found: Cluster) -> bool:
        return found.gossip_free

    def pending(self, found: Cluster) -> Sequence[str]:
        if not found.membership.live_manager or found.swarm is None:
            return (f"this host's membership is {found.membership.state}",)
        return authority.awaited(found.swarm, found.nodes, also_down=self.rotated) if self.about_root else ()

    def show(self, state: Cluster) -> Mapping[str, Any]:
        return {"swarm": show(SWARM, state.swarm.values)} if state.swarm else {}

    def returned(self, state: Cluster) -> Mapping[str, Any]:
        swarm: dict[str, Any] = show(SWARM, state.swarm.values) if state.swarm else {}
        return {"cluster": swarm, "membership": show_membership(state.membership)}


def main() -> None:
    """Run the module."""
    spec = {**client.argument_spec(), **client.address_options(), **client.wait_option(), **argument_spec(SWARM)}
    spec["force_new_cluster"] = {"type": "bool", "default": False}
    spec["unlock_key"] = {"type": "str", "no_log": True}
    spec["rotate"] = {"type": "list", "elements": "str", "choices": list(ROTATIONS), "default": []}
    spec["signing_ca_key"] = {"type": "str", "no_log": True}
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True, required_by={"signing_ca_key": ["signing_ca_cert"]}), ClusterWork)


if __name__ == "__main__":
    main()
