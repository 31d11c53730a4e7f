# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What planners compare, read from a manager's Engine with one list call a kind."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from .._model.certificate import FILE, Certificate, read_certificate
from .._model.content import CONFIG, SECRET, Family, called, names_by_id, read_content, to_come
from .._model.errors import EngineError
from .._model.item import Item
from .._model.membership import Membership, read_membership
from .._model.network import read_network
from .._model.node import hostname, paused, platform, read_node, ready, takes_tasks
from .._model.parked import is_parked, restore
from .._model.references import config_names, secret_names, with_names
from .._model.relocation import networks_of
from .._model.service import is_job, named_networks, read_service
from .._plan.addresses import host_part
from .._plan.allocation import read_default_pools
from .._plan.capacity import Room
from .._plan.convergence import Progress, meshes, progress, stay_behind
from .._plan.ingress import Ingress, read_publisher
from .._plan.networks import Networks
from .._plan.nodes import Nodes
from .._plan.places import suitable_nodes
from .._plan.replacement import parallels
from .._plan.services import Services, WantedServices, lists_needed
from .._plan.used_networks import Member, Replacement, UsedNetworks, with_users
from .attached import attached_containers, attachments
from .client import Engine

Document = Mapping[str, Any]
NOT_FOUND = 404
HELD_STATES = frozenset({"assigned", "accepted", "preparing", "ready", "starting", "running"})
"""States in which a task takes up its node."""


def membership(engine: Engine) -> Membership:
    """How this host stands to a swarm."""
    info = engine.get("/info")
    active = (info.get("Swarm") or {}).get("LocalNodeState") not in (None, "", "inactive")
    if not (active and engine.on_this_host):
        return read_membership(info)
    return read_membership(info, joined_with(info), _certificate(info))


def joined_with(info: Document) -> Document:
    """What the Engine wrote down when its host joined a swarm: AdvertiseAddr, ListenAddr, DataPathAddr ...

    No answer of the API has the data-path address (moby daemon/cluster/cluster.go keeps it in docker-state.json only). The file
    is root's; gives {} where it cannot be read.
    """
    try:
        found = json.loads(Path(str(info.get("DockerRootDir") or "/var/lib/docker"), "swarm", "docker-state.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def state_folder(engine: Engine) -> str:
    """Where this host's Engine keeps its part of a swarm."""
    return f"{engine.get('/info')['DockerRootDir']}/swarm"


def _certificate(info: Document) -> Certificate | None:
    """The node's certificate; None outside a swarm, and for who may not read below the Engine's folder."""
    try:
        return read_certificate((Path(str(info.get("DockerRootDir") or "")) / FILE).read_text())
    except OSError:
        return None


def nodes(engine: Engine) -> Nodes:
    """The swarm's nodes."""
    return tuple(read_node(document) for document in engine.get("/nodes"))


def nodes_with_tasks(engine: Engine, ids: Sequence[str]) -> Nodes:
    """The swarm's nodes; those of `ids` with the number of tasks that still run on them ("RunningTasks"), in one more call."""
    listed = nodes(engine)
    there = [node.id for node in listed if node.id in ids]
    if not there:
        return listed
    # a node that the filter does not find fails the whole call (HTTP 404)
    tasks = engine.get("/tasks", {"filters": {"node": there}}) or ()
    held = Counter(str(task["NodeID"]) for task in tasks if task["Status"]["State"] in HELD_STATES and task.get("ServiceID"))
    return tuple(replace(node, document={**node.document, "RunningTasks": held[node.id]}) for node in listed)


def tasks_held(engine: Engine, services: Sequence[str]) -> int:
    """How many tasks of these services still take up a node. The services may be gone, so the list cannot be filtered by them.

    What a node that is down held stays in the list until that node is back or removed, and is not waited for.
    """
    tasks = engine.get("/tasks") or ()
    held = [task for task in tasks if task.get("ServiceID") in services and task["Status"]["State"] in HELD_STATES]
    by_node = {node.id: node for node in nodes(engine)} if held else {}
    return sum(1 for task in held if _up(by_node.get(str(task.get("NodeID") or ""))))


def networks(engine: Engine, windows: bool = False) -> Networks:
    """Every network that this manager knows, which services and other containers use each, and the default address pools.

    With `windows` the names of the Windows nodes, too.
    """
    return Networks(
        tuple(read_network(document) for document in engine.get("/networks")),
        _users(engine.get("/services") or ()),
        attached=attached_containers(engine),
        pools=read_default_pools(engine.get("/info")["Swarm"].get("Cluster") or {}),
        windows=tuple(hostname(node) for node in nodes(engine) if platform(node) == "windows") if windows else (),
    )


def local_networks(engine: Engine, interfaces: frozenset[str] | None) -> Networks:
    """Every network that this host knows, and which of its containers, running or not, use each."""
    items = tuple(read_network(document) for document in engine.get("/networks"))
    users: dict[str, list[str]] = {}
    for container in engine.get("/containers/json", {"all": "true"}) or ():
        for endpoint in ((container.get("NetworkSettings") or {}).get("Networks") or {}).values():
            users.setdefault(str(endpoint.get("NetworkID")), []).append(str(container["Names"][0]).lstrip("/"))
    named = {network: tuple(sorted(names)) for network, names in users.items()}
    return Networks(items, named, users_are="container", interfaces=interfaces)


def _users(services: Sequence[Document]) -> dict[str, tuple[str, ...]]:
    users: dict[str, list[str]] = {}
    for service in services:
        spec = service["Spec"]
        targets = (spec.get("TaskTemplate") or {}).get("Networks") or spec.get("Networks") or ()
        for target in targets:
            users.setdefault(str(target["Target"]), []).append(str(spec["Name"]))
    return {network: tuple(sorted(names)) for network, names in users.items()}


def used_networks(engine: Engine, found: Networks, replacements: Sequence[Replacement]) -> UsedNetworks:
    """The networks with what has to be known where some are replaced; three calls more, whatever their number."""
    ids = {identity for each in replacements for identity in each.ids}
    listed = engine.get("/services", {"status": "true"}) or ()
    documents = [each for each in listed if any(one["Target"] in ids for one in networks_of(each["Spec"]))]
    tasks = engine.get("/tasks", {"filters": {"service": [str(each["ID"]) for each in documents]}}) if documents else ()
    by_node = {node.id: node for node in nodes(engine)}
    members = {str(each["Spec"]["Name"]): _member(each, tasks or (), by_node, ids) for each in documents}
    return with_users(found, members=members, nodes=sum(takes_tasks(node) for node in by_node.values()))


def _member(service: Document, tasks: Sequence[Document], by_node: Mapping[str, Item], networks: Collection[str]) -> Member:
    """One service with its tasks. What a node that is down held cannot be known, and is not waited for."""
    hostnames = {node.id: hostname(node) for node in by_node.values()}
    keep = frozenset(node.id for node in by_node.values() if paused(node))
    own = [task for task in tasks if task.get("ServiceID") == service["ID"]]
    ending = [task for task in own if task.get("DesiredState") != "running" and task["Status"]["State"] in HELD_STATES]
    lingering = sum(1 for task in ending if _up(by_node.get(str(task.get("NodeID") or ""))))
    behind = [task for task in stay_behind(service, own, keep) if any(one["Target"] in networks for one in networks_of(task["Spec"]))]
    stuck = tuple(sorted({hostnames[str(task["NodeID"])] for task in behind}))
    return Member(service, progress(service, own, hostnames, paused=keep), lingering, stuck)


def _up(node: Item | None) -> bool:
    return node is not None and (node.document.get("Status") or {}).get("State") == "ready"


def ingress(engine: Engine) -> Ingress:
    """The ingress network and the services that publish through it, or did before it was taken away under them.

    A removed one stays in the list for some seconds (4 to 5 seen on the lab) beside its successor; the newest counts.
    """
    items = [read_network(document) for document in engine.get("/networks")]
    there = sorted((item for item in items if item.document.get("Ingress")), key=lambda item: str(item.document.get("Created")))
    others = tuple(item for item in items if not item.document.get("Ingress"))
    services = [read_publisher(document) for document in engine.get("/services", {"status": "true"}) or ()]
    publishers = [service for service in services if service.values["publish"] or service.values["parked"]]
    publishers.sort(key=lambda service: service.name)
    return Ingress(there[-1] if there else None, Networks(others), tuple(publishers), tuple(each.id for each in there[:-1]))


def ingress_at_work(engine: Engine, found: Ingress) -> Ingress:
    """The same with what matters only when there is something to do: the nodes, who is still on the network, how far its services are."""
    listed = nodes(engine)
    hostnames = {node.id: hostname(node) for node in listed}
    reached = {node.id for node in listed if ready(node)}
    tasks: Sequence[Document] = engine.get("/tasks") or ()
    names = {service.id: service.name for service in found.services}
    mesh = found.network.id if found.network else ""
    held = [
        f"{names.get(str(task['ServiceID']), task['ServiceID'])} on {hostnames[task['NodeID']]} ({task['Status']['State']})"
        for task in tasks
        if mesh in meshes(task) and task["Status"]["State"] in HELD_STATES and task.get("NodeID") in reached
    ]
    by_service = _by_service(tasks)
    keep = frozenset(node.id for node in listed if paused(node))
    documents = {service.id: service.document for service in found.services}
    stuck = {
        (hostnames[str(task["NodeID"])], names.get(str(task["ServiceID"]), str(task["ServiceID"])))
        for task in tasks
        if mesh in meshes(task) and stay_behind(documents.get(str(task["ServiceID"])) or _published_once(task), [task], keep)
    }
    awaited = [service for service in found.services if not is_job(service.document)]
    moving = tuple(progress(each.document, by_service.get(each.id, []), hostnames, mesh, paused=keep) for each in awaited)
    there = tuple(sorted(held) or _endpoints(engine, mesh))
    return replace(found, nodes=listed, held=there, stuck=tuple(sorted(stuck)), progress=moving)


def _published_once(task: Document) -> Document:
    """A service that publishes no more and has a task of before: in place of its document, its mode. Tasks of global ones have no slot."""
    return {"Spec": {"Mode": {} if task.get("Slot") else {"Global": {}}}}


def _endpoints(engine: Engine, network: str) -> list[str]:
    """The services that still have an endpoint on a network on any node, as the nodes tell each other.

    A task has ended before its endpoint is gone (moby daemon/monitor.go: SetStopped, then Cleanup).
    """
    if not network:
        return []
    try:
        services = engine.get(f"/networks/{network}", {"verbose": "true"}).get("Services") or {}
    except EngineError as error:
        if error.status != NOT_FOUND:
            raise
        return []
    return [f"{name} (its endpoint)" for name, service in sorted(services.items()) if name and service.get("Tasks")]


class ServiceList:
    """The services of the swarm as one reading: their documents, the names of networks, and tasks and nodes once they matter."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.documents: Sequence[Document] = engine.get("/services", {"status": "true"}) or ()
        self._usable = [each for each in engine.get("/networks") if each.get("Scope") == "swarm" or each["Name"] == "host"]
        self.network_names = {str(each["Id"]): str(each["Name"]) for each in self._usable}
        self._mesh = next((str(each["Id"]) for each in self._usable if each.get("Ingress")), None)
        self._parallel = {item.name: name for name, item in parallels(Networks(tuple(map(read_network, self._usable)))).items()}
        # The Engine refuses services that name the ingress network.
        self._attachable = frozenset(str(each["Name"]) for each in self._usable if not each.get("Ingress"))

    def services(self, wanted: WantedServices | None = None) -> Services:
        """What the planner compares: one more list for each kind of object that something wanted depends on."""
        raw = [self._as_written(document, {}) for document in self.documents]
        asked = [*raw, *(wanted.items if wanted else ())]
        newest = wanted.newest if wanted else {}
        secrets = self._contents(SECRET, newest) if any(secret_names(item.values) for item in asked) else []
        configs = self._contents(CONFIG, newest) if any(config_names(item.values) for item in asked) else []
        names = {**names_by_id(secrets), **names_by_id(configs)}
        items = tuple(self._as_written(document, names) for document in self.documents) if names else tuple(raw)
        desired = {str(each["ID"]): int((each.get("ServiceStatus") or {}).get("DesiredTasks") or 0) for each in self.documents}
        needed = lists_needed(wanted, items) if wanted else frozenset()
        return Services(
            items,
            self._attachable,
            desired,
            nodes=self._nodes if "nodes" in needed else (),
            rooms=self._rooms() if "rooms" in needed else {},
            secrets=called(secrets),
            configs=called(configs),
            parallel=self._parallel,
        )

    @cached_property
    def _nodes(self) -> Nodes:
        return nodes(self._engine)

    def _rooms(self) -> dict[str, Room]:
        """The networks by name, with the number of containers of no service that have addresses there."""
        held = attachments(self._engine)
        others = Counter(str(each["Network"]["ID"]) for task in held for each in task.get("NetworksAttachments") or ())
        items = [read_network(each) for each in self._usable if each["Name"] != "host"]
        members = len(self._nodes)
        return {item.name: Room(item.values["subnets"], others[item.id], members if item.document.get("Ingress") else 0) for item in items}

    def _contents(self, family: Family, newest: Mapping[str, Mapping[str, str]]) -> list[Item]:
        """The objects that are there, and those that an earlier task of a run in check mode would have made."""
        there = [read_content(family, each) for each in self._engine.get(family.path) or ()]
        names = {each.name for each in there}
        made = newest.get(family.plural, {})
        return there + [to_come(family, name, called) for name, called in made.items() if called not in names]

    def _as_written(self, document: Document, names: Mapping[str, str]) -> Item:
        """A service with the names of its secrets and configs; one whose ports are off while the ingress network is replaced, as before."""
        shown = named_networks(document, self.network_names)
        before = {**shown, "Spec": restore(shown["Spec"])} if is_parked(shown["Spec"]) else shown
        return replace(read_service(with_names(before, names)), document=shown)

    def progress(self, names: Collection[str], clock: float | None = None) -> list[Progress]:
        """How far the named services are, with one call for all their tasks. `clock` is the Engine's, in seconds since 1970."""
        wanted = [document for document in self.documents if document["Spec"]["Name"] in names]
        if not wanted:
            return []
        tasks = self._engine.get("/tasks", {"filters": {"service": [str(each["ID"]) for each in wanted]}}) or ()
        hostnames = {node.id: hostname(node) for node in self._nodes}
        by_service = _by_service(tasks)
        keep = frozenset(node.id for node in self._nodes if paused(node))
        return [
            progress(each, by_service.get(str(each["ID"]), []), hostnames, self._mesh, clock, self._global_places(each), keep)
            for each in wanted
        ]

    def _global_places(self, document: Document) -> int:
        """How many nodes get a task of a service that has one on each; 0 for others."""
        values = read_service(document).values
        return len(suitable_nodes(values, list(filter(takes_tasks, self._nodes)))) if values["mode"].startswith("global") else 0


def _by_service(tasks: Sequence[Document]) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for task in tasks:
        found.setdefault(str(task.get("ServiceID")), []).append(task)
    return found


def _address(told: str, raft: str) -> str:
    """Where a node is reached. Of itself a leader may only know on which addresses it listens; other managers know more of it."""
    nowhere = told in ("", "0.0.0.0", "::") or told.startswith("127.")
    return host_part(raft) if nowhere and raft else told


def show_node(node: Item) -> dict[str, Any]:
    """A node as people see it."""
    document = node.document
    manager: Mapping[str, Any] = document.get("ManagerStatus") or {}
    status: Mapping[str, Any] = document.get("Status") or {}
    return {
        "id": node.id,
        "hostname": hostname(node),
        "role": node.values["role"],
        "availability": node.values["availability"],
        "labels": dict(node.values["labels"]),
        "address": _address(str(status.get("Addr") or ""), str(manager.get("Addr") or "")),
        "state": str(status.get("State") or ""),
        "leader": bool(manager.get("Leader")),
        "reachability": str(manager.get("Reachability") or ""),
        "engine_version": str(((document.get("Description") or {}).get("Engine") or {}).get("EngineVersion") or ""),
    }
