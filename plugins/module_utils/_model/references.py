# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets and configs as a service refers to them: by name here, by ID and name in the Engine's JSON.

The Engine refuses a reference without an ID. Names that were written anew are given theirs by `with_ids`, from what the swarm has. A name
stands for the newest of the objects that were made for it, and `with_names` tells it in the place of the object's own.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .content import Named
from .kinds import PERMISSIONS, TEXT
from .records import Entries, Entry, Records
from .table import Json, Kind, Row

CONTAINER = "Spec/TaskTemplate/ContainerSpec/"
FRESH = {"File": {"UID": "0", "GID": "0", "Mode": 0o444}}
"""What the docker CLI sends where nothing else was said."""
SCHEMES = ("config", "file", "registry")


def _references(noun: str, place: str) -> Records:
    """References to secrets or configs; `place` is put before the name of one whose target was not written."""

    def put_source(raw: Json, value: str) -> None:
        # an older object of the name may be called as the name itself
        raw.pop(f"{noun}ID", None)
        raw[f"{noun}Name"] = value

    def complete(entry: Entry, _where: str) -> Entry:
        return Entry({"target": place + entry["source"], **entry})

    rows = (
        Row("source", f"{noun}Name", TEXT, put=put_source),
        Row("target", "File/Name", TEXT),
        Row("uid", "File/UID", TEXT),
        Row("gid", "File/GID", TEXT),
        Row("mode", "File/Mode", PERMISSIONS),
    )
    return Records(rows, ("target",), fresh=FRESH, required=("source",), complete=complete)


SECRETS = _references("Secret", "")
CONFIGS = _references("Config", "/")


def _container(document: Mapping[str, Any]) -> Mapping[str, Any]:
    found = document.get("Spec") or {}
    for key in ("TaskTemplate", "ContainerSpec"):
        found = found.get(key) or {}
    return found


def _container_to_write(document: Json) -> Json:
    container: Json = document.setdefault("Spec", {}).setdefault("TaskTemplate", {}).setdefault("ContainerSpec", {})
    return container


def _get_configs(document: Mapping[str, Any]) -> Entries:
    return CONFIGS.read([raw for raw in _container(document).get("Configs") or () if "File" in raw])


def _put_configs(document: Json, value: Entries) -> None:
    """Set the files; a config that is the credential spec stays."""
    container = _container_to_write(document)
    there = container.get("Configs") or []
    container["Configs"] = CONFIGS.put([raw for raw in there if "File" in raw], value) + [raw for raw in there if "File" not in raw]


def credential_spec(value: Any) -> str:
    """As the docker CLI has it: config://NAME, file://NAME or registry://NAME; empty for none."""
    written = str(value)
    scheme, _separator, name = written.partition("://")
    if written and (scheme not in SCHEMES or not name):
        raise ValueError("config://NAME, file://NAME or registry://NAME")
    return written


def _get_credential_spec(document: Mapping[str, Any]) -> str:
    container = _container(document)
    there: Mapping[str, Any] = (container.get("Privileges") or {}).get("CredentialSpec") or {}
    scheme = next((each for each in SCHEMES if there.get(each.capitalize())), "")
    name = str(there.get(scheme.capitalize()) or "")
    if scheme == "config":
        named = [raw for raw in container.get("Configs") or () if name in (raw.get("ConfigID"), raw["ConfigName"])]
        name = str(named[0]["ConfigName"]) if named else name
    return f"{scheme}://{name}" if scheme else ""


def _put_credential_spec(document: Json, value: str) -> None:
    """Set it, and the reference that the Engine wants beside one that is a config."""
    container = _container_to_write(document)
    scheme, _separator, name = value.partition("://")
    privileges = container["Privileges"] = dict(container.get("Privileges") or {})
    privileges["CredentialSpec"] = {scheme.capitalize(): name} if value else None
    files = [raw for raw in container.get("Configs") or () if "File" in raw]
    if scheme == "config":
        files.append({"Runtime": {}, "ConfigName": name})
    if files or "Configs" in container:
        container["Configs"] = files


ROWS = (
    replace(SECRETS.row("secrets", CONTAINER + "Secrets"), no_log=False),
    Row("configs", CONTAINER + "Configs", CONFIGS.kind(), absent=(), get=_get_configs, put=_put_configs),
    Row(
        "credential_spec",
        CONTAINER + "Privileges/CredentialSpec",
        Kind("str", credential_spec),
        absent="",
        get=_get_credential_spec,
        put=_put_credential_spec,
    ),
)


def secret_names(values: Mapping[str, Any]) -> set[str]:
    """The names of the secrets that a service's values refer to."""
    return {entry["source"] for entry in values.get("secrets") or ()}


def config_names(values: Mapping[str, Any]) -> set[str]:
    """The names of the configs that a service's values refer to."""
    scheme, _separator, name = str(values.get("credential_spec") or "").partition("://")
    return {entry["source"] for entry in values.get("configs") or ()} | ({name} if scheme == "config" else set())


def with_ids(spec: Json, secrets: Mapping[str, Named], configs: Mapping[str, Named]) -> Json:
    """The spec with the objects that it names; the mappings have ID and name of the newest object of each name."""
    container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    for noun, named in (("Secret", secrets), ("Config", configs)):
        for raw in container.get(f"{noun}s") or ():
            if f"{noun}ID" not in raw and raw[f"{noun}Name"] in named:
                raw[f"{noun}ID"], raw[f"{noun}Name"] = named[raw[f"{noun}Name"]]
    credential: Json = (container.get("Privileges") or {}).get("CredentialSpec") or {}
    if credential.get("Config"):
        runtime: Json = next((raw for raw in container.get("Configs") or () if "Runtime" in raw), {})
        credential["Config"] = runtime.get("ConfigID", credential["Config"])
    return spec


def with_names(document: Mapping[str, Any], names: Mapping[str, str]) -> Mapping[str, Any]:
    """The service with names in place of those of the objects; `names` has them by the ID of the object."""
    if not any(_container(document).get(f"{noun}s") for noun in ("Secret", "Config")):
        return document
    named: Json = copy.deepcopy(dict(document))
    for noun in ("Secret", "Config"):
        for raw in _container(named).get(f"{noun}s") or ():
            raw[f"{noun}Name"] = names.get(str(raw.get(f"{noun}ID")), raw[f"{noun}Name"])
    return named
