# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's routes, addresses, nameservers and MTUs, as the kernel writes them down. The lines are from a node of the lab."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._kernel import underlay

ROUTES4 = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100610A\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0000610A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
docker_gwbridge\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
*\t0000000A\t00000000\t0200\t0\t0\t0\t000000FF\t0\t0\t0
"""
ZERO = "00000000000000000000000000000000"
ROUTES6 = f"""fd970000000000000000000000000000 40 {ZERO} 00 {ZERO} 00000100 00000002 00000000 00000001     eth0
fe800000000000000000000000000000 40 {ZERO} 00 {ZERO} 00000100 00000002 00000000 00000001     eth0
ff000000000000000000000000000000 08 {ZERO} 00 {ZERO} 00000100 00000002 00000000 00000001     eth0
fd97000000000000000000000000000b 80 {ZERO} 00 {ZERO} 00000000 00000002 00000000 80200001     eth0
"""


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with files in place of the kernel's."""
    for name, text in (("_ROUTES4", ROUTES4), ("_ROUTES6", ROUTES6)):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(underlay, name, tmp_path / name)
    return tmp_path


def test_routes_of_the_main_table_without_those_that_lead_nowhere_or_here(host: Path) -> None:
    assert underlay.routes() == [
        ("0.0.0.0/0", "eth0"),
        ("10.97.0.0/24", "eth0"),
        ("172.18.0.0/16", "docker_gwbridge"),
        ("fd97::/64", "eth0"),
    ]


def test_a_host_without_ipv6(host: Path) -> None:
    (host / "_ROUTES6").unlink()
    assert ("10.97.0.0/24", "eth0") in underlay.routes()


def test_nameservers_of_both_files_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = (tmp_path / "one", tmp_path / "two", tmp_path / "none")
    files[0].write_text("# nameserver 1.1.1.1\nsearch lab\nnameserver 127.0.0.53\nnameserver\n")
    files[1].write_text("nameserver 10.0.0.2\nnameserver fe80::1%eth0\nnameserver 127.0.0.53\n")
    monkeypatch.setattr(underlay, "_RESOLVERS", files)
    assert underlay.nameservers() == ["127.0.0.53", "10.0.0.2", "fe80::1"]


def test_this_machine_has_its_loopback() -> None:
    assert "127.0.0.1" in underlay.addresses()
    assert underlay.mtus()["lo"] >= 1500
