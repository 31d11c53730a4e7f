# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of the Engine's configuration file, and of restarts of the Engines of a swarm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.filter.restart_plan import restart_plan
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.daemon import Daemon, Marker, WantedDaemon, plan_daemon, show_daemon
from hypothesis import given
from hypothesis import strategies as st

FILE = "/etc/docker/daemon.json"
UNIT = ("-H", "fd://", "--containerd=/run/containerd/containerd.sock")


def wanted(swarm: bool = True, path: str = FILE, **settings: Any) -> WantedDaemon:
    return WantedDaemon(path, {name.replace("_", "-"): value for name, value in settings.items()}, swarm)


def refusals(want: WantedDaemon, found: Daemon) -> list[str]:
    return [str(blocker) for blocker in plan_daemon(want, found).blockers]


def test_a_running_engine_is_reloaded_for_what_a_reload_takes_up() -> None:
    plan = plan_daemon(wanted(debug=True, log_driver="local"), Daemon({"mtu": 1450}, running=True, arguments=UNIT))
    assert [(step.action, step.says) for step in plan.steps] == [
        ("write", f'{FILE}: set debug to true; set log-driver to "local"'),
        ("reload", "reload the Engine, which takes up debug"),
    ]
    assert plan.after.settings == {"mtu": 1450, "debug": True, "log-driver": "local"}
    assert plan.after.restart == ("log-driver",)
    assert plan_daemon(wanted(debug=True, log_driver="local"), plan.after).steps == ()


def test_an_engine_that_does_not_run_reads_the_file_when_it_starts() -> None:
    plan = plan_daemon(wanted(debug=True, log_driver="local"), Daemon(None, arguments=UNIT))
    assert [step.action for step in plan.steps] == ["write"]
    assert plan.after.restart == ()


def test_what_an_earlier_run_left_is_ended() -> None:
    found = Daemon({"debug": True}, running=True, reload=("debug",), restart=("log-driver",))
    plan = plan_daemon(wanted(debug=True), found)
    assert [step.action for step in plan.steps] == ["reload"]
    assert plan.after.restart == ("log-driver",)
    assert Marker("12:34", (), ("log-driver",)).of("12:34").restart == ("log-driver",)
    # another process has read the whole file
    assert Marker("12:34", (), ("log-driver",)).of("56:78").restart == ()


def test_no_file_is_made_for_no_settings() -> None:
    plan = plan_daemon(wanted(), Daemon(None))
    assert plan.steps == () and show_daemon(wanted(), plan.after) == {}


def test_a_diff_has_no_passwords() -> None:
    found = Daemon({"proxies": {"http-proxy": "http://me:secret@proxy"}})
    assert show_daemon(wanted(), found) == {FILE: {"proxies": {"http-proxy": "http://***@proxy"}}}


LIVE = "(--live-restore daemon configuration is incompatible with swarm mode); take it out (live-restore: null), or set it to false"


@pytest.mark.parametrize(
    ("want", "found", "refused"),
    [
        (
            wanted(debug=True),
            Daemon(None, installed=False),
            [
                f"{FILE}: this host has no Docker Engine: no dockerd was found; install Docker, or let the role "
                f"meshwork.swarm.engine do it "
                "(engine_source: distribution or docker)"
            ],
        ),
        (wanted(), Daemon({"live-restore": True}), [f"{FILE}: live-restore is true, and no swarm takes such a host in {LIVE}"]),
        (
            wanted(swarm=False, live_restore=True),
            Daemon({}, member=True),
            [f"{FILE}: live-restore is true, and this host is in a swarm, and its Engine would not start again {LIVE}"],
        ),
        (wanted(swarm=False, live_restore=True), Daemon({}), []),
        (
            wanted(),
            Daemon({}, arguments=("-H", "fd://", "--live-restore")),
            [
                f"{FILE}: docker.service starts dockerd with --live-restore, and no swarm takes such a host in (--live-restore daemon "
                "configuration is incompatible with swarm mode); take it out of the unit's ExecStart (systemctl edit docker.service)"
            ],
        ),
        (wanted(swarm=False), Daemon({}, arguments=("--live-restore",)), []),
        (wanted(), Daemon({}, arguments=("--live-restore=false",)), []),
        (wanted(live_restore=None), Daemon({"live-restore": True}, member=True), []),
        (
            wanted(hosts=["tcp://0.0.0.0:2375"]),
            Daemon({}, arguments=UNIT),
            [
                f"{FILE}: hosts stands in the file, and docker.service starts dockerd with -H: with both "
                f"dockerd does not start; take hosts out "
                "of the file (hosts: null), or -H out of the unit's ExecStart (systemctl edit docker.service)"
            ],
        ),
        (
            wanted(debug=True),
            Daemon({}, arguments=("--config-file", "/srv/daemon.json")),
            [
                f"{FILE}: the Engine of this host reads /srv/daemon.json; set path: /srv/daemon.json, or take "
                f"--config-file out of the unit",
            ],
        ),
        (
            wanted(firewall_backend="nftables"),
            Daemon({}, version=(29, 4)),
            [
                f"{FILE}: firewall-backend is nftables, which Engine 29.4 refuses in swarm mode, so that no "
                f"swarm takes such a host in; set "
                "firewall-backend to iptables, or install an Engine newer than 29.7"
            ],
        ),
        (wanted(firewall_backend="nftables"), Daemon({}, version=(29, 8)), []),
        (wanted(firewall_backend="nftables", iptables=False), Daemon({}, version=(29, 4)), []),
        (
            wanted(mtu="big"),
            Daemon({}, objection="cannot unmarshal string into Go struct field Config.mtu of type int"),
            [
                f"{FILE}: dockerd refuses the settings: cannot unmarshal string into Go struct field Config.mtu "
                f"of type int; mend them; nothing "
                "was changed"
            ],
        ),
    ],
)
def test_what_dockerd_or_a_swarm_refuses_is_refused(want: WantedDaemon, found: Daemon, refused: list[str]) -> None:
    assert refusals(want, found) == refused


def test_in_check_mode_the_engine_may_be_still_to_come() -> None:
    want = WantedDaemon(FILE, {"debug": True}, packages=("docker-ce",), libraries=True)
    assert plan_daemon(want, Daemon(None, installed=False), checking=True).blockers == ()


def test_settings_are_not_merged_before_what_they_need_is_there() -> None:
    want = WantedDaemon(FILE, {}, packages=("docker-ce=5:28.*", "containerd.io"), libraries=True)
    found = Daemon({}, packages={"docker-ce": ("5:27.1-1",), "containerd.io": ("1.7",)}, libraries={"docker": "5.0.3"}, python="/bin/py")
    assert refusals(want, found) == [
        f"{FILE}: these packages are not installed: docker-ce=5:28.*; install them, or let the role meshwork.swarm.engine do it",
        "/bin/py: this Python does not find pyroute2; install them for it, set ansible_python_interpreter to the Python that has them, "
        "or engine_python to packages or venv",
    ]
    there = replace(found, packages={**found.packages, "docker-ce": ("5:28.5-1",)}, libraries={"docker": "7.1", "pyroute2": "0.7"})
    assert refusals(want, there) == []


def test_a_swarm_without_iptables_is_warned_of() -> None:
    (warning,) = plan_daemon(wanted(iptables=False), Daemon({})).warnings
    assert "a swarm needs them" in warning


def node(name: str, role: str = "manager", leader: bool = False, **other: str) -> dict[str, Any]:
    reachability = "reachable" if role == "manager" else ""
    common = {"state": "ready", "availability": "active", "reachability": reachability}
    return {"id": f"id-{name}", "hostname": name, "role": role, "leader": leader, **common, **other}


def host(name: str, reason: str = "log-driver", recorded: str = "", live: bool = True, state: str = "active") -> dict[str, Any]:
    membership = {"state": state, "node_id": f"id-{name}", "live_manager": live}
    return {"host": name, "membership": membership, "reason": reason, "recorded": recorded}


THREE = [node("m1", leader=True), node("m2"), node("m3"), node("w1", "worker")]
ALL = [host("m1"), host("m2"), host("m3"), host("w1", live=False)]


def test_workers_go_first_and_the_leader_last() -> None:
    plan = restart_plan(ALL, THREE, [{"name": "web", "running": 2, "desired": 2}, {"name": "ill", "running": 1, "desired": 2}])
    assert [turn["host"] for turn in plan["restarts"]] == ["w1", "m2", "m3", "m1"]
    assert [turn["manager"] for turn in plan["restarts"]] == ["m1", "m1", "m1", "m2"]
    assert all(turn["drain"] and turn["restart"] and turn["availability"] == "active" for turn in plan["restarts"])
    assert plan["summary"][0] == "1. w1 (worker, active): restart the Engine for log-driver (its tasks move to other nodes)"
    assert plan["whole"] == [{"name": "web"}]


def test_what_was_cut_off_is_ended_first_and_gets_what_it_had() -> None:
    nodes = [THREE[0], THREE[1], node("m3", availability="drain"), THREE[3]]
    plan = restart_plan([host("m1"), host("m2", ""), host("m3", "", "pause"), host("w1", "", live=False)], nodes)
    first, second = plan["restarts"]
    assert (first["host"], first["restart"], first["drain"], first["availability"]) == ("m3", False, False, "pause")
    assert first["says"] == "m3 (manager, pause): give it back the availability pause, which an earlier run took"
    assert second["host"] == "m1"


@pytest.mark.parametrize(
    ("recorded_node", "member", "forgotten"),
    [("id-w1", True, []), ("", True, []), ("id-before", True, ["w1"]), ("id-w1", False, ["w1"]), ("", False, ["w1"])],
)
def test_what_was_written_down_of_a_node_that_is_no_more_is_forgotten(recorded_node: str, member: bool, forgotten: list[str]) -> None:
    left = {**host("w1", "", "active", live=False), "recorded_node": recorded_node, "member": member}
    if not member:
        left["membership"] = {"state": "inactive", "node_id": "", "live_manager": False}
    plan = restart_plan([*(host(each["hostname"], "") for each in THREE[:3]), left], THREE)
    assert plan["forgotten"] == forgotten
    assert [turn["host"] for turn in plan["restarts"]] == ([] if forgotten else ["w1"])
    assert not forgotten or plan["summary"] == [
        "w1: forget the availability active, which an earlier run took from a node that this host is no more"
    ]


def test_a_locked_manager_keeps_what_was_written_down() -> None:
    locked = {**host("m1", "", "active", live=False, state="locked"), "recorded_node": "id-m1", "member": True}
    locked["membership"]["node_id"] = ""
    assert restart_plan([locked], THREE)["forgotten"] == []


def test_a_node_that_was_drained_stays_drained() -> None:
    nodes = [*THREE[:3], node("w1", "worker", availability="drain")]
    (turn,) = restart_plan([*(host(each["hostname"], "") for each in THREE[:3]), host("w1", live=False)], nodes)["restarts"]
    assert (turn["drain"], turn["availability"]) == (False, "drain")


def test_direct_and_a_lonely_node_are_not_drained() -> None:
    assert not any(turn["drain"] for turn in restart_plan(ALL, THREE, (), "direct")["restarts"])
    (turn,) = restart_plan([host("m1")], [THREE[0]], (), "drained", True)["restarts"]
    assert (turn["drain"], turn["manager"]) == (False, "m1")
    assert "without a drain since no other node could take its tasks" in turn["says"]


@pytest.mark.parametrize(
    ("hosts", "nodes", "message"),
    [
        (
            [host("m1")],
            [THREE[0]],
            "m1: it is the only manager, and while its Engine restarts nobody manages the swarm; have three "
            "managers and bring all of them back "
            "first, or set engine_allow_interruption: true",
        ),
        (
            ALL,
            [*THREE[:2], node("m3", reachability="unreachable", state="down"), THREE[3]],
            "m1: while its Engine restarts the majority would be lost: 1 of 3 managers reachable, a majority is "
            "2; have three managers and bring "
            "all of them back first, or set engine_allow_interruption: true",
        ),
        (
            [host("w1", live=False)],
            [],
            "w1: its Engine has to be restarted, and no live manager is among the hosts of this run; put the "
            "managers among its hosts (do not "
            "--limit it to workers), or set engine_restart: never and restart it yourself",
        ),
        (
            [host("w1", "", "active", live=False)],
            [],
            "w1: an earlier run took its availability active, which it is to get back, and no live manager is among the hosts of this run; "
            "put the managers among its hosts (do not --limit it to workers)",
        ),
        (
            [host("m1", state="locked", live=False)],
            THREE,
            "m1: its Engine has to be restarted, and its membership is locked; bring it back to the swarm "
            "first, or set engine_restart: never and "
            "restart it yourself",
        ),
        (
            [host("x")],
            THREE,
            "x: its node id-x is not in the swarm's list; it is in another swarm, or was removed from this one: let it leave on purpose "
            "(meshwork.swarm.membership, state left)",
        ),
    ],
)
def test_restarts_that_cost_the_majority_or_cannot_be_seen_are_refused(
    hosts: list[dict[str, Any]], nodes: list[dict[str, Any]], message: str
) -> None:
    plan = restart_plan(hosts, nodes)
    assert plan["restarts"] == [] and plan["blockers"] == [message]


@given(
    reachable=st.lists(st.booleans(), min_size=1, max_size=7),
    waiting=st.lists(st.booleans(), min_size=7, max_size=7),
    way=st.sampled_from(["drained", "direct"]),
)
def test_no_plan_takes_the_swarm_its_majority(reachable: list[bool], waiting: list[bool], way: str) -> None:
    nodes = [node(f"m{at}", reachability="reachable" if up else "unreachable") for at, up in enumerate(reachable)]
    hosts = [host(f"m{at}", "x" if waiting[at] else "") for at in range(len(reachable))]
    for turn in restart_plan(hosts, nodes, (), way)["restarts"]:
        left = [each for each in nodes if each["reachability"] == "reachable" and each["id"] != turn["node_id"]]
        lost_before = [each for each in nodes if each["reachability"] == "reachable"] == left
        assert len(left) > len(nodes) // 2 or lost_before


def test_hosts_outside_a_swarm_are_none_of_this_plans_business() -> None:
    plan = restart_plan([host("x", state="inactive", live=False)], [])
    assert plan["restarts"] == [] and plan["blockers"] == []
