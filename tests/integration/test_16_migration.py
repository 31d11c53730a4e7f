# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks replaced while services use them: not a request is lost, and a run that is killed after any step is ended by the next.

`make migrate-proof` runs this file on a lab and ends with the requests of all of it. The services run stories/caller.py in containers that
have the node's own Python, and write their counts to a folder of the node.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from stories.machines import CHECKOUT, Machines, eventually
from stories.playing import Ansible

pytestmark = pytest.mark.long

TOTALS = CHECKOUT / ".build" / "results" / "migrate-proof.txt"
PROGRAM = Path(__file__).parent / "stories" / "caller.py"
FOLDER = "/srv/meshwork-migration"
NETWORK, PARALLEL = "moving", "0-parallel-to-moving"
SUBNET = "10.20.77.0/24"
CREATE = shlex.split("docker service create --quiet --detach --no-resolve-image --label story=migration --container-label story=migration")
MODULE = "^/usr/bin/python3$"
"""What a module of Ansible's is called on its host, with pipelining: it gets the program from its standard input."""
LEAST = 10
"""Requests a second from each client, at least."""
STEP = 600
"""Seconds that a step may take, on a machine that many share."""


@pytest.fixture(scope="module")
def swarm(machines: Machines) -> Machines:
    """A swarm of the three nodes, made with the docker CLI where there is none."""
    states = set(machines.membership().values())
    if states != {"active"}:
        machines.leave()
        machines.shell(machines.manager, f"docker swarm init --advertise-addr {machines.addresses[machines.manager]}")
        token = machines.shell(machines.manager, "docker swarm join-token -q worker").strip()
        machines.everywhere(f"docker swarm join --token {token} {machines.addresses[machines.manager]}:2377", machines.workers)
    TOTALS.parent.mkdir(parents=True, exist_ok=True)
    TOTALS.write_text("")
    for node in machines.nodes:
        machines.shell(node, f"mkdir -p {FOLDER}/log; cat > {FOLDER}/caller.py", stdin=PROGRAM.read_text())
    return machines


@pytest.fixture
def plain(swarm: Machines) -> Iterator[Machines]:
    """The same with a network in clear, and nothing of it afterwards."""
    clean(swarm)
    swarm.everywhere(f"rm -f {FOLDER}/log/*")
    swarm.shell(swarm.manager, f"docker network create --driver overlay --label team=blue {NETWORK}")
    yield swarm
    clean(swarm)


def clean(swarm: Machines) -> None:
    """Without services of the stories and their networks; the tasks have ended."""
    names = swarm.shell(swarm.manager, "docker service ls --filter label=story=migration --format '{{.Name}}'").split()
    if names:
        swarm.shell(swarm.manager, f"docker service rm {' '.join(names)}")
    containers = "docker ps -q --filter label=story=migration"
    eventually(lambda: swarm.everywhere(containers), lambda found: not any(found.values()), 240, "tasks have ended")
    removal = f"docker network rm {NETWORK} {PARALLEL}; docker network ls --format '{{{{.Name}}}}'"
    there = {NETWORK, PARALLEL}
    eventually(
        lambda: swarm.shell(swarm.manager, removal, check=False), lambda text: not there & set(text.split()), 120, "networks are gone"
    )


def service(swarm: Machines, name: str, *options: str, peers: Sequence[str] = (), replicas: int = 1) -> None:
    """A service that answers and calls."""
    mounts = {"/usr": "/usr,ro", "/usr/lib": "/lib,ro", "/usr/lib64": "/lib64,ro", FOLDER: "/story,ro", f"{FOLDER}/log": "/log"}
    words = [
        *CREATE,
        *("--name", name, "--hostname", "{{.Service.Name}}-{{.Task.ID}}", "--replicas", str(replicas)),
        *("--network", f"name={NETWORK},alias={name}-alias"),
        *("--env", f"ME={name}", "--env", f"PEERS={' '.join(peers)}", "--env", f"RATE={12 / replicas:g}", "--stop-grace-period", "60s"),
        *("--health-cmd", "wget -q -O /dev/null http://127.0.0.1:8080/", "--health-interval", "5s", "--health-timeout", "60s"),
        *("--health-retries", "20", "--update-failure-action", "continue"),
        *(word for source, target in mounts.items() for word in ("--mount", f"type=bind,src={source},dst={target}")),
        *options,
        *("meshwork-lab:1", "/usr/bin/python3", "/story/caller.py"),
    ]
    swarm.shell(swarm.manager, shlex.join(words))


def quick(swarm: Machines, name: str) -> None:
    """A service that starts and ends at once."""
    words = ("--name", name, "--network", f"name={NETWORK},alias={name}-alias", "--env", "DRAIN=0", "meshwork-lab:1", "/serve")
    swarm.shell(swarm.manager, shlex.join([*CREATE, *words]))


def converged(swarm: Machines) -> None:
    def replicas() -> list[str]:
        return swarm.shell(swarm.manager, "docker service ls --filter label=story=migration --format '{{.Replicas}}'").split()

    eventually(replicas, lambda found: all(each.split("/")[0] == each.split("/")[1] for each in found), 600, "all tasks run")


def counted(swarm: Machines) -> dict[str, tuple[int, int]]:
    """Requests and failures of each client so far, over all its tasks that have ever been."""
    totals: dict[str, tuple[int, int]] = {}
    for text in swarm.everywhere(f"cat {FOLDER}/log/*.counts 2>/dev/null | sed 's/}}}}/}}}}\\n/g; s/}}{{/}}\\n{{/g'", check=False).values():
        for line in text.splitlines():
            told = json.loads(line)
            for asked, failed in told["counts"].values():
                before = totals.get(told["me"], (0, 0))
                totals[told["me"]] = (before[0] + asked, before[1] + failed)
    return totals


def failures(swarm: Machines) -> str:
    return "".join(swarm.everywhere(f"cat {FOLDER}/log/*.failures 2>/dev/null", check=False).values())


def replaced(ansible: Ansible, swarm: Machines, *services: str, **options: object) -> list[str]:
    """The network made what the options say, twice: the second run changes nothing. Gives the steps of the first."""
    wanted = {"networks": [{"name": NETWORK, "replace": "rolling", **options}], "wait_timeout": STEP}
    told = ansible.module(swarm.manager, "networks", wanted, check=True).succeeded().only
    done = ansible.module(swarm.manager, "networks", wanted, timeout=12 * STEP).succeeded().only
    assert done.changed and done.says == told.says
    assert not ansible.module(swarm.manager, "networks", wanted).succeeded().only.changed
    assert done.values["steps"][0]["costs"].startswith(f"{4 * len(services)} updates follow"), done.values["steps"][0]
    return done.says


def spec(swarm: Machines, name: str) -> dict[str, object]:
    """The spec of a service with the names of its networks in place of their IDs."""
    text = swarm.shell(swarm.manager, f"docker service inspect {name} --format '{{{{json .Spec}}}}'")
    for line in swarm.shell(swarm.manager, "docker network ls --no-trunc --format '{{.ID}} {{.Name}}'").splitlines():
        identity, network = line.split()
        text = text.replace(identity, network)
    found: dict[str, object] = json.loads(text)
    return found


def migrated_without_a_loss(swarm: Machines, ansible: Ansible, services: Sequence[str], clients: Sequence[str], figures: list[str]) -> None:
    """Plain to encrypted, then another subnet, with requests all the time; what the services are stays."""
    converged(swarm)
    eventually(lambda: counted(swarm), lambda seen: all(seen.get(client, (0, 0))[0] > 50 for client in clients), 120, "clients call")
    swarm.everywhere(f"rm -f {FOLDER}/log/*.failures")
    before, specs, began = counted(swarm), {name: spec(swarm, name) for name in services}, time.monotonic()
    replaced(ansible, swarm, *services, encrypted=True)
    made = swarm.inspect("network", NETWORK)
    assert "encrypted" in made["Options"] and made["Labels"]["team"] == "blue"
    replaced(ansible, swarm, *services, subnets=[{"subnet": SUBNET}])
    made = swarm.inspect("network", NETWORK)
    assert ("encrypted" in made["Options"], made["IPAM"]["Config"][0]["Subnet"]) == (True, SUBNET)
    seconds = time.monotonic() - began
    assert {name: spec(swarm, name) for name in services} == specs
    after = counted(swarm)
    asked = sum(after[client][0] - before[client][0] for client in clients)
    failed = sum(after[client][1] - before[client][1] for client in clients)
    with TOTALS.open("a") as lines:
        lines.write(f"{asked} {failed}\n")
    each = ", ".join(f"{client} {(after[client][0] - before[client][0]) / seconds:.1f}/s" for client in clients)
    figures.append(f"{' and '.join(services)}: {asked} requests, {failed} failed, in {seconds:.0f} s ({each})")
    assert failed == 0, failures(swarm)
    assert all((after[client][0] - before[client][0]) / seconds >= LEAST for client in clients), figures[-1]


def test_C4_a_client_and_its_server_lose_no_request(plain: Machines, ansible: Ansible, figures: list[str]) -> None:
    service(plain, "server", replicas=2)
    service(plain, "client", peers=["server"])
    migrated_without_a_loss(plain, ansible, ["client", "server"], ["client"], figures)


def test_C4_two_services_that_call_each_other_lose_no_request(plain: Machines, ansible: Ansible, figures: list[str]) -> None:
    """One asks for the name each time, and by an alias; the other keeps the address that it got when it started."""
    service(plain, "one", peers=["other-alias"])
    service(plain, "other", "--env", "RESOLVE=once", peers=["one"])
    migrated_without_a_loss(plain, ansible, ["one", "other"], ["one", "other"], figures)


def looks(swarm: Machines) -> str:
    """How far it is: the networks, and the services with the networks that they have."""
    line = (
        "docker network ls --filter driver=overlay --no-trunc --format '{{.ID}} {{.Name}}' | sort; docker service inspect --format "
        "'{{.Spec.Name}} {{json .Spec.TaskTemplate.Networks}} {{json .Spec.Labels}}' $(docker service ls -q --filter label=story=migration)"
    )
    return swarm.shell(swarm.manager, line)


def test_C4_a_run_that_is_killed_after_any_step_is_ended_by_the_next(plain: Machines, ansible: Ansible, figures: list[str]) -> None:
    """The module's process is killed on the manager as soon as the swarm looks different from when the run began."""
    for name in ("left", "right"):
        quick(plain, name)
    converged(plain)
    specs = {name: spec(plain, name) for name in ("left", "right")}
    wanted = {"networks": [{"name": NETWORK, "encrypted": True, "replace": "rolling"}], "wait_timeout": STEP}
    killed: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        while True:
            assert len(killed) < 30, killed
            before = looks(plain)
            run = pool.submit(ansible.module, plain.manager, "networks", wanted, timeout=4 * STEP)
            while not run.done() and looks(plain) == before:
                time.sleep(0.2)
            if not run.done():
                plain.shell(plain.manager, f"pkill -9 -f '{MODULE}'", check=False)
            last = run.result()
            if last.returncode == 0:
                break
            assert "steps" not in last.only.values, last.only.message
            killed.append(looks(plain))
    assert len(set(killed)) >= 8, "it was to be killed in every stage"
    figures.append(f"killed {len(killed)} times, in {len(set(killed))} stages")
    assert "encrypted" in plain.inspect("network", NETWORK)["Options"]
    assert PARALLEL not in plain.shell(plain.manager, "docker network ls --format '{{.Name}}'").split()
    assert {name: spec(plain, name) for name in ("left", "right")} == specs
    assert not ansible.module(plain.manager, "networks", wanted).succeeded().only.changed


def test_C4_a_service_whose_update_is_taken_back_stays_where_it_was(plain: Machines, ansible: Ansible) -> None:
    """Its tasks refuse to run on two networks at once, and its update goes back by itself; once they do run there, the next run ends it."""
    frail = 'test "$(ls /sys/class/net | grep -c eth)" -lt 3 && exec /serve'
    words = ("--name", "frail", "--network", NETWORK, "--update-failure-action", "rollback", "--update-monitor", "5s")
    plain.shell(plain.manager, shlex.join([*CREATE, *words, "meshwork-lab:1", "sh", "-c", frail]))
    converged(plain)
    before = spec(plain, "frail")
    wanted = {"networks": [{"name": NETWORK, "encrypted": True, "replace": "rolling"}], "wait_timeout": STEP}
    for _run in range(2):
        failed = ansible.module(plain.manager, "networks", wanted, timeout=4 * STEP)
        assert failed.returncode != 0 and "frail" in failed.only.message, failed.output
        assert spec(plain, "frail")["TaskTemplate"] == before["TaskTemplate"]
        assert plain.inspect("service", "frail")["UpdateStatus"]["State"] == "rollback_completed"
        assert len(plain.tasks("frail")) == 1
    plain.shell(plain.manager, "docker service update --quiet --args /serve frail", timeout=STEP)
    ansible.module(plain.manager, "networks", wanted, timeout=4 * STEP).succeeded()
    assert "encrypted" in plain.inspect("network", NETWORK)["Options"]
    assert PARALLEL not in plain.shell(plain.manager, "docker network ls --format '{{.Name}}'").split()
    assert len(plain.tasks("frail")) == 1


def test_C4_who_uses_it_and_cannot_move_is_told_by_name(plain: Machines, ansible: Ansible) -> None:
    quick(plain, "left")
    before = looks(plain)
    for policy, remedy in (("never", "replace: rolling, which moves service left"), ("unused", "write replace: rolling")):
        message = ansible.module(
            plain.manager, "networks", {"networks": [{"name": NETWORK, "encrypted": True, "replace": policy}]}
        ).refused()
        assert "left" in message and remedy in message
    assert looks(plain) == before
