# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The spec of a service that moves from one network to another, with everything else of it as it was."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .item import JOURNAL
from .service import DEFAULT_UPDATE
from .table import Json

SETTINGS_LABEL = JOURNAL + "update-config"
"""The label of a service under which its own UpdateConfig waits for the end of a move."""
KNOWN = JOURNAL + "moved"
"""The alias of our entries of a hosts file. The Engine keeps it in the spec and leaves it out of the file."""


@dataclass(frozen=True)
class Relocation:
    """The change of one service. `joins` and `leaves` are names of networks, "" where it does neither.

    The attachment to the network that it joins is a copy of that to `like`, and it leaves one only while it is on `like`. With `known`, the
    names of the services that are on that network already come into its hosts file; without, entries of ours leave it. `restores` gives it
    its own update settings back. One that does nothing of all that sends the spec as it is, which lets the swarm try an update again that
    it has given up.
    """

    service: str
    id: str
    joins: str = ""
    like: str = ""
    leaves: str = ""
    known: bool = False
    restores: bool = False

    def __str__(self) -> str:
        return f"POST /services/{self.id}/update"


def networks_of(spec: Mapping[str, Any]) -> list[Json]:
    """The networks of a service's spec, in the new place or the old one."""
    return list((spec.get("TaskTemplate") or {}).get("Networks") or spec.get("Networks") or ())


def addresses(services: Iterable[Mapping[str, Any]], network: str, moving: str) -> list[tuple[str, str]]:
    """(name, address) on a network, given by its ID, for every name there but those of the service `moving` itself."""
    found = []
    for service in services:
        spec = service["Spec"]
        address = next((each["Addr"] for each in _virtual_ips(service) if each["NetworkID"] == network and each.get("Addr")), "")
        attachment = next((each for each in networks_of(spec) if each["Target"] == network), None)
        if attachment and address and spec["Name"] != moving:
            found += [(name, address.partition("/")[0]) for name in (spec["Name"], *(attachment.get("Aliases") or ()))]
    return found


def _virtual_ips(service: Mapping[str, Any]) -> Iterable[Mapping[str, str]]:
    return (service.get("Endpoint") or {}).get("VirtualIPs") or ()


def knows(spec: Mapping[str, Any]) -> frozenset[str]:
    """The names for which the hosts file of a service has entries of ours."""
    return frozenset(entry.split()[1] for entry in _hosts(spec) if _ours(entry))


def _hosts(spec: Mapping[str, Any]) -> list[str]:
    return list(((spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}).get("Hosts") or ())


def _ours(entry: str) -> bool:
    return entry.split()[2:] == [KNOWN]


def settings_for_moving(spec: Mapping[str, Any]) -> Json | None:
    """The UpdateConfig with which a service moves: new tasks first, and no further after a failure. What else it has stays.

    A port in host mode is still held by the old task, so that service goes on stopping first.
    """
    own: Mapping[str, Any] | None = spec.get("UpdateConfig")
    moving: Json = dict(DEFAULT_UPDATE if own is None else own)
    if not holds_host_port(spec):
        moving["Order"] = "start-first"
    if moving.get("FailureAction") == "continue":
        moving["FailureAction"] = "pause"
    defaults = {**DEFAULT_UPDATE, "Parallelism": 0}
    return None if {**defaults, **moving} == {**(DEFAULT_UPDATE if own is None else defaults), **(own or {})} else moving


def holds_host_port(spec: Mapping[str, Any]) -> bool:
    """Whether a service publishes a port of its own choosing in host mode."""
    ports = (spec.get("EndpointSpec") or {}).get("Ports") or ()
    return any(port.get("PublishMode") == "host" and port.get("PublishedPort") for port in ports)


def set_aside(spec: Mapping[str, Any]) -> bool:
    """Whether the update settings of a service wait in its label."""
    return SETTINGS_LABEL in (spec.get("Labels") or {})


def possible(document: Mapping[str, Any], change: Relocation, ids: Mapping[str, str]) -> bool:
    """Whether a change still fits the service and the networks (`ids` by name): a rollback may have taken it off the one that it keeps.

    A service that left its network while it is on no other of the two would be cut off from all its partners.
    """
    targets = {str(each["Target"]) for each in networks_of(document["Spec"])}
    named = [name for name in (change.joins, change.leaves, change.like) if name]
    return all(name in ids for name in named) and (not change.like or ids[change.like] in targets)


def relocated(document: Mapping[str, Any], change: Relocation, ids: Mapping[str, str], known: Iterable[tuple[str, str]]) -> Json:
    """The new spec of a service. `ids` has the IDs of networks by name, `known` the addresses that `change.known` asks for."""
    spec: Json = copy.deepcopy(dict(document["Spec"]))
    if change.restores:
        _restore(spec)
    if not (change.joins or change.leaves):
        return spec
    networks = networks_of(spec)
    spec.pop("Networks", None)
    spec["TaskTemplate"]["Networks"] = networks
    if change.joins and not any(each["Target"] == ids[change.joins] for each in networks):
        place = next(index for index, each in enumerate(networks) if each["Target"] == ids[change.like])
        networks.insert(place + 1, {**networks[place], "Target": ids[change.joins]})
    if change.leaves:
        networks[:] = [each for each in networks if each["Target"] != ids[change.leaves]]
    _write_hosts(spec, known if change.known else ())
    _put_aside(spec)
    return spec


def _write_hosts(spec: Json, known: Iterable[tuple[str, str]]) -> None:
    """Our entries of the hosts file, and no others of ours; what the user wrote about a name stays as it is."""
    own = [entry for entry in _hosts(spec) if not _ours(entry)]
    written = {entry.split()[1] for entry in own if len(entry.split()) > 1}
    hosts = own + [f"{address} {name} {KNOWN}" for name, address in known if name not in written]
    if hosts:
        spec["TaskTemplate"]["ContainerSpec"]["Hosts"] = hosts
    elif _hosts(spec):
        del spec["TaskTemplate"]["ContainerSpec"]["Hosts"]


def _put_aside(spec: Json) -> None:
    moving = settings_for_moving(spec)
    if moving is not None:
        spec.setdefault("Labels", {}).setdefault(SETTINGS_LABEL, json.dumps(spec.get("UpdateConfig")))
        spec["UpdateConfig"] = moving


def _restore(spec: Json) -> None:
    own = json.loads(spec["Labels"].pop(SETTINGS_LABEL))
    if own is None:
        spec.pop("UpdateConfig", None)
    else:
        spec["UpdateConfig"] = own
