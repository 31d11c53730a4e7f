# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the module `attachments`: containers of this host on networks, read and changed on this host."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._model.attachment import ATTACHMENT, Container, parse_places, place_name, read_container, read_place
from .._model.errors import EngineError, NotReady
from .._model.network import read_network, subnets_of
from .._model.table import show
from .._plan.attachments import NEW, Attachments, Told, plan_attachments
from .._plan.plan import Call, Plan, Step
from .._run import Reconciliation
from . import attached, observe
from .client import connect

GIVEN_UP = "attaching to network failed"
UNTIMELY = (GIVEN_UP, "CreateEndpoint", " not found")
"""What the Engine says when the network was not there on this node in time, or was taken away by an attempt before."""
GONE = ("not found", "is not connected to network")
UNKNOWN = "Could not attach to network"


class AttachmentsWork(Reconciliation[Attachments]):
    """The places that the options describe."""

    def __init__(self, module: Any) -> None:
        self.wanted = parse_places(module.params["attachments"])
        self._exclusive = bool(module.params["exclusive"])
        self._facts: Mapping[str, Any] = module.params["facts"] or {}
        self._stale = self._manager = False
        self.engine = connect(module.params)
        self.deadline = float(module.params["wait_timeout"])

    def observe(self) -> Attachments:
        networks, complete = self._networks()
        return Attachments(self._containers(), networks, complete)

    def _containers(self) -> dict[str, Container]:
        """The wanted containers; each is asked for on its own, since no list has aliases and why a start failed."""
        wanted = {name for name, _network, _item in self.wanted}
        listed = self.engine.get("/containers/json", {"all": "true"}) or ()
        there = {attached.name_of(each): str(each["Id"]) for each in listed}
        found = [self.engine.get(f"/containers/{there[name]}/json") for name in sorted(wanted & set(there))]
        if self.engine.on_this_host:
            found = [attached.as_asked(each) for each in found]
        return {each.name: each for each in (read_container(document, attached.TASK_LABEL) for document in found)}

    def _networks(self) -> tuple[dict[str, Told], bool]:
        """The networks that this host's Engine lists, and those that a manager tells of: this host, else who gave the option `facts`."""
        items = [read_network(document) for document in self.engine.get("/networks")]
        here = {item.name: Told(_attachable(item.document), _swarm_wide(item.document), subnets_of(item)) for item in items}
        self._manager = observe.membership(self.engine).live_manager
        if self._manager:
            held = _held(attached.show_attachments(self.engine))
            return {name: replace(each, held=held.get(name, {})) if each.swarm else each for name, each in here.items()}, True
        if "networks" not in self._facts:
            return here, False
        # what a manager told before our own changes is not compared with what is there after them
        told = self._facts.get("attachments")
        known = None if self._stale or told is None else _held(told)
        away = {
            str(each["name"]): Told(
                bool(each.get("attachable")) and not each.get("ingress"),
                True,
                tuple(str(pool["subnet"]) for pool in each.get("subnets") or ()),
                None if known is None else known.get(str(each["name"]), {}),
            )
            for each in self._facts["networks"]
        }
        return {**here, **away}, True

    def plan(self, found: Attachments) -> Plan[Attachments]:
        return plan_attachments(self.wanted, self._exclusive, found)

    def apply(self, step: Step) -> None:
        """Make one step. Raises EngineError.

        The Engine gives an attempt to attach up after 20 s, and a busy node may need longer for the first container on a network: then
        the step is made again, until the deadline.
        """
        self._stale = True
        until = time.monotonic() + self.deadline
        first = True
        while True:
            try:
                if not first and step.action == "connect":
                    self._clear(step.call)
                self._make(step)
                if step.action != "connect" or not self._manager or self._counts(step):
                    return
                told = "the swarm does not know of it"
            except EngineError as error:
                told = error.message
                if step.action == "disconnect" or not _untimely(told) or time.monotonic() >= until:
                    told += _advice(told)
                    raise EngineError(f'"{step.says}" ({step.call})', error.status, told) from None
            if time.monotonic() >= until:
                raise NotReady(f'"{step.says}": {told}{_advice(told)}')
            first = False

    def _make(self, step: Step) -> None:
        """Make the step's call. A container that is not on a network need not leave it; a worker forgets networks without containers."""
        try:
            self.engine.do(step.call)
        except EngineError as error:
            if step.action != "disconnect" or not any(each in error.message for each in GONE):
                raise

    def _clear(self, call: Call) -> None:
        """After an attempt that was given up, the next counts on the host only: the swarm withdraws it, and gives its address to others
        (seen with Engine 20.10). So one is made for that, without a fixed address, and ended before the one that counts."""
        container = call.body["Container"]
        for path, body in (
            (call.path, {"Container": container}),
            (call.path.replace("/connect", "/disconnect"), {"Container": container, "Force": True}),
        ):
            with contextlib.suppress(EngineError):
                self.engine.do(Call("POST", path, body=body))

    def _counts(self, step: Step) -> bool:
        """Whether the swarm knows of the place that a step has taken; it knows nothing of places on local networks."""
        network, container = step.call.path.split("/")[2], step.call.body["Container"]
        held = _held(attached.show_attachments(self.engine))
        here: Mapping[str, Any] = next((each for each in self.engine.get("/networks") if each["Name"] == network), {})
        running = self.engine.get(f"/containers/{container}/json")["State"]["Running"]
        return not _swarm_wide(here) or not running or container in held.get(network, {})

    def show(self, state: Attachments) -> Mapping[str, Any]:
        """Only the places that are wanted or go; those of other networks are nobody's business here."""
        shown: dict[str, Any] = {}
        for name, container in state.containers.items():
            for network in container.places:
                shown[place_name(name, network)] = show(ATTACHMENT, read_place(container, network).values)
        return shown

    def returned(self, state: Attachments) -> Mapping[str, Any]:
        places: list[dict[str, Any]] = []
        for name, network, item in self.wanted:
            container = state.containers.get(name)
            if container is not None and network in container.places and item.state == "present":
                place = read_place(container, network)
                address = str(place.document.get("IPAddress") or "").replace(NEW, "")
                places.append({"container": name, "network": network, **show(ATTACHMENT, place.values), "address": address})
        return {"attachments": places}


def _untimely(told: str) -> bool:
    return UNKNOWN not in told and any(each in told for each in UNTIMELY)


def _advice(told: str) -> str:
    return (
        "; the network may be full, the address taken, or this node too busy or out of touch with its managers" if GIVEN_UP in told else ""
    )


def _attachable(document: Mapping[str, Any]) -> bool:
    return not _swarm_wide(document) or (bool(document.get("Attachable")) and not document.get("Ingress"))


def _swarm_wide(document: Mapping[str, Any]) -> bool:
    return bool(document.get("Scope") == "swarm")


def _held(attachments: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Addresses of containers by network and ID of the container."""
    held: dict[str, dict[str, str]] = {}
    for each in attachments:
        held.setdefault(str(each["network"]), {})[str(each["container_id"])] = str(each["address"])
    return held
