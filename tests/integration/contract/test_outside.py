# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in no swarm: what the Engine tells and refuses."""

from __future__ import annotations

from .subjects import Subject

NO_MANAGER = "This node is not a swarm manager."


def test_info_says_inactive(subject: Subject) -> None:
    swarm = subject.get("/info")["Swarm"]
    assert (swarm["LocalNodeState"], swarm["NodeID"], swarm["NodeAddr"], swarm["ControlAvailable"]) == ("inactive", "", "", False)
    assert not swarm["RemoteManagers"]
    assert "Cluster" not in swarm


def test_what_belongs_to_a_swarm_is_refused(subject: Subject) -> None:
    for path in ("/swarm", "/nodes", "/services", "/tasks"):
        refusal = subject.refused(lambda path=path: subject.get(path))
        assert (refusal.status, refusal.message[: len(NO_MANAGER)]) == (503, NO_MANAGER)
    service = {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "x"}}}
    for path, body in (("/services/create", service), ("/swarm/update", {"Name": "default"})):
        refusal = subject.refused(lambda path=path, body=body: subject.post(path, body, version=1))
        assert (refusal.status, refusal.message[: len(NO_MANAGER)]) == (503, NO_MANAGER)


def test_an_overlay_is_refused(subject: Subject) -> None:
    refusal = subject.refused(lambda: subject.post("/networks/create", {"Name": "x", "Driver": "overlay"}))
    # Engine 20.10 says 500, others 403 or 503
    assert refusal.status in (403, 500, 503)
    assert refusal.message.startswith(NO_MANAGER)


def test_there_is_nothing_to_leave(subject: Subject) -> None:
    refusal = subject.refused(lambda: subject.post("/swarm/leave", force="true"))
    assert (refusal.status, refusal.message) == (503, "This node is not part of a swarm")


def test_the_list_of_networks_has_the_local_ones(subject: Subject) -> None:
    assert {"bridge", "host", "none"} <= set(subject.names())
    assert {each["Scope"] for each in subject.get("/networks")} == {"local"}
