#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module nodes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nodes
short_description: Set role, availability and labels of the nodes of a Docker Swarm, and remove nodes
version_added: 1.0.0
description:
  - Changes the nodes of the swarm, on one of its managers, in an order that keeps the majority of the managers.
  - Promotions come first, demotions last and the leader's last of all, each only when Raft has taken in the one before.
  - A demotion that would lose the majority is refused, and so is that of the manager on which the module runs.
  - Warns of an even number of managers, of more than seven, and of a zone without which no majority is left.
  - A drain is over when the node's tasks have gone. Removals come last of all.
  - Nodes are known by their ID. Hostnames are not unique in a swarm.
author:
  - The meshwork.swarm contributors (@meshwork)
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.changing
options:
  nodes:
    description:
      - The nodes to look after. Nodes that are not in the list are left alone.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description:
          - The node's ID. In check mode it may be empty for a host that would join in the same run.
        type: str
        required: true
      name:
        description:
          - What the node is called in messages.
        type: str
      state:
        description:
          - V(absent) drains and demotes the node, waits until its tasks have gone and its host has left, and takes it out of the list.
          - An ID that the swarm does not have is absent already.
        type: str
        choices: [present, absent]
        default: present
      force:
        description:
          - Remove the node even when its host has not left, because it is dead or will not come back. Only with O(nodes[].state=absent).
        type: bool
        default: false
      role:
        description:
          - Whether it is a manager or a worker.
        type: str
        choices: [worker, manager]
      availability:
        description:
          - Whether it takes tasks (V(active)), keeps those that it has (V(pause)) or gives them up (V(drain)).
        type: str
        choices: [active, pause, drain]
      labels:
        description:
          - Labels for placement constraints, see O(merge_labels).
        type: dict
  merge_labels:
    description:
      - Whether labels that are not in the list stay. When V(false), the labels of each node that has O(nodes[].labels) are exactly those.
    type: bool
    default: true
  zone_label:
    description:
      - The label that tells the zone of a node. Whether the managers are well spread is looked at when each of them has it.
    type: str
    default: zone
"""

EXAMPLES = r"""
- name: Drain a manager and tell where a worker stands
  meshwork.swarm.nodes:
    nodes:
      - id: mbtdnq2wxu8la1tjft5kqa6ij
        availability: drain
      - id: j2txu7shf3ojd0ohh1uvjr0jd
        labels:
          zone: b

- name: Take a dead worker out of the swarm
  meshwork.swarm.nodes:
    nodes:
      - id: c6x3wz1bmp8s873uj1pdcdmvd
        state: absent
        force: true
"""

RETURN = r"""
nodes:
  description: The nodes of the swarm as they are, or in check mode would be.
  returned: always
  type: list
  elements: dict
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
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client, observe
from ansible_collections.meshwork.swarm.plugins.module_utils._engine.swarm_wide import SwarmWide
from ansible_collections.meshwork.swarm.plugins.module_utils._model.item import Item, parse_items
from ansible_collections.meshwork.swarm.plugins.module_utils._model.node import NODE, hostname, reachable
from ansible_collections.meshwork.swarm.plugins.module_utils._model.table import argument_spec, show
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.nodes import Nodes, WantedNodes, newcomer, plan_nodes, settled
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Plan, Step
from ansible_collections.meshwork.swarm.plugins.module_utils._run import run


class NodesWork(SwarmWide[Nodes]):
    """The nodes that the options describe."""

    def __init__(self, module: Any) -> None:
        super().__init__(module, "nodes")
        entries: list[dict[str, Any]] = module.params["nodes"]
        joining = [entry for entry in entries if module.check_mode and not entry["id"]]
        for entry in joining:
            entry["id"] = f"{entry['name']} (joins in this run)"
        self.newcomers: Sequence[Item] = [newcomer(entry) for entry in joining]
        self.moved: dict[str, set[str]] = {"promote": set(), "demote": set()}
        items = parse_items(NODE, entries, "nodes", key="id")
        forced = frozenset(entry["id"] for entry in entries if entry["force"])
        self.wanted = WantedNodes(items, module.params["merge_labels"], forced, zone_label=module.params["zone_label"])
        emptied = [item for item in items if item.state == "absent" or item.values.get("availability") == "drain"]
        self.emptied = [item.name for item in emptied]

    def observe(self) -> Nodes:
        there = observe.nodes_with_tasks(self.engine, self.emptied) if self.on_manager() else ()
        return tuple(there) + tuple(self.newcomers)

    def plan(self, found: Nodes) -> Plan[Nodes]:
        return self.told(plan_nodes(replace(self.wanted, here=self.here), found))

    def settled(self, awaited: str, found: Nodes) -> bool:
        return settled(awaited, found)

    def apply(self, step: Step) -> None:
        super().apply(step)
        self.moved.get(step.action, set()).add(step.item)

    def pending(self, found: Nodes) -> Sequence[str]:
        """Roles take time: raft has to take a manager in, or to let it go before its port may be closed."""
        names = {hostname(node): node for node in found}
        coming = [name for name in self.moved["promote"] if name in names and not reachable(names[name])]
        going = [name for name in self.moved["demote"] if name in names and names[name].document.get("ManagerStatus")]
        return [
            *(f"node {name} is not yet reachable as a manager: the other managers have to reach it on 2377/tcp" for name in sorted(coming)),
            *(f"node {name} has not yet left the managers" for name in sorted(going)),
        ]

    def show(self, state: Nodes) -> Mapping[str, Any]:
        return {hostname(node): show(NODE, node.values) for node in state}

    def returned(self, state: Nodes) -> Mapping[str, Any]:
        return {"nodes": [observe.show_node(node) for node in state]}


def main() -> None:
    """Run the module."""
    suboptions: dict[str, Any] = {
        "id": {"type": "str", "required": True},
        "name": {"type": "str"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "force": {"type": "bool", "default": False},
        **argument_spec(NODE),
    }
    spec = {
        **client.argument_spec(),
        **client.wait_option(),
        "nodes": {"type": "list", "elements": "dict", "required": True, "options": suboptions},
        "merge_labels": {"type": "bool", "default": True},
        "zone_label": {"type": "str", "default": "zone"},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), NodesWork)


if __name__ == "__main__":
    main()
