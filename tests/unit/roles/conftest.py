# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs tasks of a role for real, on this machine, with modules of the collection that only write down what they were asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ROLES = Path(__file__).resolve().parents[3] / "roles"
MODULE = """
import json
from ansible.module_utils.basic import AnsibleModule
raw = "nodes services subnets mtu driver_opts labels replace wait_timeout restart swarm exclusive registries".split()
others = dict.fromkeys([*raw, *{written!r}], {{"type": "raw", "no_log": False}})
options = {{**others, "gather": {{"type": "list"}}, "role": {{}}, "unlock_key": {{"no_log": True}}}}
module = AnsibleModule(argument_spec=options, supports_check_mode=True)
with open({log!r}, "a") as file:
    availability = [node["availability"] for node in module.params["nodes"] or []]
    words = [{name!r}, *(module.params["gather"] or []), module.params["role"], *availability]
    given = ["%s=%s" % (key, json.dumps(module.params[key])) for key in {written!r} if module.params[key] is not None]
    file.write(" ".join(word for word in [*words, *given] if word) + "\\n")
if {fails!r}:
    module.fail_json(msg="no room", **json.loads({answer!r}))
module.exit_json(changed=False, **json.loads({answer!r}))
"""
WRITTEN = ("secrets", "configs", "left_to_services", "leaving_services", "planned")
"""Options whose values are written down, too."""
SYSTEMCTL = """#!/bin/sh
case " $* " in
*" show "*) printf 'Id=docker.service\\nLoadState=loaded\\nActiveState=active\\n' ;;
*" reset-failed "*) echo "reset-failed docker" >> {log} ;;
*" restart "*) echo "restart docker" >> {log} ;;
*" reload "*) echo "reload" >> {log} ;;
esac
"""
Play = Callable[..., tuple[list[str], str]]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Runs tasks; gives what was done and what Ansible said. `answer` is what each module says, `hosts` are hosts with their variables,
    `failing` are modules that fail.

    The record of a node's availability is the file `state/record` below `tmp_path`.
    """
    log = tmp_path / "log"

    def run(
        tasks: Sequence[Mapping[str, Any]],
        answer: Mapping[str, Any] | None = None,
        hosts: Mapping[str, Mapping[str, Any]] | None = None,
        files: Sequence[Path] = (),
        failing: Sequence[str] = (),
        check: bool = False,
        **variables: Any,
    ) -> tuple[list[str], str]:
        _write_programs(tmp_path, log, answer or {}, failing)
        (tmp_path / "ansible.cfg").write_text("")
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        inventory = {"swarm": {"hosts": hosts or {"one": {}}, "vars": here}}
        (tmp_path / "hosts.json").write_text(json.dumps(inventory))
        written = {"hosts": "swarm", "gather_facts": False, "vars": variables, "vars_files": [str(file) for file in files], "tasks": tasks}
        (tmp_path / "play.yml").write_text(json.dumps([written]))
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(tmp_path),
            "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local"),
            "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        }
        program = Path(sys.executable).parent / "ansible-playbook"
        command = [str(program), "-i", str(tmp_path / "hosts.json"), str(tmp_path / "play.yml"), *(["--check"] if check else [])]
        command += ["-e", json.dumps({"drain_record": str(tmp_path / "state" / "record")})]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        return log.read_text().splitlines() if log.exists() else [], done.stdout + done.stderr

    return run


def _write_programs(folder: Path, log: Path, answer: Mapping[str, Any], failing: Sequence[str]) -> None:
    collection = folder / "ansible_collections" / "meshwork" / "swarm"
    modules = collection / "plugins" / "modules"
    modules.mkdir(parents=True, exist_ok=True)
    if not (collection / "roles").exists():
        (collection / "roles").symlink_to(ROLES)
    for name in ("cluster_info", "membership", "nodes", "gwbridge", "services", "daemon_config", "secrets", "configs"):
        text = MODULE.format(log=str(log), name=name, answer=json.dumps(answer), fails=name in failing, written=WRITTEN)
        (modules / f"{name}.py").write_text(text)
    systemctl = folder / "bin" / "systemctl"
    systemctl.parent.mkdir(exist_ok=True)
    systemctl.write_text(SYSTEMCTL.format(log=log))
    systemctl.chmod(0o755)
