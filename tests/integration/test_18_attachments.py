# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that no service made, on an attachable network of the swarm, judged by the docker CLI, nslookup and wget in the containers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from stories.machines import Machines, eventually
from stories.playing import Ansible, Run

IMAGE = "meshwork-lab:1"
DATABASE, CACHE = "story-db", "story-cache"
FIXED = "10.20.1.200"
Places = Mapping[str, Sequence[Mapping[str, Any]]]


def play(ansible: Ansible, places: Places, *arguments: str) -> Run:
    """The part of site.yml that looks after containers; `places` by host, as host_vars would have them."""
    variables = {"story_places": places, "swarm_attachments": "{{ story_places[inventory_hostname] | default([]) }}"}
    return ansible.playbook("site.yml", "--tags", "attachments", "-e", json.dumps(variables), *arguments)


@pytest.fixture(scope="module")
def places(cluster: Machines) -> Iterator[Places]:
    """A container on each of two workers, which nobody has connected, and where they are to be."""
    homes = dict(zip(cluster.workers, (DATABASE, CACHE), strict=False))
    for node, name in homes.items():
        cluster.shell(node, f"docker rm --force {name} 2>/dev/null; docker run --detach --restart always --name {name} {IMAGE}")
    first, second = homes
    yield {
        first: [{"container": DATABASE, "network": "front", "aliases": ["db", "sql"], "ipv4_address": FIXED}],
        second: [{"container": CACHE, "network": "front", "aliases": ["cache"]}],
    }
    for node, name in homes.items():
        cluster.shell(node, f"docker rm --force {name}", check=False)


def answers(cluster: Machines, node: str, container: str, name: str) -> bool:
    """Whether the server of the image, on port 8080, is reached by name from a container."""
    return bool(cluster.shell(node, f"docker exec {container} timeout 5 wget -q -O - http://{name}:8080/", check=False).strip())


def reached(cluster: Machines) -> dict[str, bool]:
    """Who finds whom, by name and by alias, over the network of the swarm."""
    first, second = cluster.workers[:2]
    service, task = cluster.container("web")
    return {
        **{f"{name} from {CACHE}": answers(cluster, second, CACHE, name) for name in (DATABASE, "db", "sql")},
        **{f"{name} from {DATABASE}": answers(cluster, first, DATABASE, name) for name in (CACHE, "cache", "web")},
        "db from a task of web": answers(cluster, service, task, "db"),
    }


def test_C5_containers_on_two_nodes_reach_each_other_by_name_and_alias(cluster: Machines, ansible: Ansible, places: Places) -> None:
    first, second = places
    assert cluster.lookup(second, CACHE, "db") == set()
    dry = play(ansible, places, "--check", "--diff").succeeded()
    assert [result.changed for result in dry.of("attachments")] == [True, True]
    assert "front" not in cluster.inspect("container", DATABASE, first)["NetworkSettings"]["Networks"]
    run = play(ansible, places).succeeded()
    assert {result.host: result.says for result in run.of("attachments")}[first] == [
        f"connect container {DATABASE} to network front as db, sql with {FIXED}"
    ]
    eventually(lambda: reached(cluster), lambda found: all(found.values()), 60, "everybody finds everybody")
    assert cluster.lookup(second, CACHE, "db") == cluster.lookup(second, CACHE, "sql") == {FIXED}
    again = play(ansible, places).succeeded()
    assert not [result for result in again.results if result.changed]


@pytest.mark.long
def test_C5_other_aliases_are_taken_and_the_address_stays(cluster: Machines, ansible: Ansible, places: Places) -> None:
    first, second = places
    other = {first: [{**places[first][0], "aliases": ["database"], "ipv4_address": None}]}
    run = play(ansible, other).succeeded()
    assert [len(result.says) for result in run.of("attachments")] == [2]
    eventually(lambda: cluster.lookup(second, CACHE, "database"), lambda found: found == {FIXED}, 30, "the new alias")
    assert cluster.lookup(second, CACHE, "sql") == set()
    play(ansible, places).succeeded()
    eventually(lambda: cluster.lookup(second, CACHE, "sql"), lambda found: found == {FIXED}, 30, "the old alias")


def test_C5_an_address_left_to_the_swarm_is_no_difference_after_a_restart(cluster: Machines, ansible: Ansible, places: Places) -> None:
    _first, second = places
    cluster.shell(second, f"docker restart --time 1 {CACHE}", timeout=120)
    there = cluster.inspect("container", CACHE, second)["NetworkSettings"]["Networks"]["front"]
    assert there["IPAMConfig"]["IPv4Address"] == there["IPAddress"], "the Engine shows it as if somebody had asked for it"
    left = {second: [{**places[second][0], "ipv4_address": ""}]}
    assert not [result for result in play(ansible, left).succeeded().results if result.changed]


@pytest.mark.usefixtures("unchanged")
def test_C5_what_cannot_be_is_refused_before_the_engine_waits(cluster: Machines, ansible: Ansible, places: Places) -> None:
    _first, second = places
    entry = {"container": CACHE, "network": "front"}
    refusals = {
        "containers cannot be attached to network back": {**entry, "network": "back"},
        "there is no network 'nosuch'": {**entry, "network": "nosuch"},
        "has been given to the container": {**entry, "ipv4_address": FIXED},
        "in none of the subnets": {**entry, "ipv4_address": "10.99.0.9"},
        "this host has no container nosuch": {**entry, "container": "nosuch"},
    }
    message = play(ansible, {second: list(refusals.values())[:2] + list(refusals.values())[4:]}).refused()
    assert [text in line for text, line in zip(list(refusals)[:2] + list(refusals)[4:], message.splitlines(), strict=True)] == [True] * 3
    for text in list(refusals)[2:4]:
        assert text in play(ansible, {second: [refusals[text]]}).refused()


@pytest.mark.long
@pytest.mark.usefixtures("unchanged")
def test_C1_C5_a_network_with_containers_on_it_stays_and_they_are_named(cluster: Machines, ansible: Ansible, places: Places) -> None:
    message = ansible.module(cluster.manager, "networks", {"networks": [{"name": "front", "state": "absent"}]}).refused()
    first = next(iter(places))
    identity = cluster.inspect("container", DATABASE, first)["Id"]
    assert "services agent, web" in message and f"{identity[:12]} on {first}" in message


@pytest.mark.long
def test_C5_a_restart_of_the_node_is_survived(cluster: Machines, ansible: Ansible, places: Places, figures: list[str]) -> None:
    first = next(iter(places))
    cluster.fault("kill", first)
    cluster.fault("start", first)
    eventually(cluster.membership, lambda found: found[first] == "active", 120, "the node is back")

    def alone() -> bool:
        return reached(cluster) and all(reached(cluster).values())

    try:
        eventually(alone, bool, 60, "the Engine brought the container back by itself")
        figures.append("after a boot the Engine connected the container by itself")
    except AssertionError:
        figures.append("after a boot the Engine did not connect the container by itself; the next run does")
    play(ansible, places).succeeded()
    eventually(lambda: reached(cluster), lambda found: all(found.values()), 60, "everybody finds everybody again")
    assert cluster.inspect("container", DATABASE, first)["State"]["Running"]
    again = play(ansible, places).succeeded()
    assert not [result for result in again.results if result.changed]


def test_C5_a_container_leaves(cluster: Machines, ansible: Ansible, places: Places) -> None:
    first, second = places
    play(ansible, {first: [{"container": DATABASE, "network": "front", "state": "absent"}]}).succeeded()
    eventually(lambda: cluster.lookup(second, CACHE, "db"), lambda found: not found, 30, "nobody finds it")
    assert list(cluster.inspect("container", DATABASE, first)["NetworkSettings"]["Networks"]) == ["bridge"]
