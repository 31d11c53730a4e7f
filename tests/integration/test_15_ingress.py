# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ingress network changed on a swarm whose services publish ports, also when the run is killed on its way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from stories.machines import Machines, eventually
from stories.playing import Ansible, Run
from stories.watching import asked

IMAGE = "meshwork-lab:1"
PORTS = {"story-web": 8085, "story-agent": 8086}
PARKED = "io.meshwork.swarm.parked"
WAIT = 400

# Kills the module on its node as soon as the swarm looks as it should: words for the condition, and the old network's ID.
KILLER = r"""
import os, signal, sys, time
import docker
client = docker.APIClient(version="auto")
moment, old = sys.argv[1:]
def parked():
    return [each["Spec"]["Name"] for each in client.services() if "io.meshwork.swarm.parked" in each["Spec"].get("Labels", {})]
def come():
    there = [each["Id"] for each in client.networks() if each.get("Ingress")]
    return parked() and {"parked": True, "removed": old not in there, "made": bool(set(there) - {old})}[moment]
until = time.time() + 500
while not come():
    if time.time() > until:
        sys.exit("it did not come to that")
    time.sleep(0.1)
killed = []
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        words = open(f"/proc/{pid}/cmdline").read()
    except OSError:
        continue
    if "AnsiballZ_ingress_network" in words:
        os.kill(int(pid), signal.SIGKILL)
        killed.append(pid)
print("killed", len(killed))
"""


@pytest.fixture
def published(cluster: Machines, ansible: Ansible) -> Iterator[Machines]:
    """A replicated and a global service that publish, made by the docker CLI with what services may have."""
    cluster.shell(
        cluster.manager,
        f"docker service create --detach --no-resolve-image --name story-web --replicas 2 --publish {PORTS['story-web']}:8080"
        " --label team=blue --container-label tier=1 --env COLOUR=blue --update-parallelism 2 --update-delay 1s --stop-grace-period 7s"
        f" --publish mode=host,target=8081,published=8087 {IMAGE} /serve;"
        f"docker service create --detach --no-resolve-image --name story-agent --mode global --publish {PORTS['story-agent']}:8080"
        f" --update-parallelism 0 --limit-memory 64M {IMAGE} /serve",
    )
    before = cluster.inspect("network", "ingress")["IPAM"]["Config"][0]["Subnet"]
    reachable(cluster)
    yield cluster
    cluster.shell(cluster.manager, f"docker service rm {' '.join(PORTS)}", timeout=120)
    options = {"subnets": [{"subnet": before}], "replace": "in_use", "wait_timeout": WAIT}
    ansible.module(cluster.manager, "ingress_network", options, timeout=900).succeeded()


def reachable(cluster: Machines) -> None:
    """Every published port answers on every node."""
    urls = [f"http://{address}:{port}/" for address in cluster.addresses.values() for port in PORTS.values()]
    eventually(lambda: [url for url in urls if cluster.curl(url) is None], lambda silent: not silent, 240, "every port answers everywhere")


def as_they_are(cluster: Machines) -> dict[str, Any]:
    """The services as docker inspects them, without what no update leaves as it is."""
    found = {name: cluster.inspect("service", name) for name in PORTS}
    moving = ("Version", "UpdatedAt", "PreviousSpec", "UpdateStatus", "Endpoint")
    return {
        name: {**{key: value for key, value in each.items() if key not in moving}, "Ports": each["Endpoint"]["Ports"]}
        for name, each in found.items()
    }


def replaced(cluster: Machines, ansible: Ansible, options: dict[str, Any], *arguments: str) -> Run:
    return ansible.module(cluster.manager, "ingress_network", {**options, "wait_timeout": WAIT}, *arguments, timeout=1200)


@pytest.mark.long
def test_C2_the_ingress_network_is_replaced_under_services_that_publish(published: Machines, ansible: Ansible, figures: list[str]) -> None:
    wanted = {"subnets": [{"subnet": "10.20.8.0/24", "gateway": "10.20.8.9"}], "mtu": 1400, "labels": {"made": "anew"}}
    message = replaced(published, ansible, wanted).refused()
    assert all(name in message for name in PORTS) and "replace: in_use" in message
    before, old = as_they_are(published), published.inspect("network", "ingress")["Id"]
    reachable(published)

    with asked(published, PORTS.values()) as answers:
        run = replaced(published, ansible, {**wanted, "replace": "in_use"}).succeeded()
        reachable(published)
    assert as_they_are(published) == before
    made = published.inspect("network", "ingress")
    assert made["Id"] != old and made["Ingress"] is True
    assert made["IPAM"]["Config"] == [{"Subnet": "10.20.8.0/24", "Gateway": "10.20.8.9"}]
    assert made["Options"]["com.docker.network.driver.mtu"] == "1450"
    # an inspection on the node shows its own copy, which has no labels; the list has the swarm's
    assert published.shell(published.manager, "docker network ls --quiet --filter label=made=anew").strip()
    everywhere = published.everywhere_stripped("docker network inspect ingress --format '{{.Id}}'")
    assert set(everywhere.values()) == {made["Id"]}, "every node has let go of the old one"
    told = run.only.values["gap_seconds"]
    assert 0 < answers.longest <= told + 5
    figures.append(
        f"C2 ingress network replaced: ports off for {told:g} s by the swarm's account, {answers.longest:.1f} s by curl"
        f" ({answers.questions} questions on {len(published.nodes)} nodes)"
    )
    again = replaced(published, ansible, {**wanted, "replace": "in_use"}).succeeded()
    assert not again.only.changed
    assert not replaced(published, ansible, wanted).succeeded().only.changed


@pytest.mark.long
def test_C2_a_replacement_that_is_killed_is_carried_to_its_end(published: Machines, ansible: Ansible) -> None:
    before, old = as_they_are(published), published.inspect("network", "ingress")["Id"]
    first = {"subnets": [{"subnet": "10.20.6.0/24"}], "replace": "in_use"}
    # the user writes another network meanwhile, and takes the consent back: nothing publishes any more
    second = {"subnets": [{"subnet": "10.20.7.0/24"}]}
    for moment, options in (("parked", first), ("removed", first), ("made", second)):
        killed(published, ansible, options, moment, old)
        labels = {name: published.inspect("service", name)["Spec"]["Labels"] for name in PORTS}
        assert any(PARKED in each for each in labels.values()), f"killed too late: {moment}"

    services = [{"name": "story-web"}, {"name": "story-agent"}]
    told = ansible.module(published.manager, "services", {"services": services, "wait": False}).succeeded()
    assert not told.only.changed
    changed = {"services": [{"name": "story-web", "env": {"COLOUR": "green"}}]}
    assert "its published ports are off" in ansible.module(published.manager, "services", changed).refused()

    run = replaced(published, ansible, second).succeeded()
    assert run.only.changed and run.only.values["gap_seconds"] > 0
    reachable(published)
    assert as_they_are(published) == before
    assert [each["Subnet"] for each in published.inspect("network", "ingress")["IPAM"]["Config"]] == ["10.20.7.0/24"]
    assert not replaced(published, ansible, second).succeeded().only.changed


def killed(cluster: Machines, ansible: Ansible, options: dict[str, Any], moment: str, old: str) -> None:
    """Run the module, and kill it on its node at a moment of the replacement."""
    # without pipelining the module is a file with a name, by which it can be found
    with ThreadPoolExecutor(1) as pool:
        line = f"cat > /tmp/killer.py && python3 /tmp/killer.py {moment} {old}"
        told = pool.submit(cluster.shell, cluster.manager, line, stdin=KILLER, timeout=600)
        run = replaced(cluster, ansible, options, "-e", "ansible_pipelining=false")
        assert int(told.result().split()[-1]) > 0, "nothing was killed"
    assert run.returncode != 0


@pytest.mark.long
def test_C2_ports_that_are_off_come_back_where_no_ingress_network_is_written_any_more(published: Machines, ansible: Ansible) -> None:
    """A service as a run that was cut off has left it, and an inventory from which `swarm_ingress` was taken since."""
    before = as_they_are(published)
    endpoint = published.shell(published.manager, "docker service inspect story-agent --format '{{json .Spec.EndpointSpec}}'").strip()
    words = f"--detach --no-resolve-image --label-add '{PARKED}={endpoint}' --publish-rm 8080"
    published.shell(published.manager, f"docker service update {words} story-agent")
    nothing = ("site.yml", "--tags", "ingress", "-e", json.dumps({"swarm_ingress": {}, "ingress_wait_timeout": WAIT}))
    run = ansible.playbook(*nothing).succeeded()
    (result,) = run.of("ingress_network")
    assert result.says == [f"service story-agent: publish {PORTS['story-agent']}->8080/tcp again"]
    reachable(published)
    assert as_they_are(published) == before
    assert not [result for result in ansible.playbook(*nothing).succeeded().results if result.changed]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"attachable": True}, "ingress_network.attachable: expected false"),
        ({"subnets": [{"subnet": "10.20.8.0/30"}], "replace": "in_use"}, "a subnet of /29 or larger"),
    ],
)
def test_C2_what_an_ingress_network_cannot_be(cluster: Machines, ansible: Ansible, options: dict[str, Any], told: str) -> None:
    message = ansible.module(cluster.manager, "ingress_network", options).refused()
    assert told in message, json.dumps(message)
