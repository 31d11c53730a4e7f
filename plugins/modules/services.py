#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module services."""

from __future__ import annotations

DOCUMENTATION = r"""
module: services
short_description: Run services on a Docker Swarm and wait until they run
version_added: 1.0.0
description:
  - Makes, changes and removes services on a manager of the swarm, all of the list in one plan.
  - An option that is not given is not managed. An update changes the given options in the whole spec of the service and leaves
    every other as it is.
  - Waits until every service in the list runs as many tasks of its newest spec as it should, and tells the tasks' own errors when
    that does not happen.
author:
  - The meshwork.swarm contributors (@meshwork)
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.changing
options:
  wait:
    description:
      - Wait for the tasks of the services. When V(false), only their specs are made true.
    type: bool
    default: true
  exclusive:
    description:
      - Remove the services that this collection made and that are not in the list.
    type: bool
    default: false
  services:
    description:
      - The services to look after.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The name of the service.
        type: str
        required: true
      state:
        description:
          - Whether the service is to be there.
        type: str
        choices: [present, absent]
        default: present
      image:
        description:
          - The image. A digest that is not given is not compared.
        type: str
      mode:
        description:
          - V(replicated) runs a number of tasks, V(global) one on every node. It cannot be changed later. The swarm's default is
            V(replicated).
        type: str
        choices: [replicated, global]
      replicas:
        description:
          - How many tasks a replicated service runs.
        type: int
      command:
        description:
          - Replaces the entrypoint of the image.
        type: list
        elements: str
      args:
        description:
          - Arguments of the entrypoint.
        type: list
        elements: str
      env:
        description:
          - Environment variables, exact when given.
        type: dict
      labels:
        description:
          - Labels of the service, exact when given.
        type: dict
      container_labels:
        description:
          - Labels of its containers, exact when given.
        type: dict
      hostname:
        description:
          - Hostname of the containers.
        type: str
      user:
        description:
          - User of the process.
        type: str
      working_dir:
        description:
          - Working directory of the process.
        type: str
      init:
        description:
          - Run an init process in the containers.
        type: bool
      read_only:
        description:
          - Make the root filesystem of the containers read-only.
        type: bool
      stop_signal:
        description:
          - The signal that stops the containers.
        type: str
      stop_grace_period:
        description:
          - How long a container may take to stop, such as V(10s).
        type: str
      healthcheck:
        description:
          - How the Engine finds out whether a container is healthy. A task with a healthcheck takes no traffic before it is.
        type: dict
        suboptions:
          test:
            description: The test, such as C(["CMD", "wget", "-q", "-O", "-", "http://localhost/"]).
            type: list
            elements: str
          interval:
            description: Time between tests.
            type: str
          timeout:
            description: Bound for a test.
            type: str
          retries:
            description: Failed tests in a row that make the container unhealthy.
            type: int
          start_period:
            description: Time in which failed tests do not count.
            type: str
      networks:
        description:
          - The networks of the service, exact when given.
        type: list
        elements: dict
        suboptions:
          name:
            description: The name of the network.
            type: str
            required: true
          aliases:
            description: Further names of the service on this network.
            type: list
            elements: str
          driver_opts:
            description: Options of the driver for this endpoint.
            type: dict
      endpoint_mode:
        description:
          - V(vip) gives the service one address in front of its tasks, V(dnsrr) tells the addresses of the tasks.
        type: str
        choices: [vip, dnsrr]
      publish:
        description:
          - The published ports, exact when given.
        type: list
        elements: dict
        suboptions:
          target_port:
            description: The port in the container.
            type: int
            required: true
          published_port:
            description: The port on the nodes. Chosen by the swarm when not given.
            type: int
          protocol:
            description: The protocol.
            type: str
            choices: [tcp, udp, sctp]
            default: tcp
          mode:
            description: V(ingress) answers on every node, V(host) on the nodes that run a task.
            type: str
            choices: [ingress, host]
            default: ingress
      update_config:
        description:
          - How tasks are replaced in an update. Suboptions that are not given are not managed.
        type: dict
        suboptions:
          parallelism:
            description: How many tasks at a time; 0 means all at once.
            type: int
          delay:
            description: Time between one lot of tasks and the next, such as V(10s).
            type: str
          failure_action:
            description: What the swarm does when too many tasks fail.
            type: str
            choices: [pause, continue, rollback]
          monitor:
            description: How long each task is watched for failure, such as V(5s).
            type: str
          max_failure_ratio:
            description: The part of the tasks that may fail, from 0 to 1.
            type: float
          order:
            description: Whether the old task stops first or the new one starts first.
            type: str
            choices: [stop-first, start-first]
      rollback_config:
        description:
          - How tasks are replaced in a rollback. Suboptions that are not given are not managed.
        type: dict
        suboptions:
          parallelism:
            description: How many tasks at a time; 0 means all at once.
            type: int
          delay:
            description: Time between one lot of tasks and the next, such as V(10s).
            type: str
          failure_action:
            description: What the swarm does when too many tasks fail.
            type: str
            choices: [pause, continue]
          monitor:
            description: How long each task is watched for failure, such as V(5s).
            type: str
          max_failure_ratio:
            description: The part of the tasks that may fail, from 0 to 1.
            type: float
          order:
            description: Whether the old task stops first or the new one starts first.
            type: str
            choices: [stop-first, start-first]
      restart_policy:
        description:
          - What happens when a task ends. Suboptions that are not given are not managed.
        type: dict
        suboptions:
          condition:
            description: When the task is started again.
            type: str
            choices: [none, on-failure, any]
          delay:
            description: Time before it is started again.
            type: str
          max_attempts:
            description: How often, 0 for ever.
            type: int
          window:
            description: The time in which the attempts are counted.
            type: str
      placement:
        description:
          - Where tasks may run. Suboptions that are not given are not managed.
        type: dict
        suboptions:
          constraints:
            description: Conditions that a node has to meet, such as V(node.labels.zone == a).
            type: list
            elements: str
          replicas_max_per_node:
            description: The most tasks on one node, 0 for no bound.
            type: int
      limits:
        description:
          - The most that a task may use.
        type: dict
        suboptions:
          cpus:
            description: Processors, such as 0.5.
            type: float
          memory:
            description: Memory, such as V(512M).
            type: str
      reservations:
        description:
          - What a node must have free for a task.
        type: dict
        suboptions:
          cpus:
            description: Processors, such as 0.5.
            type: float
          memory:
            description: Memory, such as V(512M).
            type: str
      logging:
        description:
          - Where the output of the tasks goes.
        type: dict
        suboptions:
          driver:
            description: The logging driver.
            type: str
          options:
            description: Its options, exact when given.
            type: dict
"""

EXAMPLES = r"""
- name: A web service on the routing mesh, and an agent on every node
  meshwork.swarm.services:
    services:
      - name: web
        image: nginx:1.27
        replicas: 3
        networks:
          - name: front
            aliases: [www]
        publish:
          - target_port: 80
            published_port: 8080
        update_config:
          order: start-first
      - name: agent
        image: prom/node-exporter:v1.8.2
        mode: global
        networks:
          - name: back
        publish:
          - target_port: 9100
            published_port: 9100
            mode: host

- name: Scale, and leave everything else as it is
  meshwork.swarm.services:
    services:
      - name: web
        replicas: 5
"""

RETURN = r"""
services:
  description: The services of the list, as they are or in check mode would be, in the shape of the options.
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
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client, observe
from ansible_collections.meshwork.swarm.plugins.module_utils._engine.swarm_wide import SwarmWide
from ansible_collections.meshwork.swarm.plugins.module_utils._model.item import parse_items
from ansible_collections.meshwork.swarm.plugins.module_utils._model.service import SERVICE, check_service
from ansible_collections.meshwork.swarm.plugins.module_utils._model.table import argument_spec, show
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.convergence import awaited
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Plan, Step
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.services import Services, WantedServices, plan_services
from ansible_collections.meshwork.swarm.plugins.module_utils._run import run


class ServicesWork(SwarmWide[Services]):
    """The services that the options describe."""

    def __init__(self, module: Any) -> None:
        items = parse_items(SERVICE, module.params["services"], "services")
        for item in items:
            check_service(item)
        self.wanted = WantedServices(items, module.params["exclusive"])
        self.awaited: list[str] = [item.name for item in items if item.state == "present"] if module.params["wait"] else []
        self.listed: observe.ServiceList | None = None
        self.waits = bool(module.params["wait"])
        self.removed: list[str] = []
        super().__init__(module, "services")

    def observe(self) -> Services:
        if not self.on_manager():
            return Services()
        self.listed = observe.ServiceList(self.engine)
        return self.listed.services()

    def plan(self, found: Services) -> Plan[Services]:
        return self.told(plan_services(self.wanted, found, self.assumed))

    def apply(self, step: Step) -> None:
        super().apply(step)
        if step.action == "remove":
            self.removed.append(step.call.path.rpartition("/")[2])

    def pending(self, found: Services) -> Sequence[str]:
        ending = observe.tasks_held(self.engine, self.removed) if self.removed and self.waits else 0
        if ending:
            return [f"{ending} tasks of removed services have still to end"]
        return awaited(self.listed.progress(self.awaited) if self.listed else [])

    def show(self, state: Services) -> Mapping[str, Any]:
        return {item.name: show(SERVICE, item.values) for item in state.items}

    def returned(self, state: Services) -> Mapping[str, Any]:
        wanted = {item.name for item in self.wanted.items}
        return {"services": [{"name": item.name, **show(SERVICE, item.values)} for item in state.items if item.name in wanted]}


def main() -> None:
    """Run the module."""
    suboptions: dict[str, Any] = {**client.named_item(), **argument_spec(SERVICE)}
    spec = {
        **client.argument_spec(),
        **client.wait_option(),
        "services": {"type": "list", "elements": "dict", "required": True, "options": suboptions},
        "exclusive": {"type": "bool", "default": False},
        "wait": {"type": "bool", "default": True},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), ServicesWork)


if __name__ == "__main__":
    main()
