# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only nftables does: its service's reload, tables of one family, the choice of the backend, and what a large cluster costs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall import nftables_boot, way_back
from ansible_collections.meshwork.swarm.plugins.module_utils._local.host import SEARCH_PATH, Commands
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from grounds.ground import PEERS, STRANGER
from grounds.namespaces import sh
from grounds.nftables import Nftables, NftablesDefaultDrop
from grounds.traffic import OPEN, REFUSED

pytestmark = pytest.mark.namespaces

OF_IPTABLES = "table ip filter {{\n chain INPUT {{\n type filter hook input priority filter; policy {policy};\n }}\n}}\n"
OF_ONE_FAMILY = """
table ip narrow {
  chain arriving {
    type filter hook input priority 5; policy drop;
    ct state established accept
    tcp dport 22 accept
  }
}
"""
OF_DOCKER = """
table ip docker-overlay {
  chain enc-in {
    type filter hook input priority raw; policy accept;
    udp dport 4789 meta secpath missing drop
  }
}
"""


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Nftables]:
    """A host without a ruleset of the administrator's."""
    made = Nftables(tmp_path)
    yield made
    made.close()


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[NftablesDefaultDrop]:
    """A host whose ruleset refuses what it does not know."""
    made = NftablesDefaultDrop(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("before", [{}, {"role": "worker"}, {"peers": ["10.99.0.11"], "guard": False}], ids=["nothing", "worker", "one"])
@pytest.mark.parametrize("kind", [Nftables, NftablesDefaultDrop])
def test_B4_the_way_back_leads_to_what_was(tmp_path: Path, kind: type[Nftables], before: dict[str, Any]) -> None:
    ground = kind(tmp_path)
    try:
        if before:
            ground.run(**before)
        was = ground.ruleset(), sorted(path.read_text() for path in tmp_path.rglob("meshwork*") if path.is_file())
        wanted = {"peers": ["10.99.0.12"], "published": [{"port": 8080, "protocol": "tcp", "sources": ["peers"]}]}
        work = ground.work(**wanted)
        plan = work.plan(work.observe())
        back = way_back.actions_back(plan, work._backend)
        assert ground.run(**wanted).changed
        assert ground.ruleset() != was[0]
        ground.machine.do(Commands(tuple(back)))
        assert (ground.ruleset(), sorted(path.read_text() for path in tmp_path.rglob("meshwork*") if path.is_file())) == was
        if before:
            assert not ground.run(**before).changed
    finally:
        ground.close()


def test_programs_of_the_host_are_kept_from_the_data_path(bare: Nftables) -> None:
    def send(port: int) -> str:
        sending = "import socket, sys; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('10.99.0.11', int(sys.argv[1])))"
        done = subprocess.run(
            ["ip", "netns", "exec", bare.host, sys.executable, "-c", sending, str(port)], capture_output=True, text=True, check=False
        )
        return done.stderr.strip().splitlines()[-1] if done.returncode else "sent"

    bare.run()
    assert (send(4789), send(4790)) == ("sent", "sent")
    assert bare.run(output_guard=True).says[0] == "keep programs of this host from sending to 4789/udp"
    assert not bare.run(output_guard=True).changed
    assert (send(4789), send(4790)) == ("PermissionError: [Errno 1] Operation not permitted", "sent")
    assert bare.run(output_guard=True, data_path_port=4790).changed
    assert (send(4789), send(4790)) == ("sent", "PermissionError: [Errno 1] Operation not permitted")


def test_the_rules_follow_a_reload_of_the_service(closed: NftablesDefaultDrop) -> None:
    closed.run()
    made = closed.ruleset()
    closed.reload()
    assert closed.ruleset() == made
    closed.reload()
    assert closed.ruleset() == made
    (unit,) = closed.machine.enabled()
    for key in ("ExecReload", "ExecStart"):
        closed.machine.start(unit, key)
        assert closed.ruleset() == made, "loaded twice, the rules stand once"
    assert (closed.ask(PEERS[0], "tcp", 7946, 6), closed.ask(STRANGER, "tcp", 7946)) == (OPEN, REFUSED)


def test_systemd_takes_the_unit(closed: NftablesDefaultDrop, tmp_path: Path) -> None:
    closed.run()
    path = closed.machine.place(nftables_boot.UNIT_FILE)
    assert sh("systemd-analyze", "verify", str(path)) == ""
    root = tmp_path / "another"
    (root / "etc/systemd/system").mkdir(parents=True)
    shutil.copy(path, root / "etc/systemd/system")
    sh("systemctl", f"--root={root}", "enable", nftables_boot.UNIT)
    assert {f"/{link.relative_to(root)}" for link in root.glob("etc/systemd/system/*.wants/*")} == set(nftables_boot.LINKS)


def test_a_table_that_has_gone_is_not_made_by_a_boot(closed: NftablesDefaultDrop) -> None:
    closed.run()
    closed.theirs = ""
    closed.reboot()
    assert "table inet filter" not in closed.ruleset()
    assert (closed.ask(PEERS[0], "tcp", 7946), closed.ask(STRANGER, "tcp", 7946)) == (OPEN, REFUSED)


def test_a_table_of_one_family_lets_peers_of_that_family_in(bare: Nftables) -> None:
    bare.nft(OF_ONE_FAMILY)
    before = bare.ruleset()
    assert bare.ask(PEERS[0], "tcp", 2377) != OPEN
    assert "let peers past the table ip narrow" in bare.run().says[0]
    assert [bare.ask(PEERS[0], "tcp", 2377, family) for family in (4, 6)] == [OPEN, OPEN]
    assert bare.ask("itself", "tcp", 2377) == OPEN
    assert not bare.run().changed
    bare.run(state="absent")
    assert bare.ruleset() == before


def test_what_no_longer_refuses_is_no_longer_joined(bare: Nftables) -> None:
    bare.nft(OF_ONE_FAMILY)
    bare.run()
    bare.nft("add chain ip narrow arriving { policy accept; }\n")
    assert bare.run().says[0] == "no longer let peers past the table ip narrow"
    assert bare.ruleset().count("jump meshwork_swarm") == 0


def test_dockers_rule_against_cleartext_stays_first(bare: Nftables) -> None:
    bare.nft(OF_DOCKER)
    bare.run()
    assert bare.ask(PEERS[0], "udp", 4789) != OPEN
    assert bare.ask(PEERS[0], "udp", 7946) == OPEN
    assert "jump" not in bare.ruleset()


def test_auto_takes_nftables_where_the_ruleset_is_the_administrators(bare: Nftables, closed: NftablesDefaultDrop) -> None:
    assert closed.run(checking=True, backend="auto").returned["backend"] == "nftables"
    assert bare.run(checking=True, backend="auto", persistent=False).returned["backend"] == "iptables"
    bare.run()
    assert bare.run(backend="auto").returned == bare.run().returned, "where our rules are, they stay"
    assert bare.run(backend="auto", state="absent").changed


def test_iptables_that_refuses_everybody_is_no_ground_for_nftables(bare: Nftables) -> None:
    bare.nft(OF_IPTABLES.format(policy="drop"))
    before = bare.ruleset()
    with pytest.raises(SwarmError, match=r"iptables refuses what it does not know \(ip filter INPUT\).*use backend=iptables"):
        bare.run()
    assert bare.ruleset() == before
    bare.nft(OF_IPTABLES.format(policy="accept"))
    bare.run()
    assert "jump" not in bare.ruleset()


def test_a_large_cluster_is_read_and_planned_in_a_moment(closed: NftablesDefaultDrop) -> None:
    closed.nft("table inet many {\n chain other {\n" + "".join(f"tcp dport {port} accept\n" for port in range(10000, 12000)) + "}\n}\n")
    peers = [f"10.98.{number // 250}.{number % 250 + 1}" for number in range(200)]
    runs, costs = [], []
    for each in (peers[:2], peers, peers):
        before, start = closed.machine.runs, sum(os.times()[:4])
        closed.run(peers=each, published=[{"port": 8080, "protocol": "tcp", "sources": ["peers"]}])
        runs.append(closed.machine.runs - before)
        costs.append(sum(os.times()[:4]) - start)
    # where iptables is installed, Docker's published ports are read from its rules too, in each family that the host has
    families = [program for program in ("iptables-save", "ip6tables-save") if shutil.which(program, path=SEARCH_PATH)]
    docker = 0 if "iptables-save" not in families else len(families) if os.path.exists("/proc/net/if_inet6") else 1
    reading = 2 + docker
    assert max(runs) <= 2 * reading + 2, "reading, one transaction, the unit's start, and reading again"
    assert runs[2] == reading
    assert max(costs) < 1, costs
