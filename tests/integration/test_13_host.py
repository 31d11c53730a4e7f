# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts as a swarm needs them, judged by lsmod, sysctl, ip, iptables, ipvsadm, networkctl and the docker CLI."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from stories.machines import LAB, Machines, eventually, run
from stories.playing import Ansible

OPTIONS = {"encrypted": True, "nodes": 3, "interfaces_unmanaged": True, "offload_workaround": "auto"}
"""What the role gives to the module on this cluster."""
MODULES_FILE = "/etc/modules-load.d/meshwork-swarm.conf"
SYSCTL_FILE = "/etc/sysctl.d/99-zz-meshwork-swarm.conf"
# Docker raises those of IPv4 by itself
IPV6_NEIGHBOURS = "net.ipv6.neigh.default.gc_thresh3"


@pytest.fixture
def node(cluster: Machines) -> str:
    return cluster.nodes[-1]


@pytest.fixture
def put_back(cluster: Machines, ansible: Ansible, node: str) -> Iterator[list[str]]:
    """Lines for the node's shell that undo what a story did; then the host is as the role makes it."""
    lines: list[str] = []
    yield lines
    cluster.shell(node, "; ".join(lines) or "true")
    ansible.module(node, "host", OPTIONS).succeeded()


def sysctl(cluster: Machines, node: str, *names: str) -> list[str]:
    return cluster.shell(node, f"sysctl -n {' '.join(names)}").split()


def managed(cluster: Machines, node: str, interface: str) -> str:
    """What networkd makes of an interface: configured, unmanaged ...; empty while it does not know it."""
    told = re.search(rf"^\s*\d+\s+{interface}\s.*\s(\S+)\s*$", cluster.shell(node, "networkctl --no-legend list"), re.MULTILINE)
    return told.group(1) if told else ""


def surroundings(cluster: Machines, node: str) -> str:
    """What trying could have left behind."""
    return cluster.shell(node, "ip -o link | cut -d' ' -f2; ip xfrm policy; ip netns; ipvsadm -Ln; iptables-save | grep -v '^[#:]'")


def test_B5_a_host_of_the_cluster_is_fit_and_a_second_run_changes_nothing(cluster: Machines, ansible: Ansible, node: str) -> None:
    before = surroundings(cluster, node)
    again = ansible.module(node, "host", OPTIONS, "--diff").succeeded().only
    assert not again.changed and again.values["steps"] == []
    assert surroundings(cluster, node) == before, "trying leaves nothing behind"
    assert all(feature["works"] for feature in again.values["features"])
    loaded = {line.split()[0] for line in cluster.shell(node, "lsmod").splitlines()}
    kept = [line for line in cluster.shell(node, f"cat {MODULES_FILE}").splitlines() if not line.startswith("#")]
    assert {"vxlan", "br_netfilter", "ip_vs", "esp4", "esp6", "xt_bpf"} <= set(kept) <= loaded
    assert sysctl(cluster, node, "net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables", IPV6_NEIGHBOURS) == ["1", "1", "65536"]


def test_B5_what_somebody_damaged_is_mended(cluster: Machines, ansible: Ansible, node: str) -> None:
    cluster.shell(
        node,
        f"modprobe -r esp6; sysctl -qw {IPV6_NEIGHBOURS}=1024; rm {MODULES_FILE}; sed -i s/65536/7/ {SYSCTL_FILE}; echo >> {SYSCTL_FILE}",
    )
    dry = ansible.module(node, "host", OPTIONS, check=True).succeeded().only
    assert sysctl(cluster, node, IPV6_NEIGHBOURS) == ["1024"]
    real = ansible.module(node, "host", OPTIONS, "--diff").succeeded().only
    assert dry.changed and dry.values["steps"] == real.values["steps"] and dry.values["diff"] == real.values["diff"]
    assert real.says[:2] == ["load the kernel modules esp6", f"set {IPV6_NEIGHBOURS} from 1024 to 65536"]
    assert sysctl(cluster, node, IPV6_NEIGHBOURS) == ["65536"]
    assert f"{IPV6_NEIGHBOURS} = 65536" in cluster.shell(node, f"cat {SYSCTL_FILE}")
    assert "esp6" in cluster.shell(node, f"lsmod; cat {MODULES_FILE}")
    assert not ansible.module(node, "host", OPTIONS).succeeded().only.changed


def test_B5_what_an_operator_has_set_higher_stays_over_a_boot(cluster: Machines, ansible: Ansible, node: str, put_back: list[str]) -> None:
    own = "/etc/sysctl.d/60-operator.conf"
    put_back.append(f"rm -f {own}; sysctl -qw {IPV6_NEIGHBOURS}=65536")
    cluster.shell(node, f"echo '{IPV6_NEIGHBOURS} = 200000' > {own}; sysctl -qp {own}")
    changed = ansible.module(node, "host", OPTIONS).succeeded().only
    assert changed.says == ["set these kernel parameters at boot, too"], "ours would have the last word at boot"
    # what systemd does at boot
    cluster.shell(node, "systemctl restart systemd-sysctl")
    assert sysctl(cluster, node, IPV6_NEIGHBOURS) == ["200000"]
    assert not ansible.module(node, "host", OPTIONS).succeeded().only.changed


def test_B5_a_file_that_would_undo_it_at_boot_is_named(cluster: Machines, ansible: Ansible, node: str, put_back: list[str]) -> None:
    behind = "/etc/sysctl.d/99-zzz-operator.conf"
    put_back.append(f"rm -f {behind}")
    cluster.shell(node, f"echo 'net.ipv4.ip_forward = 0' > {behind}")
    message = ansible.module(node, "host", {**OPTIONS, "sysctls": {"net.core.somaxconn": 5001}}).refused()
    assert message.startswith(f"net.ipv4.ip_forward: {behind} sets it to 0 at boot, behind {SYSCTL_FILE}")
    assert sysctl(cluster, node, "net.core.somaxconn") != ["5001"], "nothing was touched"
    assert "somaxconn" not in cluster.shell(node, f"cat {SYSCTL_FILE}")


def test_B5_what_the_host_cannot_do_is_told_where_it_is_needed(cluster: Machines, ansible: Ansible, node: str, put_back: list[str]) -> None:
    folder = "$(dirname $(find / -xdev -name libxt_bpf.so*))"
    put_back.append(f"cd {folder}; for each in libxt_bpf libxt_u32; do mv $each.so.away $each.so; done")
    cluster.shell(node, f"cd {folder}; for each in libxt_bpf libxt_u32; do mv $each.so $each.so.away; done")
    message = ansible.module(node, "host", OPTIONS).refused()
    assert "it cannot do the iptables match bpf, or u32 with Engines before 24.0" in message
    assert "no task on an encrypted network starts" in message and "linux-modules-extra-" in message
    plain = ansible.module(node, "host", {"encrypted": False}, check=True).succeeded().only
    assert "vni_match" not in [feature["name"] for feature in plain.values["features"]]


def test_B5_networkd_leaves_the_interfaces_of_docker_alone(cluster: Machines, ansible: Ansible, node: str, put_back: list[str]) -> None:
    theirs, ours = "/etc/systemd/network/50-story.network", "/etc/systemd/network/00-meshwork-swarm.network"
    assert ours not in ansible.module(node, "host", OPTIONS).succeeded().only.values["files"], "the service is not in use"
    put_back.append(f"ip link del vethstory; rm -f {theirs}; systemctl stop systemd-networkd.socket systemd-networkd.service")
    cluster.shell(
        node,
        f"mkdir -p /etc/systemd/network; printf '[Match]\\nName=vethstory\\n[Network]\\nAddress=192.0.2.77/24\\n' > {theirs}; "
        "ip link add vethstory type veth peer name vethpeer; ip link set vethstory up; ip link set vethpeer up; "
        "systemctl start systemd-networkd",
    )

    def state() -> str:
        return managed(cluster, node, "vethstory")

    eventually(state, lambda told: told not in ("", "unmanaged", "pending"), 30, "networkd has taken the interface")
    eventually(lambda: cluster.shell(node, "ip addr show vethstory"), lambda told: "192.0.2.77" in told, 30, "networkd gives it an address")
    written = ansible.module(node, "host", OPTIONS).succeeded().only
    assert written.says == ["have systemd-networkd leave Docker's interfaces alone"]
    eventually(state, lambda told: told == "unmanaged", 30, "networkd has let it go")
    cluster.shell(node, "systemctl restart systemd-networkd")
    eventually(state, lambda told: told == "unmanaged", 30, "a restarted networkd leaves it alone, too")
    ansible.module(node, "host", {"interfaces_unmanaged": False}).succeeded()
    assert ours not in cluster.shell(node, "ls -d /etc/systemd/network/*")


def test_B5_absent_removes_our_files_and_nothing_else(cluster: Machines, ansible: Ansible, node: str, put_back: list[str]) -> None:
    put_back.append("true")
    before = cluster.shell(node, "find /etc -type f -newermt 2000-01-01 | sort")
    removed = ansible.module(node, "host", {"state": "absent"}).succeeded().only
    after = cluster.shell(node, "find /etc -type f -newermt 2000-01-01 | sort")
    assert set(before.split()) - set(after.split()) == {MODULES_FILE, SYSCTL_FILE} and not set(after.split()) - set(before.split())
    assert removed.values["files"] == []
    assert sysctl(cluster, node, "net.ipv4.ip_forward", IPV6_NEIGHBOURS) == ["1", "65536"]
    assert not ansible.module(node, "host", {"state": "absent"}).succeeded().only.changed


@pytest.mark.long
def test_B5_all_of_it_is_there_after_a_power_cut(cluster: Machines, ansible: Ansible, node: str, put_back: list[str]) -> None:
    own = ("net.core.somaxconn", "net.ipv4.conf.all.rp_filter", "net.ipv4.conf.default.rp_filter")
    before = [f"{name}={value}" for name, value in zip(own, sysctl(cluster, node, *own), strict=True)]
    put_back.append(f"sysctl -qw {' '.join(before)}")
    # an operator's file that would take them
    theirs = "/etc/systemd/network/50-story.network"
    ours = "/etc/systemd/network/00-meshwork-swarm.network"
    put_back.append(f"rm -f {theirs} {ours}; systemctl disable --now systemd-networkd.socket systemd-networkd.service")
    cluster.shell(
        node,
        f"mkdir -p /etc/systemd/network; printf '[Match]\\nName=docker_gwbridge veth*\\n[Network]\\nAddress=192.0.2.77/24\\n' > {theirs}; "
        "systemctl enable systemd-networkd",
    )
    wanted: dict[str, Any] = {**OPTIONS, "rp_filter": 2, "sysctls": {"net.core.somaxconn": 5000}}
    ansible.module(node, "host", wanted).succeeded()
    cluster.shell(node, "sync")
    for fault in ("kill", "start"):
        run([str(LAB), "--name", cluster.name, "fault", fault, node], timeout=300)
    names = (IPV6_NEIGHBOURS, "net.core.somaxconn", "net.ipv4.conf.all.rp_filter", "net.bridge.bridge-nf-call-iptables")
    assert sysctl(cluster, node, *names) == ["65536", "5000", "2", "1"]
    loaded = {line.split()[0] for line in cluster.shell(node, "lsmod").splitlines()}
    assert {"esp6", "vxlan", "ip_vs", "xt_policy"} <= loaded
    assert cluster.shell(node, "systemctl is-failed systemd-modules-load systemd-sysctl", check=False).split() == ["active", "active"]
    assert not ansible.module(node, "host", wanted).succeeded().only.changed
    assert cluster.shell(node, "systemctl is-active systemd-networkd").strip() == "active"
    eventually(lambda: managed(cluster, node, "docker_gwbridge"), "unmanaged".__eq__, 30, "networkd leaves the bridge alone")
    assert "192.0.2.77" not in cluster.shell(node, "ip addr")
    ready = "docker node ls --format '{{.Hostname}} {{.Status}}'"
    eventually(lambda: cluster.shell(cluster.manager, ready, check=False), lambda told: f"{node} Ready" in told, 60, "the node is back")


def bridge(cluster: Machines, node: str) -> tuple[str, str]:
    """The subnet and the MTU of docker_gwbridge, as the docker CLI shows them."""
    found = cluster.inspect("network", "docker_gwbridge", node)
    return found["IPAM"]["Config"][0]["Subnet"], found["Options"].get("com.docker.network.driver.mtu", "1500")


def availability(cluster: Machines, node: str) -> str:
    return cluster.shell(cluster.manager, f"docker node inspect {node} --format '{{{{.Spec.Availability}}}}'").strip()


@pytest.mark.long
def test_B6_docker_gwbridge_of_a_member_is_replaced_only_where_nothing_runs(
    cluster: Machines, ansible: Ansible, node: str, figures: list[str]
) -> None:
    subnet, mtu = bridge(cluster, node)
    wanted = {"subnets": [{"subnet": "172.31.244.0/24"}], "mtu": 1380}
    refused = ansible.module(node, "gwbridge", wanted)
    assert refused.refused().startswith("docker_gwbridge: it differs (subnets: wanted ") and refused.only.values["needs_drain"]
    if cluster.shell(node, "docker ps -q").split():
        assert "these containers run here" in ansible.module(node, "gwbridge", {**wanted, "replace": "drained"}).refused()
    assert bridge(cluster, node) == (subnet, mtu)

    dry = _play(ansible, node, wanted, "--check")
    assert [step["action"] for step in dry.of("gwbridge")[0].values["steps"]] == ["begin", "disconnect", "remove", "create", "restart"]
    assert bridge(cluster, node) == (subnet, mtu)
    made = _play(ansible, node, wanted)
    try:
        figures.append(f"docker_gwbridge replaced on one member: {made.seconds:.1f} s")
        assert bridge(cluster, node) == ("172.31.244.0/24", "1380")
        assert availability(cluster, node) == "active"
        assert "inet 172.31.244.1/24" in cluster.shell(node, "ip addr show docker_gwbridge")
        leg = cluster.shell(node, "nsenter --net=/run/docker/netns/ingress_sbox ip addr show eth1")
        assert "mtu 1380" in leg and "inet 172.31.244." in leg
        # the routing mesh of this very node
        eventually(lambda: cluster.curl(f"http://{cluster.addresses[node]}:8080"), bool, 30, "a published port answers on the node")
        again = _play(ansible, node, wanted)
        assert not [result for result in again.results if result.changed]
    finally:
        _play(ansible, node, {"subnets": [{"subnet": subnet}], "mtu": int(mtu)})
    assert bridge(cluster, node) == (subnet, mtu)
    eventually(lambda: cluster.curl(f"http://{cluster.addresses[node]}:8080"), bool, 30, "a published port answers on the node")


def _play(ansible: Ansible, node: str, wanted: dict[str, Any], *words: str) -> Any:
    """The role with leave to replace, for one node; the others have nothing written about their bridge."""
    only = f"{{{{ {json.dumps(wanted)} if inventory_hostname == '{node}' else {{}} }}}}"
    variables = json.dumps({"swarm_gwbridge": only, "host_gwbridge_replace": "drained"})
    return ansible.playbook("site.yml", "--tags", "host", "-e", variables, *words).succeeded()
