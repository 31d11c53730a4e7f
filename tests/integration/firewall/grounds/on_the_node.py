# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the node of a lab, and does what it is told line by line: a shell command, calls of firewall-cmd, or
the module in a process of its own.

The module is run as Ansible's own wrapper does it, from the files that it has packed (they lie in the folder given), but Python has
not to be started and its modules not to be read for each run. The same goes for firewall-cmd.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import firewall_cmd

PATIENCE = 570
PLUGINS = "ansible_collections.meshwork.swarm.plugins"
MODULE = f"{PLUGINS}.modules.firewall"
READ_BEFORE = ("ansible.module_utils.basic", f"{PLUGINS}.module_utils._firewall.work", f"{PLUGINS}.module_utils._firewall.way_back")


def play(arguments: dict[str, Any]) -> str:
    """What the module prints."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(writing, 1)
        from ansible.module_utils import basic

        subprocess.run = start
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
        basic._ANSIBLE_PROFILE = "legacy"
        try:
            runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
        finally:
            sys.stdout.flush()
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as output:
        text = output.read()
    os.waitpid(child, 0)
    return text


_run = subprocess.run


def start(words: Sequence[str], check: bool = False, **options: Any) -> Any:
    """subprocess.run for the module."""
    return firewall_cmd.call(words[1:]) if words[0] == "firewall-cmd" else _run(words, check=check, **options)


def ask(calls: Sequence[Sequence[str]]) -> dict[str, Any]:
    """The output of calls of firewall-cmd, up to the first that fails."""
    output = ""
    for words in calls:
        done = firewall_cmd.call(words)
        output += done.stdout
        if done.returncode:
            return {"status": done.returncode, "output": output, "errors": f"{words}: {done.stderr}"}
    return {"status": 0, "output": output, "errors": ""}


def shell(line: str) -> dict[str, Any]:
    done = subprocess.run(
        ["/bin/bash", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    return {"status": done.returncode, "output": done.stdout, "errors": done.stderr}


def main(folder: str) -> None:
    """Answer each line of JSON with one."""
    sys.path.insert(0, folder)
    for name in READ_BEFORE:
        importlib.import_module(name)
    firewall_cmd.prepare()
    for text in sys.stdin:
        told = json.loads(text)
        answer: Any = shell(told["line"]) if "line" in told else ask(told["calls"]) if "calls" in told else play(told["arguments"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
