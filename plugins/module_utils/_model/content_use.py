# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which services use a secret or config, and the spec of a service that goes over to a newer object of the same name.

Services refer to objects by ID, and tell their names beside. A file in a container has a name of its own, which stays.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from .table import Json, dig

UNDER_WAY = ("updating", "rollback_started")
RETURNABLE = (*UNDER_WAY, "paused", "rollback_paused")
"""States of an update that may still go back to the spec of before."""


def references(spec: Mapping[str, Any], noun: str) -> list[Json]:
    """The references of a service's spec, as the Engine has them; `noun` is "secret" or "config"."""
    return list(dig(spec, ("TaskTemplate", "ContainerSpec", f"{noun.capitalize()}s")) or ())


def used(spec: Mapping[str, Any], noun: str) -> set[str]:
    """The IDs of the objects that a spec refers to."""
    return {str(each.get(f"{noun.capitalize()}ID")) for each in references(spec, noun)}


def users(services: Iterable[Mapping[str, Any]], noun: str, identity: str) -> list[str]:
    """The services whose specs refer to an object."""
    return [str(each["Spec"]["Name"]) for each in services if identity in used(each["Spec"], noun)]


def may_return(services: Iterable[Mapping[str, Any]], noun: str, identity: str, states: Iterable[str]) -> list[str]:
    """The services that may go back to an object: their update is in one of these states, and the spec before it refers to the object."""
    return [
        str(each["Spec"]["Name"])
        for each in services
        if dig(each, ("UpdateStatus", "State")) in states
        and identity not in used(each["Spec"], noun)
        and identity in used(each.get("PreviousSpec") or {}, noun)
    ]


def moved(spec: Mapping[str, Any], noun: str, successors: Mapping[str, tuple[str, str]]) -> Json:
    """The spec with the successors of its objects in their places; the mapping has ID and name of each, by the ID of who goes."""
    key = noun.capitalize()
    written: Json = copy.deepcopy(dict(spec))
    for reference in references(written, noun):
        if reference.get(f"{key}ID") in successors:
            reference[f"{key}ID"], reference[f"{key}Name"] = successors[reference[f"{key}ID"]]
    credential: Json = dig(written, ("TaskTemplate", "ContainerSpec", "Privileges", "CredentialSpec")) or {}
    if noun == "config" and credential.get("Config") in successors:
        credential["Config"] = successors[credential["Config"]][0]
    return written
