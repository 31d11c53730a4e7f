# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the results of all hosts to a report that a person reads. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .verdict import HOST_MODE, MESH, NAMES, NODES, PATH, TASKS, VIP, WIRE

Result = Mapping[str, Any]
Row = dict[str, Any]
ORDER = (NODES, TASKS, NAMES, VIP, MESH, HOST_MODE, PATH, WIRE)
# These are one row for the whole cluster; the others have a row for each subject.
TOGETHER = (NODES, TASKS, NAMES)
FEW = 3


def report(probed: Sequence[Mapping[str, Any]], silent: Sequence[str], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The report.

    `probed` has what the module probe returned on each host; `silent` are the hosts that should have been asked and were not. Gives
    rows of flat mappings under "nodes", "networks", "services" and "proof", lines of text under "summary", "failed" and "skipped", and
    all results.
    """
    results = [result for each in probed for result in each["results"]]
    proof = _proof(results)
    return {
        "nodes": [_node(node, facts["tasks"]) for node in _by(facts["nodes"], "hostname")],
        "networks": [_network(network) for network in _by(facts["networks"], "name") if network.get("scope") == "swarm"],
        "services": [_service(service) for service in _by(facts["services"], "name")],
        "proof": proof,
        "summary": aligned(proof),
        "failed": [
            *(f"{host} was not asked: it could not be reached, or failed before" for host in silent),
            *(f"{result['proof']}: {result['detail']}" for result in results if not result["ok"]),
        ],
        "skipped": [f"{result['proof']} {result['subject']} ({result['detail']})" for result in results if result["skipped"]],
        "results": results,
    }


def _by(items: Iterable[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    return sorted(items, key=lambda item: str(item[name]))


def aligned(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows as lines of text with aligned columns, without a headline."""
    cells = [[str(value) for value in row.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in cells]


def _proof(results: Iterable[Result]) -> list[Row]:
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if not result["skipped"]:
            groups.setdefault((result["proof"], "" if result["proof"] in TOGETHER else result["subject"]), []).append(result)
    known = sorted(groups, key=lambda group: (ORDER.index(group[0]), group[1]))
    return [_row(proof, subject, groups[(proof, subject)]) for proof, subject in known]


def _row(proof: str, subject: str, results: Sequence[Result]) -> Row:
    good = [result for result in results if result["ok"]]
    told = TOLD[proof](good) if good else ""
    return {"proof": proof, "of": subject or "all", "ok": f"{len(good)} of {len(results)}", "seen": told}


def _many(hostnames: set[str]) -> str:
    return "1 node" if len(hostnames) == 1 else f"{len(hostnames)} nodes"


def _nodes(hostnames: Iterable[str]) -> str:
    """The nodes by name while they are few, else how many."""
    different = sorted(set(hostnames))
    return ", ".join(different) if len(different) <= FEW else _many(set(different))


def _asking(results: Sequence[Result]) -> set[str]:
    """The hostnames of those that asked: "api.2 on node3", or "node3"."""
    return {result["from"].rpartition(" ")[2] for result in results}


def _told_nodes(results: Sequence[Result]) -> str:
    return f"{_nodes(result['subject'] for result in results)} ready"


def _told_tasks(results: Sequence[Result]) -> str:
    return f"{len(results)} services run all their tasks"


def _told_names(results: Sequence[Result]) -> str:
    return f"{len({result['subject'] for result in results})} names, asked on {_nodes(_asking(results))}"


def _told_vip(results: Sequence[Result]) -> str:
    return f"from tasks on {_nodes(_asking(results))}"


def _told_mesh(results: Sequence[Result]) -> str:
    return f"from {_many(_asking(results))} at {_many({result['to'] for result in results})}"


def _told_host_mode(results: Sequence[Result]) -> str:
    answering = {result["to"] for result in results if result["detail"] == "answered"}
    closed = {result["to"] for result in results} - answering
    return f"answers on {_nodes(answering) or 'no node'}" + (f", not on {_nodes(closed)}" if closed else "")


def _told_path(results: Sequence[Result]) -> str:
    return f"between {_nodes(_asking(results) | {result['to'] for result in results})}"


def _told_wire(results: Sequence[Result]) -> str:
    """Every packet is counted once, where it is sent."""
    esp = sum(result["packets"].get("esp_out", 0) for result in results)
    clear = sum(result["packets"].get("clear_out", 0) for result in results)
    return f"encrypted, {esp} ESP packets, {clear} clear" if esp else f"plain, {clear} VXLAN packets"


TOLD: Mapping[str, Callable[[Sequence[Result]], str]] = {
    NODES: _told_nodes,
    TASKS: _told_tasks,
    NAMES: _told_names,
    VIP: _told_vip,
    MESH: _told_mesh,
    HOST_MODE: _told_host_mode,
    PATH: _told_path,
    WIRE: _told_wire,
}


def _node(node: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]]) -> Row:
    return {
        "node": node["hostname"],
        "role": "leader" if node.get("leader") else node.get("role", ""),
        "address": node.get("address", ""),
        "state": node.get("state", ""),
        "tasks": sum(task.get("node_id") == node["id"] for task in tasks),
    }


def _network(network: Mapping[str, Any]) -> Row:
    return {
        "network": network["name"],
        "driver": network.get("driver", ""),
        "subnet": ", ".join(subnet["subnet"] for subnet in network.get("subnets") or ()),
        "encrypted": bool(network.get("encrypted")),
        "mtu": network.get("mtu"),
        "vni": ", ".join(str(vni) for vni in network.get("vnis") or ()),
    }


def _service(service: Mapping[str, Any]) -> Row:
    return {
        "service": service["name"],
        "tasks": f"{service.get('running', 0)} of {service.get('desired', 0)}",
        "mode": service.get("mode", ""),
        "networks": ", ".join(network["name"] for network in service.get("networks") or ()),
        "ports": ", ".join(_port(port) for port in service.get("ports") or ()),
    }


def _port(port: Mapping[str, Any]) -> str:
    return f"{port.get('published_port') or '*'}->{port['target_port']}/{port['protocol']} {port['mode']}"
