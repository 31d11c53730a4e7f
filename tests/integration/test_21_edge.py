# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy on node3 in front of the mesh, as the labels of services say: names, paths, client addresses, and reloads under load."""

from __future__ import annotations

import collections
import csv
import subprocess
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from stories.machines import Machines, eventually, run
from stories.playing import Ansible, Run

IMAGE = "meshwork-lab:1"
EDGE = "node3"
LABEL = "io.meshwork.edge."
SHOWING_HEADERS = r"""
printf '#!/bin/sh\necho Content-Type: text/plain\necho\nenv | grep ^HTTP_\n' >/www/cgi-bin/headers
chmod 755 /www/cgi-bin/headers
exec /serve
"""
FIRST_LINE = ["nc", "-ll", "-p", "7000", "-e", "head", "-n", "1"]


def published(port: int, target: int = 8080, **options: Any) -> list[dict[str, Any]]:
    return [{"target_port": target, "published_port": port, **options}]


def labels(**settings: str) -> dict[str, str]:
    return {LABEL + key: value for key, value in settings.items()}


SERVICES = [
    {"name": "story-shop", "replicas": 2, "publish": published(8101), "labels": labels(host="shop.test", check="/")},
    {
        "name": "story-api",
        "replicas": 1,
        "command": ["sh", "-c", SHOWING_HEADERS],
        "publish": published(8102),
        "labels": labels(host="shop.test", path="/cgi-bin"),
    },
    {"name": "story-any", "replicas": 1, "publish": published(8103), "labels": labels(host="*.test")},
    {
        "name": "story-line",
        "replicas": 1,
        "command": FIRST_LINE,
        "publish": published(8104, 7000),
        "labels": labels(mode="tcp", listen="7000", proxy_protocol="v1"),
    },
    {"name": "story-agent", "mode": "global", "publish": published(8105, mode="host"), "labels": labels(host="agent.test")},
]


@pytest.fixture(scope="module")
def edge(cluster: Machines, ansible: Ansible, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of the edge, in front of SERVICES."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ansible.environment, "LAB_EDGE", EDGE)
        services = [{"image": IMAGE, "networks": [{"name": "front"}], **service} for service in SERVICES]
        services[-1] = {**services[-1], "placement": {"constraints": ["node.hostname != node1"]}}
        try:
            ansible.module(cluster.manager, "services", {"services": services}).succeeded()
            ansible.playbook("edge.yml").succeeded()
            yield cluster.addresses[EDGE]
        finally:
            ansible.playbook("edge.yml", "-e", "edge_state=absent").succeeded()
            assert cluster.curl(f"http://{cluster.addresses[EDGE]}/") is None
            assert cluster.shell(EDGE, "ls -d /etc/meshwork-swarm-edge /etc/systemd/system/*edge* || true") == ""
            cluster.shell(cluster.manager, "docker service rm $(docker service ls --quiet --filter name=story-) || true")


def containers(cluster: Machines, service: str) -> set[str]:
    return {container for node in cluster.nodes for container in cluster.containers(service, node)}


def asked(cluster: Machines, url: str, host: str, *options: str) -> str | None:
    return cluster.curl(" ".join(("--header", f"Host:{host}", *options, url)))


def servers(cluster: Machines) -> Mapping[str, set[str]]:
    """The nodes that HAProxy itself says each backend has, and that pass its health checks."""
    table = cluster.shell(EDGE, "echo show stat | nc -N -U /run/meshwork-swarm-edge/admin.sock")
    rows = csv.DictReader(table.lstrip("# ").splitlines())
    there: dict[str, set[str]] = collections.defaultdict(set)
    for row in rows:
        if row["status"].startswith("UP") and row["svname"] != "BACKEND":
            there[row["pxname"]].add(row["svname"])
    return there


def test_D6_names_and_paths_lead_to_their_services(cluster: Machines, edge: str) -> None:
    for host, path, service in (
        ("shop.test", "/", "story-shop"),
        ("SHOP.test:80", "/index.html?x", "story-shop"),
        ("other.test", "/", "story-any"),
        ("agent.test", "/", "story-agent"),
    ):
        answers = {asked(cluster, f"http://{edge}{path}", host) for _request in range(4)}
        assert answers and answers <= containers(cluster, service), f"{host}{path}"
    assert asked(cluster, f"http://{edge}/", "elsewhere.example") is None
    assert run(["ip", "netns", "exec", cluster.netns, "curl", "-s", f"http://{edge}/"]).stdout == "no service has this name and path"


def test_D6_the_address_of_the_client_arrives(cluster: Machines, edge: str) -> None:
    route = run(["ip", "netns", "exec", cluster.netns, "ip", "route", "get", edge]).stdout.split()
    client = route[route.index("src") + 1]
    seen = asked(cluster, f"http://{edge}/cgi-bin/headers", "shop.test", "--header", "X-Forwarded-For:192.0.2.66") or ""
    assert f"HTTP_X_FORWARDED_FOR={client}" in seen.splitlines()
    assert "HTTP_X_FORWARDED_PROTO=http" in seen.splitlines()
    telnet = ["ip", "netns", "exec", cluster.netns, "curl", "--silent", "--max-time", "5", f"telnet://{edge}:7000"]
    line = run(telnet, check=False)
    assert line.stdout.startswith(f"PROXY TCP4 {client} "), line.stdout


def test_D6_a_second_run_changes_nothing_and_wrong_labels_neither(cluster: Machines, ansible: Ansible, edge: str) -> None:
    again = ansible.playbook("edge.yml").succeeded()
    assert not any(result.changed for result in again.results)
    before = cluster.shell(EDGE, "sha256sum /etc/meshwork-swarm-edge/haproxy.cfg; systemctl show -p MainPID meshwork-swarm-edge")
    cluster.shell(cluster.manager, f"docker service update -d --label-add {LABEL}mode=tcp --label-add {LABEL}listen=8101 story-any")
    try:
        refused = ansible.playbook("edge.yml")
        assert refused.returncode
        assert f"service story-any: expected no label {LABEL}host with mode tcp" in refused.output
    finally:
        cluster.shell(cluster.manager, f"docker service update -d --label-rm {LABEL}mode --label-rm {LABEL}listen story-any")
    assert cluster.shell(EDGE, "sha256sum /etc/meshwork-swarm-edge/haproxy.cfg; systemctl show -p MainPID meshwork-swarm-edge") == before


class Asking:
    """curl, again and again for as long as the block lasts: what it got is counted by status, 000 being no answer."""

    def __init__(self, cluster: Machines, url: str, *options: str) -> None:
        curl = ["curl", "-o", "/dev/null", "--silent", "--max-time", "10", "--rate", "30/s", "--write-out", "%{stderr}%{http_code}\\n"]
        self._command = ["ip", "netns", "exec", cluster.netns, *curl, *options, f"{url}?[1-100000]"]

    def __enter__(self) -> Asking:
        # what goes to standard output comes in blocks of a thousand requests, of which the last would be lost
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_raised: object) -> None:
        self._process.terminate()
        _none, output = self._process.communicate(timeout=30)
        self.counts = collections.Counter(output.split())


def reloaded(ansible: Ansible, seconds: int) -> Run:
    return ansible.playbook("edge.yml", "-e", f"edge_client_timeout={seconds}s").succeeded()


@pytest.mark.long
def test_D6_reloads_and_a_drained_node_lose_no_request(cluster: Machines, ansible: Ansible, edge: str, figures: list[str]) -> None:
    node = cluster.workers[0]
    assert servers(cluster)["service:story-shop"] == set(cluster.nodes)
    assert servers(cluster)["service:story-agent"] == {"node2", "node3"}
    options = ("--header", "Host: shop.test")

    def newest() -> str:
        return cluster.shell(EDGE, "pgrep -n haproxy")

    processes = {newest()}

    def see_a_new_process() -> None:
        found = eventually(newest, lambda process: process not in processes, 20, "a process of its own")
        processes.add(found)

    with (
        Asking(cluster, f"http://{edge}/", *options) as kept,
        Asking(cluster, f"http://{edge}/", *options, "--header", "Connection: close") as new,
    ):
        time.sleep(2)
        for seconds in (61, 62):
            assert any(result.changed for result in reloaded(ansible, seconds).results)
            see_a_new_process()
        for _reload in range(5):
            cluster.shell(EDGE, "systemctl reload meshwork-swarm-edge")
            see_a_new_process()
        cluster.shell(cluster.manager, f"docker node update --availability drain {node}")
        try:
            ansible.playbook("edge.yml").succeeded()
            eventually(lambda: servers(cluster)["service:story-shop"], {*cluster.nodes, "-"}.difference({node, "-"}).__eq__, 20, "the pool")
        finally:
            cluster.shell(cluster.manager, f"docker node update --availability active {node}")
    ansible.playbook("edge.yml").succeeded()
    for counts in (kept.counts, new.counts):
        assert set(counts) == {"200"} and counts["200"] > 100, (kept.counts, new.counts)
    figures.append(
        f"edge: {len(processes) + 1} reloads and a drained node under load: {kept.counts['200']} + {new.counts['200']} requests, 0 failed"
    )


@pytest.mark.long
def test_D6_certificates_serve_https_and_http_leads_there(cluster: Machines, ansible: Ansible, edge: str) -> None:
    request = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=shop.test -days 1"
    cluster.shell(EDGE, f"cd /run && {request} -keyout story.key -out story.crt && cat story.key story.crt >story-edge.pem")
    ansible.playbook("edge.yml", "-e", "edge_certificates=/run/story-edge.pem", "-e", "edge_redirect_to_https=true").succeeded()
    try:
        answer = asked(cluster, f"https://{edge}/", "shop.test", "--insecure")
        assert answer in containers(cluster, "story-shop")
        seen = asked(cluster, f"https://{edge}/cgi-bin/headers", "shop.test", "--insecure") or ""
        assert "HTTP_X_FORWARDED_PROTO=https" in seen.splitlines()
        redirected = asked(cluster, f"http://{edge}/x", "shop.test", "--output", "/dev/null", "--write-out", "%{http_code}:%{redirect_url}")
        assert redirected == "308:https://shop.test/x"
        process = cluster.shell(EDGE, "systemctl show --property MainPID meshwork-swarm-edge")
        cluster.shell(EDGE, f"cd /run && {request} -keyout story.key -out story.crt && cat story.key story.crt >story-edge.pem")
        options = ("edge_certificates=/run/story-edge.pem", "edge_redirect_to_https=true", "edge_https_port=8443")
        renewed = ansible.playbook("edge.yml", *(word for option in options[:2] for word in ("-e", option))).succeeded()
        assert any(result.changed for result in renewed.results)
        fingerprint = "openssl x509 -noout -fingerprint"
        served = cluster.shell(EDGE, f"openssl s_client -connect {edge}:443 </dev/null 2>/dev/null | {fingerprint}")
        assert served == cluster.shell(EDGE, f"{fingerprint} -in /run/story.crt")
        assert cluster.shell(EDGE, "systemctl show --property MainPID meshwork-swarm-edge") == process, "it was reloaded, not restarted"
        ansible.playbook("edge.yml", *(word for option in options for word in ("-e", option))).succeeded()
        redirected = asked(cluster, f"http://{edge}/x", "shop.test", "--output", "/dev/null", "--write-out", "%{http_code}:%{redirect_url}")
        assert redirected == "308:https://shop.test:8443/x"
    finally:
        ansible.playbook("edge.yml").succeeded()
        cluster.shell(EDGE, "rm /run/story*")
    assert asked(cluster, f"https://{edge}/", "shop.test", "--insecure") is None
