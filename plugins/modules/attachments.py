#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module attachments."""

from __future__ import annotations

DOCUMENTATION = r"""
module: attachments
short_description: Connect containers of a host to networks of a Docker Swarm
version_added: 1.0.0
description:
  - Connects containers that are no tasks of a service to networks, with the aliases and the address that are written, and disconnects them.
    The containers themselves are made by others. Run it on the host on which they are, a manager or a worker.
  - A place that differs is given up and taken anew, which ends the connections over that network.
  - A container that the Engine is to start by itself, and could not start, as after a boot when its network was not there in time, is
    started.
  - An option that is not given is not managed.
author:
  - The meshwork.swarm contributors (@meshwork)
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.changing
options:
  attachments:
    description:
      - The places of containers on networks, all in one plan.
    type: list
    elements: dict
    required: true
    suboptions:
      container:
        description: The name of the container.
        type: str
        required: true
      network:
        description: The name of the network, which has to be attachable.
        type: str
        required: true
      state:
        description: Whether the container is to be on the network.
        type: str
        choices: [present, absent]
        default: present
      aliases:
        description: Names by which other containers on the network find it, beside its own. Exact when given.
        type: list
        elements: str
      ipv4_address:
        description:
          - The address that it has there. An empty one leaves the choice to the swarm.
          - Whether an address was asked for or chosen by the swarm only the Engine's own files tell, which are root's. To who may not read
            them, every address counts as asked for.
        type: str
  exclusive:
    description:
      - Whether the containers of the list are disconnected from the networks of the swarm with which they are not in the list.
        Their local networks stay.
    type: bool
    default: false
  facts:
    description:
      - What M(meshwork.swarm.cluster_info) told on a live manager with O(meshwork.swarm.cluster_info#module:gather=networks) and
        V(attachments). A manager knows it by itself.
      - A worker's Engine lists a network of the swarm only while something runs on it there. With this, a network that does not exist, one
        that is not attachable and an address that is taken are refused at once, and a container that has an address of which the
        swarm does not know is connected anew.
    type: dict
"""

EXAMPLES = r"""
- name: The database is found as db, and always at one address
  meshwork.swarm.attachments:
    attachments:
      - container: postgres
        network: back
        aliases: [db]
        ipv4_address: 10.20.2.200
"""

RETURN = r"""
attachments:
  description:
    - The places of the list, as they are or in check mode would be, in the shape of the options, with the C(address) that each has.
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

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client
from ansible_collections.meshwork.swarm.plugins.module_utils._engine.attachments import AttachmentsWork
from ansible_collections.meshwork.swarm.plugins.module_utils._model.attachment import ATTACHMENT
from ansible_collections.meshwork.swarm.plugins.module_utils._model.table import argument_spec
from ansible_collections.meshwork.swarm.plugins.module_utils._run import run


def main() -> None:
    """Run the module."""
    suboptions: dict[str, Any] = {
        "container": {"type": "str", "required": True},
        "network": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        **argument_spec(ATTACHMENT),
    }
    spec = {
        **client.argument_spec(),
        **client.wait_option(),
        "attachments": {"type": "list", "elements": "dict", "required": True, "options": suboptions},
        "exclusive": {"type": "bool", "default": False},
        "facts": {"type": "dict"},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), AttachmentsWork)


if __name__ == "__main__":
    main()
