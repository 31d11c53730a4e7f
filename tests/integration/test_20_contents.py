# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets and configs whose contents change under services that run, and images that only those get who have the password."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from stories.machines import Machines, eventually
from stories.packages import unpacked
from stories.playing import Ansible, Run

IMAGE = "meshwork-lab:1"
LOW, HIGH, SITE = "low-tide-4711-content", "high-tide-0815-content", "listen-on-port-4242"
FOLDER = "/root/story-registry"
PRIVATE = "localhost:5000/story:1"
CONFIG = f"""\
version: 0.1
storage: {{filesystem: {{rootdirectory: {FOLDER}/images}}}}
http: {{addr: "127.0.0.1:5000"}}
auth: {{htpasswd: {{realm: story, path: {FOLDER}/users}}}}
"""
PASSWORDS = {
    "registry-password-one": "$2b$04$3hZiUOdDKZ653jNhs19UKO/OoWwLA9zos3rBoq.LETNny33QYpb6.",
    "registry-password-two": "$2b$04$d0O2AOqEnk3DTv/f1Th8HumE/V9BpOjUI01yMV.x.uJADQfXNbKWS",
}
"""Passwords with their bcrypt, as htpasswd -B writes it."""


@pytest.fixture
def removed(cluster: Machines) -> Iterator[None]:
    """What is called story-* goes at the end."""
    yield
    for kind in ("service", "secret", "config"):
        cluster.shell(cluster.manager, f"docker {kind} rm $(docker {kind} ls --quiet --filter name=story-) || true")


def wanted(content: str, **more: Any) -> dict[str, Any]:
    """Variables of the inventory: a service with a secret and a config."""
    service = {
        "name": "story-vault",
        "image": IMAGE,
        "replicas": 2,
        "stop_grace_period": "1s",
        "secrets": [{"source": "story-key", "mode": "0400"}],
        "configs": [{"source": "story-site", "target": "/etc/site"}],
        "update_config": {"parallelism": 2, "order": "start-first", "monitor": "1s"},
        **more,
    }
    return {
        "swarm_secrets": [{"name": "story-key", "content": content, "state": service.get("state", "present")}],
        "swarm_configs": [{"name": "story-site", "content": SITE, "state": service.get("state", "present")}],
        "swarm_services": [service],
    }


def seen(cluster: Machines, path: str) -> set[str]:
    """What the running containers of the service have in a file."""
    nodes = set(cluster.tasks("story-vault").values())
    containers = [(node, each) for node in nodes for each in cluster.containers("story-vault", node)]
    return {cluster.shell(node, f"docker exec {each} cat {path}") for node, each in containers}


def names(cluster: Machines, kind: str) -> set[str]:
    return {name for name in cluster.shell(cluster.manager, f"docker {kind} ls --format '{{{{.Name}}}}'").split() if "story-" in name}


@pytest.mark.long
@pytest.mark.usefixtures("removed")
def test_D5_a_new_content_moves_the_services_and_is_told_nowhere(cluster: Machines, ansible: Ansible, tmp_path: Path) -> None:
    runs: list[Run] = []
    since = cluster.shell(cluster.manager, "date +%s").strip()

    def play(variables: dict[str, Any], *arguments: str) -> Run:
        (tmp_path / "wanted.json").write_text(json.dumps(variables))
        runs.append(ansible.playbook("site.yml", "--tags", "services", "--diff", "-e", f"@{tmp_path}/wanted.json", *arguments))
        return runs[-1]

    told = play(wanted(LOW), "--check", "-vvvv").succeeded()
    assert not names(cluster, "secret") | names(cluster, "service")
    made = play(wanted(LOW), "-vvvv").succeeded()
    for module in ("secrets", "configs", "services"):
        assert [result.says for result in made.of(module)] == [result.says for result in told.of(module)]
    assert seen(cluster, "/run/secrets/story-key") == {LOW}

    # the run that changes the content is killed as soon as the new secret is there, and the next one goes on
    # with pipelining a module is a Python without arguments, which reads itself from its input
    module = "pgrep --full --exact '/usr/bin/python3[0-9.]*'"
    kill = (
        f"(until docker secret inspect story-key-2; do sleep 0.1; done; until kill -KILL $({module}); do sleep 0.1; done) >/dev/null 2>&1"
    )
    with ThreadPoolExecutor() as pool:
        killed = pool.submit(cluster.shell, cluster.manager, kill, check=False, timeout=120)
        assert play(wanted(HIGH), "-vvvv").returncode != 0
        killed.result()
    assert names(cluster, "secret") == {"story-key", "story-key-2"}
    play(wanted(HIGH), "-vvvv").succeeded()
    assert names(cluster, "secret") == {"story-key-2"}
    assert seen(cluster, "/run/secrets/story-key") == {HIGH}
    assert seen(cluster, "/etc/site") == {SITE}

    # another content and another environment in one run are one rolling update
    tasks = "docker service ps --quiet story-vault | wc -l"
    before = int(cluster.shell(cluster.manager, tasks))
    changed = wanted(LOW, env={"ROUND": "2"})
    play(changed, "-vvvv").succeeded()
    assert int(cluster.shell(cluster.manager, tasks)) == before + 2
    assert names(cluster, "secret") == {"story-key-3"}
    assert seen(cluster, "/run/secrets/story-key") == {LOW}

    again = play(changed, "-vvvv").succeeded()
    assert [len(again.of(module)) for module in ("secrets", "configs", "services")] == [1, 1, 1]
    assert not any(result.changed for result in again.results)
    inspected = cluster.shell(cluster.manager, "docker secret inspect $(docker secret ls -q)")
    journal = cluster.shell(cluster.manager, f"journalctl --since @{since}")

    play(wanted(HIGH, state="absent")).succeeded()
    assert not names(cluster, "secret") | names(cluster, "config") | names(cluster, "service")

    hidden = [text for each in (LOW, HIGH, SITE) for text in (each, base64.b64encode(each.encode()).decode()[:-2])]
    for text in (inspected, journal, *(run.output + json.dumps([vars(result) for result in run.results]) for run in runs)):
        assert not [each for each in hidden if each in text]


@pytest.fixture
def registry(cluster: Machines, tmp_path: Path) -> Iterator[Machines]:
    """The manager has a registry with an image of which its Docker has no copy; `users` there tells who may have it."""
    unpacked("docker-registry", tmp_path, "usr/bin/docker-registry", "registry")
    (tmp_path / "config.yml").write_text(CONFIG)
    cluster.send(cluster.manager, tmp_path, FOLDER)
    _password(cluster, "registry-password-one")
    node, start = cluster.manager, f"systemd-run --unit story-registry {FOLDER}/registry serve {FOLDER}/config.yml"
    cluster.shell(node, f"chmod +x {FOLDER}/registry && {start}")
    login = "docker login --username story --password-stdin localhost:5000"
    eventually(
        lambda: cluster.shell(node, login, stdin="registry-password-one", check=False), lambda told: "Succeeded" in told, 30, "a login"
    )
    cluster.shell(node, f"docker tag {IMAGE} {PRIVATE} && docker push --quiet {PRIVATE}", timeout=120)
    cluster.shell(node, f"docker logout localhost:5000; docker rmi {PRIVATE}")
    yield cluster
    cluster.shell(node, f"systemctl stop story-registry; docker rmi --force {PRIVATE}; rm -rf {FOLDER}", check=False)


def _password(cluster: Machines, password: str) -> None:
    cluster.shell(cluster.manager, f"echo 'story:{PASSWORDS[password]}' > {FOLDER}/users")


@pytest.mark.long
@pytest.mark.usefixtures("removed")
def test_D5_an_image_of_a_private_registry_comes_with_its_credentials(registry: Machines, ansible: Ansible) -> None:
    cluster, node = registry, registry.manager
    here = cluster.shell(node, "docker info --format '{{.Swarm.NodeID}}'").strip()
    service = {"name": "story-private", "image": PRIVATE, "replicas": 1, "stop_grace_period": "1s"}
    service["placement"] = {"constraints": [f"node.id == {here}"]}
    runs: list[Run] = []

    def play(password: str = "", force: bool = False, **options: Any) -> Run:
        credentials = [{"server": "localhost:5000", "username": "story", "password": password}] if password else []
        runs.append(
            ansible.module(node, "services", {"services": [{**service, "force": force}], "registries": credentials, **options}, "-vvvv")
        )
        return runs[-1]

    refused = play(wait_timeout=10)
    assert refused.returncode != 0 and "No such image: localhost:5000/story:1" in refused.only.message
    assert not play("registry-password-one", wait=False).succeeded().only.changed, "credentials are part of no spec"
    play("registry-password-one", force=True).succeeded()
    assert cluster.tasks("story-private")
    assert "localhost:5000/story" in cluster.shell(node, "docker image ls --format '{{.Repository}}'")

    # the password is changed where it is kept; until it is told, a node that has no copy of the image cannot get it
    _password(cluster, "registry-password-two")
    cluster.shell(node, "systemctl restart story-registry")
    time.sleep(1)
    cluster.shell(node, f"docker service scale --detach story-private=0; docker rmi --force {PRIVATE}", check=False)
    eventually(lambda: cluster.containers("story-private", node), lambda found: not found, 30, "no container")
    cluster.shell(node, f"docker rmi --force {PRIVATE}", check=False)
    play("registry-password-two").succeeded()
    assert cluster.tasks("story-private")

    containers = cluster.containers("story-private", node)
    service["labels"] = {"team": "blue"}
    play("registry-password-one").succeeded()
    time.sleep(5)
    assert cluster.containers("story-private", node) == containers, "other credentials leave tasks where they are"

    shown = cluster.shell(node, "docker service inspect story-private; cat /root/.docker/config.json || true")
    for text in (shown, *(run.output + json.dumps([vars(result) for result in run.results]) for run in runs)):
        assert "registry-password" not in text
