# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an address is the host's own, on the machine that runs the tests."""

from __future__ import annotations

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._kernel.local import interface_of, is_here


@pytest.mark.parametrize(
    ("address", "here", "interface"), [("127.0.0.1", True, "lo"), ("192.0.2.199", False, ""), ("2001:db8::99", False, "")]
)
def test_an_address_is_found_with_its_interface(address: str, here: bool, interface: str) -> None:
    assert is_here(address) is here
    assert interface_of(address) == interface
