# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the role firewall restarts Docker on a member: its own tasks, with modules that only write down what they were asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROLE = Path(__file__).resolve().parents[3] / "roles" / "firewall"
MODULE = """
import json, os, sys
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={{
    "gather": {{"type": "list"}}, "role": {{}}, "unlock_key": {{"no_log": True}}}})
with open({log!r}, "a") as file:
    file.write({name!r} + " " + " ".join(module.params["gather"] or []) + (module.params["role"] or "") + "\\n")
module.exit_json(changed=False, **json.loads({answer!r}))
"""
SYSTEMCTL = """#!/bin/sh
case " $* " in
*" show "*) printf 'Id=docker.service\\nLoadState=loaded\\nActiveState=active\\n' ;;
*" restart "*) echo "restart docker" >> {log} ;;
esac
"""
PLAY = [
    {
        "hosts": "all",
        "gather_facts": False,
        "vars": {"__firewall_lost": ["8080/tcp"]},
        "tasks": [{"ansible.builtin.import_tasks": str(ROLE / "tasks" / "docker.yml")}],
    }
]


def manager(reachability: str) -> dict[str, str]:
    return {"role": "manager", "reachability": reachability}


def restart(tmp_path: Path, **answer: Any) -> tuple[list[str], str]:
    """What was done, and what Ansible said."""
    log, modules = tmp_path / "log", tmp_path / "ansible_collections" / "meshwork" / "swarm" / "plugins" / "modules"
    modules.mkdir(parents=True)
    for name in ("cluster_info", "membership"):
        (modules / f"{name}.py").write_text(MODULE.format(log=str(log), name=name, answer=json.dumps(answer)))
    systemctl = tmp_path / "bin" / "systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text(SYSTEMCTL.format(log=log))
    systemctl.chmod(0o755)
    configuration = tmp_path / "ansible.cfg"
    configuration.write_text("")
    (tmp_path / "play.yml").write_text(json.dumps(PLAY))
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path),
        "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local"),
        "ANSIBLE_CONFIG": str(configuration),
        "PATH": f"{systemctl.parent}:{os.environ['PATH']}",
    }
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "one,", "-c", "local"]
    command += ["-e", f"ansible_python_interpreter={sys.executable}", str(tmp_path / "play.yml")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return log.read_text().splitlines() if log.exists() else [], done.stdout + done.stderr


MANAGER = {"state": "active", "role": "manager", "live_manager": True}


def test_a_locked_manager_is_unlocked_after_the_restart(tmp_path: Path) -> None:
    done, said = restart(tmp_path, membership=MANAGER, nodes=[manager("reachable")] * 3, unlock_key="SWMKEY-1-secret")
    assert done == ["cluster_info nodes unlock_key", "restart docker", "membership manager", "cluster_info "], said
    assert "SWMKEY" not in said


@pytest.mark.parametrize(("reachable", "down", "restarted"), [(2, 1, False), (2, 0, True), (4, 1, True)])
def test_a_restart_never_costs_the_majority(tmp_path: Path, reachable: int, down: int, restarted: bool) -> None:
    nodes = [manager("reachable")] * reachable + [manager("unreachable")] * down + [{"role": "worker", "reachability": ""}]
    done, said = restart(tmp_path, membership=MANAGER, nodes=nodes, unlock_key="")
    assert ("restart docker" in done) is restarted, said
    assert restarted or f"{reachable} of {reachable + down} managers are reachable" in said.replace("\n", " ")


def test_a_worker_is_restarted(tmp_path: Path) -> None:
    done, said = restart(tmp_path, membership={"state": "active", "role": "worker", "live_manager": False})
    assert done == ["cluster_info nodes unlock_key", "restart docker", "cluster_info "], said
