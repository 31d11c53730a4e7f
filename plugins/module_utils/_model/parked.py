# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service whose ports are off the ingress network while that is replaced: what it published stands in a label of its own.

The label is the journal of the replacement: whoever finds it can give the service its ports back, also long after a run was cut off.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .item import OUR_LABELS
from .table import Json

PARKED_LABEL = OUR_LABELS + "parked"
"""The label of a service that holds its EndpointSpec as JSON."""


def mesh_ports(endpoint: Mapping[str, Any] | None) -> list[Json]:
    """The ports of an EndpointSpec that are published through the ingress network."""
    return [dict(port) for port in (endpoint or {}).get("Ports") or () if _in_mesh(port)]


def _in_mesh(port: Mapping[str, Any]) -> bool:
    return (port.get("PublishMode") or "ingress") == "ingress"


def kept(spec: Mapping[str, Any]) -> Json | None:
    """The EndpointSpec in the label of a service's spec; None without the label, and where it holds something else."""
    try:
        endpoint = json.loads((spec.get("Labels") or {}).get(PARKED_LABEL) or "")
    except ValueError:
        return None
    return endpoint if isinstance(endpoint, dict) and mesh_ports(endpoint) else None


def is_parked(spec: Mapping[str, Any]) -> bool:
    """Whether a service's ports are off the ingress network and not given back."""
    return kept(spec) is not None and not mesh_ports(spec.get("EndpointSpec"))


def park(spec: Mapping[str, Any]) -> Json:
    """The spec with its EndpointSpec in the label and without the ports that need the ingress network; all else as it is."""
    endpoint = spec.get("EndpointSpec") or {}
    labels = {**(spec.get("Labels") or {}), PARKED_LABEL: json.dumps(endpoint, sort_keys=True)}
    return {**spec, "Labels": labels, "EndpointSpec": _without_mesh_ports(endpoint)}


def restore(spec: Mapping[str, Any]) -> Json:
    """The spec as it was before it was parked.

    Ports that somebody published meanwhile through the ingress network are newer than the label, and stay as they are.
    """
    labels = {name: value for name, value in (spec.get("Labels") or {}).items() if name != PARKED_LABEL}
    endpoint, before = spec.get("EndpointSpec") or {}, kept(spec)
    if before is None or mesh_ports(endpoint):
        return {**spec, "Labels": labels}
    if endpoint != _without_mesh_ports(before):
        before = {**endpoint, "Ports": [*(endpoint.get("Ports") or ()), *mesh_ports(before)]}
    return {**spec, "Labels": labels, "EndpointSpec": before}


def _without_mesh_ports(endpoint: Mapping[str, Any]) -> Json:
    left = [port for port in endpoint.get("Ports") or () if not _in_mesh(port)]
    return {**{key: value for key, value in endpoint.items() if key != "Ports"}, **({"Ports": left} if left else {})}
