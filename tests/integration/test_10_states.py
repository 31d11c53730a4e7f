# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""States of a member that need somebody's hand, each made for real: what is said of it, and that the way out leads out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import pytest
from stories.machines import Machines, eventually
from stories.playing import Ansible, Run

pytestmark = pytest.mark.long

ONLY_CLUSTER = ("site.yml", "--tags", "cluster")
STOP = "systemctl stop docker.socket docker.service"
RESTART = "systemctl restart docker.service"
LEAVE = {"state": "left", "force": True, "wait_timeout": 10}
OWN_ID = "docker info --format '{{.Swarm.NodeID}}'"
FURTHER = "10.97.0.113"
OPEN = "-p tcp --dport 2377 -j ACCEPT"


def node_id(cluster: Machines, node: str) -> str:
    return cluster.shell(node, OWN_ID).strip()


def state(cluster: Machines, node: str) -> str:
    return cluster.shell(node, "docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.Error}}'").strip()


def token(cluster: Machines) -> str:
    return cluster.shell(cluster.manager, "docker swarm join-token -q worker").strip()


def join(cluster: Machines, node: str, address: str = "") -> None:
    """Join anew with the docker CLI, without tasks; the Engine is restarted where its gossip hangs on to the last swarm."""
    cluster.shell(node, RESTART, timeout=120)
    address = address or cluster.addresses[node]
    manager = cluster.addresses[cluster.manager]
    line = f"docker swarm join --availability drain --advertise-addr {address} --token $(cat) {manager}:2377"
    cluster.shell(node, line, stdin=token(cluster), timeout=120)


def told(played: Run) -> list[str]:
    """The sentences of the refusal, one a finding; nothing was changed before it."""
    assert played.returncode != 0, played.output[-4000:]
    assert not any(result.changed for result in played.on_hosts)
    refusal = "Refuse hosts that are not the members they should be"
    return [line for result in played.failures if result.task.endswith(refusal) for line in result.message.splitlines()]


def warned(played: Run) -> list[str]:
    """The sentences that stopped nothing."""
    return [line for result in played.results if result.action.endswith("debug") for line in result.values.get("msg") or ()]


def reachable(cluster: Machines) -> set[str]:
    """The managers that take part in Raft, as the first one lists them; none while it has no leader."""
    rows = cluster.shell(cluster.manager, "docker node ls --format '{{.Hostname}} {{.ManagerStatus}}'", check=False).splitlines()
    return {row.split()[0] for row in rows if row.endswith((" Leader", " Reachable"))}


def control(cluster: Machines, node: str) -> str:
    return cluster.shell(node, "docker info --format '{{.Swarm.ControlAvailable}}'").strip()


def set_clocks(cluster: Machines, ahead: float = 0, nodes: Iterable[str] | None = None) -> None:
    """Set clocks to the controller's time and so many seconds more."""
    cluster.everywhere(f"date --set @{time.time() + ahead:.0f}", nodes)


def leave(cluster: Machines, ansible: Ansible, node: str) -> None:
    """The way out of most states, as the messages name it. What Docker holds on to after that is another story's."""
    left = ansible.module(node, "membership", LEAVE)
    assert left.returncode == 0 or "restart Docker" in left.only.message, left.output
    assert state(cluster, node) == "inactive"


def only_living_nodes(cluster: Machines) -> bool:
    """Whether each host has a node that is ready, and there are no others; what is down is removed on the way."""
    rows = [line.split() for line in cluster.shell(cluster.manager, "docker node ls --format '{{.ID}} {{.Status}}'").splitlines()]
    for node, status in rows:
        if status == "Down":
            cluster.shell(cluster.manager, f"docker node rm {node}")
    return {node for node, status in rows if status == "Ready"} == set(cluster.everywhere_stripped(OWN_ID).values()) and len(rows) == 3


@pytest.fixture(scope="module")
def worker(cluster: Machines) -> Iterator[str]:
    """A worker without tasks, so that it comes and goes quickly."""
    node = cluster.workers[-1]
    cluster.shell(cluster.manager, f"docker node update --availability drain {node}")
    yield node
    cluster.shell(cluster.manager, f"docker node update --availability active {node_id(cluster, node)}")
    eventually(lambda: sorted(cluster.tasks("agent").values()), lambda seen: seen == cluster.workers, 180, "the agent is back")


@pytest.fixture
def host(cluster: Machines, worker: str) -> Iterator[str]:
    """That worker; afterwards it is a healthy node of its own again, whatever was done to it."""
    yield worker
    set_clocks(cluster)
    cluster.fault("heal")
    ids = list(cluster.everywhere_stripped(OWN_ID).values())
    listed = cluster.shell(cluster.manager, "docker node ls -q").split()
    address = cluster.shell(worker, "docker info --format '{{.Swarm.NodeAddr}}'").strip()
    own = address == cluster.addresses[worker] and len(set(ids)) == len(ids) and set(ids) <= set(listed)
    if state(cluster, worker) != "active" or not own:
        cluster.leave([worker])
        join(cluster, worker)
    cluster.shell(worker, f"ip address delete {FURTHER}/24 dev eth0 2>/dev/null || true")
    eventually(lambda: only_living_nodes(cluster), lambda seen: seen, 180, "every host has one node, and it is ready")


@pytest.fixture(scope="module")
def managers(cluster: Machines, worker: str) -> Iterator[list[str]]:
    """All three hosts as managers, with the port for it open."""
    others = cluster.nodes[1:]
    cluster.everywhere(f"iptables -I INPUT {OPEN}", others)
    cluster.shell(cluster.manager, f"docker node promote {' '.join(others)}")
    eventually(lambda: reachable(cluster), lambda seen: seen == set(cluster.nodes), 120, "three managers")
    yield cluster.nodes
    left = set(cluster.nodes)
    for node in others:
        # one after the other, when all that are left can be reached: else the majority may be lost
        cluster.shell(cluster.manager, f"docker node demote {node}")
        left.remove(node)
        eventually(lambda: reachable(cluster), lambda seen, left=frozenset(left): seen == left, 120, f"{node} is no manager")
        eventually(lambda node=node: control(cluster, node), lambda seen: seen == "false", 120, f"{node} knows that it is none")
    cluster.everywhere(f"iptables -D INPUT {OPEN}", others)


def test_A7_two_hosts_with_one_identity(cluster: Machines, ansible: Ansible, host: str) -> None:
    original = cluster.workers[0]
    identity = cluster.shell(original, "tar -C /var/lib/docker -cf - swarm | base64 --wrap 0")
    cluster.shell(host, f"{STOP}; rm -r /var/lib/docker/swarm; base64 --decode | tar -C /var/lib/docker -xf -", stdin=identity, timeout=120)
    cluster.shell(host, "systemctl start docker.service", timeout=120)
    assert node_id(cluster, host) == node_id(cluster, original) != ""
    (message,) = told(ansible.playbook(*ONLY_CLUSTER))
    assert message.startswith(f"{original} and {host} are the same node {node_id(cluster, host)}: one was made from the other's disk")
    assert "on each that is a copy: make it leave on purpose" in message

    leave(cluster, ansible, host)
    join(cluster, host)
    assert node_id(cluster, host) != node_id(cluster, original)
    assert state(cluster, original) == "active"


def test_A7_a_join_that_does_not_end(cluster: Machines, ansible: Ansible, host: str) -> None:
    leave(cluster, ansible, host)
    cluster.shell(host, RESTART, timeout=120)
    cluster.fault("drop", host, "--proto", "tcp", "--port", "2377")
    at = f"{cluster.addresses[cluster.manager]}:2377"
    cluster.shell(host, f"timeout 3 docker swarm join --token $(cat) {at}", stdin=token(cluster), check=False)
    assert state(cluster, host) == "pending"
    own = ansible.module(host, "membership", {"remote_addrs": [at], "join_token": "none"}).refused()
    assert own.startswith(f"membership: this host has begun to join at {at} and has not got in yet; let it reach {at} over TCP")

    eventually(lambda: state(cluster, host), lambda seen: seen.startswith("error"), 120, "the Engine gives up")
    (message,) = told(ansible.playbook(*ONLY_CLUSTER))
    assert message.startswith(f"{host} has begun to join, has not got in, and its Engine has given up: rpc error: code = DeadlineExceeded")
    assert "let it reach the managers over 2377/tcp" in message and "make it leave on purpose" in message
    leave(cluster, ansible, host)


def test_A7_a_host_that_was_removed_and_does_not_know(cluster: Machines, ansible: Ansible, host: str) -> None:
    cluster.shell(cluster.manager, f"docker node rm --force {node_id(cluster, host)}")
    assert state(cluster, host) == "active"
    (message,) = told(ansible.playbook(*ONLY_CLUSTER))
    assert message.startswith(f"{host} was removed from this swarm (node {node_id(cluster, host)}) and does not know it; make it leave")


def test_A7_an_address_that_every_host_has_for_itself(cluster: Machines, ansible: Ansible, host: str) -> None:
    leave(cluster, ansible, host)
    join(cluster, host, "172.17.0.1")
    (message,) = told(ansible.playbook(*ONLY_CLUSTER))
    assert message.startswith(f"{host} is known to the other nodes at 172.17.0.1, its docker0, which every host has for itself")
    assert f"The managers see it come from {cluster.addresses[host]}" in message and "playbooks/readdress.yml moves" in message


def test_A7_an_address_that_is_not_the_inventorys_and_then_goes(cluster: Machines, ansible: Ansible, host: str) -> None:
    cluster.shell(host, f"ip address add {FURTHER}/24 dev eth0")
    leave(cluster, ansible, host)
    join(cluster, host, FURTHER)
    (differs,) = told(ansible.playbook(*ONLY_CLUSTER))
    assert differs.startswith(
        f"{host} is a member at other addresses than the inventory's: advertise_addr: wanted {cluster.addresses[host]}, "
    )
    ignoring = ansible.playbook(*ONLY_CLUSTER, "-e", "{cluster_ignored_states: [address_differs]}").succeeded()
    assert [line for line in warned(ignoring) if line == differs]

    cluster.shell(host, f"ip address delete {FURTHER}/24 dev eth0")
    (gone,) = told(ansible.playbook(*ONLY_CLUSTER))
    assert gone.startswith(f"{host} is known to the other nodes at {FURTHER}, which none of its interfaces has any more")
    assert "give it the address back" in gone and "playbooks/readdress.yml moves" in gone


def test_A7_an_old_entry_and_a_clock_a_few_minutes_off_stop_nothing(cluster: Machines, ansible: Ansible, host: str) -> None:
    old = node_id(cluster, host)
    cluster.leave([host])
    join(cluster, host)
    new = node_id(cluster, host)
    ready = f"docker node inspect --format '{{{{.Status.State}}}}' {old} {new}"
    eventually(lambda: cluster.shell(cluster.manager, ready).split(), lambda seen: seen == ["down", "ready"], 120, "the old one is down")
    # a little more, since the clocks of a busy lab fall behind
    set_clocks(cluster, 310, [host])
    warnings = warned(ansible.playbook(*ONLY_CLUSTER).succeeded())
    (clock,) = [line for line in warnings if "clock" in line]
    assert clock.startswith(f"{host} has a clock that is 5.") and f"min ahead of that of {cluster.manager}" in clock
    (twice,) = [line for line in warnings if "twice" in line]
    assert twice.startswith(f"{host} is in the swarm twice: as node {new}, which is ready, and as node {old}, which is down")
    assert twice.endswith(f"playbook remove_node, removal_node={old}")

    ansible.playbook("remove_node.yml", "-e", f"removal_node={old}").succeeded()
    assert old not in cluster.shell(cluster.manager, "docker node ls -q").split()
    assert state(cluster, host) == "active"


def test_A7_a_certificate_that_has_expired(cluster: Machines, ansible: Ansible, host: str) -> None:
    """The manager makes certificates of another life only after a restart, so it gets one; the worker has the only short one."""
    cluster.shell(cluster.manager, f"docker swarm update --cert-expiry 1h && {RESTART}", timeout=120)
    try:
        leave(cluster, ansible, host)
        join(cluster, host)
    finally:
        cluster.shell(cluster.manager, f"docker swarm update --cert-expiry 2160h && {RESTART}", timeout=120)
    own = node_id(cluster, host)
    cluster.shell(host, STOP, timeout=120)
    set_clocks(cluster, 7260, [host])
    cluster.shell(host, "systemctl start docker.service", timeout=120)
    assert state(cluster, host).startswith("error")
    expired, clock = told(ansible.playbook(*ONLY_CLUSTER))
    reason = f"{host} has a swarm certificate that was no longer valid when its Docker started (node {own})"
    assert expired.startswith(reason) and expired.endswith("set its clock right and restart Docker there: the certificate is still good")
    assert clock.startswith(f"{host} has a clock that is 2.0 h ahead of that of {cluster.manager}; set the clock of the one that is wrong")
    assert "more than the hour that certificates allow for" in clock

    set_clocks(cluster, 7200)
    (message,) = told(ansible.playbook(*ONLY_CLUSTER))
    assert message.startswith(reason) and "it cannot be renewed any more: make it leave on purpose" in message
    assert message.endswith(f"removal_node={own}")
    leave(cluster, ansible, host)
    set_clocks(cluster)
    join(cluster, host)
    assert node_id(cluster, host) != own


@pytest.fixture
def key(cluster: Machines, managers: list[str]) -> Iterator[str]:
    """The unlock key of the swarm, whose managers are locked when they are restarted."""
    cluster.shell(cluster.manager, "docker swarm update --autolock=true")
    yield cluster.shell(cluster.manager, "docker swarm unlock-key -q").strip()
    cluster.shell(cluster.manager, "docker swarm update --autolock=false")


def test_A4_A7_a_locked_manager_is_unlocked_with_the_key_of_another(
    cluster: Machines, ansible: Ansible, managers: list[str], key: str
) -> None:
    locked = managers[-1]
    cluster.shell(locked, RESTART, timeout=120)
    assert state(cluster, locked).startswith("locked")
    for module, item in (("cluster", "swarm"), ("membership", "membership")):
        message = ansible.module(locked, module).refused()
        assert message.startswith(f"{item}: this host is a manager that is locked since its Docker was restarted (node ")
        assert "give its unlock key" in message

    played = ansible.playbook(*ONLY_CLUSTER, "-vvvv", managers=3).succeeded()
    assert [result.host for result in played.of("membership") if "unlock this manager" in result.says] == [locked]
    assert state(cluster, locked) == "active"
    assert key not in played.output and key.split("-")[-1] not in played.output


def test_A4_a_wrong_key_is_told_and_a_right_one_unlocks_once(cluster: Machines, ansible: Ansible, managers: list[str], key: str) -> None:
    locked = managers[-1]
    cluster.shell(locked, RESTART, timeout=120)
    options = {"role": "manager", "unlock_key": "SWMKEY-1-" + "A" * 43}
    assert "invalid key provided" in ansible.module(locked, "membership", options).refused()
    assert state(cluster, locked).startswith("locked")
    planned = ansible.module(locked, "membership", {**options, "unlock_key": key}, check=True).succeeded().only
    assert planned.says == ["unlock this manager"] and state(cluster, locked).startswith("locked")
    assert ansible.module(locked, "membership", {**options, "unlock_key": key}).succeeded().only.changed
    assert state(cluster, locked) == "active"
    assert not ansible.module(locked, "membership", {**options, "unlock_key": key}).succeeded().only.changed


def test_A4_A7_a_majority_of_locked_managers_needs_the_key_that_somebody_kept(
    cluster: Machines, ansible: Ansible, managers: list[str], key: str
) -> None:
    first, *others = managers
    cluster.everywhere(RESTART, others)
    eventually(lambda: state(cluster, first), lambda seen: "does not have a leader" in seen, 120, "the majority is lost")
    lost, *locked = told(ansible.playbook(*ONLY_CLUSTER, managers=3))
    assert lost.startswith(f"{first} has no leader") and f"unlock {', '.join(others)}, " in lost
    assert len(locked) == len(others)
    assert all("no live manager is there to tell its unlock key: give it as swarm_unlock_key" in line for line in locked)

    ansible.playbook(*ONLY_CLUSTER, "-e", f"swarm_unlock_key={key}", managers=3).succeeded()
    assert {state(cluster, node) for node in managers} == {"active"}


def test_A6_A7_a_majority_that_is_lost(cluster: Machines, ansible: Ansible, managers: list[str]) -> None:
    first, *others = managers
    addresses = [f"{cluster.addresses[node]}:2377" for node in managers]
    cluster.everywhere(STOP, others)
    try:
        eventually(lambda: state(cluster, first), lambda seen: "does not have a leader" in seen, 120, "the majority is lost")
        (message,) = told(ansible.playbook(*ONLY_CLUSTER, managers=3))
        assert message.startswith(
            f"{first} has no leader, since its swarm has lost its majority: 2 of its 3 managers have to work together, 1 answer here "
            f"({first}), 1 more needed, of "
        )
        assert all(address in message for address in addresses[1:]) and addresses[0] not in message
        assert "the playbook recover makes a majority out of one manager" in message
        own = ansible.module(first, "cluster").refused()
        assert own.startswith("swarm: this host is a manager without a leader: its swarm has 3 managers (")
        assert all(address in own for address in addresses) and "a majority is 2, and fewer of them reach each other" in own
    finally:
        cluster.everywhere("systemctl start docker.service", others)
    eventually(lambda: reachable(cluster), lambda seen: seen == set(managers), 120, "the others are back")
