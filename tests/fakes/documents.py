# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Engine's JSON as the fake makes it: shapes taken from Engine 20.10.24 on the lab, cut to what somebody reads."""

from __future__ import annotations

import copy
import itertools
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import authority, networks
from .refusal import Refusal

if TYPE_CHECKING:
    from .engine import FakeEngine

Json = dict[str, Any]
ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_seconds = itertools.count(1)
_identities = itertools.count(1)

DEFAULT_SPEC: Json = {
    "Name": "default",
    "Labels": {},
    "Orchestration": {"TaskHistoryRetentionLimit": 5},
    "Raft": {
        "SnapshotInterval": 10000,
        "KeepOldSnapshots": 0,
        "LogEntriesForSlowFollowers": 500,
        "ElectionTick": 10,
        "HeartbeatTick": 1,
    },
    "Dispatcher": {"HeartbeatPeriod": 5000000000},
    "CAConfig": {"NodeCertExpiry": 7776000000000000},
    "TaskDefaults": {},
    "EncryptionConfig": {"AutoLockManagers": False},
}


def identity() -> str:
    """An ID as swarmkit makes them: 25 letters and digits, always others."""
    number, shown = next(_identities), ""
    while number:
        number, rest = divmod(number, 36)
        shown = shown + ALPHABET[rest]
    # others soon after the beginning, which no name has: Docker knows objects by the beginning of their ID, too
    return f"z9{shown}".ljust(25, "0")


def created() -> str:
    """A time that is later than every one before."""
    return f"2026-11-20T12:00:{next(_seconds):012.6f}Z"


def cluster(body: Mapping[str, Any]) -> Json:
    """GET /swarm after POST /swarm/init."""
    spec = copy.deepcopy(DEFAULT_SPEC)
    for key, value in (body.get("Spec") or {}).items():
        spec[key] = {**spec[key], **value} if isinstance(value, dict) else value
    spec = kept(spec)
    return {
        "ID": identity(),
        "Version": {"Index": 10},
        "CreatedAt": created(),
        "Spec": spec,
        "TLSInfo": authority.tls(authority.root("swarm-ca", 20)[0]),
        "RootRotationInProgress": False,
        "DefaultAddrPool": body.get("DefaultAddrPool") or ["10.0.0.0/8"],
        "SubnetSize": body.get("SubnetSize") or 24,
        "DataPathPort": body.get("DataPathPort") or 4789,
        "JoinTokens": {"Worker": authority.token(), "Manager": authority.token()},
    }


def kept(spec: Mapping[str, Any]) -> Json:
    """What the Engine gives back of the spec of a swarm: nothing of a root and its key, no default log driver."""
    signing = {
        name: value for name, value in (spec.get("CAConfig") or {}).items() if name not in ("SigningCACert", "SigningCAKey") and value
    }
    if "ExternalCAs" in signing:
        signing["ExternalCAs"] = [{"CACert": "", **each} for each in signing["ExternalCAs"]]
    return {**spec, "CAConfig": signing, "TaskDefaults": {}}


def node(engine: FakeEngine, role: str, availability: str, leader: bool) -> Json:
    """An entry of GET /nodes."""
    document: Json = {
        "ID": engine.node_id,
        "Version": {"Index": 9},
        "CreatedAt": created(),
        "Spec": {"Labels": {}, "Role": role, "Availability": availability},
        "Description": {
            "Hostname": engine.hostname,
            "Platform": {"Architecture": "x86_64", "OS": "linux"},
            "Engine": {"EngineVersion": "20.10.24+dfsg1"},
            "TLSInfo": dict(engine.swarm.cluster["TLSInfo"] if engine.swarm else {}),
        },
        "Status": {"State": "ready", "Addr": engine.address},
    }
    if role == "manager":
        document["ManagerStatus"] = _manager_status(engine.address, leader)
    return document


def _manager_status(address: str, leader: bool) -> Json:
    return {**({"Leader": True} if leader else {}), "Reachability": "reachable", "Addr": f"{address}:2377"}


def enter_raft(document: Json) -> None:
    """What a promoted node has once it takes part in Raft."""
    document["ManagerStatus"] = _manager_status(document["Status"]["Addr"], False)


def leave_raft(document: Json, others: Sequence[Json]) -> None:
    """What a demoted node has not any more; a leader hands over."""
    if document.pop("ManagerStatus", {}).get("Leader") and others:
        others[0]["ManagerStatus"]["Leader"] = True


def loses_quorum(members: Sequence[Json], leaving: Json) -> bool:
    """Whether too few of the members of Raft would be reachable without one of them (swarmkit: CanRemoveMember)."""
    left = [each for each in members if each is not leaving]
    alive = [each for each in left if each["ManagerStatus"]["Reachability"] == "reachable"]
    return len(alive) < len(left) // 2 + 1


def info(engine: FakeEngine) -> Json:
    """GET /info."""
    swarm: Json = {
        "NodeID": "",
        "NodeAddr": "",
        "LocalNodeState": "inactive",
        "ControlAvailable": False,
        "Error": "",
        "RemoteManagers": None,
    }
    if engine.swarm is not None and engine.pending:
        swarm["LocalNodeState"] = "pending"
    elif engine.swarm is not None:
        nodes = engine.swarm.nodes
        control = "ManagerStatus" in nodes[engine.node_id]
        managers = [{"NodeID": each["ID"], "Addr": each["ManagerStatus"]["Addr"]} for each in nodes.values() if "ManagerStatus" in each]
        swarm.update(NodeID=engine.node_id, NodeAddr=engine.address, LocalNodeState="active", RemoteManagers=managers)
        if control:
            shown = {key: value for key, value in engine.swarm.cluster.items() if key != "JoinTokens"}
            swarm.update(ControlAvailable=True, Nodes=len(nodes), Managers=len(managers), Cluster=shown)
    return {"Name": engine.hostname, "ServerVersion": "20.10.24+dfsg1", "Swarm": swarm}


def network(body: Mapping[str, Any]) -> Json:
    """An entry of GET /networks, before anything is allocated. A host's own has a long ID."""
    local = networks.scope_of(body) == "local"
    return networks.whole(body, secrets.token_hex(32) if local else identity(), created())


def local_networks() -> dict[str, Json]:
    """The networks that every Engine has."""
    bridge = network({"Name": "bridge", "Driver": "bridge", "IPAM": {"Config": [{"Subnet": "172.17.0.0/16"}]}})
    plain = [network({"Name": name, "Driver": driver}) for name, driver in (("host", "host"), ("none", "null"))]
    return {each["Id"]: each for each in (bridge, *plain)}


def ingress_request() -> Json:
    """What a new swarm asks of itself."""
    return {"Name": "ingress", "Driver": "overlay", "Ingress": True}


def _ports(spec: Mapping[str, Any]) -> Sequence[Json]:
    return (spec.get("EndpointSpec") or {}).get("Ports") or ()


def publishes(service: Mapping[str, Any]) -> bool:
    """Whether a service needs the ingress network."""
    return any(port.get("PublishMode", "ingress") == "ingress" for port in _ports(service["Spec"]))


def targets(spec: Mapping[str, Any]) -> list[str]:
    """The IDs of a service's networks."""
    return [str(each["Target"]) for each in spec["TaskTemplate"].get("Networks") or ()]


def refuse_service(spec: Mapping[str, Any], there: Iterable[Mapping[str, Any]], held: Mapping[str, Mapping[str, Any]]) -> None:
    """The Engine's checks of a service's spec, in the Engine's order (swarmkit controlapi/service.go).

    `held` has what the swarm has of "Secret" and "Config", by ID.
    """
    if not re.fullmatch("[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?", spec["Name"]):
        raise _invalid("name must be valid as a DNS name component")
    if not spec["TaskTemplate"]["ContainerSpec"].get("Image"):
        raise _invalid("ContainerSpec: image reference must be provided")
    _refuse_container(spec["TaskTemplate"]["ContainerSpec"], held)
    ports = _ports(spec)
    if (spec.get("EndpointSpec") or {}).get("Mode") == "dnsrr" and any(port.get("PublishMode", "ingress") == "ingress" for port in ports):
        raise _invalid("EndpointSpec: port published with ingress mode can't be used with dnsrr mode")
    published = [(port["PublishedPort"], port["Protocol"]) for port in ports if port.get("PublishedPort")]
    if len(set(published)) < len(published):
        raise _invalid("EndpointSpec: duplicate published ports provided")
    if not {"ReplicatedJob", "GlobalJob"}.isdisjoint(spec["Mode"]) and spec.get("UpdateConfig"):
        raise _invalid("Jobs may not have an update config")
    others = list(there)
    pairs = [(port, other, theirs) for port in ports for other in others for theirs in _ports(other["Spec"])]
    for port, other, theirs in pairs:
        same = port.get("PublishedPort") and all(port.get(key) == theirs.get(key) for key in ("PublishedPort", "Protocol"))
        if same and "ingress" in (port["PublishMode"], theirs["PublishMode"]):
            kind = "an ingress port" if theirs["PublishMode"] == "ingress" else "a host-published port"
            told = f"port '{port['PublishedPort']}' is already in use by service '{other['Spec']['Name']}' ({other['ID']}) as {kind}"
            raise _invalid(told)
    if any(other["Spec"]["Name"] == spec["Name"] for other in others):
        told = f"name conflicts with an existing object: service {spec['Name']} already exists"
        raise Refusal(409, f"rpc error: code = AlreadyExists desc = {told}")


def _refuse_container(container: Mapping[str, Any], held: Mapping[str, Mapping[str, Any]]) -> None:
    targets = [mount["Target"] for mount in container.get("Mounts") or ()]
    for target in targets:
        if targets.count(target) > 1:
            raise _invalid(f"ContainerSpec: duplicate mount point: {target}")
    interval = (container.get("Healthcheck") or {}).get("Interval")
    if interval and interval < 10**6:
        raise _invalid("ContainerSpec: Interval in HealthConfig cannot be less than 1ms")
    for noun, objects in held.items():
        taken: dict[str, str] = {}
        for reference in container.get(f"{noun}s") or ():
            identity_, target = reference.get(f"{noun}ID"), (reference.get("File") or {}).get("Name")
            if not identity_:
                raise _invalid(f"malformed {noun.lower()} reference")
            if target in taken:
                names = f"'{taken[target]}' and '{reference[f'{noun}Name']}'"
                raise _invalid(f"{noun.lower()} references {names} have a conflicting target: '{target}'")
            taken.update({target: reference[f"{noun}Name"]} if target else {})
            if identity_ not in objects or objects[identity_]["Spec"]["Name"] != reference[f"{noun}Name"]:
                raise _invalid(f"{noun.lower()} not found: {reference[f'{noun}Name']}")
    wanted = ((container.get("Privileges") or {}).get("CredentialSpec") or {}).get("Config")
    if wanted and wanted not in [each["ConfigID"] for each in container.get("Configs") or () if "Runtime" in each]:
        told = f"CredentialSpec references config '{wanted}', but that config isn't in config references with RuntimeTarget"
        raise _invalid(told)


def _invalid(told: str) -> Refusal:
    return Refusal(400, f"rpc error: code = InvalidArgument desc = {told}")


def completed(spec: Json) -> Json:
    """What the Engine adds to a service's spec, and what it makes of it."""
    template, container = spec["TaskTemplate"], spec["TaskTemplate"]["ContainerSpec"]
    template.setdefault("ForceUpdate", 0)
    template.setdefault("Runtime", "container")
    container.setdefault("Isolation", "default")
    spec.setdefault("Labels", {})
    if "Replicated" in spec["Mode"]:
        spec["Mode"]["Replicated"].setdefault("Replicas", 1)
    if "ReplicatedJob" in spec["Mode"]:
        job = spec["Mode"]["ReplicatedJob"]
        job.setdefault("MaxConcurrent", 1)
        job.setdefault("TotalCompletions", job["MaxConcurrent"])
    spec.setdefault("EndpointSpec", {}).setdefault("Mode", "vip")
    if container.get("Privileges"):
        privileges = container["Privileges"]
        credential, selinux = privileges.get("CredentialSpec"), privileges.get("SELinuxContext")
        container["Privileges"] = {
            **privileges,
            "CredentialSpec": {"Config": "", "File": "", "Registry": "", **credential} if credential else None,
            "SELinuxContext": {"Disable": False, **dict.fromkeys(("User", "Role", "Type", "Level"), ""), **selinux} if selinux else None,
        }
    return dict(kept_of(spec))


# keys whose empty values Go's structures keep in JSON
ALWAYS = {
    *("Labels", "Privileges", "ForceUpdate", "Mode", "EndpointSpec", "Runtime", "Init", "Soft", "Hard", "Disable"),
    *("Replicas", "MaxConcurrent", "TotalCompletions", "Parallelism", "MaxFailureRatio", "Delay", "MaxAttempts", "Window"),
    *("Replicated", "Global", "ReplicatedJob", "GlobalJob", "CredentialSpec", "SELinuxContext", "Config", "File", "Registry"),
    *("User", "Role", "Type", "Level", "StopGracePeriod"),
}


def kept_of(value: Any) -> Any:
    """Without what Go leaves out of JSON because it is empty."""
    if isinstance(value, dict):
        inner = {key: kept_of(each) for key, each in value.items()}
        return {key: each for key, each in inner.items() if each or key in ALWAYS}
    return [kept_of(each) for each in value] if isinstance(value, list) else value


def service(spec: Json, cursor: Iterator[int]) -> Json:
    """An entry of GET /services."""
    spec = completed(spec)
    job: Json = {"JobStatus": {"JobIteration": {}, "LastExecution": created()}} if is_job(spec) else {}
    return {"ID": identity(), "Version": {"Index": 10}, "CreatedAt": created(), "Spec": spec, "Endpoint": endpoint(spec, cursor), **job}


def is_job(spec: Mapping[str, Any]) -> bool:
    """Whether tasks run to their end."""
    return not {"ReplicatedJob", "GlobalJob"}.isdisjoint(spec["Mode"])


def update_service(document: Json, spec: Json, roll_back: bool) -> None:
    """Another spec, or the one before; any update of a job begins its next round, and takes the tasks of the last away."""
    before = document.get("PreviousSpec")
    document["PreviousSpec"] = document["Spec"]
    document["Spec"] = before if roll_back else completed(spec)
    document.pop("UpdateStatus", None)
    if roll_back:
        document["UpdateStatus"] = {"State": "rollback_started", "StartedAt": created(), "Message": "manually requested rollback"}
    if is_job(spec):
        document["JobStatus"] = {"JobIteration": {"Index": _round(document["JobStatus"]) + 1}, "LastExecution": created()}


def end_update(document: Json) -> None:
    """The update that was under way has ended well."""
    status = document["UpdateStatus"]
    status["State"] = {"rollback_started": "rollback_completed"}.get(status["State"], "completed")


def _round(holder: Mapping[str, Any]) -> int:
    return int((holder.get("JobIteration") or {}).get("Index") or 0)


def next_of_job(document: Mapping[str, Any], tasks: Iterable[Mapping[str, Any]]) -> list[tuple[int, str]]:
    """Slots and nodes of tasks of a replicated job that may begin now.

    The slot of a task that has failed is not used again; the swarm does that when another task ends.
    """
    job = document["Spec"]["Mode"].get("ReplicatedJob")
    if not job:
        return []
    own = [task for task in tasks if task["ServiceID"] == document["ID"] and _round(task) == _round(document["JobStatus"])]
    free = job["MaxConcurrent"] - len([task for task in own if task["Status"]["State"] != "complete"])
    slots = range(len(own), min(len(own) + free, job["TotalCompletions"]))
    return [(slot, own[0]["NodeID"]) for slot in slots] if own else []


def start_task(task: Json, exit_code: int | None) -> None:
    """A task runs, or has run to its end."""
    status = task["Status"]
    if exit_code is not None:
        status.update(State="failed", Message="started", Err=f"task: non-zero exit ({exit_code})")
        status["ContainerStatus"]["ExitCode"] = exit_code
        task["DesiredState"] = "shutdown" if task["DesiredState"] == "complete" else task["DesiredState"]
    elif task["DesiredState"] == "complete":
        status.update(State="complete", Message="finished")
    else:
        status.update(State="running", Message="started")


def virtual_ips(spec: Mapping[str, Any], before: Iterable[Mapping[str, Any]], numbers: Iterator[int]) -> list[Json]:
    """The virtual IPs of a service: one a network, kept for as long as the service is on it."""
    if (spec.get("EndpointSpec") or {}).get("Mode") == "dnsrr":
        return []
    kept_ones = {each["NetworkID"]: each for each in before}
    return [kept_ones.get(each) or {"NetworkID": each, "Addr": f"10.99.0.{next(numbers)}/24"} for each in targets(spec)]


def endpoint(spec: Mapping[str, Any], cursor: Iterator[int], before: Mapping[str, Any] | None = None) -> Json:
    """The ports as the swarm gives them; those that it has chosen stay as long as the endpoint's spec does."""
    if before is not None and before["Spec"] == (spec.get("EndpointSpec") or {}):
        return copy.deepcopy(dict(before))
    ports = [
        {**port, "PublishedPort": next(cursor)} if not port.get("PublishedPort") and port["PublishMode"] == "ingress" else dict(port)
        for port in _ports(spec)
    ]
    return {"Spec": copy.deepcopy(spec.get("EndpointSpec") or {}), "Ports": ports, "VirtualIPs": []}


def wanted_tasks(document: Mapping[str, Any], nodes: Mapping[str, Json]) -> list[tuple[int, str]]:
    """Slots and nodes of the tasks that a service should run."""
    active = [node_id for node_id, each in nodes.items() if each["Spec"]["Availability"] == "active" and each["Status"]["State"] == "ready"]
    mode = document["Spec"]["Mode"]
    if "Global" in mode or "GlobalJob" in mode:
        return [(0, node_id) for node_id in active]
    if "ReplicatedJob" in mode:
        slots = range(min(mode["ReplicatedJob"]["MaxConcurrent"], mode["ReplicatedJob"]["TotalCompletions"]))
    else:
        slots = range(1, mode["Replicated"]["Replicas"] + 1)
    return [(slot, active[slot % len(active)] if active else "") for slot in slots]


def fits(task: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    """Whether a task was made from the service's newest template (swarmkit: IsTaskDirty)."""
    return bool(task["Spec"] == _task_spec(document) and task["Endpoint"] == _ports(document["Spec"]))


def _task_spec(document: Mapping[str, Any]) -> Json:
    """The template as tasks hold it: without its Runtime."""
    return {key: copy.deepcopy(value) for key, value in document["Spec"]["TaskTemplate"].items() if key != "Runtime"}


def on_network(task: Mapping[str, Any], identity: str) -> bool:
    """Whether a task holds a network on its node."""
    there = [each["Network"]["ID"] for each in task["NetworksAttachments"]]
    return task["Status"]["State"] in ("preparing", "running") and identity in there


def verbose(network: Mapping[str, Any], tasks: Iterable[Mapping[str, Any]]) -> Json:
    """GET /networks/ID?verbose=true: who is on it, on any node, as the nodes tell each other."""
    held = [task for task in tasks if on_network(task, network["Id"])]
    services = {task["ServiceID"]: {"VIP": "<nil>", "Ports": [], "Tasks": [{"Name": task["ID"]}]} for task in held}
    return {**network, "Services": {"": {"VIP": "<nil>", "Ports": [], "Tasks": [{"Name": "ingress-endpoint"}]}, **services}}


def _attachments(document: Mapping[str, Any], networks: Iterable[Mapping[str, Any]]) -> list[Json]:
    """The ingress network for a task whose service publishes through it; other networks are not looked at."""
    meshes = [each for each in networks if each["Ingress"] and publishes(document)]
    return [
        {"Network": {"ID": each["Id"], "Spec": {"Name": each["Name"], "Ingress": True}}, "Addresses": ["10.0.0.9/24"]} for each in meshes
    ]


def task(document: Mapping[str, Any], slot: int, node_id: str, networks: Iterable[Mapping[str, Any]] = ()) -> Json:
    """An entry of GET /tasks."""
    return {
        "ID": identity(),
        "Version": {"Index": 30},
        "CreatedAt": created(),
        "Labels": {},
        "Spec": _task_spec(document),
        "ServiceID": document["ID"],
        **({"Slot": slot} if slot else {}),
        "NodeID": node_id,
        "Status": {
            "Timestamp": created(),
            "State": "preparing" if node_id else "pending",
            "Message": "preparing",
            "ContainerStatus": {"ContainerID": secrets.token_hex(32), "PID": 1, "ExitCode": 0},
            "PortStatus": {},
        },
        "DesiredState": "complete" if is_job(document["Spec"]) else "running",
        **({"JobIteration": dict(document["JobStatus"]["JobIteration"])} if is_job(document["Spec"]) else {}),
        "Endpoint": copy.deepcopy(_ports(document["Spec"])),
        "NetworksAttachments": _attachments(document, networks),
    }


def with_status(document: Mapping[str, Any], tasks: Iterable[Mapping[str, Any]]) -> Json:
    """A service with the ServiceStatus that ?status=true asks for."""
    own = [task for task in tasks if task["ServiceID"] == document["ID"]]
    desired = [task for task in own if task["DesiredState"] in ("running", "complete") and task["Status"]["State"] != "complete"]
    running = [task for task in desired if task["Status"]["State"] == "running"]
    completed = [task for task in own if task["Status"]["State"] == "complete"]
    status = {"RunningTasks": len(running), "DesiredTasks": len(desired), "CompletedTasks": len(completed)}
    return {**document, "ServiceStatus": status}
