# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of kernel parameters: what they say, and which has the last word. The examples are those of sysctl.d(5)."""

from __future__ import annotations

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.sysctl import (
    Setting,
    canonical,
    decisive,
    dotted,
    enough,
    file_text,
    in_boot_order,
    read_settings,
    same,
)
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.lists(st.from_regex(r"[a-z_0-9][a-z_0-9-]{0,7}", fullmatch=True), min_size=2, max_size=5)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
        ("net.ipv4.conf.enp3s0/200.forwarding", "net/ipv4/conf/enp3s0.200/forwarding"),
        ("net/ipv4/conf/enp3s0.200/forwarding", "net/ipv4/conf/enp3s0.200/forwarding"),
        ("net.ipv4.conf.*.rp_filter", "net/ipv4/conf/*/rp_filter"),
    ],
)
def test_names_with_dots_and_slashes_are_one_key(name: str, key: str) -> None:
    assert canonical(name) == key
    assert canonical(dotted(key)) == key


@pytest.mark.parametrize("name", ["", "kernel", "net ipv4.x", "../etc/passwd", "net/../../etc/passwd", "a..b", "a.b;c=d", "/net/ipv4"])
def test_what_is_no_parameter_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"a kernel parameter such as net\.ipv4\.ip_forward"):
        canonical(name)


@given(NAMES)
def test_a_key_survives_being_shown(parts: list[str]) -> None:
    assert canonical(dotted("/".join(parts))) == "/".join(parts)


TEXT = """# a comment
; another
net.ipv4.ip_forward=1
 net/core/rmem_max =  4096   87380
-net.nonesuch.key = 2
-net.ipv4.conf.lo.rp_filter
net.ipv4.conf.*.rp_filter = 2
without a value
"""


def test_a_file_is_read_as_systemd_reads_it() -> None:
    assert read_settings("/x", TEXT) == (
        Setting("/x", "net/ipv4/ip_forward", "1"),
        Setting("/x", "net/core/rmem_max", "4096 87380"),
        Setting("/x", "net/nonesuch/key", "2"),
        Setting("/x", "net/ipv4/conf/lo/rp_filter", None),
        Setting("/x", "net/ipv4/conf/*/rp_filter", "2"),
    )


def test_files_are_taken_by_name_and_etc_hides_usr() -> None:
    paths = ["/usr/lib/sysctl.d/50-a.conf", "/etc/sysctl.d/99-z.conf", "/run/sysctl.d/60-b.conf", "/etc/sysctl.d/50-a.conf"]
    assert in_boot_order(paths) == ("/etc/sysctl.d/50-a.conf", "/run/sysctl.d/60-b.conf", "/etc/sysctl.d/99-z.conf")


KEY = "net/ipv4/conf/eth0/rp_filter"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("net.ipv4.ip_forward = 1", None),
        ("net.ipv4.conf.eth0.rp_filter = 1\nnet.ipv4.conf.eth0.rp_filter = 2", "2"),
        ("net.ipv4.conf.*.rp_filter = 1", "1"),
        ("net.ipv4.conf.eth0.rp_filter = 1\nnet.ipv4.conf.*.rp_filter = 2", "1"),
        ("net.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.eth*.rp_filter", None),
        ("-net.ipv4.conf.eth0.rp_filter\nnet.ipv4.conf.*.rp_filter = 2", None),
        ("net.ipv4.* = 2", None),
    ],
)
def test_the_last_word_of_several_lines(text: str, value: str | None) -> None:
    found = decisive(KEY, read_settings("/x", text))
    assert (found.value if found else None) == value


def test_values_are_compared_as_the_kernel_shows_them() -> None:
    assert same("4096 87380", "4096\t87380")
    assert not same("1", "2")
    assert enough("1024", "2048") and enough("1024", "1024")
    assert not enough("1024", "512") and not enough("1024", "much")


@given(st.dictionaries(NAMES.map("/".join), st.tuples(st.integers().map(str), st.sampled_from(["why", "because"])), max_size=5))
def test_what_is_written_is_read_back(values: dict[str, tuple[str, str]]) -> None:
    found = read_settings("/x", file_text("# note\n", values))
    assert {each.key: each.value for each in found} == {key: value for key, (value, _why) in values.items()}
