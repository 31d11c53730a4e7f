#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module restore."""

from __future__ import annotations

DOCUMENTATION = r"""
module: restore
short_description: Put an archive of the swarm's state back onto a host
version_added: 1.0.0
description:
  - Stops the Engine, puts the state of the archive into its folder and starts the Engine, which then is the manager that the
    archive was taken from.
  - The checksum is compared first. A host that is in a swarm, or has state of one, is left alone unless O(replace) is set; then
    that state is
    moved aside, never removed.
  - Where the swarm had other managers, or the host has another address, M(meshwork.swarm.cluster) with
    O(meshwork.swarm.cluster#module:force_new_cluster)
    makes this host the only manager afterwards.
  - A run that was cut off can be run again. Until the last file is in its place the Engine takes the host for one in no swarm.
author:
  - The meshwork.swarm contributors (@meshwork)
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.changing
requirements:
  - cryptography and PyNaCl on the host, with O(unlock_key)
options:
  path:
    description:
      - Where on the host the archive is.
    type: path
    required: true
  checksum:
    description:
      - The SHA-256 of the archive, as C(sha256sum) prints it.
    type: str
    required: true
  replace:
    description:
      - Put the archive in the place of other state of a swarm, which is moved into a folder beside it.
    type: bool
    default: false
  unlock_key:
    description:
      - The unlock key of the swarm. Needed for an archive that was taken with autolock on.
    type: str
seealso:
  - module: meshwork.swarm.backup
  - module: meshwork.swarm.cluster
"""

EXAMPLES = r"""
- name: Put the swarm's state back onto a new machine
  meshwork.swarm.restore:
    path: /root/swarm.tar.gz
    checksum: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae

- name: Make that machine the only manager, at its own address
  meshwork.swarm.cluster:
    force_new_cluster: true
    advertise_addr: 10.0.0.14
"""

RETURN = r"""
membership:
  description: How this host stands to the swarm, or in check mode would stand.
  returned: always
  type: dict
manifest:
  description: What the archive says about itself. It holds no secret.
  returned: when it is known
  type: dict
  contains:
    cluster_id:
      description: The ID of the swarm.
      type: str
    node_id:
      description: The ID of the manager that the archive was taken from.
      type: str
    hostname:
      description: The hostname of that manager.
      type: str
    node_addr:
      description: The address of that manager.
      type: str
    engine_version:
      description: The version of its Engine.
      type: str
    autolock:
      description: Whether the state is encrypted with the swarm's unlock key, which is not in the archive.
      type: bool
    taken:
      description: When, in UTC.
      type: str
      sample: "2026-11-20T14:45:41Z"
    nodes:
      description: The nodes of the swarm with their C(id), C(hostname), C(role) and C(address).
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
      description: The call or command that makes it.
      type: str
    costs:
      description: What the users of the cluster notice, empty when nothing.
      type: str
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client, observe
from ansible_collections.meshwork.swarm.plugins.module_utils._model.archive import show_manifest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._model.membership import show_membership
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Plan, Step
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.state import Target, WantedState, plan_restore
from ansible_collections.meshwork.swarm.plugins.module_utils._run import Reconciliation, run
from ansible_collections.meshwork.swarm.plugins.module_utils._state import service
from ansible_collections.meshwork.swarm.plugins.module_utils._state.archive import StateFolder, check_archive_key, checksum, read_archive


class RestoreWork(Reconciliation[Target]):
    """The state of an archive, on this host."""

    def __init__(self, module: Any) -> None:
        self._params: Mapping[str, Any] = module.params
        params = self._params
        self.wanted = WantedState(params["path"], params["replace"], params["unlock_key"] or "")
        self.engine = client.connect(params)
        self.deadline = float(params["wait_timeout"])
        self._digest = checksum(self.wanted.path)
        self._manifest = read_archive(self.wanted.path, self._digest, params["checksum"].lower())
        if self._manifest.autolock and self.wanted.unlock_key:
            check_archive_key(self.wanted.path, self.wanted.unlock_key)
        self._aside = time.strftime("swarm-before-%Y%m%dT%H%M%SZ", time.gmtime())

    def observe(self) -> Target:
        folder = observe.state_folder(self.engine)
        return Target(observe.membership(self.engine), self._manifest, folder, StateFolder(folder).occupied(self._digest))

    def plan(self, found: Target) -> Plan[Target]:
        self._folder = StateFolder(found.folder)
        return plan_restore(self.wanted, found, self._aside)

    def apply(self, step: Step) -> None:
        if step.action == "stop":
            service.control(service.STOP, self.deadline)
        elif step.action == "set_aside":
            self._folder.set_aside(self._aside)
        elif step.action == "put_back":
            self._put_back()
        elif step.action == "start":
            service.control(service.START, self.deadline)
            self.engine = client.connect(self._params)

    def _put_back(self) -> None:
        """The state into its folder; when that fails the Engine is started all the same, and takes the host for one in no swarm."""
        try:
            self._folder.put_back(self.wanted.path, self._digest, self.wanted.unlock_key if self._manifest.autolock else "")
        except SwarmError:
            service.control(service.START, self.deadline)
            raise

    def pending(self, found: Target) -> Sequence[str]:
        """A manager of several has no leader now and stays pending; it has taken the state up all the same."""
        membership = found.membership
        back = membership.state in ("active", "pending") and membership.node_id == self._manifest.node_id
        return () if back else (f"the Engine has not taken the state up: {membership.error or membership.state}",)

    def show(self, state: Target) -> Mapping[str, Any]:
        shown = show_membership(state.membership)
        return {"membership": {name: shown[name] for name in ("state", "role", "node_id", "node_addr")}}

    def returned(self, state: Target) -> Mapping[str, Any]:
        return {"membership": show_membership(state.membership), "manifest": show_manifest(self._manifest)}


def main() -> None:
    """Run the module."""
    spec = {
        **client.argument_spec(),
        **client.wait_option(),
        "path": {"type": "path", "required": True},
        "checksum": {"type": "str", "required": True},
        "replace": {"type": "bool", "default": False},
        "unlock_key": {"type": "str", "no_log": True},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), RestoreWork)


if __name__ == "__main__":
    main()
