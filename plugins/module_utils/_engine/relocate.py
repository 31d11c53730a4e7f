# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moves a service between networks: its whole spec read, changed and written, so that nothing else of it is touched."""

from __future__ import annotations

from dataclasses import replace

from .._model.errors import OutOfSequence
from .._model.relocation import Relocation, addresses, possible, relocated
from .._plan.plan import Call, Step
from .client import Engine
from .swarm_wide import apply_call


def relocate(engine: Engine, step: Step, change: Relocation) -> None:
    """Make one relocation, the call of `step`. Raises EngineError; OutOfSequence when the service has changed or gone meanwhile."""
    services = engine.get("/services") or ()
    # a host may have a network of its own that is called the same
    ids = {str(each["Name"]): str(each["Id"]) for each in engine.get("/networks") if each.get("Scope") == "swarm"}
    document = next((each for each in services if each["ID"] == change.id), None)
    if document is None:
        raise OutOfSequence(str(change), 404, f"service {change.service} is not there any more")
    if not possible(document, change, ids):
        raise OutOfSequence(str(change), 409, f"service {change.service} is no longer on the networks on which it was")
    known = addresses(services, ids[change.joins], change.service) if change.known else ()
    query = {"version": document["Version"]["Index"]}
    apply_call(engine, replace(step, call=Call("POST", f"/services/{change.id}/update", query, relocated(document, change, ids, known))))
