#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module backup."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup
short_description: Take an archive of the swarm's state from a manager
version_added: 1.0.0
description:
  - Stops the Engine of a manager, writes what it keeps of the swarm into one archive, and starts the Engine again, whatever
    became of the archive.
  - The archive holds the whole swarm, with its services, networks, secrets, configs, and the key of its CA. It is readable by root only.
  - With autolock on, the manager comes back locked and is unlocked again. The key is asked of the swarm and held in memory only;
    it is neither in the archive nor in any output.
  - While the Engine is stopped, the tasks of this host do not run (C(live-restore) and swarm mode exclude each other) and its
    part in Raft is
    missing. A backup that would take the swarm its majority is refused.
author:
  - The meshwork.swarm contributors (@meshwork)
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.changing
attributes:
  idempotent:
    support: none
    description: Each run takes an archive.
options:
  path:
    description:
      - Where on the host the archive is written. A file of that name is replaced when the new one is complete.
    type: path
    required: true
  allow_interruption:
    description:
      - Take the archive although the swarm is without a majority meanwhile, as it always is when there are only one or two managers.
    type: bool
    default: false
seealso:
  - module: meshwork.swarm.restore
"""

EXAMPLES = r"""
- name: Take an archive of the swarm's state from a manager that does not lead
  meshwork.swarm.backup:
    path: /root/swarm.tar.gz

- name: The same on the only manager
  meshwork.swarm.backup:
    path: /root/swarm.tar.gz
    allow_interruption: true
"""

RETURN = r"""
path:
  description: Where the archive is.
  returned: always
  type: str
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
from ansible_collections.meshwork.swarm.plugins.module_utils._model.archive import Manifest, describe_state, show_manifest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._model.swarm import read_swarm
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Call, Plan, Step
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.state import Held, plan_backup
from ansible_collections.meshwork.swarm.plugins.module_utils._run import Reconciliation, run
from ansible_collections.meshwork.swarm.plugins.module_utils._state import service
from ansible_collections.meshwork.swarm.plugins.module_utils._state.archive import write_archive


class BackupWork(Reconciliation[Held]):
    """One archive of the state that this manager holds."""

    def __init__(self, module: Any) -> None:
        self._params: Mapping[str, Any] = module.params
        self.engine = client.connect(self._params)
        self.deadline = float(self._params["wait_timeout"])
        self._path = str(self._params["path"])
        self._manifest: Manifest | None = None
        self._folder = ""
        self._unlock_key = ""
        self._taken = False

    def observe(self) -> Held:
        self._folder = observe.state_folder(self.engine)
        membership = observe.membership(self.engine)
        if self._taken or not membership.live_manager:
            return Held(membership, taken=self._taken)
        nodes, swarm = observe.nodes(self.engine), read_swarm(self.engine.get("/swarm"))
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return Held(membership, describe_state(membership, swarm, nodes, now), nodes)

    def plan(self, found: Held) -> Plan[Held]:
        self._manifest = self._manifest or found.manifest
        return plan_backup(self._path, self._params["allow_interruption"], found)

    def apply(self, step: Step) -> None:
        if step.action == "start":
            service.control(service.START, self.deadline)
            self.engine = client.connect(self._params)
        elif step.action == "unlock":
            self._unlock()
        else:
            self._bring_back_after_failure(step)

    def _unlock(self) -> None:
        self.engine.do(Call("POST", "/swarm/unlock", body={"UnlockKey": self._unlock_key}))

    def _bring_back_after_failure(self, step: Step) -> None:
        """Make a step between stop and start; when it fails, the Engine is started all the same. Raises SwarmError."""
        try:
            if step.action == "stop":
                if self._manifest and self._manifest.autolock:
                    self._unlock_key = str(self.engine.get("/swarm/unlockkey").get("UnlockKey") or "")
                service.control(service.STOP, self.deadline)
            elif self._manifest:
                write_archive(self._path, self._folder, self._manifest)
                self._taken = True
        except SwarmError:
            service.control(service.START, self.deadline)
            if self._unlock_key:
                self.engine = client.connect(self._params)
                self._unlock()
            raise

    def pending(self, found: Held) -> Sequence[str]:
        """The host has to be back in its swarm."""
        membership = found.membership
        return () if membership.live_manager else (f"this manager is not back: {membership.error or membership.state}",)

    def show(self, state: Held) -> Mapping[str, Any]:
        return {"archive": self._path} if state.taken else {}

    def returned(self, state: Held) -> Mapping[str, Any]:
        return {"path": self._path, **({"manifest": show_manifest(self._manifest)} if self._manifest else {})}


def main() -> None:
    """Run the module."""
    spec = {
        **client.argument_spec(),
        **client.wait_option(),
        "path": {"type": "path", "required": True},
        "allow_interruption": {"type": "bool", "default": False},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), BackupWork)


if __name__ == "__main__":
    main()
