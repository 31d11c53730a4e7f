# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `docker stack deploy` marks as a stack's, and the labels of services, of which these marks are a part.

Labels are exact when they are given, with two exceptions: our own marks, and the stack's, which are kept unless they were written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .item import of_ours, of_users
from .kinds import labels
from .table import Json, Kind, Row, dig

PREFIX = "com.docker.stack."
NAMESPACE = PREFIX + "namespace"
"""The label of services, networks, secrets and configs that names their stack (docker/cli cli/compose/convert)."""


def stack_of(document: Mapping[str, Any]) -> str:
    """The stack of a service, empty where it is in none."""
    return str((dig(document, ("Spec", "Labels")) or {}).get(NAMESPACE) or "")


def _kept(wanted: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    """The stack's labels that were not written."""
    return {name: value for name, value in found.items() if name.startswith(PREFIX) and name not in wanted}


def _same(wanted: Mapping[str, str], found: Any) -> bool:
    return {**_kept(wanted, found or {}), **wanted} == dict(found or {})


def _merged(wanted: Mapping[str, str], found: Any) -> dict[str, str]:
    return {**_kept(wanted, found or {}), **wanted}


STACK_LABELS = Kind("dict", labels, dict, labels, same=_same, merge=_merged)


def labels_row(option: str, path: str) -> Row:
    """The row of labels that a stack may have marked, kept by the Engine under `path`."""
    *parents, name = path.split("/")

    def get(document: Mapping[str, Any]) -> dict[str, str]:
        return of_users(labels(dig(document, path.split("/")) or {}))

    def put(document: Json, value: Mapping[str, str]) -> None:
        level = document
        for parent in parents:
            level = level.setdefault(parent, {})
        there = level.get(name) or {}
        level[name] = {**_merged(value, there), **of_ours(there)}

    return Row(option, path, STACK_LABELS, get=get, put=put)
