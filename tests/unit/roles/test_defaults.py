# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles take from the inventory, and from what is already there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

Play = Callable[..., tuple[list[str], str]]
ROLES = Path(__file__).resolve().parents[3] / "roles"
FILES = [ROLES / "firewall" / "vars" / "main.yml", ROLES / "firewall" / "defaults" / "main.yml", ROLES / "host" / "defaults" / "main.yml"]
SHOWN = ("firewall_encrypted", "host_encrypted", "firewall_data_path_port")


def told(port: int) -> dict[str, Any]:
    return {"live_manager_info": {"membership": {"data_path_port": port}}}


ENCRYPTED = {"name": "back", "encrypted": True}


@pytest.mark.parametrize(
    ("variables", "hosts", "shown"),
    [
        ({}, {"one": {}}, (False, False, 4789)),
        ({"swarm_networks": [{"name": "front"}, ENCRYPTED]}, {"one": {}}, (True, True, 4789)),
        ({"swarm_ingress": {"encrypted": True}, "swarm_settings": {"data_path_port": 4790}}, {"one": told(0)}, (True, True, 4790)),
        (
            {"swarm_ingress": {"encrypted": False}, "swarm_networks": None},
            {"one": {}, "two": told(0), "six": told(4791)},
            (False, False, 4791),
        ),
        ({"swarm_settings": {"data_path_port": 4790}}, {"one": told(4789)}, (False, False, 4789)),
    ],
    ids=["nothing", "a network", "the ingress network", "a swarm's port", "a port that cannot be changed"],
)
def test_what_follows_from_the_inventory_and_the_swarm(
    play: Play, variables: Mapping[str, Any], hosts: Mapping[str, Any], shown: tuple[bool, bool, int]
) -> None:
    message = "{{ {" + ", ".join(f"'{name}': {name}" for name in SHOWN) + "} | to_json }}"
    _done, said = play([{"ansible.builtin.debug": {"msg": message}, "run_once": True}], hosts=hosts, files=FILES, **variables)
    line = next(line for line in said.splitlines() if "firewall_encrypted" in line)
    found = json.loads(line[line.index("{") : line.rindex("}") + 1].replace('\\"', '"'))
    assert tuple(type(wanted)(found[name]) for name, wanted in zip(SHOWN, shown, strict=True)) == shown, said
