# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a move to other addresses: node by node, workers first, the leader last, and never past the majority.

A node cannot change its addresses; its host has to leave the swarm and to join it again, as a new node. What the old node was is
written on it as a label before anything else happens, and it stays in the swarm's list until the new node has taken everything
over. So a move that was cut off anywhere is seen in the list, and the next run ends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._model.membership import Addresses, Interfaces, Membership, read_addresses, read_interfaces, read_shown
from .addresses import host_part, moved, not_on_host, resolved, told_to_engine, unfit_data_path, with_port
from .plan import Blocker
from .quorum import arithmetic, majority

RECORD = "io.meshwork.swarm.readdress"
"""The label on a node that is being moved. Its value is a Record."""
NONE = "-"
FEWEST_MANAGERS = 3

Node = Mapping[str, Any]


@dataclass(frozen=True)
class Member:
    """One host of the inventory: how it stands to the swarm, its interfaces, and the addresses that it is to have."""

    host: str
    membership: Membership
    interfaces: Interfaces
    wanted: Addresses


@dataclass(frozen=True)
class Record:
    """What the successor of a node is to get, and which host of the inventory it is. `listen_addr` and `data_path_addr` are those that the
    host had of its own, "" where they followed the advertise address.
    """

    host: str
    role: str
    availability: str
    listen_addr: str = ""
    data_path_addr: str = ""

    def __str__(self) -> str:
        return " ".join(value or NONE for value in vars(self).values())


def read_record(node: Node) -> Record | None:
    """The record on a node's label; None where there is none."""
    words = str(node["labels"].get(RECORD) or "").split()
    return Record(*("" if word == NONE else word for word in words)) if words else None


@dataclass(frozen=True)
class Move:
    """What one host has still to do. `leaves` and `joins` say which of both are left; `old_ids` are nodes to remove at the end.

    `node_id` is the host's node now ("" when it has left). `exact` says that it is to lose all other labels, `renames` that the host
    gets another advertise address. `manager` is the host that does the swarm-wide work meanwhile, and `remote_addr` where it is reached.
    """

    host: str
    node_id: str
    record: Record
    labels: Mapping[str, str]
    old_ids: tuple[str, ...]
    leaves: bool
    joins: bool
    exact: bool
    renames: bool
    addresses: Addresses
    says: str
    costs: str
    rank: tuple[bool, bool, bool] = (False, False, False)
    manager: str = ""
    remote_addr: str = ""


@dataclass(frozen=True)
class Moves:
    """The moves in their order, or why there are none."""

    moves: tuple[Move, ...] = ()
    blockers: tuple[Blocker, ...] = ()


def plan_readdress(members: Sequence[Member], nodes: Sequence[Node], encrypted: Sequence[str] = ()) -> Moves:
    """The moves of all hosts whose addresses differ, and of those that an earlier run began to move.

    `nodes` are the swarm's nodes as cluster_info shows them, [] when there is no live manager. `encrypted` are the names of networks
    that have to stay encrypted. Hosts that are in no swarm and were
    never moved are none of this plan's business.
    """
    if not nodes:
        remedy = "put the managers among its hosts, and look at `docker info` there"
        return Moves(blockers=(Blocker("the swarm", "no live manager is among the hosts of this run", remedy),))
    by_id = {str(node["id"]): node for node in nodes}
    blockers = _taken_twice(members)
    moves: list[Move] = []
    for member in members:
        misfit = _misfit(member, by_id)
        if misfit:
            blockers.append(misfit)
            continue
        move = _move(member, by_id)
        if move is not None:
            moves.append(move)
            blockers += _unfit(member, move, encrypted)
    moves.sort(key=lambda move: move.rank)
    if moves and not blockers:
        blockers = _too_few_managers(moves, nodes) or _left_behind(moves, nodes)
    if moves and not blockers:
        moves, blockers = _with_managers(moves, members)
    return Moves(() if blockers else tuple(moves), tuple(blockers))


def _taken_twice(members: Sequence[Member]) -> list[Blocker]:
    blockers: list[Blocker] = []
    takers: dict[str, str] = {}
    for member in members:
        address = resolved(member.wanted.advertise_addr or "", member.interfaces)
        if address and address in takers:
            blockers.append(Blocker(member.host, f"{takers[address]} is to have its address {address}, too", "give each host its own"))
        takers[address] = member.host
    return blockers


def _misfit(member: Member, by_id: Mapping[str, Node]) -> Blocker | None:
    membership = member.membership
    if membership.state not in ("active", "inactive"):
        reason = f"its membership is {membership.state}" + (f": {membership.error}" if membership.error else "")
        return Blocker(member.host, reason, "bring it back to the swarm, or let it leave, then run again")
    if membership.state == "active" and membership.node_id not in by_id:
        return Blocker(
            member.host,
            f"its node {membership.node_id} is not in the swarm's list",
            "it is in another swarm, or was removed from this one: let it leave on purpose (meshwork.swarm.membership, state left)",
        )
    return None


def _move(member: Member, by_id: Mapping[str, Node]) -> Move | None:
    """What is left to do for a host; None when its addresses are right and no earlier move is unfinished."""
    membership = member.membership
    own = by_id[membership.node_id] if membership.state == "active" else None
    records = [(node, record) for node in by_id.values() for record in [read_record(node)] if record and record.host == member.host]
    differences = moved(member.wanted, membership, member.interfaces) if own else ()
    if not records and not differences:
        return None
    begun = [node for node, _record in records]
    model = begun[0] if begun else own or {}
    record = records[0][1] if records else _record(member, model)
    leaves = bool(own and differences)
    return Move(
        member.host,
        str(own["id"]) if own else "",
        record,
        {name: value for name, value in model["labels"].items() if name != RECORD},
        tuple(str(node["id"]) for node in ([own] if own and leaves else []) + [node for node in begun if node is not own]),
        leaves,
        leaves or own is None,
        own in begun,
        any(each.option == "advertise_addr" for each in differences),
        _joining(member, record),
        _says(member, record, differences, own is None),
        ("its tasks move to other nodes" + (", and it is no manager meanwhile" if record.role == "manager" else "")) if leaves else "",
        (not begun, record.role == "manager", bool(own and own["leader"])),
    )


def _record(member: Member, node: Node) -> Record:
    found = member.membership
    listen = "" if host_part(found.listen_addr) == found.node_addr else found.listen_addr
    data_path = "" if found.data_path_addr == found.node_addr else found.data_path_addr
    return Record(member.host, str(node["role"]), str(node["availability"]), listen, data_path)


def _joining(member: Member, record: Record) -> Addresses:
    """What the host joins with: what is written, and what it had before where nothing is written."""
    wanted = member.wanted
    whole = Addresses(
        wanted.advertise_addr or member.membership.node_addr or None,
        wanted.listen_addr or record.listen_addr or None,
        wanted.data_path_addr or record.data_path_addr or None,
    )
    return told_to_engine(whole, member.interfaces)


def _says(member: Member, record: Record, differences: Sequence[Any], has_left: bool) -> str:
    what = f"{member.host} ({record.role}, {record.availability})"
    if differences:
        return f"{what}: " + ", ".join(f"{each.option} from {each.found} to {each.wanted}" for each in differences)
    if has_left:
        address = resolved(member.wanted.advertise_addr or "", member.interfaces)
        return f"{what}: join again at {address}, which an earlier run has left to do"
    return f"{what}: give it back its role, availability and labels, which an earlier run has left to do"


def _unfit(member: Member, move: Move, encrypted: Sequence[str]) -> list[Blocker]:
    """Everything that would keep a host from joining again is told before it leaves."""
    if not move.joins:
        return []
    unfit = not_on_host(move.addresses, member.interfaces, member.host)
    return [
        *unfit,
        *unfit_data_path(move.addresses, member.interfaces, member.membership.engine_version, member.host),
        *_in_clear(move, encrypted),
    ]


def _in_clear(move: Move, encrypted: Sequence[str]) -> list[Blocker]:
    """IPsec is agreed for the advertise address, whatever the data path's is (moby/moby#41421)."""
    data_path = host_part(move.addresses.data_path_addr or "")
    if not encrypted or data_path in ("", host_part(move.addresses.advertise_addr or "")):
        return []
    reason = f"with {data_path} for the traffic of containers alone, Docker would send encrypted networks in clear: {', '.join(encrypted)}"
    remedy = "give it the advertise address, replace these networks by such that are not encrypted, or set readdress_allow_encrypted_apart"
    return [Blocker(move.host, reason, remedy)]


def _with_managers(moves: Sequence[Move], members: Sequence[Member]) -> tuple[list[Move], list[Blocker]]:
    """Each move with another host that is a live manager meanwhile: it is not moving, or back already, or not yet on its way."""
    live = [member for member in members if member.membership.live_manager]
    done: dict[str, Move] = {}
    result: list[Move] = []
    for move in moves:
        other = next((member for member in live if member.host != move.host), None)
        if other is None:
            remedy = "put the other managers among its hosts, or bring them back"
            return list(moves), [Blocker(move.host, "no other live manager is among the hosts of this run", remedy)]
        address = done[other.host].addresses.advertise_addr if other.host in done else other.membership.node_addr
        result.append(replace(move, manager=other.host, remote_addr=with_port(str(address), {})))
        done[move.host] = move
    return result, []


def _too_few_managers(moves: Sequence[Move], nodes: Sequence[Node]) -> list[Blocker]:
    """A manager that moves is demoted first: the others have to be a majority without it, and to have one to spare.

    A manager that an earlier run has demoted moves first and is back before the next one goes.
    """
    managers = [node for node in nodes if node["role"] == "manager"]
    leaving = [move for move in moves if move.leaves and move.node_id in {node["id"] for node in managers}]
    returning = sum(1 for move in moves if move.record.role == "manager" and move.node_id not in {node["id"] for node in managers})
    count = len(managers) + returning
    reachable = sum(1 for node in managers if node["reachability"] == "reachable") + returning
    if not leaving:
        return []
    if count < FEWEST_MANAGERS:
        reason = f"the swarm has {count} manager{'' if count == 1 else 's'}, and while one moves nothing may fail"
        remedy = "put more hosts into the group swarm_managers (three in all), run site.yml, move, and take them out again"
        return [Blocker(leaving[0].host, reason, remedy)]
    if reachable - 1 < majority(count - 1):
        reason = f"demoting it would lose the majority: {arithmetic(count - 1, reachable - 1)}"
        return [Blocker(leaving[0].host, reason, "bring the other managers back first")]
    return []


def _left_behind(moves: Sequence[Move], nodes: Sequence[Node]) -> list[Blocker]:
    """A node that is down while the managers get other addresses would look for them where they were."""
    going = {old for move in moves for old in move.old_ids}
    down = [node for node in nodes if node["state"] != "ready" and node["id"] not in going]
    if not down or not any(move.renames and move.record.role == "manager" for move in moves):
        return []
    names = ", ".join(f"{node['hostname']} ({node['id']})" for node in down)
    reason = f"the managers get other addresses, and would not be found any more by these nodes, which are not ready: {names}"
    return [Blocker("the swarm", reason, "bring them back, or take them out of the swarm (playbooks/remove_node.yml), then run again")]


def read_members(hosts: Sequence[Mapping[str, Any]]) -> list[Member]:
    """The members from what cluster_info told on each host, beside the addresses that are wanted there."""
    return [
        Member(str(host["host"]), read_shown(host["membership"]), read_interfaces(host.get("interfaces")), read_addresses(host))
        for host in hosts
    ]


def show_moves(plan: Moves) -> dict[str, Any]:
    """The plan as plain values, for the role that carries it out and for people."""
    lines = [f"{number}. {move.says}" + (f" ({move.costs})" if move.costs else "") for number, move in enumerate(plan.moves, 1)]
    return {
        "moves": [
            {
                **{name: value for name, value in vars(move).items() if name not in ("rank", "renames")},
                "role": move.record.role,
                "availability": move.record.availability,
                "record": str(move.record),
                "old_ids": list(move.old_ids),
                "addresses": vars(move.addresses),
            }
            for move in plan.moves
        ],
        "blockers": [str(blocker) for blocker in plan.blockers],
        "summary": [str(blocker) for blocker in plan.blockers] or lines or ["every node has the addresses of the inventory"],
    }
