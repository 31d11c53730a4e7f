# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs behind the make targets, where they judge a result."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from ansible_collections.meshwork.swarm.tests.bin import counts, demo, firewall_matrix, matrix

RECAP = """\
PLAY [one] ****
node1 : ok=1 changed=9 is not in the recap
PLAY RECAP *********************************************************************
node1                      : ok=12   changed={node1}    unreachable=0    failed=0    skipped=3    rescued=0    ignored=0
node-2.example.org         : ok=9    changed=0    unreachable=0    failed=0    skipped=3    rescued=0    ignored=0
"""


def test_changes_are_read_from_the_recap_only() -> None:
    assert demo.changes(RECAP.format(node1=14)) == {"node1": 14, "node-2.example.org": 0}
    assert demo.changes("ERROR! no inventory") == {}


@pytest.mark.parametrize(
    ("log", "reason"), [(RECAP.format(node1=2), "node1 changed=2"), ("ERROR! the playbook could not be found", "found no recap")]
)
def test_demo_fails_when_the_second_run_is_not_proved_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: str, reason: str
) -> None:
    monkeypatch.setattr(demo, "CHECKOUT", tmp_path)
    monkeypatch.setattr(demo, "LOGS", tmp_path)
    (tmp_path / "again.log").write_text(log)
    phase = demo.Phase("site.yml again", ["true"], "again")
    with pytest.raises(demo.DemoFailed, match=reason):
        demo.require_no_change(phase)
    (tmp_path / "again.log").write_text(RECAP.format(node1=0))
    demo.require_no_change(phase)


def test_failed_phase_ends_the_others_and_shows_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "CHECKOUT", tmp_path)
    monkeypatch.setattr(demo, "LOGS", tmp_path)
    failing = demo.Phase("boot", ["sh", "-c", "echo no /dev/net/tun; exit 3"], "boot")
    waiting = demo.Phase("install", ["sleep", "600"], "install")
    with pytest.raises(demo.DemoFailed, match=r"(?s)boot: it failed.*boot\.log.*no /dev/net/tun"):
        demo.run(io.StringIO(), {"PATH": "/usr/bin:/bin"}, waiting, failing)
    assert waiting.process is not None
    assert waiting.process.returncode is not None


def test_proof_is_printed_as_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proof = tmp_path / "proof.json"
    report = {
        "nodes": [{"node": "node1", "role": "leader"}, {"node": "node2", "role": "worker"}],
        "networks": [{"network": "backend", "encrypted": True, "subnet": "10.0.1.0/24"}, {"network": "web"}],
        "services": [],
        "proof": [{"proof": "wire", "of": "backend", "ok": "6 of 6", "seen": "encrypted, 60 ESP packets, 0 clear"}],
        "skipped": ["mesh dns:53/udp (udp ports are not probed)"],
        "results": [],
    }
    proof.write_text(json.dumps(report))
    demo.print_proof(proof)
    assert capsys.readouterr().out.splitlines() == [
        "",
        "Nodes",
        "  node   role",
        "  node1  leader",
        "  node2  worker",
        "",
        "Networks",
        "  network  encrypted  subnet",
        "  backend  yes        10.0.1.0/24",
        "  web      -          -",
        "",
        "Services",
        "  none",
        "",
        "Proof",
        "  proof  of       ok      seen",
        "  wire   backend  6 of 6  encrypted, 60 ESP packets, 0 clear",
        "  not asked: mesh dns:53/udp (udp ports are not probed)",
    ]


def junit(path: Path, tests: int, failures: int = 0, errors: int = 0, skipped: int = 0) -> Path:
    path.write_text(
        f'<testsuites><testsuite tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}" time="1.5"/></testsuites>'
    )
    return path


def test_counts_are_added_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unit = junit(tmp_path / "unit.xml", tests=10, skipped=1)
    lab = junit(tmp_path / "integration.xml", tests=4)
    assert counts.main([unit, lab]) == 0
    assert capsys.readouterr().out.splitlines()[-1].strip("= ") == "13 passed, 1 skipped in 3.00s"


@pytest.mark.parametrize("bad", [{"tests": 3, "failures": 1}, {"tests": 3, "errors": 1}, {"tests": 0}, {"tests": 2, "skipped": 2}])
def test_counts_are_no_success_with_a_failure_or_without_a_test(tmp_path: Path, bad: dict[str, int]) -> None:
    assert counts.main([junit(tmp_path / "unit.xml", tests=5), junit(tmp_path / "molecule.xml", **bad)]) == 1


def test_counts_are_no_success_when_a_run_left_no_results(tmp_path: Path) -> None:
    assert counts.main([junit(tmp_path / "unit.xml", tests=5), tmp_path / "molecule.xml"]) == 1


JUNIT = """<testsuites><testsuite>
<testcase name="test_a_peer_passes[ufw]"/><testcase name="test_a_peer_passes[iptables]"><failure message="no"/></testcase>
<testcase name="test_at_boot[ufw]"><skipped message="not here"/></testcase>{more}
</testsuite></testsuites>"""


def test_the_matrix_has_a_cell_for_each_story_and_ground(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, other = tmp_path / "results.xml", tmp_path / "others.xml"
    path.write_text(JUNIT.format(more='<testcase name="test_of_no_ground"/>'))
    other.write_text('<testsuites><testsuite><testcase name="test_at_boot[iptables]"/></testsuite></testsuites>')
    assert matrix.main(path, other) == 1
    assert capsys.readouterr().out.splitlines() == [
        "               ufw  iptables",
        "a peer passes  ok   FAILED",
        "at boot        -    ok",
        "- at boot, ufw: not here",
        "2 passed, 1 failed",
    ]
    assert (matrix.main(other), matrix.main(other, tmp_path / "third.xml")) == (0, 1)
    assert capsys.readouterr().out.splitlines()[-2:] == [f"no results: {tmp_path / 'third.xml'} is missing", "1 passed, 0 failed"]


@pytest.mark.parametrize(("nodes", "count"), [(1, 3), (2, 4), (3, 5), (5, 5)])
def test_every_ground_is_in_one_part_of_the_matrix(nodes: int, count: int) -> None:
    parts = list(firewall_matrix.parts(nodes))
    assert len(parts) == count
    for ground in (*firewall_matrix.ON_THE_LAB, *firewall_matrix.IN_NAMESPACES):
        assert len([part for part in parts if ground in part.replace("(", "").replace(")", "").split(" or ")]) == 1


def test_a_story_that_fails_at_its_end_has_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "results.xml"
    path.write_text(
        JUNIT.replace('<failure message="no"/>', "").format(more='<testcase name="test_a_peer_passes[ufw]"><error/></testcase>')
    )
    assert matrix.main(path) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 1 failed"
    path.write_text(JUNIT.replace('<failure message="no"/>', "").format(more=""))
    assert matrix.main(path) == 0
