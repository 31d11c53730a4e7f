# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as an Ansible inventory in plain, static YAML."""

from __future__ import annotations

from pathlib import Path

from . import addresses
from .errors import LabError

_VARIABLES = """\
    ansible_user: root
    ansible_ssh_private_key_file: {key}
    ansible_ssh_common_args: {ssh_args}
    ansible_python_interpreter: /usr/bin/python3
"""


def default_managers(nodes: int) -> int:
    """Three managers where there are three nodes to carry them, otherwise one."""
    return 3 if nodes >= 3 else 1


def text(nodes: list[str], managers: int | None, *, key: Path, ssh_args: str, nics: int = 1) -> str:
    """The inventory: the first ``managers`` nodes in swarm_managers, the others in swarm_workers, both in swarm.

    Raises LabError when there are not so many nodes, or no manager at all.
    """
    count = default_managers(len(nodes)) if managers is None else managers
    if not 1 <= count <= len(nodes):
        raise LabError(f"--managers {count}: expected 1 to {len(nodes)}, the nodes that this lab has")
    lines = ["---", "swarm:", "  children:"]
    for group, members in (("swarm_managers", nodes[:count]), ("swarm_workers", nodes[count:])):
        lines.append(f"    {group}:")
        lines.append("      hosts:" if members else "      hosts: {}")
        for name in members:
            lines.append(f"        {name}:")
            lines.append(f"          ansible_host: {addresses.address(name)}")
            for number, nic in enumerate(addresses.nics(name, nics)[1:], start=1):
                lines.append(f"          lab_eth{number}_address: {nic.ipv4}")
    lines.append("  vars:")
    return "\n".join(lines) + "\n" + _VARIABLES.format(key=key, ssh_args=ssh_args)
