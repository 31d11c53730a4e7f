# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the lab, as far as it needs no lab."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.meshwork.swarm.tests.lab.meshlab import access, cli, node, state
from ansible_collections.meshwork.swarm.tests.lab.meshlab.requirements import RUN_PROGRAMS, missing_packages


def test_what_is_not_asked_for_is_left_to_the_lab() -> None:
    args = cli.parser().parse_args(["up"])
    assert (args.name, args.nodes, args.suite, args.bare, args.nics, args.mtu) == ("main", None, None, None, None, None)


def test_a_command_on_a_node_is_taken_word_by_word() -> None:
    args = cli.parser().parse_args(["--name", "t", "exec", "node1", "--", "ip", "-d", "link", "--json"])
    assert (args.name, args.node, args.argv) == ("t", "node1", ["ip", "-d", "link", "--json"])


def test_loss_takes_several_nodes_and_then_the_percentage() -> None:
    args = cli.parser().parse_args(["fault", "loss", "node1", "node2", "12.5"])
    assert (args.nodes, args.percent) == (["node1", "node2"], 12.5)


@pytest.mark.parametrize(
    "argv", [[], ["up", "--suite", "sid"], ["up", "--nics", "9"], ["fault", "drop", "node1"], ["fault", "drop", "node1", "--proto", "gre"]]
)
def test_bad_usage_is_refused(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        cli.parser().parse_args(argv)
    assert refusal.value.code == 2


def test_errors_are_one_message_on_stderr(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(state, "STATE_ROOT", tmp_path)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert cli.main(["exec", "node1", "--", "true"]) == 1
    assert capsys.readouterr() == ("", "lab: lab 'main' is not up: `lab --name main up` starts it\n")
    assert cli.main(["status"]) == 3


def test_without_root_nothing_is_tried(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert cli.main(["up"]) == 1
    assert "run it as root" in capsys.readouterr().err


def test_missing_programs_are_said_as_packages() -> None:
    everything = dict.fromkeys(RUN_PROGRAMS, "/usr/bin/true")
    assert missing_packages(RUN_PROGRAMS, everything.get) == []
    without_ssh = {program: path for program, path in everything.items() if not program.startswith("ssh")}
    assert missing_packages(RUN_PROGRAMS, without_ssh.get) == ["openssh-client"]


def a_lab() -> state.Lab:
    nodes = {"node1": state.Node(), "node2": state.Node()}
    return state.Lab("main", state.Options(nics=2, mtu=1400), "/cache/disk.img", nodes)


def test_several_words_reach_the_node_as_they_are_and_one_word_is_for_its_shell() -> None:
    lab = a_lab()
    assert access.command(lab, "node1", ["echo", "a b", "$HOME"])[-2:] == ["node1", "echo 'a b' '$HOME'"]
    assert access.command(lab, "node1", ["echo $HOME | wc"])[-2:] == ["node1", "echo $HOME | wc"]
    assert access.command(lab, "node1", [])[-1] == "node1"


def test_ssh_enters_the_labs_namespace_and_shares_one_connection_per_node() -> None:
    text = access.config_text(a_lab(), Path("/cache/ssh/id"), "/usr/bin/python3")
    assert "Host node1 node2 10.97.0.11 10.97.0.12\n" in text
    assert "ProxyCommand nsenter --net=/run/netns/meshlab-main /usr/bin/python3 -IS " in text
    assert f"ControlPath {state.folder('main')}/ssh/%h\n" in text
    assert access.ansible_args(a_lab()).endswith(f"ControlPath={state.folder('main')}/ssh/%h")


def test_a_nodes_kernel_is_told_cards_identity_and_addresses() -> None:
    words = node.kernel_words(a_lab(), "node2")
    assert "vec1:transport=tap,ifname=node2-1,depth=128,gro=1,mac=02:97:00:01:00:02,mtu=1400" in words
    assert "meshlab.nic1=10.97.1.12/24,fd97:0:0:1::c/64" in words
    assert "meshlab.hosts=node1:10.97.0.11,node2:10.97.0.12" in words
    assert "meshlab.mtu=1400" in words
