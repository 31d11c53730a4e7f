# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Golden cases: what a user writes and what the Engine has, as a module would plan it.

A case is a folder under cases/OBJECT:

- `desired.yml`: the options of the module,
- `observed.json`: answers of the Engine by path (from Engine 20.10.24 on the lab, cut to what matters), the host's interfaces, and
  docker-state.json where it matters,
- `plan.yml`: the error, or the blockers, or the steps with the bodies of their calls, the warnings and what stands after.

`python -m pytest tests/unit/plan --write-plans` writes every plan.yml anew, to be read before it is committed.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.meshwork.swarm.plugins.filter.readdress_plan import readdress_plan
from ansible_collections.meshwork.swarm.plugins.module_utils import _run
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client, contents, observe
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.contents import Move
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Call, Plan

CASES = Path(__file__).parent / "cases"
MODULES = "ansible_collections.meshwork.swarm.plugins.modules."
OBJECTS = {
    "cluster": ("cluster", "ClusterWork"),
    "membership": ("membership", "MembershipWork"),
    "nodes": ("nodes", "NodesWork"),
    "networks": ("networks", "NetworksWork"),
    "ingress": ("ingress_network", "IngressWork"),
    "services": ("services", "ServicesWork"),
    "secrets": ("secrets", "SecretsWork"),
    "configs": ("configs", "ConfigsWork"),
    "attachments": ("attachments", "AttachmentsWork"),
}


class Stored:
    """An Engine that has stored answers and can change nothing."""

    api = (1, 41)
    calls = 0
    on_this_host = True

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = answers

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The stored answer; a case that is not about tasks, nodes, containers, or who is on a network has none."""
        unwritten: Any = {} if path.startswith("/networks/") else []
        return self._answers[path] if path in self._answers or path in ("/services", "/networks", "/swarm", "/info") else unwritten

    def do(self, call: Call) -> Any:
        """Planning changes nothing."""
        raise AssertionError(f"a plan made the call {call}")


class _Spec(Exception):
    def __init__(self, **spec: Any) -> None:
        super().__init__()
        self.spec = spec


def argument_spec(module: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a module's main gives to AnsibleModule."""
    with monkeypatch.context() as patch:
        patch.setattr(module, "AnsibleModule", _raise_spec)
        with pytest.raises(_Spec) as raised:
            module.main()
    spec: dict[str, Any] = raised.value.spec["argument_spec"]
    return spec


def _raise_spec(**spec: Any) -> None:
    raise _Spec(**spec)


def planned(name: str, folder: Path, check: bool, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the module `name` plans for a case, in the shape of plan.yml."""
    file, work_class = OBJECTS[name]
    module = importlib.import_module(MODULES + file)
    observed = json.loads((folder / "observed.json").read_text())
    options = yaml.safe_load((folder / "desired.yml").read_text())
    monkeypatch.setattr(client, "Engine", lambda _host, _timeout: Stored(observed))
    monkeypatch.setattr(contents, "secrets", SimpleNamespace(token_bytes=bytes))
    monkeypatch.setattr(observe, "joined_with", lambda _info: observed.get("docker-state.json", {}))
    if hasattr(module, "interfaces"):
        monkeypatch.setattr(module, "interfaces", lambda: observed["interfaces"])
        monkeypatch.setattr(module, "tcp_port_free", lambda _port: observed.get("gossip_free", True))
    if hasattr(module, "interface_names"):
        monkeypatch.setattr(module, "interface_names", lambda: frozenset(observed["interfaces"]))
    validated = ArgumentSpecValidator(argument_spec(module, monkeypatch)).validate(options)
    assert validated.error_messages == [], "the options are not even the module's"
    try:
        work = getattr(module, work_class)(SimpleNamespace(params=validated.validated_parameters, check_mode=check))
        plan = work.plan(work.observe())
    except SwarmError as error:
        return {"error": str(error)}
    if not plan.blockers:
        again = work.plan(plan.after)
        assert again.steps == (), "the plan's own outcome is not what was wanted"
    return _shown(work, plan)


def _shown(work: _run.Reconciliation[Any], plan: Plan[Any]) -> dict[str, Any]:
    if plan.blockers:
        return {"blockers": [str(blocker) for blocker in plan.blockers]}
    shown: dict[str, Any] = {"steps": [_step(step) for step in plan.steps]}
    if plan.warnings:
        shown["warnings"] = list(plan.warnings)
    before, after = dict(work.show(plan.before)), dict(work.show(plan.after))
    if before != after:
        shown["gone"] = sorted(set(before) - set(after))
        shown["after"] = {name: value for name, value in after.items() if before.get(name) != value}
    return json.loads(json.dumps(shown))


def _step(step: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {"action": step.action, "says": step.says, "call": str(step.call)}
    if isinstance(step.call, Move):
        shown["successors"] = dict(step.call.successors)
    sent = {"query": dict(step.call.query), "body": step.call.body} if isinstance(step.call, Call) else {}
    optional = {**sent, "costs": step.costs, "awaits": step.awaits}
    return {**shown, **{name: value for name, value in optional.items() if value}}


class _Dumper(yaml.SafeDumper):
    """Lists are indented, as yamllint wants them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _lines(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Certificates as they are, line by line."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if text.startswith("-----BEGIN") else None)


_Dumper.add_representer(str, _lines)


def dump(value: Any) -> str:
    """YAML as this project writes it."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, explicit_start=True, width=130, allow_unicode=True)


def cases(name: str) -> list[Any]:
    """The cases of an object, as parameters."""
    return [pytest.param(folder, id=folder.name) for folder in sorted((CASES / name).iterdir())]


def moves(_name: str, folder: Path, _check: bool, _monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the filter readdress_plan makes of a case: `desired.yml` has the addresses by host, `observed.json` what cluster_info said."""
    observed = json.loads((folder / "observed.json").read_text())
    desired = yaml.safe_load((folder / "desired.yml").read_text())
    unread = {"hostname": "", "cluster_id": "", "managers": []}
    hosts = [
        {"host": host, **desired[host], **found, "membership": {**unread, **found["membership"]}}
        for host, found in observed["hosts"].items()
    ]
    shown = readdress_plan(hosts, observed["nodes"], observed["services"], observed.get("encrypted", []))
    return {name: value for name, value in json.loads(json.dumps(shown)).items() if value}


PLANNERS = {"readdress": moves}


def check(name: str, folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare a case with its plan.yml, or write that file."""
    file = folder / "plan.yml"
    expected = yaml.safe_load(file.read_text()) if file.exists() else {}
    found = PLANNERS.get(name, planned)(name, folder, bool(expected.get("check_mode")), monkeypatch)
    if expected.get("check_mode"):
        found = {"check_mode": True, **found}
    if request.config.getoption("--write-plans"):
        file.write_text(dump(found))
    assert found == yaml.safe_load(file.read_text())


@pytest.mark.parametrize("folder", cases("cluster"))
def test_cluster(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    check("cluster", folder, request, monkeypatch)


@pytest.mark.parametrize("folder", cases("membership"))
def test_membership(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    check("membership", folder, request, monkeypatch)


@pytest.mark.parametrize("folder", cases("nodes"))
def test_nodes(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    check("nodes", folder, request, monkeypatch)


@pytest.mark.parametrize("folder", cases("networks"))
def test_networks(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    check("networks", folder, request, monkeypatch)


@pytest.mark.parametrize("folder", cases("ingress"))
def test_ingress(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    check("ingress", folder, request, monkeypatch)


@pytest.mark.parametrize("folder", cases("services"))
def test_services(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    check("services", folder, request, monkeypatch)


@pytest.mark.parametrize("folder", cases("secrets"))
def test_secrets(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    check("secrets", folder, request, monkeypatch)


@pytest.mark.parametrize("folder", cases("configs"))
def test_configs(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    check("configs", folder, request, monkeypatch)


@pytest.mark.parametrize("folder", cases("attachments"))
def test_attachments(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    check("attachments", folder, request, monkeypatch)


@pytest.mark.parametrize("folder", cases("readdress"))
def test_readdress(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    check("readdress", folder, request, monkeypatch)
