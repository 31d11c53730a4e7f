# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection to the Docker Engine: the docker SDK's APIClient as transport, the API's own JSON on top.

Works with docker SDK 5.0 to 7.2. The SDK's typed methods know neither all fields nor read-modify-write, so only its
public transport is used: a requests session with the socket's adapter, base URL and negotiated version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .._model.errors import EngineError, EngineUnreachable, MissingLibrary, OutOfSequence
from .._plan.plan import Call

try:
    import docker.errors
    import requests
    from docker import APIClient
except ImportError:
    HAS_DOCKER = False
else:
    HAS_DOCKER = True

MINIMUM_API = (1, 41)
CONFLICT = 409


class Engine:
    """One Engine. `timeout` bounds every call, in seconds; `calls` counts them; `on_this_host`: it runs here."""

    def __init__(self, host: str, timeout: float) -> None:
        if not HAS_DOCKER:
            raise MissingLibrary("docker", "python3-docker")
        self.calls = 0
        self._host = host
        self.on_this_host = host.startswith("unix:")
        try:
            self._client = APIClient(base_url=host, version="auto", timeout=timeout)
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            raise _unreachable(host, error) from None
        self.api = _version(self._client.api_version)
        if self.api < MINIMUM_API:
            raise EngineUnreachable(f"the Engine at {host} speaks API {self._client.api_version}; 1.41 (Engine 20.10) or newer is needed")

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The JSON that the Engine gives for a path; query values that are mappings are sent as JSON (filters)."""
        return self.do(Call("GET", path, query or {}))

    def do(self, call: Call) -> Any:
        """Make one call. Gives the answer's JSON, or None. Raises EngineError, OutOfSequence, EngineUnreachable."""
        self.calls += 1
        query = {name: json.dumps(value) if isinstance(value, Mapping) else value for name, value in call.query.items()}
        url = f"{self._client.base_url}/v{self._client.api_version}{quote(call.path)}"
        try:
            headers = {"X-Registry-Auth": call.auth} if call.auth else None
            answer = self._client.request(call.method, url, params=query, json=call.body, headers=headers, timeout=self._client.timeout)
        except requests.exceptions.RequestException as error:
            raise _unreachable(self._host, error) from None
        if answer.status_code >= 400:
            raise _refused(str(call), answer.status_code, _message(answer.text))
        return answer.json() if answer.text.strip() else None


def _message(body: str) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.strip()


def _refused(call: str, status: int, message: str) -> EngineError:
    taken = status == CONFLICT and "already exists" in message
    # also of a port that another service has just given up, until the allocator has heard of it (swarmkit: checkPortConflicts)
    taken = taken or "already in use by service" in message
    family = OutOfSequence if taken or "update out of sequence" in message else EngineError
    return family(call, status, message)


def _unreachable(host: str, error: Exception) -> EngineUnreachable:
    """What to do about a connection that failed; the cause hides in the text of nested exceptions."""
    text = str(error)
    if "Permission denied" in text:
        return EngineUnreachable(
            f"no permission on {host}; run the task with `become: true`, or add the user to the group docker and log in again"
        )
    if "No such file" in text or "Connection refused" in text or "FileNotFoundError" in text:
        return EngineUnreachable(f"no Engine answers at {host}; start it (`systemctl start docker`) or set docker_host to where it listens")
    return EngineUnreachable(f"the Engine at {host} did not answer: {text}")


def _version(written: str) -> tuple[int, int]:
    major, _dot, minor = written.partition(".")
    return int(major), int(minor)


def argument_spec() -> dict[str, Any]:
    """The options that every module has that speaks to an Engine (documented in the fragment `engine`)."""
    return {
        "docker_host": {"type": "str", "default": "unix:///var/run/docker.sock"},
        "timeout": {"type": "int", "default": 60},
    }


def connect(params: Mapping[str, Any]) -> Engine:
    """The Engine that the module's options name."""
    return Engine(str(params["docker_host"]), float(params["timeout"]))


def wait_option() -> dict[str, Any]:
    """The option of every module that changes something (documented in the fragment `engine.changing`)."""
    return {"wait_timeout": {"type": "int", "default": 120}}


def surroundings_options() -> dict[str, Any]:
    """What hosts have, for the modules that make overlays (documented in the fragment `engine.surroundings`)."""
    text = {"type": "str", "required": True}
    underlay = {"host": dict(text), "interface": dict(text), "mtu": {"type": "int", "required": True}}
    return {
        "taken": {"type": "list", "elements": "dict", "default": [], "options": {"subnet": dict(text), "by": dict(text)}},
        "underlay": {"type": "list", "elements": "dict", "default": [], "options": underlay},
    }


def address_options() -> dict[str, Any]:
    """The options of a node's addresses (documented in the fragment `engine.addresses`)."""
    return {
        "advertise_addr": {"type": "str"},
        "listen_addr": {"type": "str"},
        "data_path_addr": {"type": "str"},
        "availability": {"type": "str", "choices": ["active", "pause", "drain"]},
    }


def named_item() -> dict[str, Any]:
    """The suboptions of every entry of a list of objects."""
    return {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    }
