# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster of inventories/lab, built from nothing by a run that was cut off and one that completed it, both at -vvvv: what it became,
what the runs told, and what a third run costs."""

from __future__ import annotations

import json
import time

import pytest
from stories.machines import Machines
from stories.playing import Ansible, Run

MANAGER_RUNS = 9
WORKER_RUNS = 4


def test_D4_a_run_that_was_cut_off_is_completed_by_the_next_one(building: list[Run] | None, figures: list[str]) -> None:
    if building is None:
        pytest.skip("the cluster was built by an earlier run")
    cut, completing = building
    assert cut.returncode != 0
    assert cut.of("cluster")[0].changed and not cut.of("services"), "the swarm was made, and no service"
    assert not [result for result in (*completing.of("cluster"), *completing.of("membership")) if result.changed]
    assert completing.of("services")[0].changed
    figures.append(f"site.yml from nothing at -vvvv, cut off and completed: {cut.seconds:.1f} + {completing.seconds:.1f} s")
    slowest = sorted((*cut.on_hosts, *completing.on_hosts), key=lambda each: -each.seconds)[:5]
    figures.extend(f"  {result.seconds:.1f} s  {result.action} on {result.host}" for result in slowest)


def test_A2_all_hosts_are_ready_in_their_roles(cluster: Machines) -> None:
    text = cluster.shell(cluster.manager, "docker node ls --format '{{.Hostname}} {{.Status}} {{.Availability}} {{.ManagerStatus}}'")
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines()}
    assert rows == {cluster.manager: ["Ready", "Active", "Leader"], **{worker: ["Ready", "Active"] for worker in cluster.workers}}


def test_A1_A3_the_swarm_has_the_pools_and_settings_of_the_inventory(cluster: Machines) -> None:
    swarm = json.loads(cluster.shell(cluster.manager, "docker info --format '{{json .Swarm}}'"))
    assert swarm["NodeAddr"] == cluster.addresses[cluster.manager]
    assert swarm["Cluster"]["DefaultAddrPool"] == ["10.30.0.0/16"]
    assert swarm["Cluster"]["SubnetSize"] == 24
    assert swarm["Cluster"]["Spec"]["Orchestration"]["TaskHistoryRetentionLimit"] == 3


@pytest.mark.parametrize(
    ("name", "subnet", "gateway", "encrypted", "attachable"),
    [
        ("ingress", "10.20.0.0/24", "10.20.0.1", False, False),
        ("front", "10.20.1.0/24", "10.20.1.1", False, True),
        ("back", "10.20.2.0/24", "10.20.2.1", True, False),
    ],
)
def test_C1_C2_a_network_is_as_written(cluster: Machines, name: str, subnet: str, gateway: str, encrypted: bool, attachable: bool) -> None:
    network = cluster.inspect("network", name)
    assert network["IPAM"]["Config"] == [{"Subnet": subnet, "Gateway": gateway}]
    assert ("encrypted" in network["Options"]) is encrypted
    assert network["Attachable"] is attachable
    assert network["Ingress"] is (name == "ingress")


def test_D1_D2_the_services_are_as_written(cluster: Machines) -> None:
    ids = {name: cluster.inspect("network", name)["Id"] for name in ("front", "back")}
    web, api, agent = (cluster.inspect("service", name)["Spec"] for name in ("web", "api", "agent"))

    assert web["Mode"] == {"Replicated": {"Replicas": 2}}
    assert {each["Target"]: each.get("Aliases") for each in web["TaskTemplate"]["Networks"]} == {ids["front"]: ["www"], ids["back"]: None}
    assert web["EndpointSpec"]["Ports"] == [{"Protocol": "tcp", "TargetPort": 8080, "PublishedPort": 8080, "PublishMode": "ingress"}]
    assert web["UpdateConfig"]["Order"] == "start-first"
    assert api["Mode"] == {"Replicated": {"Replicas": 2}}
    assert api["EndpointSpec"]["Mode"] == "dnsrr"
    assert agent["Mode"] == {"Global": {}}
    assert agent["EndpointSpec"]["Ports"] == [{"Protocol": "tcp", "TargetPort": 8080, "PublishedPort": 9100, "PublishMode": "host"}]
    assert agent["TaskTemplate"]["Placement"]["Constraints"] == ["node.role == worker"]
    assert len(cluster.tasks("web")) == 2
    assert len(cluster.tasks("api")) == 2
    assert sorted(cluster.tasks("agent").values()) == cluster.workers


def test_B2_only_the_cluster_reaches_the_ports_of_the_swarm(cluster: Machines) -> None:
    for node, rules in cluster.rules().items():
        jumps = [rule for rule in rules if rule.startswith("-A INPUT") and rule.endswith("-j MESHWORK-SWARM")]
        assert len(jumps) == 1, node
        assert any("-p esp" in rule and "-j ACCEPT" in rule for rule in rules), node
        assert any("--dport 2377" in rule and "-j ACCEPT" in rule for rule in rules) is (node == cluster.manager)
    members = cluster.everywhere("ipset list meshwork-swarm-4")
    for text in members.values():
        assert set(text.partition("Members:")[2].split()) == set(cluster.addresses.values())


def test_A4_no_join_token_in_any_output(cluster: Machines, building: list[Run] | None) -> None:
    if building is None:
        pytest.skip("the cluster was built by an earlier run, whose output is not at hand")
    tokens = cluster.shell(cluster.manager, "docker swarm join-token -q worker; docker swarm join-token -q manager").split()
    # The cluster's part and each role's own part: whoever has the last one of them has the token.
    secrets = {part for token in tokens for part in token.split("-")[2:]}
    assert len(tokens) == 2 and len(secrets) == 3
    told = [text for run in building for text in (run.output, *(json.dumps(result.values) for result in run.results))]
    assert all(len(run.output) > 10_000 for run in building), "-vvvv says a lot"
    assert building[0].of("membership"), "hosts joined"
    for secret in secrets:
        assert not any(secret in text for text in told)
    patterns = "\n".join(secrets) + "\n"
    for node in cluster.nodes:
        journal = cluster.shell(node, "journalctl --no-pager --output verbose", timeout=120)
        assert "Invoked with" in journal
        assert not any(secret in journal for secret in secrets), f"the journal of {node}"
        left = cluster.shell(node, "grep -rlF -f /dev/stdin /root /tmp /var/tmp /etc 2>/dev/null || true", stdin=patterns)
        assert not left.split(), f"files of {node}"


def test_G1_a_second_run_changes_nothing_and_costs_few_module_runs(cluster: Machines, ansible: Ansible, figures: list[str]) -> None:
    before = cluster.swarm_objects()
    time.sleep(1)
    since = f"{time.time():.0f}"
    run = ansible.playbook("site.yml").succeeded()
    runs = cluster.module_runs(since)
    assert not [result for result in run.results if result.changed]
    assert cluster.swarm_objects() == before
    figures.append(f"site.yml on the converged cluster: {run.seconds:.1f} s, changed=0")
    for node in cluster.nodes:
        figures.append(f"  {node}: {len(runs[node])} module runs: {', '.join(name.rpartition('.')[2] for name in runs[node])}")
    for result in sorted(run.on_hosts, key=lambda each: -each.seconds)[:3]:
        figures.append(f"  {result.seconds:.1f} s  {result.action} on {result.host}")
    assert len(runs[cluster.manager]) <= MANAGER_RUNS
    assert all(0 < len(runs[worker]) <= WORKER_RUNS for worker in cluster.workers)


def test_G1_a_dry_run_on_the_converged_cluster_plans_nothing(cluster: Machines, ansible: Ansible) -> None:
    run = ansible.playbook("site.yml", "--check", "--diff").succeeded()
    assert not [result for result in run.results if result.changed]
