#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module configs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: configs
short_description: Keep the configs of a Docker Swarm, and move services when their content changes
version_added: 1.0.0
description:
  - Makes, changes and removes configs on a manager of the swarm, all of the list in one plan.
  - The Engine gives the content of a config back, so that it is compared as it is. It is shown nowhere, since configs may hold passwords.
author:
  - The meshwork.swarm contributors (@meshwork)
extends_documentation_fragment:
  - meshwork.swarm.engine
  - meshwork.swarm.engine.changing
  - meshwork.swarm.content
options:
  configs:
    description:
      - The configs to look after. Suboptions that are not given are not managed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The name of the config, to which services refer.
        type: str
        required: true
      state:
        description:
          - Whether the config is to be there. One that services use is not removed, and they are named.
        type: str
        choices: [present, absent]
        default: present
      content:
        description:
          - The content, 1 to 1023999 bytes in UTF-8.
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
      template_driver:
        description:
          - The template driver that fills the content in for each task. It cannot be changed, so that another one is a new object.
        type: str
        choices: [golang]
      labels:
        description:
          - The labels of the config, exact when given; labels of stacks and of this collection stay. They change in place.
        type: dict
"""

EXAMPLES = r"""
- name: The configuration of a web server, rendered on the controller
  meshwork.swarm.configs:
    configs:
      - name: web_conf
        content: "{{ lookup('ansible.builtin.template', 'web.conf.j2') }}"

- name: A config that Docker fills in for each task
  meshwork.swarm.configs:
    configs:
      - name: node_conf
        template_driver: golang
        content: "{{ '{{' }} .Node.Hostname {{ '}}' }}"

- name: Take one away that no service uses any more
  meshwork.swarm.configs:
    configs:
      - name: old_rules
        state: absent
"""

RETURN = r"""
configs:
  description:
    - The configs of the list, as they are or in check mode would be, in the shape of the options and without their contents.
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
from ansible_collections.meshwork.swarm.plugins.module_utils._model.content import CONFIG
from ansible_collections.meshwork.swarm.plugins.module_utils._run import run


class ConfigsWork(ContentsWork):
    """The configs that the options describe."""

    def __init__(self, module: Any) -> None:
        super().__init__(module, CONFIG)


def main() -> None:
    """Run the module."""
    spec = contents_options(CONFIG, {})
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), ConfigsWork)


if __name__ == "__main__":
    main()
