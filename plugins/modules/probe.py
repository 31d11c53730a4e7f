#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module probe."""

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Prove a running swarm with real traffic from this node
version_added: 1.0.0
description:
  - Asks, from the network namespaces of this node's own tasks and from the node itself, whether what the swarm promises is true, and
    looks at the frames on the underlay while it does.
  - "C(names): from a task on each overlay network, every service's name and aliases resolve to its VIP (to the addresses of its tasks
    in C(dnsrr) mode), and C(tasks.NAME) resolves to exactly the running tasks' addresses."
  - "C(vip): TCP connections from a task to the VIP of each service on the network are answered, by running tasks only, and by more than
    one of them where there are more. Where the kernel balances with IPVS, its connection table says which task took which connection."
  - "C(mesh): every TCP port published in ingress mode answers at every node's address."
  - "C(host_mode): every TCP port published in host mode answers on the nodes that run a task of the service, and nowhere else."
  - "C(path): a task on each other node, over each overlay network, the ingress network included, answers a small echo and one that
    fills the MTU of the network, with fragmentation forbidden."
  - "C(wire): the traffic of an encrypted network with each peer is seen as ESP, and not one frame with its VNI in the clear; that of a
    plain network is seen as VXLAN with its VNI, which shows that the capture sees what there is to see."
  - "C(nodes) and C(tasks): every node is ready, every service runs as many tasks as it should. The manager that gave O(facts) says so."
  - Nothing is needed inside the images, no container is started and nothing is changed.
  - What fails is a result with RV(results[].ok=false), not a failure of the module, so that one run tells everything. The role
    P(meshwork.swarm.verify#role) fails with all of it.
options:
  facts:
    description:
      - What M(meshwork.swarm.cluster_info) returned on a manager, with C(swarm), C(nodes), C(networks), C(services) and C(tasks) gathered.
    type: dict
    required: true
  tcp_ports:
    description:
      - By the name of a service, TCP ports on which its tasks listen. For services that publish no port, which would otherwise not
        have their VIP probed.
    type: dict
    default: {}
  retry_for:
    description:
      - For so many seconds, what failed is asked again. Names and forwarding reach a node a moment after a task runs.
    type: int
    default: 10
  deadline:
    description:
      - After so many seconds nothing more is asked, and what has not been answered counts as failed.
    type: int
    default: 60
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.reading
notes:
  - Needs root on the node, to enter namespaces and to capture.
  - Sends at most 200 name lookups, 200 echoes to other nodes in each of two sizes, 100 times 10 connections to VIPs and 300 to published
    ports; what is over is shared out among the nodes.
  - A connection to a published port is closed in our direction at once, and must then be answered or ended by the service. The
    handshake alone proves nothing, because the Engine itself listens on every port published in ingress mode.
  - Ports other than TCP are reported as skipped.
requirements:
  - pyroute2 on the host, to enter namespaces and read routes and forwarding
seealso:
  - module: meshwork.swarm.cluster_info
author:
  - The meshwork.swarm contributors (@meshwork)
"""

EXAMPLES = r"""
- name: Ask a live manager what there is
  meshwork.swarm.cluster_info:
    gather: [swarm, nodes, networks, services, tasks]
  delegate_to: manager1
  run_once: true
  register: cluster

- name: Prove it with traffic from every node
  meshwork.swarm.probe:
    facts: "{{ cluster }}"
    # api publishes no port, but its tasks listen on 8080
    tcp_ports:
      api: [8080]
  become: true
  register: proof

- name: Nothing failed
  ansible.builtin.assert:
    that: proof.results | selectattr('ok', 'false') | list | length == 0
    fail_msg: "{{ proof.results | selectattr('ok', 'false') | map(attribute='detail') | list }}"
"""

RETURN = r"""
node:
  description: The node that asked.
  returned: success
  type: dict
  contains:
    id:
      description: Its node ID; empty when the host is in no swarm.
      type: str
    hostname:
      description: Its hostname.
      type: str
  sample: {id: 4dbcvjh0wx4i1mvpzalacsvww, hostname: node1}
results:
  description: Everything that was asked, and what came of it.
  returned: success
  type: list
  elements: dict
  contains:
    proof:
      description: What kind of question this was.
      type: str
      sample: vip
    subject:
      description: The name, service, port, node or network that it was about.
      type: str
      sample: web on frontend
    from:
      description: Where the traffic began.
      type: str
      sample: api.2 on node3
    to:
      description: Where it was to end.
      type: str
      sample: 10.20.1.2:8080
    ok:
      description: Whether it is as it should be; V(true) for what was skipped.
      type: bool
    skipped:
      description: Whether the question was not asked; RV(results[].detail) says why.
      type: bool
    detail:
      description: What was found; for a failure also what was expected, and what to look at.
      type: str
      sample: 10.20.1.7 x2, 10.20.1.8 x2
    packets:
      description: For C(wire), packets counted on the underlay (C(esp_out), C(esp_in), C(clear_out), C(clear_in)); otherwise empty.
      type: dict
      sample: {esp_out: 18, esp_in: 18, clear_out: 0, clear_in: 0}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._engine.client import argument_spec, connect
from ..module_utils._probe.prover import prove
from ..module_utils._run import run_reading


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **argument_spec(),
            "facts": {"type": "dict", "required": True},
            "tcp_ports": {"type": "dict", "default": {}},
            "retry_for": {"type": "int", "default": 10},
            "deadline": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    run_reading(module, lambda module: prove(connect(module.params), module.params))


if __name__ == "__main__":
    main()
