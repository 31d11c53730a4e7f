# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address plan of the lab."""

from __future__ import annotations

import re

import pytest
from ansible_collections.meshwork.swarm.tests.lab.meshlab import addresses
from ansible_collections.meshwork.swarm.tests.lab.meshlab.errors import LabError
from hypothesis import given
from hypothesis import strategies as st

NODES = addresses.node_names(addresses.MAX_NODES)


def test_first_node_has_the_documented_addresses() -> None:
    first, second = addresses.nics("node1", 2)
    assert (str(first.ipv4), str(first.ipv6), first.segment.bridge) == ("10.97.0.11", "fd97::b", "br0")
    assert (str(second.ipv4), str(second.ipv6), second.segment.bridge) == ("10.97.1.11", "fd97:0:0:1::b", "br1")
    assert addresses.address("node3") == "10.97.0.13"


def test_no_two_cards_of_a_lab_share_an_address_a_mac_or_a_tap() -> None:
    cards = [nic for node in NODES for nic in addresses.nics(node, addresses.MAX_NICS)]
    for values in ([n.ipv4 for n in cards], [n.ipv6 for n in cards], [n.mac for n in cards], [n.tap for n in cards]):
        assert len(set(values)) == len(cards)
    assert not {nic.segment.gateway for nic in cards} & {nic.ipv4 for nic in cards}


@given(node=st.sampled_from(NODES), count=st.integers(1, addresses.MAX_NICS))
def test_every_card_fits_what_the_kernel_takes(node: str, count: int) -> None:
    for nic in addresses.nics(node, count):
        assert len(nic.tap) < 16  # IFNAMSIZ with its final zero
        assert re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", nic.mac)
        assert int(nic.mac[:2], 16) & 3 == 2  # locally administered, unicast
        assert nic.ipv4 in nic.segment.ipv4
        assert nic.ipv6 in nic.segment.ipv6


@pytest.mark.parametrize("name", ["node0", "node41", "node01", "worker1", "node1 ", ""])
def test_what_is_no_node_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="expected node1 to node40"):
        addresses.node_index(name)


def test_machine_ids_are_stable_and_differ_between_nodes_and_labs() -> None:
    ids = {addresses.machine_id(lab, node) for lab in ("main", "other") for node in NODES}
    assert len(ids) == 2 * len(NODES)
    assert all(re.fullmatch(r"[0-9a-f]{32}", value) for value in ids)
    assert addresses.machine_id("main", "node1") == addresses.machine_id("main", "node1")
