# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of values, by example: what people write, what it means, and what is refused with which words."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model import container, kinds, mounts, placement, publish, references
from ansible_collections.meshwork.swarm.plugins.module_utils._model.network import container_mtu, underlay_mtu

MEANT = [
    (kinds.duration, "90s", 90 * 10**9),
    (kinds.duration, "1m30s", 90 * 10**9),
    (kinds.duration, "1.5s", 1500 * 10**6),
    (kinds.duration, "90d", 7776000 * 10**9),
    (kinds.duration, "0", 0),
    (kinds.duration, " 5S ", 5 * 10**9),
    (kinds.duration, "2562047h47m16s854ms775us807ns", 2**63 - 1),
    (kinds.size, "512M", 512 * 2**20),
    (kinds.size, "1.5g", 1536 * 2**20),
    (kinds.size, "2GiB", 2 * 2**30),
    (kinds.size, "1024", 1024),
    (kinds.size, f"{2**63 - 1}", 2**63 - 1),
    (kinds.cpus, 0.5, 500_000_000),
    (kinds.cpus, 2.0, 2_000_000_000),
    (kinds.cpus, "500m", 500_000_000),
    (kinds.cpus, ".25", 250_000_000),
    (kinds.cpus, "2", 2_000_000_000),
    (kinds.memory, "4M", 4 * 2**20),
    (kinds.memory, "0", 0),
    (kinds.limit, "-1", -1),
    (kinds.score, "-1000", -1000),
    (kinds.permissions, "0440", 0o440),
    (kinds.permissions, "1777", 0o1777),
    (kinds.permissions, 0o440, 0o440),
    (kinds.counts, {"gpu": "2"}, {"gpu": 2}),
    (kinds.capabilities, ["net_admin", "CAP_NET_ADMIN", "all"], ("ALL", "CAP_NET_ADMIN")),
    (kinds.hosts, {"db": ["FD00::5", "10.0.0.5"]}, (("db", "10.0.0.5"), ("db", "fd00::5"))),
    (kinds.read_hosts, ["10.0.0.5 db db2"], (("db", "10.0.0.5"), ("db2", "10.0.0.5"))),
    (placement.constraints, ["node.role==worker", " node.labels.Zone  !=  a b "], ("node.labels.Zone != a b", "node.role == worker")),
    (references.credential_spec, "config://account", "config://account"),
    (
        publish.parse_ports,
        [{"target_port": 80, "published_port": "8000-8001"}],
        ((80, 8000, "tcp", "ingress", ""), (80, 8001, "tcp", "ingress", "")),
    ),
    (kinds.text, True, "true"),
    (kinds.text, 1.5, "1.5"),
    (kinds.integer, "8080", 8080),
    (kinds.labels, {"a": 1, "b": None, "c": False}, {"a": "1", "b": "", "c": "false"}),
    (kinds.environment, {"B": 2, "A": "x=y"}, ("A=x=y", "B=2")),
    (kinds.names, ["b", "a", "b"], ("a", "b")),
    (kinds.address, "FD00::0001", "fd00::1"),
    (kinds.subnet, "10.20.1.0/255.255.255.0", "10.20.1.0/24"),
    (kinds.subnet, "FD00:1::/64", "fd00:1::/64"),
]

REFUSED = [
    (kinds.duration, "10", "a duration with its unit, such as 10s, 1m30s or 500ms"),
    (kinds.duration, "10x", "a duration with its unit, such as 10s, 1m30s or 500ms"),
    (kinds.duration, "-5s", "a duration with its unit, such as 10s, 1m30s or 500ms"),
    (kinds.size, "much", "a size such as 512M or 2G"),
    (kinds.size, "-1", "a size such as 512M or 2G"),
    (kinds.cpus, "half", "a number of processors such as 0.5 or 500m"),
    (kinds.cpus, -1.0, "a number of processors such as 0.5 or 500m"),
    (kinds.cpus, float("nan"), "a number of processors such as 0.5 or 500m"),
    (kinds.cpus, "0.0001", "a number of processors of at least 0.001, or 0 for no bound"),
    (kinds.memory, "1M", "at least 4M, or 0 for no bound"),
    (kinds.limit, "-2", "a whole number of 0 or more"),
    (kinds.score, 1001, "a whole number from -1000 to 1000"),
    (kinds.permissions, "rw-", "a file mode in quotes, such as '0440'"),
    (kinds.permissions, 44000, "a file mode in quotes, such as '0440'"),
    (kinds.counts, {"gpu": 0}, "a whole number of 1 or more"),
    (kinds.capabilities, ["net-admin"], "a capability such as NET_ADMIN"),
    (kinds.hosts, {"db": "nowhere"}, "an IP address"),
    (references.credential_spec, "spec.json", "config://NAME, file://NAME or registry://NAME"),
    (placement.constraints, ["node.role=worker"], "a constraint such as node.labels.zone == a, with == or !="),
    (placement.PREFERENCES.parse, [{"spread": "zone"}], "node.labels.NAME or engine.labels.NAME"),
    (container.TEST.parse, ["wget", "x"], "CMD or CMD-SHELL and the command; `disable: true` takes the image's own test away"),
    (container.INTERVAL.parse, "5us", "a duration of at least 1ms, or 0 for the Engine's default"),
    (container.PROFILE.parse, "{", "a seccomp profile as JSON"),
    (container.ULIMITS.parse, [{"name": "nofile", "soft": 5, "hard": 4}], "a soft limit that is not above the hard one, 4"),
    (container.ULIMITS.parse, [{"name": "nofile"}], "a soft limit, a hard one or both"),
    (mounts.MOUNTS.parse, [{"target": "data"}], "an absolute path"),
    (mounts.MOUNTS.parse, [{"target": "/d", "type": "bind"}], "an absolute path of the node"),
    (mounts.MOUNTS.parse, [{"target": "/d", "type": "tmpfs", "source": "x"}], "no source of a tmpfs"),
    (mounts.MOUNTS.parse, [{"target": "/d"}, {"target": "/d"}], "every target once"),
    (publish.parse_ports, [{"target_port": "9-8"}], "a port from 1 to 65535, or a range of them"),
    (kinds.ratio, 1.5, "a number from 0 to 1"),
    (kinds.integer, 1.5, "a whole number"),
    (kinds.integer, -1, "a whole number of 0 or more"),
    (kinds.integer, True, "a whole number"),
    (kinds.boolean, "yes", "true or false"),
    (kinds.words, "one", "a list of strings"),
    (kinds.labels, ["a"], "names with values"),
    (kinds.labels, {"a": []}, "a string, a number or a boolean"),
    (kinds.address, "10.0.0.256", "an IP address"),
    (kinds.subnet, "10.20.1.7/24", "a subnet without host bits, which would be 10.20.1.0/24"),
    (kinds.subnet, "10.20.1.0/33", "a subnet such as 10.20.1.0/24"),
    (kinds.choice("vip", "dnsrr").parse, "VIP", "one of vip, dnsrr"),
]

SHOWN = [(0, "0s"), (90 * 10**9, "1m30s"), (1500 * 10**6, "1s500ms"), (7776000 * 10**9, "2160h")]

# underlay, container plain, container encrypted (moby overlay/encryption.go maxMTU)
MTUS = [(1280, 1230, 1204), (1400, 1350, 1324), (1450, 1400, 1372), (1460, 1410, 1384), (1500, 1450, 1424), (9000, 8950, 8924)]


@pytest.mark.parametrize(("parse", "written", "meant"), MEANT)
def test_what_is_written_means(parse: Any, written: Any, meant: Any) -> None:
    assert parse(written) == meant


@pytest.mark.parametrize(("parse", "written", "expected"), REFUSED)
def test_what_means_nothing_is_refused_with_what_was_expected(parse: Any, written: Any, expected: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse(written)
    assert str(raised.value) == expected


@pytest.mark.parametrize(("nanoseconds", "shown"), SHOWN)
def test_durations_are_shown_short(nanoseconds: int, shown: str) -> None:
    assert kinds.show_duration(nanoseconds) == shown


@pytest.mark.parametrize(("underlay", "plain", "encrypted"), MTUS)
def test_the_mtu_of_containers_follows_from_that_of_the_underlay(underlay: int, plain: int, encrypted: int) -> None:
    assert (container_mtu(underlay, False), container_mtu(underlay, True)) == (plain, encrypted)
    assert container_mtu(underlay_mtu(plain, False), False) == plain
    assert container_mtu(underlay_mtu(encrypted, True), True) == encrypted
