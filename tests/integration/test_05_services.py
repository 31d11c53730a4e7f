# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services on a living cluster: what was not written survives, failures carry the task's own words, mistakes are found before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from stories.machines import Machines
from stories.playing import Ansible

IMAGE = "meshwork-lab:1"


@pytest.fixture
def removed(cluster: Machines) -> Iterator[None]:
    """Services named story-* go at the end."""
    yield
    cluster.shell(cluster.manager, "docker service rm $(docker service ls --quiet --filter name=story-) || true")


@pytest.mark.usefixtures("removed")
def test_D3_what_was_not_written_survives_an_update(cluster: Machines, ansible: Ansible) -> None:
    service = {"name": "story-kept", "image": IMAGE, "replicas": 1, "networks": [{"name": "front", "aliases": ["kept"]}]}
    ansible.module(cluster.manager, "services", {"services": [service]}).succeeded()
    cluster.shell(
        cluster.manager,
        "docker service update --detach=false --quiet --label-add team=blue --env-add COLOUR=blue --limit-memory 64M"
        " --restart-delay 7s --constraint-add node.role==worker --stop-grace-period 4s story-kept",
        timeout=120,
    )
    before = cluster.inspect("service", "story-kept")["Spec"]
    assert before["TaskTemplate"]["ContainerSpec"]["Env"] == ["COLOUR=blue"]

    run = ansible.module(cluster.manager, "services", {"services": [{"name": "story-kept", "replicas": 2}]}).succeeded()
    assert run.only.says == ["service story-kept: change replicas from 1 to 2"]
    after = cluster.inspect("service", "story-kept")["Spec"]
    assert after["Mode"] == {"Replicated": {"Replicas": 2}}
    assert {**after, "Mode": None} == {**before, "Mode": None}
    assert len(cluster.tasks("story-kept")) == 2
    assert not ansible.module(cluster.manager, "services", {"services": [{"name": "story-kept", "replicas": 2}]}).succeeded().only.changed


def test_A3_a_setting_of_the_swarm_that_was_not_written_survives(cluster: Machines, ansible: Ansible) -> None:
    def spec() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(cluster.shell(cluster.manager, "docker info --format '{{json .Swarm.Cluster.Spec}}'"))
        return found

    kept = spec()["Orchestration"]["TaskHistoryRetentionLimit"]
    cluster.shell(cluster.manager, "docker swarm update --task-history-limit 7")
    try:
        run = ansible.module(cluster.manager, "cluster", {"snapshot_interval": 20000}).succeeded()
        assert run.only.says == ["change snapshot_interval from 10000 to 20000"]
        assert spec()["Raft"]["SnapshotInterval"] == 20000
        assert spec()["Orchestration"]["TaskHistoryRetentionLimit"] == 7
    finally:
        cluster.shell(cluster.manager, f"docker swarm update --task-history-limit {kept} --snapshot-interval 10000")


@pytest.mark.usefixtures("removed")
def test_D4_a_failure_carries_the_words_of_the_task_and_its_node(cluster: Machines, ansible: Ansible) -> None:
    services = [
        {"name": "story-missing", "image": "meshwork-lab:absent", "replicas": 1},
        {"name": "story-exits", "image": IMAGE, "command": ["sh", "-c", "exit 3"], "replicas": 1},
    ]
    run = ansible.module(cluster.manager, "services", {"services": services, "wait_timeout": 40})
    assert run.returncode != 0
    told = {name: part for part in run.only.message.split("; ") for name in ("story-missing", "story-exits") if name in part}
    assert len(told) == 2, run.only.message
    missing, exits = told["story-missing"], told["story-exits"]
    assert "No such image: meshwork-lab:absent" in missing
    assert "non-zero exit (3)" in exits
    assert all(any(f" on {node}" in part for node in cluster.nodes) for part in (missing, exits))
    assert "0 of 1 tasks running" in missing and "0 of 1 tasks running" in exits


@pytest.mark.usefixtures("removed")
def test_D2_D4_an_update_is_awaited_until_the_new_tasks_run(cluster: Machines, ansible: Ansible) -> None:
    def services(**options: object) -> bool:
        wanted = {"services": [{"name": "story-update", "image": IMAGE, "replicas": 2, **options}]}
        return ansible.module(cluster.manager, "services", wanted).succeeded().only.changed

    assert services(env={"COLOUR": "blue"})
    old = cluster.tasks("story-update")
    assert services(env={"COLOUR": "green"}, update_config={"parallelism": 2, "order": "start-first", "monitor": "1s"})
    new = cluster.tasks("story-update")
    assert len(new) == 2 and not set(new) & set(old)
    assert not services(env={"COLOUR": "green"})


@pytest.mark.usefixtures("unchanged")
def test_D1_a_mode_cannot_be_changed(cluster: Machines, ansible: Ansible) -> None:
    message = ansible.module(cluster.manager, "services", {"services": [{"name": "api", "mode": "global"}]}).refused()
    assert message.startswith("services[0] (api): mode cannot be changed: wanted 'global', found 'replicated'")
    assert "set recreate: true" in message
