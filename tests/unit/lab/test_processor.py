# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A processor with more registers than the nodes' kernel knows is recognised."""

from __future__ import annotations

import pytest
from ansible_collections.meshwork.swarm.tests.lab.meshlab import processor


@pytest.mark.parametrize(
    ("flags", "large"),
    [("fpu sse2 avx avx512f pku", False), ("fpu avx512f amx_bf16 amx_tile amx_int8", True), ("fpu avx", False)],
)
def test_a_large_register_state_is_seen_in_the_flags(flags: str, large: bool) -> None:
    cpuinfo = f"processor\t: 0\nmodel name\t: one with amx_tile in its name\nflags\t\t: {flags}\nbugs\t\t: amx_tile\n"
    assert processor.has_large_state(cpuinfo) is large
