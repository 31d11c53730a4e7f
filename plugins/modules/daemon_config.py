#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module `daemon_config`; what it does is in module_utils/_state/daemon.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: daemon_config
short_description: Settings of the Docker Engine, merged into its configuration file
version_added: 1.0.0
description:
  - Merges settings into C(/etc/docker/daemon.json), key by key. Keys that are not written stay as they are.
  - The merged settings are validated before they are put in place, with C(dockerd --validate) and the arguments that C(docker.service)
    gives to dockerd. Engines older than 23.0 cannot do that; there the keys are compared with those that dockerd knows.
  - What a swarm refuses is refused here, such as C(live-restore). Docker itself takes it until the Engine is restarted, and then does not
    start.
  - Where the running Engine takes the new settings up when it is reloaded (SIGHUP), it is reloaded. Where it does not, it is left running,
    and RV(restart) tells which keys wait for a restart, also in later runs. The role C(meshwork.swarm.engine) makes that restart, one node
    after the other.
author:
  - The meshwork.swarm contributors (@meshwork)
attributes:
  check_mode:
    support: full
    description: Stops after the plan, validation included. What is missing yet is only told; without Docker the settings are not validated.
  diff_mode:
    support: full
    description: Shows the settings before and after, with the names and passwords in URLs masked.
  idempotent:
    support: full
    description: A second run changes nothing.
options:
  settings:
    description:
      - Settings by the names that they have in the file.
      - Objects are merged, lists and other values are replaced, V(null) takes a key out.
      - What is written here is seen in the host's journal and at C(-vvv), as with any module. Proxies with passwords belong into
        O(proxies).
    type: dict
    default: {}
  proxies:
    description:
      - The key C(proxies) of the settings, with C(http-proxy), C(https-proxy) and C(no-proxy), merged as the others are. It is logged
        nowhere.
      - To take the key out, write it as V(null) in O(settings).
    type: dict
  path:
    description:
      - The file. It keeps its mode and owner. It has to be the one that the Engine reads.
    type: path
    default: /etc/docker/daemon.json
  swarm:
    description:
      - Whether this host is to be a member of a swarm. Then settings that a swarm refuses are refused, also where they stand in the file
        already. On a host that is in a swarm they are refused in any case.
    type: bool
    default: true
  packages:
    description:
      - Packages that have to be installed. Where one is not, the file is not touched and the module fails, with RV(missing_packages).
      - C(NAME), or C(NAME=VERSION) with the version as the package manager has it (for rpm C(VERSION), C(VERSION-RELEASE), or either behind
        C(EPOCH:)). C(*) stands for anything in it. Alternatives are parted by C(|).
      - dpkg or rpm are asked what is installed, and no repository.
    type: list
    elements: str
    default: []
  libraries:
    description:
      - Whether the Python that runs this module has to have the libraries that the other modules of this collection need, the docker SDK
        and pyroute2. Where it does not, the file is not touched and the module fails, with RV(missing_libraries).
    type: bool
    default: false
  restart:
    description:
      - Whether the Engine is restarted in this run, or started where it does not run. It ends the containers of the host; drain a member of
        a swarm before, as the role C(meshwork.swarm.engine) does. Each run with V(true) makes a restart.
      - Settings can be valid and still keep the Engine from starting. Where it does not start, what the file was when the Engine last
        started is put back, the Engine is started with that, and the module fails with the line of the journal that says why and with what
        was put back (RV(put_back)). Where the settings have not changed since then, nothing is put back.
    type: bool
    default: false
  wait_timeout:
    description: How long each program that the module runs may take, the restart among them, in seconds.
    type: int
    default: 300
notes:
  - What the file was before a change that waits for a restart is kept in C(/var/lib/meshwork-swarm/daemon.json.before), readable for root
    alone, until the Engine was restarted.
  - A file that is no JSON is never touched; the message has line and column.
  - The keys that wait for a restart are noted in C(/run/meshwork-swarm/daemon.json), with the process that they wait for.
seealso:
  - name: Configure the daemon
    description: What the Docker documentation says about the file, and about what is reloaded.
    link: https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file
"""

EXAMPLES = r"""
- name: Bound the logs of containers, and keep everything else as it is
  meshwork.swarm.daemon_config:
    settings:
      log-driver: local
      log-opts:
        max-size: 20m
        max-file: "3"

- name: Look whether the host has an Engine 28 from Docker and the libraries of this collection, and change nothing
  meshwork.swarm.daemon_config:
    packages: ["docker-ce=5:28.*", containerd.io]
    libraries: true
  check_mode: true

- name: Take live-restore out, which a swarm refuses
  meshwork.swarm.daemon_config:
    settings:
      live-restore: null
"""

RETURN = r"""
restart:
  description: The keys that were changed and that the running Engine takes up only when it is restarted; empty when there are none.
  returned: always
  type: list
  elements: str
  sample: [log-driver, log-opts]
recorded:
  description:
    - The availability that the role C(meshwork.swarm.engine) or C(meshwork.swarm.host) took from the node before it was cut off. The next
      run of either gives it back. Empty when there is none.
  returned: always
  type: str
recorded_node:
  description: The ID of the node that RV(recorded) was taken from; empty where none is written down.
  returned: always
  type: str
put_back:
  description:
    - Whether the Engine did not start with the new settings, and runs again with those that it had before. The module has failed then.
  returned: always
  type: bool
missing_packages:
  description: Those of O(packages) that are not installed, or not with this version. Told when the module fails, too.
  returned: always
  type: list
  elements: str
  sample: ["docker-ce=5:28.*"]
missing_libraries:
  description: With O(libraries), what RV(python) lacks. Told when the module fails, too.
  returned: always
  type: list
  elements: str
  sample: [docker 5.0 or newer]
python:
  description: The Python that runs the module.
  returned: always
  type: str
  sample: /usr/bin/python3.11
installed:
  description: Whether there is a dockerd on this host.
  returned: always
  type: bool
running:
  description: Whether C(docker.service) is active.
  returned: always
  type: bool
enabled:
  description: Whether C(docker.service) is started at boot.
  returned: always
  type: bool
member:
  description: Whether the Engine has state of a swarm, and so starts as its member.
  returned: always
  type: bool
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
      description: The file or the service.
      type: str
    says:
      description: The step in a sentence.
      type: str
    call:
      description: What is done on the host.
      type: str
    costs:
      description: What the users of the cluster notice, empty when nothing.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.daemon import DEFAULT_FILE
from ansible_collections.meshwork.swarm.plugins.module_utils._run import run
from ansible_collections.meshwork.swarm.plugins.module_utils._state.daemon import DaemonWork


def main() -> None:
    """Run the module."""
    spec = {
        "settings": {"type": "dict", "default": {}},
        "proxies": {"type": "dict", "no_log": True},
        "path": {"type": "path", "default": DEFAULT_FILE},
        "swarm": {"type": "bool", "default": True},
        "packages": {"type": "list", "elements": "str", "default": []},
        "libraries": {"type": "bool", "default": False},
        "restart": {"type": "bool", "default": False},
        "wait_timeout": {"type": "int", "default": 300},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), DaemonWork)


if __name__ == "__main__":
    main()
