# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services on a living cluster: what was not written survives, failures carry the task's own words, mistakes are found before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stories.machines import Machines, eventually
from stories.playing import Ansible, Run
from stories.watching import asked

PROGRAM = Path(__file__).parent / "stories" / "caller.py"
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
    # the swarm begins such an update a moment after it has taken it
    assert services(publish=[{"target_port": 8080, "published_port": 8096}])
    old, new = new, cluster.tasks("story-update")
    assert len(new) == 2 and not set(new) & set(old)


@pytest.mark.usefixtures("removed")
def test_D4_a_terminal_shows_services_that_move_and_nothing_else_does(cluster: Machines, ansible: Ansible) -> None:
    def run(image: str, terminal: bool, **options: Any) -> Run:
        wanted = {"services": [{"name": "story-moves", "image": image, "replicas": 2, **options}]}
        return ansible.module(cluster.manager, "services", wanted, terminal=terminal)

    made = run(IMAGE, terminal=True).succeeded()
    lines = [line.strip() for line in made.output.splitlines() if line.startswith("story-moves ")]
    assert len(lines) >= 2 and lines[0].startswith("story-moves 0/2 running, ") and lines[-1] == "story-moves 2/2 running"
    assert any(f"({node}" in lines[0] for node in cluster.nodes), lines
    assert made.only.changed and made.only.says == ["create service story-moves, 2 x meshwork-lab:1"]
    since = cluster.shell(cluster.manager, "date +%s").strip()
    again = run(IMAGE, terminal=True).succeeded()
    assert not again.only.changed and "story-moves 2/2" not in again.output
    assert cluster.module_runs(since)[cluster.manager] == ["meshwork.swarm.services"]
    # the run that goes on with the wait does not ask for one more round
    forced = run(IMAGE, terminal=True, force=True).succeeded()
    assert forced.only.says == ["service story-moves: run its tasks anew"] and "story-moves 2/2 running" in forced.output
    cluster.shell(cluster.manager, "docker service rm story-moves")
    quiet = run(IMAGE, terminal=False).succeeded()
    assert quiet.only.changed and "story-moves 0/2" not in quiet.output


@pytest.mark.usefixtures("removed")
def test_D4_an_update_that_fails_is_rolled_back_on_request(cluster: Machines, ansible: Ansible) -> None:
    def run(**options: Any) -> Run:
        wanted = {"services": [{"name": "story-back", "replicas": 1, "on_failure": "rollback", **options}], "wait_timeout": 90}
        return ansible.module(cluster.manager, "services", wanted)

    run(image=IMAGE).succeeded()
    failed = run(image="meshwork-lab:absent")
    assert failed.returncode != 0
    assert "No such image: meshwork-lab:absent" in failed.only.message
    assert failed.only.message.endswith("done after that: service story-back: roll back to the spec that it had before")
    found = cluster.inspect("service", "story-back")
    assert found["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == IMAGE
    assert found["UpdateStatus"]["State"] == "rollback_completed"
    assert len(cluster.tasks("story-back")) == 1
    assert not run(image=IMAGE).succeeded().only.changed


@pytest.mark.usefixtures("removed")
def test_D4_jobs_are_awaited_until_they_have_completed(cluster: Machines, ansible: Ansible) -> None:
    def run(command: str, **options: Any) -> Run:
        job = {"name": "story-job", "image": IMAGE, "mode": "replicated-job", "total_completions": 2, "max_concurrent": 2}
        restart = {"restart_policy": {"condition": "none"}}
        return ansible.module(cluster.manager, "services", {"services": [{**job, **restart, "command": ["sh", "-c", command], **options}]})

    def ended() -> list[str]:
        line = "docker service ps story-job --no-trunc --format '{{.ID}} {{.CurrentState}}'"
        return [each.split()[0] for each in cluster.shell(cluster.manager, line).splitlines() if " Complete " in each]

    assert run("true").succeeded().only.changed
    first = ended()
    assert len(first) == 2
    assert not run("true").succeeded().only.changed and ended() == first
    assert run("true", force=True).succeeded().only.says == ["service story-job: run its tasks anew"]
    # those of the round before are removed in their own time
    assert len(set(ended()) - set(first)) == 2
    message = run("exit 4", total_completions=1, max_concurrent=1).refused()
    assert message.startswith("the job has ended without its completions: service story-job: 0 of 1 tasks completed, last failure: ")
    assert message.endswith("exit code 4") and any(f" on {node}, " in message for node in cluster.nodes)
    # the swarm makes both anew without end
    message = run("exit 5").refused()
    assert message.startswith("the job has ended without its completions: service story-job: 0 of 2 tasks completed, last failure: ")


@pytest.mark.long
@pytest.mark.usefixtures("removed")
def test_D4_a_paused_node_keeps_its_old_task_and_a_lost_one_is_not_waited_for(cluster: Machines, ansible: Ansible) -> None:
    """Judged by the tasks that docker shows. The swarm leaves a global service's task on a paused node as it is."""

    def run(**options: Any) -> Run:
        return ansible.module(cluster.manager, "services", {"services": [{"name": "story-each", **options}], "wait_timeout": 120})

    made = {"image": IMAGE, "mode": "global", "update_config": {"monitor": "1s"}}
    run(**made).succeeded()
    before = cluster.tasks("story-each")
    paused, lost = cluster.workers
    cluster.shell(cluster.manager, f"docker node update --availability pause {paused}")
    try:
        run(**made, env={"COLOUR": "green"}).succeeded()
        after = cluster.tasks("story-each")
        assert {after[task] for task in set(before) & set(after)} == {paused}
    finally:
        cluster.shell(cluster.manager, f"docker node update --availability active {paused}")
    cluster.shell(lost, "systemctl stop docker.socket docker.service", timeout=120)
    try:
        state = f"docker node inspect {lost} --format '{{{{.Status.State}}}}'"
        eventually(lambda: cluster.shell(cluster.manager, state).strip(), "down".__eq__, 120, "the node is down")
        assert run(state="absent").succeeded().only.says == ["remove service story-each"]
    finally:
        cluster.shell(lost, "systemctl reset-failed docker.service; systemctl start docker.service", timeout=180)
        eventually(lambda: cluster.shell(cluster.manager, state).strip(), "ready".__eq__, 120, "the node is back")


@pytest.mark.long
@pytest.mark.usefixtures("removed")
def test_D4_no_request_is_lost_when_a_service_is_scaled_forced_and_updated(cluster: Machines, ansible: Ansible, figures: list[str]) -> None:
    """Requests from outside to every node, all the time. The service answers only once it listens, and for a while after SIGTERM."""
    folder, port = "/srv/meshwork-loss", 8095
    for node in cluster.nodes:
        cluster.shell(node, f"mkdir -p {folder}/log; cat > {folder}/caller.py", stdin=PROGRAM.read_text())
    mounts = {"/usr": "/usr", "/usr/lib": "/lib", "/usr/lib64": "/lib64", folder: "/story"}
    service = {
        "name": "story-loss",
        "image": IMAGE,
        "command": ["/usr/bin/python3", "/story/caller.py"],
        "mounts": [
            *({"type": "bind", "source": source, "target": target, "read_only": True} for source, target in mounts.items()),
            {"type": "bind", "source": f"{folder}/log", "target": "/log"},
        ],
        "publish": [{"target_port": 8080, "published_port": port}],
        "healthcheck": {
            "test": ["CMD-SHELL", "wget -q -O /dev/null http://127.0.0.1:8080/"],
            "interval": "2s",
            "timeout": "30s",
            "retries": 10,
        },
        "stop_grace_period": "60s",
        "update_config": {"order": "start-first", "monitor": "2s"},
    }

    def changed(**options: Any) -> float:
        wanted = {"services": [{**service, "env": {"ME": "loss"}, **options}], "wait_timeout": 400}
        run = ansible.module(cluster.manager, "services", wanted, timeout=500).succeeded()
        assert run.only.changed
        return run.seconds

    changed(replicas=2)
    with asked(cluster, [port], patience=15) as answers:
        spent = {
            "scaled up": changed(replicas=3),
            "updated": changed(replicas=3, env={"ME": "loss", "COLOUR": "green"}),
            "forced": changed(replicas=3, env={"ME": "loss", "COLOUR": "green"}, force=True),
            "scaled down": changed(replicas=1, env={"ME": "loss", "COLOUR": "green"}),
        }
    told = ", ".join(f"{what} in {seconds:.0f} s" for what, seconds in spent.items())
    figures.append(f"{answers.questions} requests from outside, {answers.failed} failed: {told}")
    assert answers.questions > 200 and answers.failed == 0, figures[-1]


@pytest.mark.usefixtures("unchanged")
def test_D1_a_mode_cannot_be_changed(cluster: Machines, ansible: Ansible) -> None:
    message = ansible.module(cluster.manager, "services", {"services": [{"name": "api", "mode": "global"}]}).refused()
    assert message.startswith("services[0] (api): mode cannot be changed: wanted 'global', found 'replicated'")
    assert "set recreate: true" in message
