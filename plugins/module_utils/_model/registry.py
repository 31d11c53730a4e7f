# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials of registries, as the Engine takes them beside a service: in a header, chosen by where the image comes from."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import InvalidOption

HUB = "docker.io"
HUB_SERVER = "https://index.docker.io/v1/"
"""What the docker CLI calls Docker Hub in credentials (docker/cli registry.IndexServer)."""
_HUB_NAMES = (HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com")


def registry_options() -> dict[str, Any]:
    """The suboptions of an entry."""
    return {
        "server": {"type": "str", "required": True},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "identity_token": {"type": "str", "no_log": True},
    }


def host(server: str) -> str:
    """The host, with its port, from a server's name or URL; Docker Hub is docker.io under all of its names."""
    found = server.partition("://")[2] or server
    found = found.partition("/")[0].lower()
    return HUB if found in _HUB_NAMES else found


def registry_of(image: str) -> str:
    """The registry that an image comes from (distribution/reference: what is before the first slash, where it looks like a host)."""
    first, slash, _rest = image.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return host(first) if named else HUB


def credentials(entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The header X-Registry-Auth for each registry. Raises InvalidOption, never with what is secret."""
    found: dict[str, str] = {}
    for index, entry in enumerate(entries):
        where, server = f"registries[{index}] ({entry['server']})", host(entry["server"])
        if server in found:
            raise InvalidOption(where, "every server once", server)
        if not entry.get("identity_token") and not (entry.get("username") and entry.get("password")):
            raise InvalidOption(where, "username and password, or identity_token", "a part of them")
        sent = {"serveraddress": HUB_SERVER if server == HUB else server}
        if entry.get("identity_token"):
            sent["identitytoken"] = entry["identity_token"]
        else:
            sent.update(username=entry["username"], password=entry["password"])
        # the Engine reads base64 of the alphabet for URLs, with padding (moby api/types/registry authconfig.go)
        found[server] = base64.urlsafe_b64encode(json.dumps(sent).encode()).decode()
    return found
