# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the controller reaches the nodes: one SSH configuration per lab, used by the lab itself and by Ansible."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from . import addresses, network
from .command import run
from .image import ssh_key
from .state import Lab

_CONNECT = Path(__file__).resolve().parent.parent / "connect"


def config_path(lab: Lab) -> Path:
    """The lab's ssh_config(5) file; `ssh -F FILE node1` works from everywhere on the machine."""
    return lab.folder / "ssh_config"


_EVERY_NODE = """\
Host {every}
    User root
    IdentityFile {key}
    IdentitiesOnly yes
    ProxyCommand {proxy}
    ProxyUseFdpass yes
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
    ControlMaster auto
    ControlPath {folder}/ssh/%h
    ControlPersist 600
    ConnectTimeout 20
    ServerAliveInterval 15
    ServerAliveCountMax 4
"""


def config_text(lab: Lab, key: Path, python: str) -> str:
    """The text of the lab's ssh_config(5): nodes by name and by address, one shared connection per node."""
    blocks = [f"Host {name}\n    HostName {addresses.address(name)}\n" for name in lab.nodes]
    every = " ".join([*lab.nodes, *(addresses.address(name) for name in lab.nodes)])
    proxy = shlex.join([*network.inside(lab.netns), python, "-IS", str(_CONNECT), "%h", "%p"])
    return "".join(blocks) + _EVERY_NODE.format(every=every, key=key, proxy=proxy, folder=lab.folder)


def ansible_args(lab: Lab) -> str:
    """What Ansible gives to ssh, scp and sftp: the configuration, and its ControlPath once more.

    Ansible makes a ControlPath of its own from host, port and user when it sees none among the arguments, and two labs
    have the same addresses.
    """
    return f"-F {config_path(lab)} -o ControlPath={lab.folder}/ssh/%h"


def write_config(lab: Lab) -> None:
    """Write the SSH configuration for the nodes that the lab has now."""
    (lab.folder / "ssh").mkdir(exist_ok=True)
    config_path(lab).write_text(config_text(lab, ssh_key(), sys.executable))


def command(lab: Lab, node: str, argv: Sequence[str]) -> list[str]:
    """The ssh command that runs ``argv`` on ``node``.

    One word is given to the node's shell as it stands, several words reach the program one by one as they are.
    """
    remote = list(argv) if len(argv) == 1 else [shlex.join(argv)] if argv else []
    return ["ssh", "-F", str(config_path(lab)), *(["-T"] if argv else []), node, *remote]


def on_node(lab: Lab, node: str, argv: Sequence[str], timeout: float = 60.0) -> str:
    """Run ``argv`` on ``node`` and return its stdout; LabError when it fails."""
    return run(command(lab, node, argv), timeout=timeout)


def become(lab: Lab, node: str, argv: Sequence[str]) -> None:
    """Become the ssh that runs ``argv`` on ``node``; does not return."""
    whole = command(lab, node, argv)
    os.execvp(whole[0], whole)


def hang_up(lab: Lab, node: str) -> None:
    """End the shared connection to ``node``, so that it does not outlive it."""
    socket = lab.folder / "ssh" / addresses.address(node)
    if socket.exists():
        subprocess.run(
            ["ssh", "-F", str(config_path(lab)), "-O", "exit", node],
            check=False,
            timeout=10,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        socket.unlink(missing_ok=True)
