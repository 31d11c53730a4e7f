# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of the collection in this process, against a fake Engine, through Ansible's own AnsibleModule."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.meshwork.swarm.plugins.module_utils import _run
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client

MODULES = "ansible_collections.meshwork.swarm.plugins.modules."
INTERFACES = {"lo": ("127.0.0.1",), "eth0": ("10.0.0.11", "fe80::1")}


class Ended(Exception):
    """The module has ended; `result` is what Ansible would get."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__(result)
        self.result = result


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Runner:
    """Runs modules by name. `clock` is the time that they see, unless it is `real_time`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, real_time: bool = False) -> None:
        self._monkeypatch = monkeypatch
        self.clock = Clock()
        if not real_time:
            monkeypatch.setattr(_run.time, "sleep", self.clock.sleep)
            monkeypatch.setattr(_run.reconcile, "__defaults__", (self.clock,))
        monkeypatch.setattr(basic.AnsibleModule, "exit_json", _end(failed=False))
        monkeypatch.setattr(basic.AnsibleModule, "fail_json", _end(failed=True))

    def __call__(self, name: str, engine: Any, options: Mapping[str, Any], check: bool = False) -> dict[str, Any]:
        """What the module returns; `failed` says how it ended."""
        module = importlib.import_module(MODULES + name)
        self._monkeypatch.setattr(client, "Engine", lambda _host, _timeout: engine)
        if hasattr(module, "interfaces"):
            self._monkeypatch.setattr(module, "interfaces", lambda: INTERFACES)
            self._monkeypatch.setattr(module, "tcp_port_free", lambda _port: True, raising=False)
        return self.ended(name, options, check)

    def ended(self, name: str, options: Mapping[str, Any], check: bool = False) -> dict[str, Any]:
        """The same with whatever stands in the Engine's place."""
        module = importlib.import_module(MODULES + name)
        arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(arguments), pytest.raises(Ended) as ended:
            module.main()
        result: dict[str, Any] = ended.value.result
        json.dumps(result)
        return result


def _end(failed: bool) -> Any:
    def end(_module: Any, **result: Any) -> None:
        raise Ended({"failed": failed, **result})

    return end
