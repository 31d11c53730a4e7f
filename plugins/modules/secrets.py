#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module secrets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secrets
short_description: Keep the secrets of a Docker Swarm, and move services when their content changes
version_added: 1.0.0
description:
  - Makes, changes and removes secrets on a manager of the swarm, all of the list in one plan.
  - The Engine gives the content of a secret back to nobody. To know whether it has changed, each secret carries a label with a digest
    of its content, see O(secrets[].digest).
author:
  - The meshwork.swarm contributors (@meshwork)
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.changing
  - meshwork.swarm.content
options:
  secrets:
    description:
      - The secrets to look after. Suboptions that are not given are not managed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The name of the secret, to which services refer.
        type: str
        required: true
      state:
        description:
          - Whether the secret is to be there. One that services use is not removed, and they are named.
        type: str
        choices: [present, absent]
        default: present
      content:
        description:
          - The content, 1 to 511999 bytes in UTF-8.
        type: str
      content_base64:
        description:
          - The content in base64, for what is no text.
        type: str
      src:
        description:
          - A file with the content on the host on which the module runs.
        type: path
      version:
        description:
          - A word of your own, such as a date or a number, kept in the label C(io.meshwork.swarm.version). Another one makes a new object.
        type: str
      force:
        description:
          - Make a new object on every run, whether anything differs or not.
        type: bool
        default: false
      digest:
        description:
          - Whether the secret carries a digest of its content in the label C(io.meshwork.swarm.digest), by which a change of the content
            is seen. It is made with scrypt, with a salt of its own for each object. To try one content takes about a twentieth of a
            second and 16 MiB of memory, and whoever may list secrets on a manager can do so. A generated password withstands that; a PIN
            does not.
          - With V(false) the label is left out, and taken away where it is. Then only another O(secrets[].version), or O(secrets[].force),
            makes a new object.
        type: bool
        default: true
      driver:
        description:
          - The secret driver from which tasks get the content. It cannot be changed, so that another one is a new object.
        type: dict
        suboptions:
          name:
            description: The name of the driver, a plugin that is installed on the managers.
            type: str
          options:
            description: Options of the driver, exact when given.
            type: dict
      template_driver:
        description:
          - The template driver that fills the content in for each task. It cannot be changed, so that another one is a new object.
        type: str
        choices: [golang]
      labels:
        description:
          - The labels of the secret, exact when given; labels of stacks and of this collection stay. They change in place.
        type: dict
"""

EXAMPLES = r"""
- name: A password from the vault, and a key from a file of the manager
  meshwork.swarm.secrets:
    secrets:
      - name: db_password
        content: "{{ vault_db_password }}"
      - name: tls_key
        src: /etc/ssl/private/shop.key
        labels:
          expires: "2027-01"

- name: A secret whose label is to tell nothing; another version makes another object
  meshwork.swarm.secrets:
    secrets:
      - name: door_pin
        content: "{{ vault_door_pin }}"
        digest: false
        version: "4"

- name: Take one away that no service uses any more
  meshwork.swarm.secrets:
    secrets:
      - name: old_token
        state: absent
"""

RETURN = r"""
secrets:
  description:
    - The secrets of the list, as they are or in check mode would be, in the shape of the options and without their contents.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name to which services refer.
      type: str
    object:
      description: The name of the newest object in the Engine, such as for the compose file of a stack.
      type: str
    older:
      description: The names of older objects that are still there.
      type: list
      elements: str
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
from ansible_collections.meshwork.swarm.plugins.module_utils._engine.contents import ContentsWork, contents_options
from ansible_collections.meshwork.swarm.plugins.module_utils._model.content import SECRET
from ansible_collections.meshwork.swarm.plugins.module_utils._run import run


class SecretsWork(ContentsWork):
    """The secrets that the options describe."""

    def __init__(self, module: Any) -> None:
        super().__init__(module, SECRET)


def main() -> None:
    """Run the module."""
    spec = contents_options(SECRET, {"digest": {"type": "bool", "default": True}})
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), SecretsWork)


if __name__ == "__main__":
    main()
