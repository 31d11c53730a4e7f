# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's machines, seen with what this project did not write: ssh, the docker CLI, ip, iptables, curl."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

CHECKOUT = Path(__file__).resolve().parents[3]
LAB = CHECKOUT / "tests" / "lab" / "lab"
Value = TypeVar("Value")


def run(argv: Iterable[str], *, stdin: str | None = None, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a program; AssertionError with its words when it fails and `check` is set."""
    command = list(argv)
    source = None if stdin else subprocess.DEVNULL
    done = subprocess.run(command, input=stdin, stdin=source, capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode:
        raise AssertionError(f"{command[-1]!r} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done


def eventually(read: Callable[[], Value], true: Callable[[Value], bool], within: float, what: str) -> Value:
    """The first reading that is as it should be; AssertionError with the last one at the deadline (seconds)."""
    until = time.monotonic() + within
    while True:
        value = read()
        if true(value):
            return value
        if time.monotonic() >= until:
            raise AssertionError(f"not within {within:g} s: {what}; last seen: {value!r}")
        time.sleep(0.5)


class Machines:
    """The nodes of one lab. The first is the manager in the lab's inventory, the others are workers."""

    def __init__(self, name: str) -> None:
        self.name = name
        status = json.loads(run([str(LAB), "--name", name, "status", "--json"]).stdout)
        self.nodes: list[str] = list(status["nodes"])
        self.addresses: dict[str, str] = {node: status["nodes"][node]["addresses"][0] for node in self.nodes}
        self.netns: str = run([str(LAB), "--name", name, "netns"]).stdout.strip()
        self._ssh = ["ssh", "-F", status["ssh_config"]]

    @property
    def manager(self) -> str:
        return self.nodes[0]

    @property
    def workers(self) -> list[str]:
        return self.nodes[1:]

    def shell(self, node: str, line: str, *, stdin: str | None = None, check: bool = True, timeout: float = 60) -> str:
        """What a line for the node's shell prints."""
        return run([str(LAB), "--name", self.name, "exec", node, "--", line], stdin=stdin, check=check, timeout=timeout).stdout

    def send(self, node: str, folder: Path, target: str) -> None:
        """Put what is in a folder of this machine into one of the node."""
        packed = subprocess.run(["tar", "-C", str(folder), "-cf", "-", "."], capture_output=True, check=True, timeout=120).stdout
        self._exec(node, f"mkdir -p {target} && tar -C {target} -xf - --no-same-owner", packed)

    def fetch(self, node: str, path: str, target: Path) -> None:
        """Put a file of the node onto this machine; a shell's pattern in `path` stands for one file."""
        target.write_bytes(self._exec(node, f"cat {path}"))

    def _exec(self, node: str, line: str, stdin: bytes = b"") -> bytes:
        command = [str(LAB), "--name", self.name, "exec", node, "--", line]
        return subprocess.run(command, input=stdin, capture_output=True, check=True, timeout=300).stdout

    def everywhere(self, line: str, nodes: Iterable[str] | None = None, check: bool = True) -> dict[str, str]:
        """The same line on several nodes at once."""
        names = list(nodes or self.nodes)
        with ThreadPoolExecutor(len(names)) as pool:
            return dict(zip(names, pool.map(lambda node: self.shell(node, line, check=check), names), strict=True))

    def inspect(self, kind: str, name: str, node: str | None = None) -> dict[str, Any]:
        """`docker KIND inspect NAME` on a node, the manager by default."""
        found: list[dict[str, Any]] = json.loads(self.shell(node or self.manager, f"docker {kind} inspect {name}"))
        return found[0]

    def membership(self) -> dict[str, str]:
        """The state of each node's membership as its own Engine tells it: active, inactive ..."""
        return self.everywhere_stripped("docker info --format '{{.Swarm.LocalNodeState}}'")

    def everywhere_stripped(self, line: str, nodes: Iterable[str] | None = None) -> dict[str, str]:
        return {node: text.strip() for node, text in self.everywhere(line, nodes).items()}

    def rules(self) -> dict[str, list[str]]:
        """The rules of iptables and (behind "ip6 ") ip6tables with the collection's name in them, and its sets, on each node."""
        found = self.everywhere("iptables -S; ip6tables -S | sed 's/^/ip6 /'; ipset list -n")
        return {node: [line for line in text.splitlines() if "meshwork" in line.lower()] for node, text in found.items()}

    def swarm_objects(self) -> str:
        """Every object of the swarm with its version, as the docker CLI lists them: changes when anything is changed."""
        return self.shell(
            self.manager,
            "docker network ls --no-trunc --format '{{.ID}} {{.Name}} {{.Driver}} {{.Scope}}' | sort;"
            "docker service inspect --format '{{.ID}} {{.Version.Index}} {{json .Spec}}' $(docker service ls -q);"
            "docker node inspect --format '{{.ID}} {{json .Spec}}' $(docker node ls -q);"
            "docker info --format '{{json .Swarm.Cluster}}'",
        )

    def tasks(self, service: str) -> dict[str, str]:
        """The running tasks of a service: task ID to node."""
        shown = "{{.ID}} {{.Node}} {{.CurrentState}}"
        text = self.shell(self.manager, f"docker service ps {service} --no-trunc --filter desired-state=running --format '{shown}'")
        rows = [line.split() for line in text.splitlines()]
        return {row[0]: row[1] for row in rows if row[2] == "Running"}

    def container(self, service: str) -> tuple[str, str]:
        """A node and the container of a task of the service that runs there."""
        node = next(iter(self.tasks(service).values()))
        return node, self.containers(service, node)[0]

    def containers(self, service: str, node: str) -> list[str]:
        """The containers of a service on a node."""
        return self.shell(node, f"docker ps -q --filter label=com.docker.swarm.service.name={service}").split()

    def lookup(self, node: str, container: str, name: str) -> set[str]:
        """The addresses that busybox's nslookup finds in a container."""
        text = self.shell(node, f"docker exec {container} nslookup {name}", check=False)
        return set(re.findall(r"^Address: (\d+\.\d+\.\d+\.\d+)$", text, flags=re.MULTILINE))

    def curl(self, url: str, node: str | None = None) -> str | None:
        """What curl gets, from the controller's place in the lab or from a node; None when nothing answers."""
        command = f"curl --silent --fail --max-time 5 {url}"
        if node:
            done = run([str(LAB), "--name", self.name, "exec", node, "--", command], check=False)
        else:
            done = run(["ip", "netns", "exec", self.netns, *command.split()], check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    def fault(self, *words: str) -> None:
        """Break the network or a node, or mend it: the words of `lab fault`."""
        run([str(LAB), "--name", self.name, "fault", *words], timeout=180)

    def module_runs(self, since: str) -> dict[str, list[str]]:
        """The modules that each node ran since a moment (seconds since the epoch), as its own journal tells it."""
        logged = self.everywhere(f"journalctl --since @{since} --output json --output-fields SYSLOG_IDENTIFIER,MESSAGE")
        runs: dict[str, list[str]] = {}
        for node, text in logged.items():
            entries = [json.loads(line) for line in text.splitlines()]
            names = [
                str(entry.get("SYSLOG_IDENTIFIER", "")) for entry in entries if str(entry.get("MESSAGE", "")).startswith("Invoked with")
            ]
            runs[node] = [name.removeprefix("ansible-") for name in names if name.startswith("ansible-")]
        return runs

    def leave(self, nodes: Iterable[str] | None = None) -> None:
        """Every node leaves its swarm. Engine 20.10 gives a leave up while tasks are slow to stop, and succeeds when asked again."""
        state = "$(docker info --format '{{.Swarm.LocalNodeState}}')"
        line = f'for i in 1 2 3 4 5 6; do [ "{state}" = inactive ] && exit 0; docker swarm leave --force; sleep 1; done; exit 1'
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(lambda node: self.shell(node, line, timeout=180), nodes or self.nodes))
