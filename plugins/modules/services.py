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
  - What the swarm would refuse, or accept and never run, is found before anything is changed and across all services, those of
    others among them. Ports that two services publish, networks, secrets and configs that are not there, and options that the
    manager's Engine would drop are some.
  - Waits until every service in the list runs as many tasks of its newest spec as it should, and jobs until their tasks have
    completed, and tells the tasks' own errors, their nodes and exit codes when that does not happen. A task has to run for as long as
    O(services[].update_config.monitor) says, five seconds if nothing does, before it counts, since many end soon after their start.
  - On a terminal a line is shown for each service that moves while it waits, such as C(web 3/5 running, 1 starting (node2)). The variable
    C(swarm_progress) shows or hides them whatever stdout is. The result is the same, and each time that something has moved the module is
    run once more; nothing is shown for tasks in the background (C(async)), in check mode and with C(no_log).
author:
  - The meshwork.swarm contributors (@meshwork)
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.changing
  - meshwork.swarm.service
options:
  wait:
    description:
      - Wait for the tasks of the services. When V(false), only their specs are made true, and O(services[].on_failure) does nothing.
    type: bool
    default: true
  exclusive:
    description:
      - Remove the services that this collection made and that are not in the list.
    type: bool
    default: false
  _progress:
    description:
      - Set by the action plugin of this module to show how far services are, and not for tasks.
    type: dict
  supersede_updates:
    description:
      - What to do about a service that has to change while an update of it, or a rollback, is under way. When V(false), its end is
        awaited, at most O(wait_timeout) seconds, also where O(wait=false). When V(true), the new spec replaces it at once, as
        C(docker service update) does.
    type: bool
    default: false
  registries:
    description:
      - Credentials for the registries of the images. With every service that is made or changed, those of its image's registry are
        sent to the swarm, which hands them to the nodes that pull, as C(docker service create --with-registry-auth) does.
      - They are part of no spec that can be read, so that other credentials alone are no change. O(services[].force) sends them
        with an update of services that are otherwise as they should be.
      - Other credentials leave running tasks where they are, but not together with a change of O(services[].placement); the step says so.
    type: list
    elements: dict
    default: []
    suboptions:
      server:
        description:
          - The host of the registry, with its port where the images have it, such as V(registry.example.org:5000), or V(docker.io).
        type: str
        required: true
      username:
        description: The user.
        type: str
      password:
        description: The password or access token of the user.
        type: str
      identity_token:
        description: A token that stands for user and password.
        type: str
  planned:
    description:
      - Names of networks, secrets and configs that an earlier task of the same run makes. In check mode that has not happened, so that
        services may refer to them. Without check mode it is not looked at.
    type: dict
    default: {}
    suboptions:
      networks:
        description: Names of networks.
        type: list
        elements: str
        default: []
      secrets:
        description: Names of secrets.
        type: list
        elements: str
        default: []
      configs:
        description: Names of configs.
        type: list
        elements: str
        default: []
      newest_secrets:
        description:
          - What the newest object of a secret will be called, by the name of the secret, as C(object) of M(meshwork.swarm.secrets) says.
            Services that refer to another one are planned to go over to it.
        type: dict
        default: {}
      newest_configs:
        description: The same of configs, as M(meshwork.swarm.configs) says.
        type: dict
        default: {}
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

- name: A job with a secret, a volume and limits, on nodes with fast disks
  meshwork.swarm.services:
    services:
      - name: import
        image: registry.example.org/import:3
        mode: replicated-job
        total_completions: 4
        max_concurrent: 2
        secrets:
          - source: database_password
            mode: '0400'
        mounts:
          - type: volume
            source: scratch
            target: /scratch
        placement:
          constraints: [node.labels.disk == ssd]
        limits:
          cpus: 500m
          memory: 512M

- name: Publish a service of the stack shop on other ports, and leave it as it is otherwise
  meshwork.swarm.services:
    services:
      - name: shop_web
        publish:
          - target_port: 8000-8005
            published_port: 9000-9005

- name: Another image, and back to the one before where it does not run within five minutes
  meshwork.swarm.services:
    services:
      - name: web
        image: nginx:1.28
        on_failure: rollback
    wait_timeout: 300

- name: Run the job once more
  meshwork.swarm.services:
    services:
      - name: import
        force: true
- name: A service from a private registry
  meshwork.swarm.services:
    services:
      - name: shop
        image: registry.example.org/shop:7
    registries:
      - server: registry.example.org
        username: deploy
        password: "{{ vault_registry_password }}"

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
ports:
  description:
    - The published ports of each service of the list, by its name; those that the swarm has chosen among them. In check mode those that
      are published already.
  returned: always
  type: dict
  sample: {"web": [{"target_port": 80, "published_port": 30000, "protocol": "tcp", "mode": "ingress"}]}
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
from ansible_collections.meshwork.swarm.plugins.module_utils._model.publish import read_ports, show_ports
from ansible_collections.meshwork.swarm.plugins.module_utils._model.registry import credentials, registry_of, registry_options
from ansible_collections.meshwork.swarm.plugins.module_utils._model.service import SERVICE, forced_updates
from ansible_collections.meshwork.swarm.plugins.module_utils._model.service_check import check_service
from ansible_collections.meshwork.swarm.plugins.module_utils._model.table import argument_spec, check_api, dig, show
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.convergence import Progress, awaited, not_begun
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.on_failure import (
    ROLLED_BACK,
    rolled_back,
    taken_back,
    with_on_failure,
)
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Call, Plan, Step
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.services import Services, WantedServices, plan_services, updating
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.watch import Watch
from ansible_collections.meshwork.swarm.plugins.module_utils._run import run


class ServicesWork(SwarmWide[Services]):
    """The services that the options describe."""

    def __init__(self, module: Any) -> None:
        entries = module.params["services"]
        self.on_failure = {entry["name"]: str(entry["on_failure"]) for entry in entries}
        items = tuple(with_on_failure(item, self.on_failure[item.name]) for item in parse_items(SERVICE, entries, "services"))
        for item in items:
            check_service(item)
        self.wanted = WantedServices(
            items,
            module.params["exclusive"],
            recreate=frozenset(entry["name"] for entry in entries if entry["recreate"]),
            stacks={entry["name"]: entry["stack"] for entry in entries if entry["stack"]},
            supersede=module.params["supersede_updates"],
            patience=float(module.params["wait_timeout"]) if module.params["wait"] else None,
            **_planned(module.params["planned"] if module.check_mode else {}),
        )
        self._credentials = credentials(module.params["registries"])
        self.wanted = replace(self.wanted, registries=frozenset(self._credentials))
        self.awaited: list[str] = [item.name for item in items if item.state == "present"] if module.params["wait"] else []
        self.listed: observe.ServiceList | None = None
        self.waits = bool(module.params["wait"])
        self.watch = Watch.read(module.params["_progress"])
        kept = self.watch.kept if self.watch else {}
        going_on = bool(self.watch and self.watch.until is not None)
        self.removed: list[str] = kept.setdefault("removed", [])
        self.updated: list[str] = kept.setdefault("updated", [])
        self.created: list[str] = kept.setdefault("created", [])
        self.replacing: dict[str, float | None] = kept.setdefault("replacing", {})
        self.counts: dict[str, int] = kept.setdefault("forced", {})
        self.wanted = replace(self.wanted, force=self.counts)
        # a run that goes on with a wait forces nothing anew
        self.forced = frozenset(entry["name"] for entry in entries if entry["force"] and not going_on)
        self.found: list[Progress] = []
        super().__init__(module, "services")
        for item in items:
            check_api(SERVICE, item.values, self.engine.api, item.where)

    def observe(self) -> Services:
        if not self.on_manager():
            return Services()
        self.listed = observe.ServiceList(self.engine)
        services = self.listed.services(self.wanted)
        if self.forced:
            self.counts.update({item.name: forced_updates(item.document) + 1 for item in services.items if item.name in self.forced})
            self.forced = frozenset()
        return services

    def plan(self, found: Services) -> Plan[Services]:
        return self.told(plan_services(self.wanted, found, self.assumed))

    def apply(self, step: Step) -> None:
        super().apply(self._authorized(step))
        if step.action == "remove":
            self.removed.append(step.call.path.rpartition("/")[2])
        if step.action == "update" and step.costs:
            self.replacing[step.item.partition(" ")[2]] = None
        if step.action in ("update", "create"):
            (self.updated if step.action == "update" else self.created).append(step.item.partition(" ")[2])

    def _authorized(self, step: Step) -> Step:
        """The step with the credentials for the service's image, where there are some."""
        body = step.call.body if isinstance(step.call, Call) else None
        image = dig(body, ("TaskTemplate", "ContainerSpec", "Image")) or ""
        auth = self._credentials.get(registry_of(image), "") if image else ""
        return replace(step, call=replace(step.call, auth=auth)) if auth else step

    def settled(self, awaited: str, found: Services) -> bool:
        if awaited.startswith(ROLLED_BACK):
            return rolled_back(awaited, found.items)
        return not any(updating(item) for item in found.items if awaited == f"updated:{item.name}")

    def pending(self, found: Services) -> Sequence[str]:
        ending = observe.tasks_held(self.engine, self.removed) if self.removed and self.waits else 0
        if ending:
            return [f"{ending} tasks of removed services have still to end"]
        self.found = self.listed.progress(self.awaited, self.clock) if self.listed else []
        since = {name: self.clock if seen is None else seen for name, seen in self.replacing.items()} if self.waits else {}
        self.replacing.update(since)
        begins = not_begun(found.items, since, self.clock)
        return [*awaited(self.found, self.updated), *begins]

    def lines(self) -> Mapping[str, str]:
        shown = self.watch.lines if self.watch else {}
        return {each.name: each.line for each in self.found if not each.done or each.name in shown}

    def taken_back(self, found: Services) -> tuple[Sequence[Step], Sequence[str]]:
        return taken_back(found.items, self.found, self.on_failure, self.updated, self.created)

    def show(self, state: Services) -> Mapping[str, Any]:
        return {item.name: show(SERVICE, item.values) for item in state.items}

    def returned(self, state: Services) -> Mapping[str, Any]:
        return {"services": [{"name": item.name, **show(SERVICE, item.values)} for item in self._ours(state)], **self.read_back(state)}

    def read_back(self, found: Services) -> Mapping[str, Any]:
        ports = {item.name: read_ports((item.document.get("Endpoint") or {}).get("Ports") or ()) for item in self._ours(found)}
        return {"ports": {name: show_ports(each) for name, each in ports.items()}}

    def _ours(self, state: Services) -> list[Item]:
        wanted = {item.name for item in self.wanted.items}
        return [item for item in state.items if item.name in wanted]


def _planned(told: Mapping[str, Any]) -> dict[str, Any]:
    """What an earlier task of the same run makes, as the planner takes it."""
    kinds = [kind for kind in ("networks", "secrets", "configs") if kind in told]
    newest = {kind: {str(name): str(called) for name, called in (told.get(f"newest_{kind}") or {}).items()} for kind in kinds}
    return {"planned": {kind: frozenset(told[kind] or ()) for kind in kinds}, "newest": newest}


def main() -> None:
    """Run the module."""
    names = {"type": "list", "elements": "str", "default": []}
    suboptions: dict[str, Any] = {
        **client.named_item(),
        "recreate": {"type": "bool", "default": False},
        "stack": {"type": "str"},
        "force": {"type": "bool", "default": False},
        "on_failure": {"type": "str", "choices": ["fail", "pause", "rollback"], "default": "fail"},
        **argument_spec(SERVICE),
    }
    spec = {
        **client.argument_spec(),
        **client.wait_option(),
        "services": {"type": "list", "elements": "dict", "required": True, "options": suboptions},
        "exclusive": {"type": "bool", "default": False},
        "supersede_updates": {"type": "bool", "default": False},
        "registries": {"type": "list", "elements": "dict", "default": [], "options": registry_options()},
        # only names of secrets
        "planned": {
            "type": "dict",
            "default": {},
            "options": {
                "networks": dict(names),
                "secrets": {**names, "no_log": False},
                "configs": dict(names),
                "newest_secrets": {"type": "dict", "default": {}, "no_log": False},
                "newest_configs": {"type": "dict", "default": {}},
            },
        },
        "wait": {"type": "bool", "default": True},
        "_progress": {"type": "dict"},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), ServicesWork)


if __name__ == "__main__":
    main()
