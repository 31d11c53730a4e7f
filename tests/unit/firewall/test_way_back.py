# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of the firewall that cuts off who makes it: refused where that is known before, taken back where it is not."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall import way_back
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.work import FirewallWork
from ansible_collections.meshwork.swarm.plugins.module_utils._local.host import Command, Commands, RemoveFile, RemoveFolder, WriteFile
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._run import Outcome, reconcile

ENDED = 2**22 + 1
"""The number of no process: the kernel's largest is 2**22."""
WEB = {"port": 8080, "protocol": "tcp", "sources": ["10.0.0.0/8", "peers"]}


def run(work: Any, checking: bool = False) -> list[str]:
    outcome = Outcome()
    reconcile(work, checking, outcome)
    return [step.says for step in outcome.steps]


def state(host: Any) -> tuple[Any, ...]:
    """All that a change may touch; an empty policy and empty sets are all that firewalld keeps until its next reload."""
    sets = {name: (kind, sorted(members)) for name, (kind, members) in host.sets.items()}
    files = {path: text for path, text in host.files.items() if not path.endswith("direct.xml") or "<rule" in text}
    if host.firewalld is None:
        return files, sets, host.tables[4].save(), host.tables[6].save()
    policies = {name: sorted(policy["rich rules"]) for name, policy in host.firewalld.policies.items() if policy["rich rules"]}
    held = {name: sorted(members) for name, members in host.firewalld.sets.items() if members}
    return files, sets, policies, held, sorted(map(tuple, host.firewalld.direct))


BEFORE: list[dict[str, Any]] = [
    {},
    {"peers": ["10.9.0.11"], "role": "worker", "encrypted": False},
    {"peers": ["10.9.0.11"], "published": [WEB]},
    {"guard": False, "published": [{**WEB, "sources": []}], "output_guard": True},
]


@pytest.mark.parametrize("firewalld", [False, True], ids=["iptables", "firewalld"])
@pytest.mark.parametrize("before", BEFORE, ids=["nothing", "a worker", "one peer", "no guard"])
def test_the_way_back_leads_to_what_was(host: Any, options: dict[str, Any], before: dict[str, Any], firewalld: bool) -> None:
    if firewalld:
        host.start_firewalld()
    if before:
        run(FirewallWork({**options, **before}, host))
    was = state(host)
    work = FirewallWork({**options, "published": [{"port": 443, "protocol": "tcp", "sources": ["peers"]}]}, host)
    plan = work.plan(work.observe())
    back = way_back.actions_back(plan, work._backend)
    run(work)
    assert state(host) != was
    host.do(Commands(tuple(back)))
    assert state(host) == was


def test_a_change_is_armed_first_and_confirmed_after(host: Any, options: dict[str, Any]) -> None:
    options["confirm_within"] = 60
    work = FirewallWork(options, host)
    assert next(step.action for step in work.plan(work.observe()).steps) == "way back"
    assert work.returned(work.observe())["confirmation_awaited"]
    said = run(FirewallWork(options, host))
    assert said[0] == "go back to today's rules 60 s after this run, unless a new connection confirms the new ones"
    armed = [command for command in host.commands if command.startswith("systemd-run")]
    assert armed == ["systemd-run --quiet --collect --unit=meshwork-swarm-way-back.service /bin/sh /run/meshwork-swarm/way-back.sh"]
    assert host.commands.index(armed[0]) < min(place for place, each in enumerate(host.commands) if "restore" in each)
    assert "-X MESHWORK-SWARM" in host.files[way_back.SCRIPT]

    with pytest.raises(SwarmError, match="an earlier change of this host's firewall still waits for its confirmation"):
        run(FirewallWork(options, host))
    without: list[dict[str, Any]] = [{"state": "absent"}, {"confirm_within": 0, "guard": False}]
    for changed in without:
        with pytest.raises(SwarmError, match="still waits for its confirmation; confirm it with state=confirmed"):
            run(FirewallWork({**options, **changed}, host))
    assert run(way_back.Confirmation(host)) == ["keep the new rules"]
    assert host.commands[-1] == "systemctl stop meshwork-swarm-way-back.service"
    assert way_back.SCRIPT not in host.files
    assert run(way_back.Confirmation(host)) == []
    again = FirewallWork(options, host)
    assert run(again) == [] and not again.returned(again.observe())["confirmation_awaited"]


def test_a_script_that_nothing_runs_any_more_is_in_nobodys_way(host: Any, options: dict[str, Any]) -> None:
    options["confirm_within"] = 60
    run(FirewallWork(options, host))
    host.active.clear()
    assert run(FirewallWork({**options, "guard": False}, host))[0].startswith("go back to today's rules")
    host.active.clear()
    assert run(way_back.Confirmation(host)) == ["keep the new rules"]
    assert run(FirewallWork({**options, "guard": False}, host)) == []


def test_a_confirmation_that_comes_too_late_is_refused(host: Any, options: dict[str, Any]) -> None:
    options["confirm_within"] = 60
    run(FirewallWork(options, host))
    confirmation = way_back.Confirmation(host)
    planned = confirmation.plan(confirmation.observe())
    host.files[way_back.TAKEN] = host.files.pop(way_back.SCRIPT)
    with pytest.raises(SwarmError, match=r"rm: cannot remove .*way-back\.sh"):
        confirmation.apply(planned.steps[0])
    with pytest.raises(SwarmError, match="nobody confirmed the last change in time, so this host has gone back"):
        run(way_back.Confirmation(host))
    host.active.add(way_back.UNIT)
    with pytest.raises(SwarmError, match="this host is on its way back from an earlier change"):
        run(FirewallWork({**options, "guard": False}, host))
    host.active.clear()
    assert run(FirewallWork({**options, "guard": False}, host))[0].startswith("go back to today's rules")
    assert way_back.TAKEN not in host.files


@pytest.mark.parametrize(
    ("connection", "changed", "reason"),
    [
        ("192.0.2.9 50000 10.9.0.11 22", {"published": [{**WEB, "port": 22}]}, "22/tcp is not for that address"),
        ("2001:db8::9 50000 fd00:9::11 22", {"published": [{**WEB, "port": 22}]}, "from 2001:db8::9 to port 22"),
        ("192.0.2.9 50000 10.9.0.11 2377", {}, "which belongs to the swarm and is for peers only"),
    ],
)
def test_a_rule_that_cuts_the_connection_is_refused(
    host: Any, options: dict[str, Any], connection: str, changed: dict[str, Any], reason: str
) -> None:
    host.connection = connection
    with pytest.raises(SwarmError, match="this run itself comes over SSH from") as refusal:
        run(FirewallWork({**options, **changed}, host))
    assert reason in str(refusal.value)
    assert host.commands == []


@pytest.mark.parametrize(
    ("connection", "published"),
    [
        ("10.9.0.12 50000 10.9.0.11 22", [{**WEB, "port": 22, "sources": ["peers"]}]),
        ("10.8.7.6 50000 10.9.0.11 22", [{**WEB, "port": 22}]),
        ("192.0.2.9 50000 10.9.0.11 22", [WEB, {**WEB, "protocol": "udp", "port": 22}]),
        ("fe80::1%eth0 50000 fe80::2%eth0 22", []),
        ("nonsense", [{**WEB, "port": 22}]),
        (None, [{**WEB, "port": 22}]),
    ],
)
def test_others_are_not(host: Any, options: dict[str, Any], connection: str, published: list[dict[str, Any]]) -> None:
    host.connection = connection
    assert run(FirewallWork({**options, "published": published}, host))


def start(folder: Path, actions: list[Any], process: int) -> subprocess.Popen[str]:
    """The script at work, with its files below a folder."""
    script = folder / "way-back.sh"
    script.write_text(way_back.script(actions, 0, process).replace(way_back.FOLDER, str(folder)))
    return subprocess.Popen(["/bin/sh", str(script)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, text=True)


def test_the_script_does_what_the_actions_do(tmp_path: Path) -> None:
    odd = "a 'quoted' $HOME\n%s \\n"
    folder = tmp_path / "some where"
    gone, emptied = tmp_path / "gone", tmp_path / "emptied"
    gone.write_text("")
    emptied.mkdir()
    actions = [
        WriteFile(str(folder / "file"), odd),
        Command(("false",)),
        Command(("tee", str(tmp_path / "copied")), odd),
        RemoveFile(str(gone)),
        RemoveFolder(str(emptied)),
        RemoveFolder(str(folder)),
    ]
    start(tmp_path, actions, process=ENDED).wait(20)
    assert (folder / "file").read_text() == (tmp_path / "copied").read_text() == odd
    assert not gone.exists() and not emptied.exists()
    assert (tmp_path / "way-back-taken").exists() and not (tmp_path / "way-back.sh").exists()


@pytest.mark.parametrize("confirmed", [False, True])
def test_the_script_waits_for_the_end_of_the_change_and_a_confirmation(tmp_path: Path, confirmed: bool) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as change:
        back = start(tmp_path, [WriteFile(str(tmp_path / "back"), "")], process=change.pid)
        with pytest.raises(subprocess.TimeoutExpired):
            back.wait(1.5)
        if confirmed:
            (tmp_path / "way-back.sh").unlink()
        change.kill()
    assert back.wait(20) == 0
    assert (tmp_path / "back").exists() is (tmp_path / "way-back-taken").exists() is not confirmed
