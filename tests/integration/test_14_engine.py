# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role engine: a bare host of its own becomes an Engine host, and the Engines of a swarm are restarted one after the other."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stories.machines import LAB, Machines, eventually, run
from stories.packages import docker_repository, wheels
from stories.playing import LOGS, Ansible

pytestmark = pytest.mark.long

FILE = "/etc/docker/daemon.json"
ROLE = ("site.yml", "--tags", "engine")
RECORD = "/var/lib/meshwork-swarm/engine-restart"
KEPT = "/var/lib/meshwork-swarm/daemon.json.before"
BROKEN = '{"storage-driver": "nope"}'
NODE = "node1"
CONFIGURES = "meshwork.swarm.daemon_config"
REPOSITORY = "/var/lib/story-repository"
WHEELS = "/var/lib/story-wheels"
VERSIONS = ("5:20.10.24-1~debian.12~bookworm", "5:20.10.24-2~debian.12~bookworm")


def settings(**values: Any) -> tuple[str, str]:
    """Settings as an operator writes them, with - for _ in their names."""
    return "-e", json.dumps({"engine_daemon": {name.replace("_", "-"): value for name, value in values.items()}})


def process(machines: Machines, node: str = NODE) -> str:
    """The Engine's process and since when it runs."""
    return machines.shell(node, "systemctl show docker.service --property=MainPID,ActiveEnterTimestamp")


def info(machines: Machines, field: str, node: str = NODE) -> str:
    return machines.shell(node, f"docker info --format '{{{{{field}}}}}'").strip()


def written(machines: Machines, node: str = NODE) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(machines.shell(node, f"cat {FILE}"))
    return found


@pytest.fixture(scope="module")
def bare_host() -> Iterator[Machines]:
    """A lab of one node without Docker; it ends with these stories unless it was up before."""
    name = os.environ.get("BARE_LAB_NAME") or f"{os.environ.get('LAB_NAME') or 'main'}-bare"
    up = run([str(LAB), "--name", name, "status"], check=False).returncode == 0
    run([str(LAB), "--name", name, "up", "--bare", "--nodes", "1", "--nics", "1"], timeout=1200)
    yield Machines(name)
    if not up:
        run([str(LAB), "--name", name, "down"])


@pytest.fixture(scope="module")
def role(bare_host: Machines) -> Ansible:
    return Ansible(bare_host.name, LOGS / "engine")


@pytest.fixture(scope="module")
def engine_host(bare_host: Machines, role: Ansible) -> Machines:
    """The host with the Engine that the role installed."""
    if "dockerd" not in bare_host.shell(NODE, "command -v dockerd || true"):
        role.playbook(*ROLE, timeout=1200).succeeded()
    return bare_host


@pytest.fixture
def operators_file(engine_host: Machines, role: Ansible) -> Machines:
    """A file that an operator wrote, in force."""
    text = '{"labels": ["operator=yes"], "log-driver": "local"}'
    engine_host.shell(NODE, f"rm -f {RECORD}; mkdir -p /etc/docker; cat > {FILE}; chmod 640 {FILE}", stdin=text)
    engine_host.shell(NODE, "systemctl reset-failed docker.service; systemctl restart docker.service", timeout=120)
    return engine_host


def test_B1_what_is_missing_is_said_where_nothing_is_to_be_installed(bare_host: Machines, role: Ansible) -> None:
    if "dockerd" in bare_host.shell(NODE, "command -v dockerd || true"):
        pytest.skip("the lab that was taken has an Engine already")
    assert "this host has no Docker Engine" in role.playbook(*ROLE, "-e", "engine_source=present").refused()
    lacking = role.playbook(*ROLE, "-e", "engine_python=present").refused()
    assert "lacks what the modules need: docker 5.0 or newer and pyroute2" in lacking
    refused = role.module(NODE, "daemon_config", {"settings": {"debug": True}}).refused()
    assert "this host has no Docker Engine: no dockerd was found; install Docker" in refused
    role.playbook(*ROLE, "--check").succeeded()
    assert bare_host.shell(NODE, "command -v dockerd || true; ls /etc/docker 2>/dev/null || true") == ""


def test_B1_a_bare_host_becomes_an_engine_host_and_stays_one(engine_host: Machines, role: Ansible) -> None:
    assert info(engine_host, ".ServerVersion").startswith("20.10")
    assert engine_host.shell(NODE, "systemctl is-enabled docker.service").strip() == "enabled"
    engine_host.shell(NODE, "python3 -c 'import docker, pyroute2'")
    since = engine_host.shell(NODE, "date +%s").strip()
    before = process(engine_host)
    again = role.playbook(*ROLE).succeeded()
    assert not [result.task for result in again.results if result.changed]
    assert process(engine_host) == before
    assert engine_host.module_runs(since)[NODE] == [CONFIGURES]


def test_B1_a_setting_that_is_reloaded_leaves_the_engine_running_and_the_operators_keys(operators_file: Machines, role: Ansible) -> None:
    before = process(operators_file)
    assert info(operators_file, ".Debug") == "false"
    dry = role.playbook(*ROLE, "--check", "--diff", *settings(debug=True)).succeeded()
    assert "set debug to true" in dry.output and "debug" not in written(operators_file)
    role.playbook(*ROLE, *settings(debug=True)).succeeded()
    eventually(lambda: info(operators_file, ".Debug"), "true".__eq__, 10, "the Engine has taken debug up")
    assert process(operators_file) == before
    assert written(operators_file) == {"labels": ["operator=yes"], "log-driver": "local", "debug": True}
    assert operators_file.shell(NODE, f"stat --format %a {FILE}").strip() == "640"


def test_B1_a_setting_that_needs_a_restart_gets_one_and_only_one(operators_file: Machines, role: Ansible) -> None:
    before = process(operators_file)
    never = role.playbook(*ROLE, *settings(log_driver="journald"), "-e", "engine_restart=never").succeeded()
    assert "still to be restarted, for log-driver" in never.output
    assert process(operators_file) == before and info(operators_file, ".LoggingDriver") == "local"
    # what an earlier run left to be restarted is restarted by the next one
    role.playbook(*ROLE, *settings(log_driver="journald")).succeeded()
    assert info(operators_file, ".LoggingDriver") == "journald"
    after = process(operators_file)
    assert after != before
    assert not any(result.changed for result in role.playbook(*ROLE, *settings(log_driver="journald")).succeeded().results)
    assert process(operators_file) == after
    # a label that is taken out is not forgotten by a reload
    role.playbook(*ROLE, *settings(labels=None)).succeeded()
    assert info(operators_file, ".Labels") == "[]" and "labels" not in written(operators_file)


def test_B1_the_password_of_a_proxy_is_in_the_file_and_nowhere_else(operators_file: Machines, role: Ansible) -> None:
    since = operators_file.shell(NODE, "date +%s").strip()
    proxy = "http://me:hush-hush@proxy.example.org:3128"
    # Engine 20.10 does not know the key; the file is only planned
    run = role.playbook(*ROLE, "--check", "--diff", "-vvv", *settings(proxies={"http-proxy": proxy}))
    assert "it does not know proxies" in run.refused() and "http://***@proxy.example.org:3128" in run.output
    assert "hush-hush" not in run.output.replace("".join(settings(proxies={"http-proxy": proxy})), "")
    assert "hush-hush" not in operators_file.shell(NODE, f"journalctl --since @{since}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n  "debug": true,\n  "log-driver": local\n}', f"{FILE}, line 3, column 17: expected JSON"),
        ('{"debug": true, "debug": false}', f"{FILE}: expected every key once, got 'debug' twice"),
        ('["debug"]', f"{FILE}: expected a JSON object ({{...}}), got list"),
    ],
)
def test_B1_a_broken_file_is_refused_and_left_alone(engine_host: Machines, role: Ansible, text: str, message: str) -> None:
    before = process(engine_host)
    engine_host.shell(NODE, f"mkdir -p /etc/docker; cat > {FILE}", stdin=text)
    assert role.playbook(*ROLE, *settings(debug=True)).refused().startswith(message)
    assert engine_host.shell(NODE, f"cat {FILE}") == text
    assert process(engine_host) == before


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"live-restore": True}, "live-restore is true, and no swarm takes such a host in"),
        ({"hosts": ["tcp://127.0.0.1:2375"]}, "hosts stands in the file, and docker.service starts dockerd with -H"),
        ({"log-dirver": "local"}, "dockerd refuses the settings: it does not know log-dirver"),
    ],
)
def test_B1_what_docker_would_not_start_with_is_refused(
    operators_file: Machines, role: Ansible, wanted: dict[str, Any], message: str
) -> None:
    before = operators_file.shell(NODE, f"cat {FILE}")
    assert message in role.playbook(*ROLE, *settings(**wanted)).refused()
    assert operators_file.shell(NODE, f"cat {FILE}") == before


@pytest.mark.parametrize("member", [False, True], ids=["in no swarm", "a member"])
def test_B1_settings_that_do_not_start_give_way_to_those_before(operators_file: Machines, role: Ansible, member: bool) -> None:
    """The driver's name is a valid value of a valid key; what it is good for shows when the Engine starts."""
    before = operators_file.shell(NODE, f"cat {FILE}")
    if member:
        operators_file.shell(NODE, f"docker swarm init --advertise-addr {operators_file.addresses[NODE]}")
    try:
        refused = role.playbook(*ROLE, *settings(storage_driver="nope"), "-e", "engine_allow_interruption=true").refused()
        assert "did not start with the new settings" in refused and "driver not supported" in refused and "it runs again" in refused
        assert operators_file.shell(NODE, f"cat {FILE}") == before and info(operators_file, ".LoggingDriver") == "local"
        assert operators_file.shell(NODE, f"ls {KEPT} {RECORD} 2>/dev/null || true") == ""
        assert not member or operators_file.inspect("node", NODE)["Spec"]["Availability"] == "active"
        # a run that was cut off when the Engine was dead
        operators_file.shell(NODE, f"install -m 600 {FILE} {KEPT}; echo '{BROKEN}' > {FILE}; systemctl restart docker.service", check=False)
        cut_off = role.playbook(*ROLE, "-e", "engine_allow_interruption=true").refused()
        assert "it runs again" in cut_off and operators_file.shell(NODE, f"cat {FILE}") == before
        role.playbook(*ROLE).succeeded()
    finally:
        if member:
            operators_file.leave()


def test_B1_the_only_manager_is_restarted_when_that_is_allowed_by_name(operators_file: Machines, role: Ansible) -> None:
    operators_file.shell(NODE, f"docker swarm init --advertise-addr {operators_file.addresses[NODE]}")
    try:
        refused = role.playbook(*ROLE, *settings(log_driver="journald")).refused()
        assert "it is the only manager" in refused and "engine_allow_interruption: true" in refused
        assert info(operators_file, ".LoggingDriver") == "local"
        # an earlier run was cut off while the node was drained
        operators_file.shell(
            NODE, f"docker node update --availability drain {NODE}; mkdir -p /var/lib/meshwork-swarm; echo active > {RECORD}"
        )
        role.playbook(*ROLE, *settings(log_driver="journald"), "-e", "engine_allow_interruption=true").succeeded()
        assert info(operators_file, ".LoggingDriver") == "journald"
        assert operators_file.inspect("node", NODE)["Spec"]["Availability"] == "active"
        assert operators_file.shell(NODE, f"ls {RECORD} 2>/dev/null || true") == ""
        live = role.playbook(*ROLE, *settings(live_restore=True), "-e", "engine_swarm=false").refused()
        assert "this host is in a swarm, and its Engine would not start again" in live
    finally:
        operators_file.leave()


@pytest.fixture(scope="module")
def from_docker(engine_host: Machines, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Docker's repository as a folder of the host, and the arguments that say so."""
    folder = tmp_path_factory.mktemp("repository")
    debian = tmp_path_factory.mktemp("debian") / "docker.io.deb"
    engine_host.fetch(NODE, "/var/lib/meshwork-apt/docker.io_*.deb", debian)
    docker_repository(folder, debian, VERSIONS)
    engine_host.send(NODE, folder, REPOSITORY)
    variables = {
        "engine_source": "docker",
        "engine_repository_url": f"file://{REPOSITORY}",
        "engine_repository_key": f"file://{REPOSITORY}/gpg",
    }
    return "-e", json.dumps(variables)


def version(*values: str) -> tuple[str, ...]:
    return "-e", json.dumps({"engine_version": "".join(values)})


def packages(machines: Machines) -> dict[str, str]:
    """The installed packages of the Engine with their versions."""
    shown = "dpkg-query --show --showformat='${db:Status-Abbrev} ${Package} ${Version}\\n' 'docker*' 'containerd*'"
    rows = [line.split() for line in machines.shell(NODE, shown, check=False).splitlines()]
    return {row[1]: row[2] for row in rows if row[0] == "ii"}


def test_B1_the_engine_comes_from_dockers_repository_in_the_place_of_another_one(
    engine_host: Machines, role: Ansible, from_docker: tuple[str, ...]
) -> None:
    first, _second = VERSIONS
    engine_host.shell(NODE, f"rm -f {FILE} {RECORD}; systemctl reset-failed docker.service; systemctl restart docker.service", timeout=120)
    made = role.playbook(*ROLE, *from_docker, *version(first), timeout=1200).succeeded()
    there = packages(engine_host)
    assert (there["docker-ce"], there["docker-ce-cli"]) == (first, first) and "containerd.io" in there and "docker.io" not in there
    assert "Signed-By: /etc/apt/keyrings/docker.asc" in engine_host.shell(NODE, "cat /etc/apt/sources.list.d/docker.sources")
    assert info(engine_host, ".ServerVersion").startswith("20.10") and made.returncode == 0
    before = process(engine_host)
    for asked in (version(first), version("5:20.10.24-1*"), ()):
        since = engine_host.shell(NODE, "sleep 1; date +%s").strip()
        again = role.playbook(*ROLE, *from_docker, *asked).succeeded()
        assert not [result.task for result in again.results if result.changed]
        assert engine_host.module_runs(since)[NODE] == [CONFIGURES]
    # an Engine that is there is one for the distribution's source, too
    role.playbook(*ROLE).succeeded()
    assert packages(engine_host) == there and process(engine_host) == before


def test_B1_a_member_gets_another_version_in_its_turn(engine_host: Machines, role: Ansible, from_docker: tuple[str, ...]) -> None:
    first, second = VERSIONS
    role.playbook(*ROLE, *from_docker, *version(first)).succeeded()
    engine_host.shell(NODE, f"docker swarm init --advertise-addr {engine_host.addresses[NODE]}")
    try:
        before = process(engine_host)
        refused = role.playbook(*ROLE, *from_docker, *version(second)).refused()
        assert "it is the only manager" in refused and "engine_allow_interruption: true" in refused
        unknown = role.playbook(*ROLE, *from_docker, *version("5:99"), "-e", "engine_allow_interruption=true").refused()
        assert "docker-ce=5:99" in unknown and "Nothing was touched" in unknown
        assert packages(engine_host)["docker-ce"] == first and process(engine_host) == before
        role.playbook(*ROLE, *from_docker, *version(second), "-e", "engine_allow_interruption=true", timeout=1200).succeeded()
        assert (packages(engine_host)["docker-ce"], packages(engine_host)["docker-ce-cli"]) == (second, second)
        assert process(engine_host) != before and info(engine_host, ".Swarm.LocalNodeState") == "active"
        assert engine_host.inspect("node", NODE)["Spec"]["Availability"] == "active"
        since = engine_host.shell(NODE, "sleep 1; date +%s").strip()
        role.playbook(*ROLE, *from_docker, *version(second)).succeeded()
        assert engine_host.module_runs(since)[NODE] == [CONFIGURES]
    finally:
        engine_host.leave()


def test_B1_a_virtual_environment_has_the_libraries_that_packages_do_not(engine_host: Machines, role: Ansible, tmp_path: Path) -> None:
    libraries = "python3-docker python3-pyroute2"
    node_has = engine_host.shell(NODE, "python3 -c 'import sys; print(\"%d.%d\" % sys.version_info[:2])'").strip()
    wheels(tmp_path, node_has, "docker>=5.0,<8", "pyroute2>=0.6,<0.10")
    engine_host.send(NODE, tmp_path, WHEELS)
    engine_host.shell(NODE, f"apt-get -qq -y remove {libraries}; rm -rf /opt/meshwork-swarm", timeout=120)
    try:
        lacking = role.playbook(*ROLE, "-e", "engine_python=present").refused()
        assert lacking.startswith("engine_python is present, and /usr/bin/python3") and "docker 5.0 or newer and pyroute2" in lacking
        pip = ("-e", json.dumps({"engine_python": "venv", "engine_pip_arguments": f"--no-index --find-links {WHEELS}"}))
        role.playbook(*ROLE, *pip, timeout=1200).succeeded()
        found = engine_host.shell(
            NODE, "/opt/meshwork-swarm/bin/python -c 'import docker, pyroute2; print(docker.__file__, pyroute2.__file__)'"
        )
        assert all(path.startswith("/opt/meshwork-swarm/lib/") for path in found.split())
        assert engine_host.shell(NODE, "python3 -c 'import docker' 2>&1 || true").rstrip().endswith("No module named 'docker'")
        since = engine_host.shell(NODE, "sleep 1; date +%s").strip()
        again = role.playbook(*ROLE, *pip).succeeded()
        assert not [result.task for result in again.results if result.changed]
        # the journal has them with the collection that the task names, or that Ansible has put there
        ran = engine_host.module_runs(since)[NODE]
        assert sorted(name.rpartition(".")[2] for name in ran) == ["daemon_config", "pip", "stat"]
        told = role.module(NODE, "cluster_info", None, "-e", "ansible_python_interpreter=/opt/meshwork-swarm/bin/python").succeeded().only
        assert told.values["membership"]["state"] == "inactive"
    finally:
        engine_host.shell(NODE, f"apt-get -qq -y install {libraries}; rm -rf /opt/meshwork-swarm", timeout=120)


@pytest.fixture(scope="module")
def three_managers(cluster: Machines, ansible: Ansible) -> Iterator[Machines]:
    """The cluster with three managers; afterwards it is as it was, without a file of the Engine."""
    ansible.playbook("site.yml", managers=3).succeeded()
    yield cluster
    for node in cluster.nodes:
        cluster.shell(node, f"rm -f {FILE} {RECORD}; systemctl reset-failed docker.service; systemctl restart docker.service", timeout=180)
        eventually(lambda: nodes(cluster), lambda seen: seen == dict.fromkeys(cluster.nodes, "Ready"), 120, "all nodes are back")
    ansible.playbook("site.yml").succeeded()


def nodes(cluster: Machines, shown: str = "Status") -> dict[str, str]:
    text = cluster.shell(cluster.manager, "docker node ls --format '{{json .}}'", check=False)
    rows = [json.loads(line) for line in text.splitlines()]
    return {row["Hostname"]: row[shown] for row in rows}


def pauses(cluster: Machines) -> list[tuple[float, float]]:
    """From when to when the Engine of each node was last stopped, in seconds of the machines' one clock."""
    line = (
        "for name in InactiveEnterTimestamp ActiveEnterTimestamp; do "
        'date --date "$(systemctl show docker.service --property=$name --value)" +%s; done'
    )
    read = cluster.everywhere(line)
    return sorted((float(text.split()[0]), float(text.split()[1])) for text in read.values())


def test_B1_the_engines_of_a_swarm_are_restarted_one_after_the_other(three_managers: Machines, ansible: Ansible) -> None:
    before = {node: process(three_managers, node) for node in three_managers.nodes}
    wanted = settings(log_opts={"max-size": "11m"})
    ansible.playbook(*ROLE, *wanted, managers=3, timeout=900).succeeded()
    assert all(process(three_managers, node) != before[node] for node in three_managers.nodes)
    stopped = pauses(three_managers)
    assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(stopped)), stopped
    assert set(nodes(three_managers, "Availability").values()) == {"Active"}
    assert sorted(nodes(three_managers, "ManagerStatus").values()) == ["Leader", "Reachable", "Reachable"]
    assert len(three_managers.tasks("web")) == 2
    again = ansible.playbook(*ROLE, *wanted, managers=3).succeeded()
    assert not any(result.changed for result in again.on_hosts)


def test_B1_a_restart_that_was_cut_off_is_ended_by_the_next_run(three_managers: Machines, ansible: Ansible) -> None:
    wanted = settings(log_opts={"max-size": "12m"})
    cut = ansible.playbook(*ROLE, *wanted, managers=3, interrupt_at="Read the key that unlocks the manager", timeout=900)
    assert cut.returncode != 0
    assert sorted(nodes(three_managers, "Availability").values()) == ["Active", "Active", "Drain"]
    ansible.playbook(*ROLE, *wanted, managers=3, timeout=900).succeeded()
    assert set(nodes(three_managers, "Availability").values()) == {"Active"}
    assert not any(three_managers.everywhere_stripped(f"ls {RECORD} 2>/dev/null || true").values())


def test_B1_no_manager_is_restarted_while_another_one_is_down(three_managers: Machines, ansible: Ansible) -> None:
    down = three_managers.nodes[-1]
    three_managers.shell(down, "systemctl stop docker.socket docker.service", timeout=120)
    try:
        eventually(lambda: nodes(three_managers, "ManagerStatus")[down], "Unreachable".__eq__, 60, "the manager is seen to be gone")
        before = process(three_managers, three_managers.manager)
        limit = ("--limit", f"!{down}")
        message = ansible.playbook(*ROLE, *settings(log_opts={"max-size": "13m"}), *limit, managers=3).refused()
        assert "the majority would be lost: 1 of 3 managers reachable, a majority is 2" in message
        assert process(three_managers, three_managers.manager) == before
    finally:
        three_managers.shell(down, "systemctl start docker.service", timeout=120)
        eventually(lambda: nodes(three_managers, "ManagerStatus")[down], "Reachable".__eq__, 60, "the manager is back")
