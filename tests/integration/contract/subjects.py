# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two Engines that the suite asks, and how to bring each back to where it began."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._engine.client import Engine
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import EngineError, EngineUnreachable
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Call
from ansible_collections.meshwork.swarm.tests.lab.meshlab import access, addresses, state
from fakes.engine import FakeEngine

LAB = Path(__file__).resolve().parents[2] / "lab" / "lab"
NODE = "node1"
IMAGE = "meshwork-lab:1"
GIVEN_UP = "context deadline exceeded"
Answer = TypeVar("Answer")


class Subject:
    """An Engine under test. `address` is its host's, `pause` the seconds between two looks."""

    engine: Any
    address: str
    pause = 0.0
    patience = 60.0

    def reset(self) -> None:
        """Out of any swarm, with nothing left of it."""
        raise NotImplementedError

    def init(self, **fields: Any) -> None:
        """A new swarm, as the docker CLI makes it, with these fields of the request changed; None leaves a field out."""
        body: dict[str, Any] = {
            "ListenAddr": "0.0.0.0:2377",
            "AdvertiseAddr": self.address,
            "SubnetSize": 24,
            "Spec": {"Name": "default"},
            **fields,
        }
        self.post("/swarm/init", {key: value for key, value in body.items() if value is not None})

    def get(self, path: str, **query: Any) -> Any:
        """The Engine's answer."""
        return self.engine.get(path, query)

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        """A change."""
        return self.engine.do(Call("POST", path, query, body))

    def delete(self, path: str) -> Any:
        """A removal."""
        return self.engine.do(Call("DELETE", path))

    def refused(self, ask: Callable[[], Any]) -> EngineError:
        """The refusal of what is asked."""
        with pytest.raises(EngineError) as raised:
            ask()
        return raised.value

    def until(self, look: Callable[[], Answer], holds: Callable[[Answer], Any], seconds: float | None = None) -> Answer:
        """What is seen as soon as it holds; fails with the last that was seen."""
        until = time.monotonic() + (self.patience if seconds is None else seconds)
        looks = 0
        while True:
            seen = look()
            if holds(seen):
                return seen
            looks += 1
            if time.monotonic() > until or (not self.pause and looks > 100):
                pytest.fail(f"did not come about: {seen}")
            time.sleep(self.pause)

    def stays(self, look: Callable[[], Answer], holds: Callable[[Answer], Any], seconds: float = 5.0) -> None:
        """Fails as soon as something does not hold any more, within the time in which it would have changed."""
        until = time.monotonic() + (seconds if self.pause else 0)
        for looks in itertools.count():
            seen = look()
            assert holds(seen), seen
            if time.monotonic() > until and looks > 20:
                return
            time.sleep(self.pause / 2)

    def network(self, name: str) -> Mapping[str, Any]:
        """A network from the list."""
        return next(each for each in self.get("/networks") if each["Name"] == name)

    def names(self) -> list[str]:
        """The names of all networks in the list."""
        return [each["Name"] for each in self.get("/networks")]

    def ingress_taken_up(self) -> None:
        """Comes back when the node itself has the ingress network of a new swarm."""

    def service(self, name: str) -> Mapping[str, Any]:
        """A service from the list."""
        return next(each for each in self.get("/services", status="true") if each["Spec"]["Name"] == name)


class Fake(Subject):
    """The unit tests' Engine."""

    address = "10.0.0.11"

    def __init__(self) -> None:
        self.engine = FakeEngine(self.address)

    def reset(self) -> None:
        self.engine = FakeEngine(self.address)


class Real(Subject):
    """The Engine of a lab's node."""

    pause = 0.5
    patience = 180.0

    def __init__(self, lab: str, socket: Path, address: str) -> None:
        self.lab = lab
        self.address = address
        self._socket = f"unix://{socket}"
        self.engine = self._reached()

    @classmethod
    @contextlib.contextmanager
    def connected(cls) -> Iterator[Real]:
        """The Engine of node1 of the lab LAB_NAME (main), whose socket is forwarded to this machine."""
        name = os.environ.get("LAB_NAME") or "main"
        lab = state.load(name)
        if lab is None or NODE not in lab.nodes:
            pytest.fail(f"there is no lab {name}: `make lab-up` boots it, and LAB_NAME names another")
        with tempfile.TemporaryDirectory(prefix="meshwork-") as folder:
            socket = Path(folder) / "docker.sock"
            options = ["-o", "ControlMaster=no", "-o", "ControlPath=none", "-o", "ExitOnForwardFailure=yes", "-N"]
            command = ["ssh", "-F", str(access.config_path(lab)), *options, "-L", f"{socket}:/var/run/docker.sock", NODE]
            with subprocess.Popen(command, stdin=subprocess.DEVNULL) as forward:
                try:
                    until = time.monotonic() + 60
                    while not socket.exists():
                        if forward.poll() is not None or time.monotonic() > until:
                            pytest.fail(f"no way to the Engine of {NODE} of the lab {name}: {' '.join(command)}")
                        time.sleep(0.2)
                    yield cls(name, socket, addresses.address(NODE))
                finally:
                    forward.terminate()

    def _reached(self) -> Engine:
        until = time.monotonic() + 60
        while True:
            try:
                return Engine(self._socket, 90)
            except EngineUnreachable:
                if time.monotonic() > until:
                    raise
                time.sleep(1)

    def on_node(self, *command: str) -> str:
        """Run a command on the node."""
        argv = [sys.executable, str(LAB), "--name", self.lab, "exec", NODE, "--", *command]
        return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=180).stdout

    def ingress_taken_up(self) -> None:
        self.until(lambda: self.get("/networks/ingress").get("Containers") or {}, lambda containers: "ingress-sbox" in containers)

    def reset(self) -> None:
        """Leave, and start the Engine anew where something of the swarm has stayed.

        Engine 20.10 gives a leave up when tasks are slow to stop; the next succeeds, but leaves networks and the gossip's port behind.
        """
        for _attempt in range(3):
            try:
                self.post("/swarm/leave", force="true")
            except EngineError as error:
                if GIVEN_UP in error.message:
                    continue
                if error.status != 503:
                    raise
            break
        leftover = [each["Name"] for each in self.get("/networks") if each["Scope"] == "swarm" or each["Driver"] == "overlay"]
        if leftover or ":7946" in self.on_node("ss", "-Hltn"):
            # on a quick machine this comes more often than systemd allows of itself
            self.on_node("systemctl", "reset-failed", "docker")
            self.on_node("systemctl", "restart", "docker")
            self.engine = self._reached()
        for name in self.names():
            if name.startswith("contract-"):
                self.delete(f"/networks/{name}")
