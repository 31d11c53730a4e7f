# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The swarm's state taken away and put back, and a swarm that has lost its majority. These stories end the cluster and build it anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from stories.machines import Machines, eventually
from stories.playing import Ansible

pytestmark = pytest.mark.long

STATE = "/var/lib/docker/swarm"
SECRET = "meshwork-story"
WIPE = f"systemctl stop docker.socket docker.service; rm -rf {STATE} /var/lib/docker/containers/*; sync"

REMOVE_DOWN = "docker node ls -q | xargs -r docker node inspect --format '{{.ID}} {{.Status.State}}' | awk '$2 != \"ready\" {print $1}' | "
REMOVE_DOWN += "xargs -r docker node rm --force >/dev/null; docker node ls -q | wc -l"


def at_once(cluster: Machines, line: str, nodes: Iterable[str] | None = None) -> None:
    """A line on several nodes at once. Engines take their time to stop when their tasks do."""
    with ThreadPoolExecutor(len(cluster.nodes)) as pool:
        list(pool.map(lambda node: cluster.shell(node, line, timeout=180), nodes or cluster.nodes))


def renew(cluster: Machines, nodes: Sequence[str]) -> None:
    """Hosts become new machines: nothing of a swarm is left on their disks, nor in their kernels."""
    at_once(cluster, WIPE, nodes)
    cluster.fault("kill", *nodes)
    cluster.fault("start", *nodes)
    assert {node: state for node, state in cluster.membership().items() if node in nodes} == dict.fromkeys(nodes, "inactive")


def node_rows(cluster: Machines, node: str) -> dict[str, tuple[str, str]]:
    """`docker node ls` as a manager shows it: hostname to status and manager status, of the newest entry of each."""
    text = cluster.shell(node, "docker node ls --format '{{json .}}'", check=False)
    rows = [json.loads(line) for line in text.splitlines()]
    return {row["Hostname"]: (row["Status"], row["ManagerStatus"]) for row in rows}


def kept(cluster: Machines, node: str) -> list[str]:
    """The services, secrets, configs and networks of the swarm, by ID."""
    line = "docker service ls -q; docker secret ls -q; docker config ls -q; docker network ls -q --filter scope=swarm"
    return sorted(cluster.shell(node, line).split())


def silent(cluster: Machines, nodes: Sequence[str] = ()) -> list[str]:
    """The nodes on which the published service does not answer."""
    return [node for node in nodes or cluster.nodes if not cluster.curl(f"http://{cluster.addresses[node]}:8080")]


def answers(cluster: Machines, nodes: Sequence[str] = ()) -> None:
    """A manager whose Engine was stopped has lost its tasks, and they are started anew."""
    eventually(lambda: silent(cluster, nodes), lambda seen: not seen, 120, "web answers on every node")


def addresses_of_managers(cluster: Machines, node: str) -> set[str]:
    """At which addresses managers are told to reach each other."""
    line = "docker node ls -q --filter role=manager | xargs docker node inspect --format '{{.ManagerStatus.Addr}}'"
    return set(cluster.shell(node, line).split())


@pytest.fixture(scope="module")
def archive(cluster: Machines, ansible: Ansible, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of the only manager, with a secret in the swarm."""
    folder = tmp_path_factory.mktemp("backups")
    cluster.shell(cluster.manager, f"echo secret | docker secret create {SECRET} -")
    arguments = ("-e", f"backup_folder={folder}", "-e", "backup_allow_interruption=true")
    ansible.playbook("backup.yml", *arguments).succeeded()
    (found,) = folder.glob("*.tar.gz")
    return found


@pytest.fixture(scope="module", autouse=True)
def rebuilt(cluster: Machines, ansible: Ansible) -> Iterator[None]:
    """What these stories leave is no cluster of others: every host is made a new machine, and the cluster is built on them."""
    yield
    renew(cluster, cluster.nodes)
    ansible.playbook("site.yml").succeeded()


@pytest.mark.usefixtures("unchanged")
def test_A9_a_backup_that_interrupts_the_management_is_asked_for_by_name(cluster: Machines, ansible: Ansible) -> None:
    message = ansible.module(cluster.manager, "backup", {"path": "/root/swarm.tar.gz"}).refused()
    assert "it is the only manager" in message and "allow_interruption: true" in message


def test_A9_an_archive_is_private_and_comes_with_its_checksum(cluster: Machines, archive: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert archive.with_name(archive.name + ".sha256").read_text() == f"{digest}  {archive.name}\n"
    assert {path.stat().st_mode & 0o777 for path in archive.parent.iterdir()} == {0o600}
    answers(cluster)
    assert cluster.shell(cluster.manager, "ls -A /root | grep meshwork-swarm || true") == ""


def test_A9_the_archive_of_a_living_swarm_is_not_put_back_over_it(cluster: Machines, ansible: Ansible, archive: Path) -> None:
    where = ("-e", f"restore_host={cluster.workers[0]}", "-e", f"restore_archive={archive}")
    assert "manage a swarm that lives" in ansible.playbook("restore.yml", *where).refused()


def test_A9_a_new_machine_with_the_same_address_gets_the_swarm_back(cluster: Machines, ansible: Ansible, archive: Path) -> None:
    manager, worker = cluster.manager, cluster.workers[0]
    before = kept(cluster, manager)
    started = cluster.shell(worker, "docker ps --no-trunc -q --filter label=com.docker.swarm.service.name").split()
    renew(cluster, [manager])

    wrong = ("-e", f"restore_host={manager}", "-e", f"restore_archive={archive}", "-e", f"restore_checksum={'0' * 64}")
    assert "is not the archive that was meant" in ansible.playbook("restore.yml", *wrong).refused()
    assert cluster.membership()[manager] == "inactive"

    arguments = ("-e", f"restore_host={manager}", "-e", f"restore_archive={archive}")
    ansible.playbook("restore.yml", *arguments).succeeded()
    ready = dict.fromkeys(cluster.nodes, "Ready")
    eventually(lambda: {name: row[0] for name, row in node_rows(cluster, manager).items()}, ready.__eq__, 120, "the workers are back")
    assert kept(cluster, manager) == before
    answers(cluster)
    # the workers' containers never stopped
    assert set(started) <= set(cluster.shell(worker, "docker ps --no-trunc -q").split())
    again = ansible.playbook("restore.yml", *arguments).succeeded()
    assert not any(result.changed for result in again.of("restore") + again.of("cluster"))


@pytest.fixture
def lost(cluster: Machines) -> Iterator[str]:
    """The first host, whose machine is gone; afterwards it is there as a new one."""
    renew(cluster, cluster.nodes)
    cluster.fault("kill", cluster.manager)
    yield cluster.manager
    cluster.fault("start", cluster.manager)


def at_its_own_address(cluster: Machines, ansible: Ansible, host: str, other: str, lost: str) -> None:
    """The way that docs/day-two.md tells: another host is the manager for a moment, reached through the address of the lost one."""
    without = ("--limit", f"!{lost}")
    refused = ansible.playbook("site.yml", *without, managers=f"{host},{other}").refused()
    assert refused.startswith(f"{host} is told to other managers as {cluster.addresses[lost]}:2377, an address that none of its interfaces")
    cluster.shell(host, f"ip address add {cluster.addresses[lost]} dev eth0")
    for managers in (f"{host},{other}", other, f"{host},{other}"):
        ansible.playbook("site.yml", *without, managers=managers).succeeded()
    cluster.shell(host, f"ip address delete {cluster.addresses[lost]} dev eth0")
    own = {f"{cluster.addresses[node]}:2377" for node in (host, other)}
    eventually(lambda: addresses_of_managers(cluster, host), own.__eq__, 60, "each manager is known at its own address")


def test_A9_a_machine_with_another_address_gets_the_swarm_back(cluster: Machines, ansible: Ansible, archive: Path, lost: str) -> None:
    new, other = cluster.workers
    words = ("-e", f"restore_host={new}", "-e", f"restore_archive={archive}", "--limit", f"!{lost}")
    ansible.playbook("restore.yml", *words).succeeded()
    assert SECRET in cluster.shell(new, "docker secret ls --format '{{.Name}}'").split()
    assert cluster.shell(new, "docker info --format '{{.Swarm.NodeAddr}}'").strip() == cluster.addresses[new]
    answers(cluster, [new])
    # the machines that were renewed have left their old entries behind; as new ones they join later
    eventually(lambda: cluster.shell(new, REMOVE_DOWN, check=False), lambda left: left.strip() == "1", 60, "only the manager is listed")
    at_its_own_address(cluster, ansible, new, other, lost)
    answers(cluster, [new, other])


def test_A9_a_swarm_that_lost_its_majority_goes_on_with_the_manager_that_is_left(cluster: Machines, ansible: Ansible) -> None:
    ansible.playbook("site.yml", managers=3).succeeded()
    left, dead, back = cluster.nodes
    cluster.shell(left, f"docker node update --label-add story=kept {back}")
    words = ("-e", f"recover_host={left}", "-e", "{recover_confirmation: force a new cluster}", "-e", "recover_patience=5")
    assert "has a leader" in ansible.playbook("recover.yml", *words, managers=3).refused()
    before = kept(cluster, left)

    at_once(cluster, "systemctl stop docker.socket docker.service", [dead, back])
    assert node_rows(cluster, left) == {}
    assert "Nothing was touched" in ansible.playbook("recover.yml", "-e", f"recover_host={left}", "-e", "recover_confirmation=").refused()
    arguments = (*words, "-e", f"recover_remove={json.dumps([dead])}", "--limit", left)
    ansible.playbook("recover.yml", *arguments, managers=3).succeeded()
    rows = node_rows(cluster, left)
    assert rows[left] == ("Ready", "Leader") and dead not in rows
    assert kept(cluster, left) == before

    # the one that was off comes back by itself, the one that was lost is replaced by a new machine
    cluster.shell(back, "systemctl start docker.service", timeout=120)
    renew(cluster, [dead])
    eventually(lambda: node_rows(cluster, left).get(back), ("Ready", "Reachable").__eq__, 120, "the other manager is back")
    ansible.playbook("site.yml", managers=3).succeeded()
    assert {name: row[0] for name, row in node_rows(cluster, left).items()} == dict.fromkeys(cluster.nodes, "Ready")
    assert sorted(row[1] for row in node_rows(cluster, left).values()) == ["Leader", "Reachable", "Reachable"]
    assert cluster.inspect("node", back, left)["Spec"]["Labels"]["story"] == "kept"
    answers(cluster)
