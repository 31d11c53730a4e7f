# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials of registries: chosen by the image, and shown to nobody."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import InvalidOption
from ansible_collections.meshwork.swarm.plugins.module_utils._model.registry import credentials, registry_of

IMAGES = {
    "nginx": "docker.io",
    "library/nginx:1.27": "docker.io",
    "docker.io/library/nginx": "docker.io",
    "index.docker.io/a/b": "docker.io",
    "registry.lab/shop@sha256:" + "ab" * 32: "registry.lab",
    "Registry.LAB:5000/team/shop:7": "registry.lab:5000",
    "localhost/shop": "localhost",
    "team/registry.lab/shop": "docker.io",
    "shop:5000": "docker.io",
}


@pytest.mark.parametrize(("image", "registry"), IMAGES.items())
def test_an_image_comes_from_a_registry(image: str, registry: str) -> None:
    assert registry_of(image) == registry


def sent(**entry: Any) -> tuple[str, Any]:
    sent_to = credentials([entry])
    assert len(sent_to) == 1
    server, header = sent_to.popitem()
    return server, json.loads(base64.urlsafe_b64decode(header))


def test_credentials_are_what_the_engine_reads() -> None:
    password = "ÿÿÿ>>>???"  # which has - and _ in the alphabet of URLs
    assert sent(server="https://registry.lab:5000/v2/", username="a", password=password) == (
        "registry.lab:5000",
        {"serveraddress": "registry.lab:5000", "username": "a", "password": password},
    )
    assert not {"+", "/"} & set(credentials([{"server": "r.lab", "username": "a", "password": password}])["r.lab"])
    assert sent(server="docker.io", identity_token="t", username="a") == (
        "docker.io",
        {"serveraddress": "https://index.docker.io/v1/", "identitytoken": "t"},
    )


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([{"server": "r.lab", "password": "hidden"}], "registries[0] (r.lab): expected username and password, or identity_token"),
        (
            [{"server": "docker.io", "identity_token": "hidden"}, {"server": "https://index.docker.io/v1/", "identity_token": "hidden"}],
            "registries[1] (https://index.docker.io/v1/): expected every server once",
        ),
    ],
)
def test_what_is_missing_is_told_without_the_rest(entries: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(InvalidOption) as raised:
        credentials(entries)
    assert str(raised.value).startswith(told)
    assert "hidden" not in str(raised.value)
