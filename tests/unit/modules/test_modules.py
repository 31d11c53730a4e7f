# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules from the outside: their options, their documentation, what they say on bad input, and what they never say."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker.errors
import pytest
import requests
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client
from ansible_collections.meshwork.swarm.plugins.module_utils._model.attachment import ATTACHMENT
from ansible_collections.meshwork.swarm.plugins.module_utils._model.content import CONFIG, SECRET
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import EngineUnreachable, MissingLibrary
from ansible_collections.meshwork.swarm.plugins.module_utils._model.network import NETWORK
from ansible_collections.meshwork.swarm.plugins.module_utils._model.node import NODE
from ansible_collections.meshwork.swarm.plugins.module_utils._model.service import SERVICE
from ansible_collections.meshwork.swarm.plugins.module_utils._model.swarm import SWARM
from ansible_collections.meshwork.swarm.plugins.module_utils._model.table import Table, argument_spec
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Call
from fakes.engine import FakeEngine
from fakes.module import Runner

CHECKOUT = Path(__file__).resolve().parents[3]
FRAGMENTS = "ansible_collections.meshwork.swarm.plugins.doc_fragments."
PACKAGE = "ansible_collections.meshwork.swarm.plugins.modules."
ALL = sorted(path.stem for path in (CHECKOUT / "plugins" / "modules").glob("*.py"))
EACH = pytest.mark.parametrize("name", ALL)
TABLES: dict[str, tuple[Table, str]] = {
    "cluster": (SWARM, ""),
    "nodes": (NODE, "nodes"),
    "networks": (NETWORK, "networks"),
    "services": (SERVICE, "services"),
    "secrets": (SECRET.table, "secrets"),
    "configs": (CONFIG.table, "configs"),
    "attachments": (ATTACHMENT, "attachments"),
}


class Spec(Exception):
    """Raised in AnsibleModule's place, with what it was given."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        self.arguments = arguments


@pytest.fixture
def spec_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives a module's argument spec."""

    def give(name: str) -> dict[str, Any]:
        def stop(**arguments: Any) -> None:
            raise Spec(**arguments)

        module = importlib.import_module(PACKAGE + name)
        monkeypatch.setattr(module, "AnsibleModule", stop)
        with pytest.raises(Spec) as raised:
            module.main()
        assert raised.value.arguments["supports_check_mode"] is True
        found: dict[str, Any] = raised.value.arguments["argument_spec"]
        return found

    return give


def documented(name: str) -> dict[str, Any]:
    """A module's documented options, those of its fragments among them."""
    documentation = yaml.safe_load(importlib.import_module(PACKAGE + name).DOCUMENTATION)
    found: dict[str, Any] = dict(documentation.get("options") or {})
    for fragment in documentation.get("extends_documentation_fragment") or ():
        file, _dot, section = fragment.removeprefix("meshwork.swarm.").partition(".")
        texts = importlib.import_module(FRAGMENTS + file).ModuleDocFragment
        found.update(yaml.safe_load(getattr(texts, section.upper() or "DOCUMENTATION")).get("options") or {})
    return found


def told(options: Mapping[str, Any], suboptions: str, above: str = "") -> Iterator[tuple[str, str, Any, Any, Any, bool]]:
    """Every option with what argument spec and documentation both say of it."""
    for name, option in options.items():
        inner = option.get(suboptions)
        yield (
            above + name,
            option.get("type", "str"),
            option.get("elements"),
            tuple(option.get("choices") or ()),
            option.get("default"),
            bool(option.get("required")),
        )
        if inner:
            yield from told(inner, suboptions, f"{above}{name}.")


@EACH
def test_documentation_and_argument_spec_say_the_same(name: str, spec_of: Any) -> None:
    assert sorted(told(documented(name), "suboptions")) == sorted(told(spec_of(name), "options"))


@pytest.mark.parametrize("name", TABLES)
def test_every_row_of_the_table_is_an_option_and_the_other_way_round(name: str, spec_of: Any) -> None:
    table, option = TABLES[name]
    spec = spec_of(name)
    options = spec[option]["options"] if option else spec
    rows = argument_spec(table)
    own = (
        {
            "name",
            "state",
            "id",
            "force",
            "recreate",
            "stack",
            "on_failure",
            "container",
            "network",
            "replace",
            "replace_order",
            "replace_subnet",
            "content",
            "content_base64",
            "src",
            "digest",
        }
        if option
        else {
            *client.argument_spec(),
            *client.address_options(),
            *client.wait_option(),
            "rotate",
            "signing_ca_key",
            "force_new_cluster",
            "unlock_key",
        }
    )
    assert {key: value for key, value in options.items() if key not in own} == rows
    assert {row.option.partition(".")[0] for row in table} == set(rows)


def test_the_role_cluster_knows_every_setting_of_the_module() -> None:
    role = CHECKOUT / "roles" / "cluster"
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    settings = {name: (option["type"], option.get("elements")) for name, option in specs["cluster_settings"]["options"].items()}
    assert settings == {name: (option["type"], option.get("elements")) for name, option in argument_spec(SWARM).items()}
    (task,) = (each["meshwork.swarm.cluster"] for each in yaml.safe_load((role / "tasks" / "swarm.yml").read_text()) if len(each) > 3)
    assert {name: value for name, value in task.items() if name in settings} == {
        name: f"{{{{ cluster_settings.{name} | default(omit) }}}}" for name in settings
    }


@EACH
def test_argument_specs_build(name: str, spec_of: Any) -> None:
    spec = spec_of(name)
    empty = {"list": [], "dict": {}, "str": "", "path": ""}
    required = {option: empty[entry["type"]] for option, entry in spec.items() if entry.get("required")}
    assert ArgumentSpecValidator(spec).validate(required).error_messages == []
    assert ArgumentSpecValidator(spec).validate({**required, "nonesuch": 1}).error_messages


@EACH
def test_every_option_and_return_value_is_explained(name: str) -> None:
    module = importlib.import_module(PACKAGE + name)
    returned = yaml.safe_load(module.RETURN)
    assert returned
    assert all(entry["description"] for entry in returned.values())
    examples = yaml.safe_load(module.EXAMPLES)
    assert any(f"meshwork.swarm.{name}" in task for task in examples)


@EACH
def test_examples_are_valid(name: str, spec_of: Any) -> None:
    validator = ArgumentSpecValidator(spec_of(name))
    for task in yaml.safe_load(importlib.import_module(PACKAGE + name).EXAMPLES):
        options = task.get(f"meshwork.swarm.{name}") or {}
        if f"meshwork.swarm.{name}" not in task or "{{" in json.dumps(options):
            continue
        assert validator.validate(options).error_messages == [], task["name"]


def test_the_action_group_names_every_module_that_speaks_to_an_engine() -> None:
    """Others would refuse the defaults for which the group is there, such as docker_host."""
    runtime = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text())
    speaking = [name for name in ALL if "docker_host" in documented(name)]
    assert sorted(runtime["action_groups"]["swarm"]) == speaking
    # restore reads its archive before it speaks to an Engine
    assert {*ENGINE_MODULES, "restore"} == set(speaking)


# --- bad input, as the person at the terminal meets it

ENGINE_MODULES = {
    "attachments": {"attachments": []},
    "backup": {"path": "/nonesuch/swarm.tar.gz"},
    "cluster": {},
    "cluster_info": {},
    "membership": {"state": "left"},
    "nodes": {"nodes": []},
    "networks": {"networks": []},
    "ingress_network": {},
    "gwbridge": {},
    "services": {"services": []},
    "secrets": {"secrets": []},
    "configs": {"configs": []},
    "probe": {"facts": {}},
}
EACH_ENGINE_MODULE = pytest.mark.parametrize(("name", "options"), ENGINE_MODULES.items())


@EACH_ENGINE_MODULE
def test_the_docker_sdk_is_missing(name: str, options: dict[str, Any], run_module: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "HAS_DOCKER", False)
    result = run_module.ended(name, options)
    assert result["failed"]
    assert result["msg"] == (
        "the Python library docker is missing on this host; install the package python3-docker "
        "or run `pip install docker` for the interpreter that Ansible uses there"
    )


@EACH_ENGINE_MODULE
def test_the_engine_does_not_run(name: str, options: dict[str, Any], run_module: Runner, tmp_path: Path) -> None:
    socket = f"unix://{tmp_path}/docker.sock"
    result = run_module.ended(name, {**options, "docker_host": socket})
    assert result["failed"]
    assert result["msg"] == f"no Engine answers at {socket}; start it (`systemctl start docker`) or set docker_host to where it listens"


REFUSED = [
    (
        docker.errors.DockerException(
            "Error while fetching server API version: ('Connection aborted.', PermissionError(13, 'Permission denied'))"
        ),
        "no permission on unix:///x; run the task with `become: true`, or add the user to the group docker and log in again",
    ),
    (
        requests.exceptions.ConnectionError("('Connection aborted.', ConnectionRefusedError(111, 'Connection refused'))"),
        "no Engine answers at unix:///x; start it (`systemctl start docker`) or set docker_host to where it listens",
    ),
    (
        requests.exceptions.ReadTimeout("Read timed out. (read timeout=60)"),
        "the Engine at unix:///x did not answer: Read timed out. (read timeout=60)",
    ),
]


@pytest.mark.parametrize(("error", "message"), REFUSED)
def test_a_connection_that_fails_is_told_with_the_way_out(
    error: Exception, message: str, run_module: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_arguments: Any) -> None:
        raise error

    monkeypatch.setattr(client, "APIClient", refuse)
    result = run_module.ended("cluster", {"docker_host": "unix:///x"})
    assert (result["failed"], result["changed"], result["msg"]) == (True, False, message)


def test_an_engine_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        api_version = "1.40"

        def __init__(self, **_arguments: Any) -> None:
            """Anything goes."""

    monkeypatch.setattr(client, "APIClient", Old)
    with pytest.raises(EngineUnreachable, match=r"speaks API 1\.40; 1\.41 \(Engine 20\.10\) or newer is needed"):
        client.Engine("unix:///x", 1)


def test_pyroute2_is_needed_only_to_check_addresses(run_module: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingLibrary("pyroute2", "python3-pyroute2")

    engine = FakeEngine()
    assert not run_module("cluster", engine, {})["failed"]
    monkeypatch.setattr(importlib.import_module(PACKAGE + "cluster"), "interfaces", missing)
    monkeypatch.setattr(client, "Engine", lambda _host, _timeout: engine)
    result = run_module.ended("cluster", {"advertise_addr": "10.0.0.11"})
    assert result["msg"].startswith("the Python library pyroute2 is missing on this host; install the package python3-pyroute2")


BAD = [
    (
        "networks",
        {"networks": [{"name": "a", "subnets": [{"subnet": "10.0.1.1/24"}]}]},
        "networks[0] (a).subnets[0].subnet: expected a subnet without",
    ),
    (
        "services",
        {"services": [{"name": "a", "image": "x", "limits": {"memory": "lots"}}]},
        "services[0] (a).limits.memory: expected a size",
    ),
    ("cluster", {"data_path_port": 80}, "data_path_port: expected a port from 1024 to 49151, got 80"),
    ("cluster", {"advertise_addr": "10.9.9.9"}, "swarm: advertise_addr 10.9.9.9 is not an address of this host"),
    (
        "membership",
        {"remote_addrs": ["10.0.0.11"], "join_token": "x", "advertise_addr": "eth7"},
        "membership: advertise_addr eth7 is neither an address",
    ),
    ("networks", {"networks": [{"name": "a"}]}, "networks: this host is in no swarm; run meshwork.swarm.cluster on it first"),
    ("services", {"services": [{"name": "a", "image": "x"}]}, "services: this host is in no swarm; run meshwork.swarm.cluster on it first"),
    ("nodes", {"nodes": []}, "nodes: this host is in no swarm; run meshwork.swarm.cluster on it first"),
    ("ingress_network", {}, "ingress_network: this host is in no swarm; run meshwork.swarm.cluster on it first"),
]


@pytest.mark.parametrize(("name", "options", "message"), BAD)
def test_bad_input_is_one_clear_message_and_changes_nothing(name: str, options: dict[str, Any], message: str, run_module: Runner) -> None:
    engine = FakeEngine()
    result = run_module(name, engine, options)
    assert (result["failed"], result.get("changed"), engine.done) == (True, False, [])
    assert result["msg"].startswith(message)
    assert "\n" not in result["msg"]


# --- secrets


def _tokens(engine: FakeEngine) -> tuple[str, str]:
    tokens = engine.managed().cluster["JoinTokens"]
    return tokens["Worker"], tokens["Manager"]


def test_join_tokens_are_in_no_result(run_module: Runner, caplog: pytest.LogCaptureFixture) -> None:
    manager = FakeEngine()
    results = [run_module("cluster", manager, {"advertise_addr": "eth0"})]
    worker, admin = _tokens(manager)
    for address, role, token in (("10.0.0.12", "worker", worker), ("10.0.0.13", "manager", admin)):
        host = FakeEngine(address, "other", hosts=manager.hosts)
        options = {"role": role, "remote_addrs": ["10.0.0.11:2377"], "join_token": token}
        results += [run_module("membership", host, options, check=check) for check in (True, False, False)]
        wrong = FakeEngine("10.0.0.14", "wrong", hosts=manager.hosts)
        results.append(run_module("membership", wrong, {**options, "join_token": token + "x"}))
    results += [run_module("cluster", manager, {"task_history_retention_limit": number}) for number in (2, 2)]
    gather = ["swarm", "nodes", "networks", "services", "tasks"]
    results.append(run_module("cluster_info", manager, {"gather": gather}))
    assert [result["failed"] for result in results].count(True) == 2, "the two with a wrong token"
    everything = json.dumps(results) + caplog.text
    assert worker not in everything
    assert admin not in everything
    assert "SWMTKN" not in everything


@pytest.mark.parametrize("told", ["0.0.0.0", "127.0.0.1", "::", ""])
def test_a_leader_that_knows_itself_by_no_address_is_shown_by_the_one_of_raft(run_module: Runner, told: str) -> None:
    """A proxy that was told 0.0.0.0 would ask itself in that node's place."""
    manager = FakeEngine()
    run_module("cluster", manager, {})
    manager.node["Status"]["Addr"] = told
    (node,) = run_module("cluster_info", manager, {"gather": ["nodes"]})["nodes"]
    assert node["address"] == "10.0.0.11"


def test_join_tokens_are_given_to_who_asks_for_them(run_module: Runner) -> None:
    manager = FakeEngine()
    run_module("cluster", manager, {})
    worker, admin = _tokens(manager)
    result = run_module("cluster_info", manager, {"gather": ["join_tokens"]})
    assert result["join_tokens"] == {"worker": worker, "manager": admin}


def test_plans_and_steps_do_not_show_tokens() -> None:
    module = importlib.import_module(PACKAGE + "membership")
    manager = FakeEngine()
    manager.do(Call("POST", "/swarm/init", body={"Spec": {"Name": "default"}, "SubnetSize": 24}))
    wanted = module.WantedMembership(remote_addrs=("10.0.0.11:2377",), join_token=_tokens(manager)[0])
    plan = module.plan_membership(wanted, module.Host(module.observe.membership(FakeEngine())))
    assert plan.steps[0].call.body["JoinToken"] == _tokens(manager)[0]
    cluster = importlib.import_module(PACKAGE + "cluster")
    found = cluster.Cluster(cluster.observe.membership(manager), cluster.read_swarm(manager.get("/swarm")))
    change = cluster.plan_cluster(cluster.WantedCluster({"snapshot_interval": 1}), found)
    step = plan.steps[0]
    for shown in (wanted, plan, plan.table(), step, step.call, step.shown(), found, change, change.steps[0].call.body):
        assert "SWMTKN" not in f"{shown} {shown!r}"


def test_a_host_outside_a_swarm_can_be_read(run_module: Runner) -> None:
    result = run_module("cluster_info", FakeEngine(), {"gather": ["swarm", "nodes"]})
    assert (result["failed"], result["changed"], result["membership"]["state"]) == (False, False, "inactive")
    assert "nodes" not in result
