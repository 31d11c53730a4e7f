# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the swarm's nodes: promotions first, then labels and availability, demotions never past the majority, removals last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._model.item import Item
from .._model.node import NODE, hostname, leader, manager, reachable, ready, running_tasks
from .._model.table import Difference, differences, merged, read, write
from .plan import Blocker, Call, Plan, Step, Wait
from .quorum import arithmetic, majority, spread

Nodes = tuple[Item, ...]
REACHABLE = "reachable:"
EMPTY = "empty:"
RELEASED = "released:"
DOWN = "down:"
DEMOTED = "demoted:"


@dataclass(frozen=True)
class WantedNodes:
    """The nodes that the user wrote about, by ID. With `merge_labels`, labels that were not written stay.

    The IDs in `forced` are removed whether their hosts have left or not. `here` is the node that does the work. Managers are spread over
    the values of their `zone_label`.
    """

    items: Nodes
    merge_labels: bool = True
    forced: frozenset[str] = frozenset()
    here: str = ""
    zone_label: str = "zone"


@dataclass(frozen=True)
class _Change:
    node: Item
    values: Mapping[str, Any]
    differences: tuple[Difference, ...]

    @property
    def role(self) -> str | None:
        """The role that the node gets, when it changes."""
        return next((str(change.wanted) for change in self.differences if change.option == "role"), None)

    @property
    def rank(self) -> tuple[int, bool, bool]:
        """Promotions, changes without a role, demotions: of managers that are lost first, since that costs nobody, of the leader last."""
        return ({"manager": 0, None: 1, "worker": 2}[self.role], leader(self.node), reachable(self.node))


def plan_nodes(wanted: WantedNodes, found: Nodes) -> Plan[Nodes]:
    """One update a node that differs, in an order that keeps the majority."""
    by_id = {node.id: node for node in found}
    blockers: list[Blocker] = []
    changes: list[_Change] = []
    for item in wanted.items:
        node = by_id.get(item.name)
        if node is None:
            blockers += [_unknown(item, found)] if item.state == "present" else []
            continue
        values = _values(item.values, node, wanted.merge_labels) if item.state == "present" else _farewell(node)
        changed = differences(NODE, values, node.values)
        if changed:
            changes.append(_Change(node, values, changed))
    changes.sort(key=lambda change: change.rank)
    blockers += _majority_lost(changes, found) or _own_demotion(changes, wanted, found)
    demoting = any(change.role == "worker" for change in changes)
    removed = [by_id[item.name] for item in wanted.items if item.state == "absent" and item.name in by_id]
    going = {node.id for node in removed}
    steps = [_step(change, demoting, change.node.id in going) for change in changes]
    for node in removed:
        steps += _removal(node, node.id in wanted.forced)
    changed_nodes = {change.node.id: _after(change) for change in changes}
    after = tuple(changed_nodes.get(node.id, node) for node in found if node.id not in going)
    zones = [str(node.values["labels"].get(wanted.zone_label) or "") for node in after if node.values["role"] == "manager"]
    return Plan(found, after, tuple(steps), tuple(blockers), spread(zones))


def newcomer(entry: Mapping[str, Any]) -> Item:
    """The node that a host becomes which joins in the run that is only being planned; it has no ID yet, and is told by name."""
    spec: dict[str, Any] = {"Role": entry.get("role") or "worker", "Availability": "active", "Labels": {}}
    document = {"Spec": spec, "Description": {"Hostname": entry["id"]}}
    return Item(entry["id"], read(NODE, document), id=entry["id"], document=document)


def _farewell(node: Item) -> dict[str, Any]:
    """What a node has to become before it is removed: a worker, and without tasks where its agent still answers.

    A manager that takes no part in Raft cannot be demoted ("can't find manager in raft memberlist"), and can be removed as it is.
    """
    role = {"role": "worker"} if manager(node) else {}
    return {**role, **({"availability": "drain"} if ready(node) else {})}


def _removal(node: Item, forced: bool) -> list[Step]:
    """Wait until the host has left, then take the node out of the swarm's list; a forced one is taken out as it is."""
    name = hostname(node)
    steps = []
    if ready(node) and not forced:
        until = f"{name} is down: let its host leave (meshwork.swarm.membership, state left), or force the removal"
        steps.append(Step("wait", name, f"wait until {until}", Wait(until), awaits=DOWN + node.id))
    query = {"force": True} if forced else {}
    gone = Step("remove", name, f"remove node {name} ({node.id}) from the swarm", Call("DELETE", f"/nodes/{node.id}", query))
    return [*steps, gone]


def _values(values: Mapping[str, Any], node: Item, merge_labels: bool) -> dict[str, Any]:
    result = dict(values)
    if merge_labels and "labels" in result:
        result["labels"] = {**node.values["labels"], **result["labels"]}
    return result


def _unknown(item: Item, found: Nodes) -> Blocker:
    known = ", ".join(f"{node.id} ({hostname(node)})" for node in found)
    return Blocker(item.where, f"the swarm has no node with the ID {item.name!r}", f"its nodes are: {known}")


def _after(change: _Change) -> Item:
    return replace(change.node, values=merged(NODE, change.values, change.node.values))


def settled(awaited: str, found: Nodes) -> bool:
    """Whether what a step awaits of a node, named by its ID behind the colon, has come about.

    "reachable:" takes part in Raft, "demoted:" has no part in it, "empty:" has no tasks, "released:" is both demoted and empty, "down:" is
    out of touch.
    A node that is gone from the list is all of these but reachable.
    """
    state, _colon, node_id = awaited.partition(":")
    node = next((each for each in found if each.id == node_id), None)
    if node is None:
        return state != "reachable"
    # the tasks that a node out of touch had are listed as running for a day, and run elsewhere long since
    empty = not running_tasks(node) or not ready(node)
    demoted = not manager(node)
    states = {"reachable": reachable(node), "demoted": demoted, "empty": empty, "released": empty and demoted, "down": not ready(node)}
    return states[state]


def _step(change: _Change, demoting: bool, going: bool) -> Step:
    """The update of one node, and what the next one has to wait for.

    Before anybody is demoted, those who are promoted have to take part in Raft. A demoted one stops answering some seconds before Raft has
    let it go; the Engine refuses the next demotion until then ("this would result in a loss of quorum", seen with Engine 20.10).
    """
    node, name = change.node, hostname(change.node)
    body = write(NODE, change.values, node.document)["Spec"]
    call = Call("POST", f"/nodes/{node.id}/update", {"version": node.version}, body)
    told = ", ".join(f"{each.option} from {each.found!r} to {each.wanted!r}" for each in change.differences)
    drained = any(each.option == "availability" and each.wanted == "drain" for each in change.differences)
    action = {"manager": "promote", "worker": "demote", None: "update"}[change.role]
    awaits = ""
    if action == "promote" and demoting and ready(node):
        awaits = REACHABLE + node.id
    elif going or (action == "demote" and drained):
        awaits = RELEASED + node.id
    elif action == "demote":
        awaits = DEMOTED + node.id
    elif drained and ready(node):
        awaits = EMPTY + node.id
    return Step(action, name, f"node {name}: change {told}", call, "its tasks move to other nodes" if drained else "", awaits)


def _own_demotion(changes: Sequence[_Change], wanted: WantedNodes, found: Nodes) -> list[Blocker]:
    """The manager that does the work cannot see its own demotion through."""
    demoted = {change.node.id: change.node for change in changes if change.role == "worker"}
    if wanted.here not in demoted:
        return []
    others = [hostname(node) for node in found if reachable(node) and node.id not in demoted]
    remedy = f"run this on another manager{': ' if others else ', once there is one that stays'}{', '.join(others)}"
    return [Blocker(f"node {hostname(demoted[wanted.here])}", "it is to be demoted, and is the manager that does this work", remedy)]


def _majority_lost(changes: Sequence[_Change], found: Nodes) -> list[Blocker]:
    """Walk through the changes of roles and refuse the first that would leave too few managers reachable.

    A node that is down when it is promoted takes no part in Raft until it is back, so it counts for neither side; nor does one that was
    a manager before a new cluster was forced, and has not come back to it.
    """
    managers = [node for node in found if manager(node)]
    count, alive = len(managers), sum(1 for node in managers if reachable(node))
    for change in changes:
        if change.role == "manager" and ready(change.node):
            count, alive = count + 1, alive + 1
        elif change.role == "worker" and manager(change.node):
            count -= 1
            alive -= 1 if reachable(change.node) else 0
            if count < 1 or alive < majority(count):
                reason = f"demoting it would lose the majority: {arithmetic(count, alive)}" if count else "it is the last manager"
                return [Blocker(f"node {hostname(change.node)}", reason, "promote or bring back another manager first")]
    return []
