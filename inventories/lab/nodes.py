#!/usr/bin/env python3
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a running lab as an Ansible inventory.

LAB_NAME names the lab (default: main). LAB_MANAGERS says how many of its nodes are managers (default: 1), or which: "node2,node3".
LAB_EDGE says on which nodes the edge is (default: none).
What the cluster is to be stands in group_vars/.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

LAB = Path(__file__).resolve().parents[2] / "tests" / "lab" / "lab"


def main() -> None:
    """Print the inventory, whatever Ansible asked for (--list is the only question when there is _meta)."""
    name = os.environ.get("LAB_NAME") or "main"
    answer = subprocess.run([LAB, "--name", name, "status", "--json"], check=True, capture_output=True, text=True)
    lab = json.loads(answer.stdout)
    nodes = list(lab["nodes"])
    wanted = os.environ.get("LAB_MANAGERS") or "1"
    managers = nodes[: int(wanted)] if wanted.isdigit() else wanted.split(",")
    hosts = {node: {"ansible_host": lab["nodes"][node]["addresses"][0]} for node in nodes}
    connection = {
        "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
        # labs share addresses, so that each needs shared connections of its own
        "ansible_ssh_common_args": f"-F {lab['ssh_config']} -o ControlPath={lab['folder']}/ansible-%h",
    }
    inventory = {
        "_meta": {"hostvars": hosts},
        "swarm": {"children": ["swarm_managers", "swarm_workers"], "vars": connection},
        "swarm_managers": {"hosts": managers},
        "swarm_workers": {"hosts": [node for node in nodes if node not in managers]},
        "edge": {"hosts": [node for node in os.environ.get("LAB_EDGE", "").split(",") if node]},
    }
    print(json.dumps(inventory, indent=1))


if __name__ == "__main__":
    main()
