# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host made of network namespaces on this machine, with the module's own code at work in it."""

from __future__ import annotations

import itertools
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.work import FirewallWork
from ansible_collections.meshwork.swarm.plugins.module_utils._local.host import (
    SEARCH_PATH,
    Command,
    Finished,
    Host,
    RemoveFile,
    RemoveFolder,
    WriteFile,
)
from ansible_collections.meshwork.swarm.plugins.module_utils._model.firewall import OPTIONS
from ansible_collections.meshwork.swarm.plugins.module_utils._run import Outcome, reconcile

from .ground import ITSELF, PEERS, STRANGER, Done, Ground
from .traffic import PATIENCE, Listeners, arrives, ask

NUMBERS = {ITSELF: 1, PEERS[0]: 11, PEERS[1]: 12, STRANGER: 99}
BOX = "172.31.99.2"
PORTS = [("tcp", 22), ("tcp", 2377), ("tcp", 7946), ("udp", 7946), ("udp", 4789), ("tcp", 9090)]
UNITS = "/etc/systemd/system"
DEADLINE = 30
_COUNT = itertools.count(1)


def sh(*argv: str, stdin: str = "") -> str:
    """What a program prints; it has to succeed."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=DEADLINE, check=False)
    if done.returncode:
        raise AssertionError(f"{shlex.join(argv)}: {done.stderr or done.stdout}\n{stdin}")
    return done.stdout


class NamespaceHost(Host):
    """The module's host: programs run in a network namespace, files lie below a folder, and units are started by what they say."""

    def __init__(self, namespace: str, root: Path) -> None:
        super().__init__()
        self._namespace, self._root = namespace, root
        self._active: set[str] = set()
        self._starts: tuple[str, ...] = ()
        self.running: set[str] = set()
        """Units of others that run."""
        self.standing: dict[str, Callable[[Sequence[str]], Finished]] = {}
        """Programs that stand ready, so that they need not be started."""

    def set_environment(self, environment: Mapping[str, str]) -> None:
        """What the programs find in their environment."""
        self._environment = {**environment, "LC_ALL": "C", "PATH": SEARCH_PATH}

    def place(self, path: str) -> Path:
        return self._root / path.lstrip("/")

    def exists(self, path: str) -> bool:
        return path == "/run/systemd/system" or (super().exists(path) if path.startswith("/proc/") else os.path.lexists(self.place(path)))

    def read(self, path: str) -> str | None:
        return super().read(str(self.place(path)))

    def write(self, action: WriteFile) -> None:
        super().write(WriteFile(str(self.place(action.path)), action.text))

    def remove(self, action: RemoveFile) -> None:
        super().remove(RemoveFile(str(self.place(action.path))))

    def remove_folder(self, action: RemoveFolder) -> None:
        super().remove_folder(RemoveFolder(str(self.place(action.path))))

    def ssh_connection(self) -> str | None:
        return None

    def run(self, command: Command) -> Finished:
        if command.argv[:2] == ("systemctl", "is-active"):
            return Finished(0 if command.argv[2] in self.running else 3, "", "")
        if command.argv[0] == "systemd-run":
            self._starts = command.argv[-2:]
            return Finished(0, "", "")
        if command.argv[0] == "systemctl":
            self._systemctl(*command.argv[1:])
            return Finished(0, "", "")
        if command.argv[0] in self.standing:
            return self.standing[command.argv[0]](command.argv[1:])
        return super().run(Command(("ip", "netns", "exec", self._namespace, *command.argv), command.stdin))

    def _systemctl(self, action: str, *words: str) -> None:
        unit = words[-1] if words else ""
        if action == "enable":
            for link in self._links(unit):
                link.parent.mkdir(parents=True, exist_ok=True)
                link.unlink(missing_ok=True)
                link.symlink_to(f"{UNITS}/{unit}")
            if unit not in self._active:
                self.start(unit, "ExecStart")
        elif action == "disable":
            for link in self._links(unit):
                link.unlink(missing_ok=True)
            self._active.discard(unit)

    def _links(self, unit: str) -> list[Path]:
        (targets,) = self._values(unit, "WantedBy")
        return [self.place(f"{UNITS}/{target}.wants/{unit}") for target in targets.split()]

    def _values(self, unit: str, key: str) -> list[str]:
        lines = self.place(f"{UNITS}/{unit}").read_text().splitlines()
        return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]

    def start(self, unit: str, key: str) -> None:
        """Run what a unit says for its start or reload; a `-` before a command says that it may fail."""
        for line in self._values(unit, key):
            words = shlex.split(line.lstrip("-").replace("/etc/meshwork-swarm", str(self.place("/etc/meshwork-swarm"))))
            done = super().run(Command(("ip", "netns", "exec", self._namespace, *words)))
            if done.status and not line.startswith("-"):
                raise AssertionError(f"{unit}: {line}: {done.errors}")
        self._active.add(unit)

    def go_back(self) -> None:
        """Run the script that systemd was to start, with files below the folder and the manners of systemctl, and without its waits."""
        shell, script = self._starts
        disabling = f'systemctl() {{ case $1 in disable) rm -f {self.place(UNITS)}/*.wants/"$3";; esac; }}\n'
        text = "".join(
            line for line in self.place(script).read_text().splitlines(keepends=True) if not line.startswith(("timeout ", "sleep "))
        )
        for folder in ("/etc/meshwork-swarm", "/etc/firewalld", UNITS, "/run/meshwork-swarm"):
            text = text.replace(folder, str(self.place(folder)))
        super().run(Command(("ip", "netns", "exec", self._namespace, shell, "-c", disabling + text)))

    def forget(self) -> None:
        """No file and no unit of an earlier story."""
        for folder in self._root.iterdir():
            shutil.rmtree(folder)
        self._active.clear()

    def enabled(self) -> list[str]:
        """The units that a boot starts."""
        return sorted({link.name for link in self.place(UNITS).glob("*.wants/*")})


class Namespaces(Ground):
    """The host, a machine outside with the addresses of peers and stranger, and a box behind the host with a published port."""

    backend = "auto"

    def __init__(self, root: Path) -> None:
        start = f"mw-nft-{os.getpid()}-{next(_COUNT)}"
        self.host, self.outside, self.box = (f"{start}-{name}" for name in ("host", "out", "box"))
        self._listeners: list[Listeners] = []
        for namespace in (self.host, self.outside, self.box):
            sh("ip", "netns", "add", namespace)
            self._ip(namespace, "link set lo up")
        self._wire(self.outside, "out0", "out1", [f"10.99.0.{NUMBERS[who]}/24" for who in (ITSELF, *PEERS, STRANGER)])
        for who in (ITSELF, *PEERS, STRANGER):
            namespace, link = (self.host, "out0") if who == ITSELF else (self.outside, "out1")
            self._ip(namespace, f"address add {self.address(who, 6)}/64 dev {link} nodad")
        self._wire(self.box, "box0", "box1", ["172.31.99.1/24", f"{BOX}/24"])
        self._ip(self.box, "route add default via 172.31.99.1")
        for setting in ("ipv4.ip_forward=1", "ipv4.icmp_ratelimit=0", "ipv6.icmp.ratelimit=0"):
            sh("ip", "netns", "exec", self.host, "sysctl", "-qw", f"net.{setting}")
        self._listeners += [Listeners(self.host, PORTS), Listeners(self.box, [("tcp", 8080)])]
        self.machine = NamespaceHost(self.host, root)

    def _ip(self, namespace: str, words: str) -> None:
        sh("ip", "-netns", namespace, *words.split())

    def _wire(self, other: str, near: str, far: str, addresses: list[str]) -> None:
        self._ip(self.host, f"link add {near} type veth peer name {far} netns {other}")
        for namespace, link, held in ((self.host, near, addresses[:1]), (other, far, addresses[1:])):
            for address in held:
                self._ip(namespace, f"address add {address} dev {link}")
            self._ip(namespace, f"link set {link} up")

    def address(self, who: str, family: int = 4) -> str:
        return f"10.99.0.{NUMBERS[who]}" if family == 4 else f"fd99::{NUMBERS[who]}"

    def work(self, **options: Any) -> FirewallWork:
        """The module's work with these options."""
        peers = [self.address(who, family) for who in PEERS for family in (4, 6)]
        defaults = {name: row.get("default") for name, row in OPTIONS.items()}
        whole = {**defaults, "role": "manager", "peers": peers, "encrypted": True, "backend": self.backend, **options}
        return FirewallWork(whole, self.machine)

    def run(self, checking: bool = False, **options: Any) -> Done:
        outcome = Outcome()
        reconcile(self.work(**options), checking, outcome)
        shown = outcome.shown(checking)
        return Done(shown["changed"], tuple(step["says"] for step in shown["steps"]), shown)

    def ask(self, who: str, protocol: str, port: int, family: int = 4, patience: float = PATIENCE) -> str:
        namespace = self.host if who == ITSELF else self.outside
        return ask(namespace, self.address(who, family), self.address(ITSELF, family), protocol, port, patience)

    def goes_back(self) -> None:
        self.machine.go_back()

    def esp_arrives(self, who: str) -> bool:
        return arrives(self.outside, self.host, self.address(who), self.address(ITSELF))

    def close(self) -> None:
        for each in self._listeners:
            each.close()
        for namespace in (self.host, self.outside, self.box):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, timeout=DEADLINE, check=False)
