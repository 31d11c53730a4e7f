# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation of the swarm's root certificate: what begins one, what it needs, and which nodes it waits for.

The Engine gives every node a certificate of the new root first, signed across by the old one, and drops the old root when the last node
has its own (swarmkit manager/controlapi/ca_rotation.go). A node that is down holds that up until it is back or removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._model.authority import being_taken, fingerprint
from .._model.item import Item
from .._model.node import hostname, ready
from .plan import Blocker

CERTIFICATE = "signing_ca_cert"
COSTS = "every node gets a new certificate, and hosts join with new tokens"


def is_coming(values: Mapping[str, Any], swarm: Item) -> bool:
    """Whether the wanted root is the one that a rotation under way leads to."""
    return CERTIFICATE in values and being_taken(values[CERTIFICATE], swarm.document)


def readable(value: Any) -> Any:
    """A value for a sentence, which whole certificates would fill."""
    if isinstance(value, list):
        return [readable(each) for each in value]
    if isinstance(value, dict):
        return {name: readable(each) for name, each in value.items()}
    return f"certificate {fingerprint(value)}" if str(value).startswith("-----BEGIN") else value


def told(wanted: str, found: str) -> str:
    """The change of the root as a part of a sentence."""
    there = f" in place of {fingerprint(found)}" if found else ""
    return f"take the root certificate {fingerprint(wanted)}{there} (SHA-256)"


def unsigned(wanted: str, key: str | None, external: Sequence[Sequence[Any]]) -> list[Blocker]:
    """Nobody could sign for a new root without its key or an external CA that has it."""
    if key or any(root == wanted for _protocol, _url, _options, root in external):
        return []
    return [
        Blocker(
            "swarm",
            f"nobody could sign with the new signing_ca_cert {fingerprint(wanted)}",
            "give its key as signing_ca_key, or an entry of external_cas with this certificate as its ca_cert",
        )
    ]


def contradiction(values: Mapping[str, Any], rotate: Sequence[str]) -> list[Blocker]:
    """A root that the swarm makes by itself is not the one that was written."""
    if "ca" not in rotate or CERTIFICATE not in values:
        return []
    remedy = "write another certificate and its key to change the root, or leave signing_ca_cert out to have the swarm make one"
    return [Blocker("swarm", "rotate: [ca] makes a new root, and signing_ca_cert asks for the one that is written", remedy)]


def awaited(swarm: Item, nodes: Sequence[Item], also_down: bool) -> list[str]:
    """What a rotation still waits for, as sentences; nodes that are not ready only when `also_down`."""
    behind = _behind(swarm, nodes)
    told_of = [f"{hostname(node)} has no certificate of the new root yet" for node in behind if ready(node)]
    if not _rotating(swarm):
        return told_of
    down = held_up(swarm, nodes)
    told_of += down if also_down else []
    return told_of or ([] if down else ["the new root is not yet in place"])


def held_up(swarm: Item, nodes: Sequence[Item]) -> list[str]:
    """The nodes without which a rotation under way cannot end, each with what to do."""
    return [_held_up(node) for node in _behind(swarm, nodes) if not ready(node)] if _rotating(swarm) else []


def _rotating(swarm: Item) -> bool:
    return bool(swarm.document.get("RootRotationInProgress"))


def _behind(swarm: Item, nodes: Sequence[Item]) -> list[Item]:
    """The nodes whose certificate, or once that is done whose root, is not yet the swarm's."""
    authority = swarm.document.get("TLSInfo") or {}
    parts = ("CertIssuerSubject", "CertIssuerPublicKey") if _rotating(swarm) else ("TrustRoot",)
    return [node for node in nodes if any(_tls(node).get(part) != authority.get(part) for part in parts)]


def _tls(node: Item) -> Mapping[str, Any]:
    return (node.document.get("Description") or {}).get("TLSInfo") or {}


def _held_up(node: Item) -> str:
    state = str((node.document.get("Status") or {}).get("State") or "unknown")
    return f"{hostname(node)} is {state} and holds the rotation of the root up: bring it back, or remove it from the swarm"
