# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A swarm that lives in memory and answers as the Engine does: the same JSON, the same refusals, the same delays.

Time passes with each GET, so that tests need not sleep. The delays are the attributes of `Manners`. What is claimed here of
the Engine is proved in tests/integration/contract, which runs against this fake and against a real Engine.
"""

from __future__ import annotations

import copy
import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.meshwork.swarm.plugins.module_utils._engine import client
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Call

from . import authority, containers, contents, documents, networks
from .refusal import Refusal

Json = dict[str, Any]

ANSWERING = threading.RLock()
"""One call is answered after the other, also where several threads call."""
NO_MANAGER = 'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.'
NOT_PART = "This node is not part of a swarm"
ALREADY = 'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.'
LAST_MANAGER = (
    "You are attempting to leave the swarm on a node that is participating as a manager. Removing the last manager erases all "
    "current state of the swarm. Use `--force` to ignore this message. "
)
GOES_ON = (
    "Timeout was reached before node joined. The attempt to join the swarm will continue in the background. "
    'Use the "docker info" command to see the current swarm status of your node.'
)


@dataclass
class Manners:
    """How many GETs pass before the Engine has come to something."""

    allocation: int = 2
    lingering: int = 3
    task_start: int = 3
    task_stop: int = 0
    join: int = 0
    promotion: int = 2
    update: int = 0


@dataclass
class Swarm:
    """What the managers of one swarm share. Tasks of images that are `failing` end at once with that exit code.

    Updates are given up at once where `giving_up` says how that ends: paused, or rollback_completed.
    """

    cluster: Json
    manners: Manners
    nodes: dict[str, Json] = field(default_factory=dict)
    networks: dict[str, Json] = field(default_factory=dict)
    services: dict[str, Json] = field(default_factory=dict)
    secrets: dict[str, Json] = field(default_factory=dict)
    configs: dict[str, Json] = field(default_factory=dict)
    updating: dict[str, int] = field(default_factory=dict)
    dynamic: Any = field(default_factory=lambda: itertools.count(30000))
    tasks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    withdrawn: set[tuple[str, str]] = field(default_factory=set)
    hidden: dict[str, tuple[int, Json]] = field(default_factory=dict)
    lingering: dict[str, tuple[int, Json]] = field(default_factory=dict)
    starting: list[tuple[int, Json]] = field(default_factory=list)
    stopping: list[tuple[int, Json]] = field(default_factory=list)
    promoted: dict[str, int] = field(default_factory=dict)
    rotation: authority.Rotation | None = None
    failing: dict[str, int] = field(default_factory=dict)
    giving_up: str = ""
    allocator_stopped: bool = False
    now: int = 0
    index: int = 10
    subnets: Any = field(default_factory=lambda: itertools.count(1))
    addresses: Any = field(default_factory=lambda: itertools.count(2))

    def pass_time(self) -> None:
        """One read later: what is due has happened."""
        self.now += 1
        for network_id, (due, whole) in list(self.hidden.items()):
            if due <= self.now and not self.allocator_stopped:
                self.networks[network_id] = whole
                del self.hidden[network_id]
        self.lingering = {key: (due, whole) for key, (due, whole) in self.lingering.items() if due > self.now}
        for node_id, due in list(self.promoted.items()):
            if due <= self.now:
                documents.enter_raft(self.nodes[node_id])
                del self.promoted[node_id]
        for service_id, due in list(self.updating.items()):
            if due <= self.now:
                documents.end_update(self.services[service_id])
                self.bump(self.services[service_id])
                del self.updating[service_id]
        if self.rotation is not None and self.rotation.go_on(self.cluster, self.nodes.values()):
            self.rotation = None
        for due, task in self.starting:
            if due <= self.now and task["Status"]["State"] == "preparing":
                documents.start_task(task, self.failing.get(task["Spec"]["ContainerSpec"]["Image"]))
        self.go_on_with_jobs()
        self.end_tasks()

    def go_on_with_jobs(self) -> None:
        """The next tasks of jobs, in place of those that have completed."""
        for service in self.services.values():
            for slot, node_id in documents.next_of_job(service, self.tasks):
                self.begin(service, slot, node_id)

    def begin(self, service: Json, slot: int, node_id: str) -> None:
        """A task of a service, which takes its time."""
        task = documents.task(service, slot, node_id, self.networks.values())
        self.tasks.append(task)
        self.starting.append((self.now + self.manners.task_start, task))

    def end_tasks(self) -> None:
        """Tasks that were told to stop end in their time."""
        for due, task in self.stopping:
            if due <= self.now:
                task["Status"].update(State="shutdown", Message="shutdown")
        self.stopping = [(due, task) for due, task in self.stopping if due > self.now]

    def touch(self, document: Json, version: Any) -> None:
        """Move the version on, or refuse an update that does not name the newest."""
        if int(version) != document["Version"]["Index"]:
            raise Refusal(500, "rpc error: code = Unknown desc = update out of sequence")
        self.bump(document)

    def bump(self, document: Json) -> None:
        """A change by somebody."""
        self.index += 1
        document["Version"] = {"Index": self.index}


@dataclass
class FakeEngine:
    """One host's Engine. Hosts that can join each other share `hosts`, which has Engines by address.

    `interfere` is called before every call that is not a GET, and may change what is there or raise.
    """

    address: str = "10.0.0.11"
    hostname: str = "node1"
    manners: Manners = field(default_factory=Manners)
    hosts: dict[str, FakeEngine] = field(default_factory=dict)
    swarm: Swarm | None = None
    node_id: str = ""
    on_this_host: bool = False
    calls: int = 0
    done: list[Call] = field(default_factory=list)
    api: tuple[int, int] = (1, 41)
    interfere: Callable[[Call], None] | None = None
    pending: int = 0
    local: dict[str, Json] = field(default_factory=documents.local_networks)
    containers: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hosts[self.address] = self

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """As Engine.get."""
        return self.do(Call("GET", path, query or {}))

    def do(self, call: Call) -> Any:
        """As Engine.do."""
        with ANSWERING:
            self.calls += 1
            if call.method == "GET":
                self._pass_time()
                return copy.deepcopy(self._answer(lambda: self._read(call), call))
            self.done.append(call)
            if self.interfere is not None:
                self.interfere(call)
            return copy.deepcopy(self._answer(lambda: self._change(call, copy.deepcopy(call.body)), call))

    def _answer(self, ask: Callable[[], Any], call: Call) -> Any:
        """What the Engine says, with refusals sorted into families as the client does it."""
        try:
            return ask()
        except Refusal as refusal:
            raise client._refused(str(call), refusal.status, refusal.message) from None

    def _pass_time(self) -> None:
        if self.swarm is not None:
            self.swarm.pass_time()
        self.pending = max(0, self.pending - 1)

    @property
    def node(self) -> Json:
        """This host's node in the swarm."""
        return self.managed().nodes[self.node_id]

    def managed(self) -> Swarm:
        """The swarm, where this host can work on it."""
        if self.swarm is None or self.pending or "ManagerStatus" not in self.swarm.nodes[self.node_id]:
            raise Refusal(503, NO_MANAGER)
        return self.swarm

    def _read(self, call: Call) -> Any:
        path, filters = call.path, call.query.get("filters") or {}
        if path == "/info":
            return documents.info(self)
        if path == "/networks":
            return [each for each in self._networks() if all(each[_FIELDS[name]] in wanted for name, wanted in filters.items())]
        if path.startswith("/containers/"):
            return containers.read(self, path)
        swarm = self.managed()
        if path.startswith("/networks/"):
            identity = path.rpartition("/")[2]
            network = next((each for each in self._networks() if each["Id"] == identity), None)
            if network is None:
                raise Refusal(404, f"network {identity} not found")
            return documents.verbose(network, swarm.tasks)
        if path == "/swarm":
            return swarm.cluster
        if path == "/nodes":
            return list(swarm.nodes.values())
        if path == "/services":
            status = call.query.get("status") == "true"
            return [documents.with_status(each, swarm.tasks) if status else each for each in swarm.services.values()]
        if path in ("/secrets", "/configs"):
            return contents.listed(self._objects(path[1:]), path[1:-1])
        if path == "/tasks":
            return [task for task in [*swarm.tasks, *swarm.attachments] if _passes(task, filters)]
        raise AssertionError(f"the fake knows no {call}")

    def _networks(self) -> list[Json]:
        if self.swarm is None or self.pending:
            return list(self.local.values())
        gone = [whole for _due, whole in self.swarm.lingering.values()]
        manager = self.swarm.nodes[self.node_id]["Spec"]["Role"] == "manager"
        return [*(self.swarm.networks.values() if manager else ()), *gone, *self.local.values()]

    def _change(self, call: Call, body: Any) -> Any:
        place = tuple(part if part in _WORDS else "*" for part in call.path.strip("/").split("/"))
        identity = call.path.strip("/").split("/")[1] if "*" in place else ""
        changes: dict[tuple[str, ...], Callable[[], Any]] = {
            ("POST", "swarm", "init"): lambda: self._init(body),
            ("POST", "swarm", "join"): lambda: self._join(body),
            ("POST", "swarm", "leave"): lambda: self._leave(bool(call.query.get("force"))),
            ("POST", "swarm", "update"): lambda: self._update_swarm(self.managed(), body, call),
            ("POST", "nodes", "*", "update"): lambda: self._update_node(identity, body, call),
            ("POST", "networks", "*", "connect"): lambda: containers.connect(self, identity, body),
            ("POST", "networks", "*", "disconnect"): lambda: containers.disconnect(self, identity, body),
            ("POST", "containers", "*", "start"): lambda: containers.start(self, identity),
            ("POST", "networks", "create"): lambda: self._create_network(body),
            ("DELETE", "networks", "*"): lambda: self._remove_network(identity),
            ("POST", "services", "create"): lambda: self._create_service(body),
            ("POST", "services", "*", "update"): lambda: self._update_service(identity, body, call),
            ("DELETE", "services", "*"): lambda: self._remove_service(identity),
        }
        for kind in ("secrets", "configs"):
            changes |= {
                ("POST", kind, "create"): lambda kind=kind: contents.made(self._objects(kind), kind[:-1], body),
                ("POST", kind, "*", "update"): lambda kind=kind: self._update_content(kind, identity, body, call),
                ("DELETE", kind, "*"): lambda kind=kind: self._remove_content(kind, identity),
            }
        change = changes.get((call.method, *place))
        if change is None:
            raise AssertionError(f"the fake knows no {call}")
        return change()

    def _init(self, body: Json) -> str:
        if self.swarm is not None:
            raise Refusal(503, ALREADY)
        self.swarm = Swarm(documents.cluster(body), self.manners)
        self.swarm.rotation = authority.begun(self.swarm.cluster, (body.get("Spec") or {}).get("CAConfig") or {})
        self.swarm.allocator_stopped = bool(body.get("DefaultAddrPool")) and not body.get("SubnetSize")
        self.node_id = documents.identity()
        self.swarm.nodes[self.node_id] = documents.node(self, "manager", body.get("Availability") or "active", leader=True)
        self._add_network(documents.ingress_request())
        return self.node_id

    def _join(self, body: Json) -> None:
        if self.swarm is not None:
            raise Refusal(503, ALREADY)
        manager = self.hosts[body["RemoteAddrs"][0].partition(":")[0]]
        swarm = manager.managed()
        tokens = swarm.cluster["JoinTokens"]
        role = next((role.lower() for role, token in tokens.items() if token == body["JoinToken"]), None)
        if role is None:
            raise Refusal(500, "invalid join token")
        self.swarm, self.node_id, self.pending = swarm, documents.identity(), self.manners.join
        swarm.nodes[self.node_id] = documents.node(self, role, body.get("Availability") or "active", leader=False)
        if self.pending:
            raise Refusal(503, GOES_ON)

    def _leave(self, force: bool) -> None:
        if self.swarm is None:
            raise Refusal(503, NOT_PART)
        node = self.swarm.nodes[self.node_id]
        if node["Spec"]["Role"] == "manager" and not force:
            raise Refusal(503, LAST_MANAGER)
        node["Status"]["State"] = "down"
        self.swarm, self.node_id = None, ""

    def _update(self, document: Json, body: Json, call: Call) -> None:
        self.managed().touch(document, call.query["version"])
        document["Spec"] = body

    def _update_swarm(self, swarm: Swarm, body: Json, call: Call) -> None:
        cluster = swarm.cluster
        if int(call.query["version"]) == cluster["Version"]["Index"]:
            swarm.rotation = authority.begun(cluster, body.get("CAConfig") or {}) or swarm.rotation
        self._update(cluster, documents.kept(body), call)
        for role in cluster["JoinTokens"]:
            if call.query.get(f"rotate{role}Token"):
                cluster["JoinTokens"][role] = authority.token()

    def _update_node(self, identity: str, body: Json, call: Call) -> None:
        swarm = self.managed()
        node = swarm.nodes.get(identity)
        if node is None:
            raise Refusal(404, f"node {identity} not found")
        managers = [each for each in swarm.nodes.values() if each["Spec"]["Role"] == "manager"]
        if node in managers and body["Role"] == "worker" and len(managers) == 1:
            if int(call.query["version"]) != node["Version"]["Index"]:
                raise Refusal(500, "rpc error: code = Unknown desc = update out of sequence")
            raise Refusal(400, "rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the swarm")
        members = [each for each in swarm.nodes.values() if "ManagerStatus" in each]
        if body["Role"] == "worker" and node in members and documents.loses_quorum(members, node):
            told = "can't remove member from the raft: this would result in a loss of quorum"
            raise Refusal(400, f"rpc error: code = FailedPrecondition desc = {told}")
        self._update(node, body, call)
        if body["Role"] == "manager" and "ManagerStatus" not in node:
            swarm.promoted[identity] = swarm.now + self.manners.promotion
        if body["Role"] == "worker":
            documents.leave_raft(node, [each for each in members if each is not node])

    def _create_network(self, body: Json) -> Json:
        networks.refuse(body, self._networks())
        if networks.scope_of(body) == "local":
            network = documents.network(body)
            networks.make_local(network, self.local.values())
            self.local[network["Id"]] = network
            return {"Id": network["Id"], "Warning": ""}
        if self.swarm is None:
            raise Refusal(500, NO_MANAGER)
        swarm = self.managed()
        for entry in (body.get("IPAM") or {}).get("Config") or ():
            if networks.outside(entry.get("Gateway"), entry["Subnet"]):
                told = f"ipam configuration: subnet {entry['Subnet']} does not contain gateway {entry['Gateway']}"
                raise Refusal(400, f"rpc error: code = InvalidArgument desc = {told}")
        if (body.get("IPAM") or {}).get("Driver") not in (None, "", "default"):
            raise Refusal(400, f"rpc error: code = InvalidArgument desc = error during lookup of plugin {body['IPAM']['Driver']}")
        there = next((each for each in swarm.networks.values() if each["Ingress"]), None)
        if body.get("Ingress") and there:
            told = f"ingress network ({there['Id']}) is already present"
            raise Refusal(409, f"rpc error: code = AlreadyExists desc = {told}")
        return {"Id": self._add_network(body), "Warning": ""}

    def _add_network(self, body: Json) -> str:
        swarm = self.managed()
        whole = documents.network(body)
        others = [*swarm.networks.values(), *(each for _due, each in swarm.hidden.values())]
        possible = networks.make_swarm_wide(whole, swarm.cluster, swarm.subnets, others)
        at_once = possible and whole["Driver"] != "overlay"
        swarm.networks[whole["Id"]] = whole if at_once else networks.unallocated(whole)
        if possible and not at_once:
            swarm.hidden[whole["Id"]] = (swarm.now + self.manners.allocation, whole)
        return str(whole["Id"])

    def _remove_network(self, identity: str) -> None:
        own = next((each for each in self.local.values() if identity in (each["Id"], each["Name"])), None)
        if own is not None:
            networks.refuse_local_removal(own, self._networks(), list(self.containers.values()))
            del self.local[own["Id"]]
            return
        swarm = self.managed()
        network = next((each for each in swarm.networks.values() if identity in (each["Id"], each["Name"])), None)
        if network is None:
            # The Engine finds a lingering network in its own list, and then the swarm does not know it.
            lingers = any(identity in (each["Id"], each["Name"]) for _due, each in swarm.lingering.values())
            raise Refusal(500 if lingers else 404, f"network {identity} not found")
        for service in swarm.services.values():
            if network["Ingress"] and documents.publishes(service):
                told = f"ingress network cannot be removed because service {service['ID']} depends on it"
                raise Refusal(400, f"rpc error: code = FailedPrecondition desc = {told}")
            if network["Id"] in documents.targets(service["Spec"]):
                told = f"network {network['Id']} is in use by service {service['ID']}"
                raise Refusal(400, f"rpc error: code = FailedPrecondition desc = {told}")
        for task in swarm.attachments:
            if network["Id"] == task["Spec"]["Networks"][0]["Target"]:
                told = f"network {network['Id']} is in use by task {task['ID']}"
                raise Refusal(400, f"rpc error: code = FailedPrecondition desc = {told}")
        whole = swarm.hidden.pop(network["Id"], (0, network))[1]
        del swarm.networks[network["Id"]]
        # Nobody is asked whether tasks are still on the ingress network: then the nodes never let go of it.
        stuck = any(documents.on_network(task, network["Id"]) for task in swarm.tasks)
        if self.manners.lingering or stuck:
            swarm.lingering[network["Id"]] = (10**9 if stuck else swarm.now + self.manners.lingering, whole)

    def _objects(self, kind: str) -> dict[str, Json]:
        """Secrets or configs."""
        swarm = self.managed()
        return swarm.secrets if kind == "secrets" else swarm.configs

    def _content(self, kind: str, identity: str) -> Json:
        if identity not in self._objects(kind):
            raise Refusal(404, f"{kind[:-1]} {identity} not found")
        return self._objects(kind)[identity]

    def _update_content(self, kind: str, identity: str, body: Json, call: Call) -> None:
        document = self._content(kind, identity)
        if int(call.query["version"]) != document["Version"]["Index"]:
            raise Refusal(500, "rpc error: code = Unknown desc = update out of sequence")
        contents.updated(document, body)
        self.managed().bump(document)

    def _remove_content(self, kind: str, identity: str) -> None:
        contents.refuse_removal(self._content(kind, identity), kind[:-1], self.managed().services.values())
        del self._objects(kind)[identity]

    def _check_service(self, spec: Json, identity: str = "") -> None:
        swarm = self.managed()
        names = {each["Name"]: each["Id"] for each in swarm.networks.values()} | {"host": "host"}
        for attachment in spec["TaskTemplate"].get("Networks") or ():
            if attachment["Target"] not in (*names, *names.values()):
                raise Refusal(500, f"network {attachment['Target']} not found")
            attachment["Target"] = names.get(attachment["Target"], attachment["Target"])
        others = [each for each in swarm.services.values() if each["ID"] != identity]
        documents.refuse_service(spec, others, {"Secret": swarm.secrets, "Config": swarm.configs})

    def _create_service(self, spec: Json) -> Json:
        swarm = self.managed()
        self._check_service(spec)
        service = documents.service(spec, swarm.dynamic)
        service["Endpoint"]["VirtualIPs"] = documents.virtual_ips(spec, (), swarm.addresses)
        swarm.bump(service)
        swarm.services[service["ID"]] = service
        self._run_tasks(service)
        return {"ID": service["ID"]}

    def _update_service(self, identity: str, spec: Json, call: Call) -> Json:
        swarm = self.managed()
        service = swarm.services.get(identity)
        if service is None:
            raise Refusal(404, f"service {identity} not found")
        self._check_service(spec, identity)
        if next(iter(spec["Mode"])) != next(iter(service["Spec"]["Mode"])):
            raise Refusal(501, "rpc error: code = Unimplemented desc = service mode change is not allowed")
        if spec["Name"] != service["Spec"]["Name"]:
            raise Refusal(501, "rpc error: code = Unimplemented desc = renaming services is not supported")
        if call.query.get("rollback") and "PreviousSpec" not in service:
            told = f"service {identity} does not have a previous spec"
            raise Refusal(400, f"rpc error: code = FailedPrecondition desc = {told}")
        swarm.touch(service, call.query["version"])
        documents.update_service(service, spec, bool(call.query.get("rollback")))
        if call.query.get("rollback"):
            swarm.updating[identity] = swarm.now + max(1, swarm.manners.update)
        there = service["Endpoint"]
        ports = documents.endpoint(service["Spec"], swarm.dynamic, there)
        service["Endpoint"] = {**ports, "VirtualIPs": documents.virtual_ips(spec, there["VirtualIPs"], swarm.addresses)}
        if swarm.giving_up and not call.query.get("rollback"):
            if swarm.giving_up == "rollback_completed":
                documents.update_service(service, service["Spec"], True)
            service["UpdateStatus"] = {"State": swarm.giving_up, "Message": "update paused due to failure or early termination of task"}
        elif self.manners.update and not call.query.get("rollback"):
            service["UpdateStatus"] = {"State": "updating", "StartedAt": documents.created(), "Message": "update in progress"}
            swarm.updating[identity] = swarm.now + self.manners.update
        self._run_tasks(service)
        return {"Warnings": None}

    def _remove_service(self, identity: str) -> None:
        swarm = self.managed()
        if identity not in swarm.services:
            raise Refusal(404, f"service {identity} not found")
        del swarm.services[identity]
        swarm.updating.pop(identity, None)
        for task in swarm.tasks:
            if task["ServiceID"] == identity:
                task["DesiredState"] = "remove"
        # who would tell that they have ended is not there
        lost = {node_id for node_id, node in swarm.nodes.items() if node["Status"]["State"] == "down"}
        swarm.tasks = [task for task in swarm.tasks if task["ServiceID"] != identity or task["NodeID"] in lost]

    def _run_tasks(self, service: Json) -> None:
        """Tasks for the newest spec; old ones of an equal template stay, others are shut down."""
        swarm = self.managed()
        wanted = documents.wanted_tasks(service, swarm.nodes)
        if documents.is_job(service["Spec"]):
            swarm.tasks = [task for task in swarm.tasks if task["ServiceID"] != service["ID"]]
        current = [task for task in swarm.tasks if task["ServiceID"] == service["ID"] and task["DesiredState"] == "running"]
        fitting = [task for task in current if documents.fits(task, service)][: len(wanted)]
        for task in current:
            if task not in fitting:
                task["DesiredState"] = "shutdown"
                swarm.stopping.append((swarm.now + self.manners.task_stop, task))
        if not self.manners.task_stop:
            swarm.end_tasks()
        for slot, node_id in wanted[len(fitting) :]:
            swarm.begin(service, slot, node_id)


_FIELDS = {"scope": "Scope", "driver": "Driver"}
_KINDS = ("swarm", "nodes", "networks", "services", "secrets", "configs", "containers")
_WORDS = frozenset({*_KINDS, "init", "join", "leave", "update", "create", "connect", "disconnect", "start"})


def _passes(task: Json, filters: Mapping[str, Any]) -> bool:
    runtime = "attachment" if "NetworkAttachmentSpec" in task["Spec"] else "container"
    # without the filter, attachments of containers are left out
    if runtime not in filters.get("runtime", ["container"]):
        return False
    return task.get("ServiceID") in filters.get("service", [task.get("ServiceID")]) and task["DesiredState"] in filters.get(
        "desired-state", [task["DesiredState"]]
    )
