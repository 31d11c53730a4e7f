# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets and configs as the swarm keeps them (swarmkit controlapi/secret.go and config.go)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any

from . import documents
from .refusal import Refusal

Json = dict[str, Any]
LIMITS = {"secret": 500 * 1024, "config": 1000 * 1024}
NAME = re.compile(r"[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?")


def listed(objects: Mapping[str, Json], noun: str) -> list[Json]:
    """The list of GET; only configs tell their content."""
    return list(objects.values()) if noun == "config" else [{**each, "Spec": _without_data(each["Spec"])} for each in objects.values()]


def made(objects: dict[str, Json], noun: str, body: Json) -> Json:
    """POST /secrets/create and /configs/create."""
    if not NAME.fullmatch(body["Name"]) or len(body["Name"]) > 64:
        told = "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]"
        raise _invalid(told)
    if (body.get("Driver") or {}).get("Name"):
        raise Refusal(500, f'rpc error: code = Unknown desc = plugin "{body["Driver"]["Name"]}" not found')
    if not 0 < len(base64.b64decode(body.get("Data") or "")) < LIMITS[noun]:
        raise _invalid(f"{noun} data must be larger than 0 and less than {LIMITS[noun]} bytes")
    if any(each["Spec"]["Name"] == body["Name"] for each in objects.values()):
        raise Refusal(409, f"rpc error: code = AlreadyExists desc = {noun} {body['Name']} already exists")
    document = {"ID": documents.identity(), "Version": {"Index": 10}, "CreatedAt": documents.created()}
    objects[document["ID"]] = {**document, "Spec": {"Labels": {}, **documents.kept_of(body)}}
    return {"ID": document["ID"]}


def updated(document: Json, body: Json) -> None:
    """POST /secrets/ID/update and /configs/ID/update, after its version was checked."""
    there = document["Spec"]
    if body["Name"] != there["Name"] or body.get("Data") not in (None, "", there.get("Data")):
        raise _invalid("only updates to Labels are allowed")
    document["Spec"] = {**there, "Labels": body.get("Labels") or {}}


def refuse_removal(document: Json, noun: str, services: Iterable[Json]) -> None:
    """An object stays while the spec of a service refers to it; specs of before do not count."""
    key = noun.capitalize()
    users = [
        each["Spec"]["Name"]
        for each in services
        if any(one[f"{key}ID"] == document["ID"] for one in each["Spec"]["TaskTemplate"]["ContainerSpec"].get(f"{key}s") or ())
    ]
    if users:
        told = f"{noun} '{document['Spec']['Name']}' is in use by the following service{'s' if len(users) > 1 else ''}: {', '.join(users)}"
        raise _invalid(told)


def _without_data(spec: Mapping[str, Any]) -> Json:
    return {key: value for key, value in spec.items() if key != "Data"}


def _invalid(told: str) -> Refusal:
    return Refusal(400, f"rpc error: code = InvalidArgument desc = {told}")
