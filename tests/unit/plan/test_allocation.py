# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a network has no subnet, and how many are left."""

from __future__ import annotations

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.item import Item, parse_items
from ansible_collections.meshwork.swarm.plugins.module_utils._model.network import NETWORK, read_network
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.allocation import DefaultPools, unallocated
from fakes import documents, networks

POOLS = DefaultPools(("10.50.0.0/22",), 24)


def wanted(**options: object) -> Item:
    """A network as a user writes it."""
    return parse_items(NETWORK, [{"name": "new", **options}], "networks")[0]


def found(name: str, subnet: str, vni: str = "") -> Item:
    """A network of the swarm."""
    document = documents.network({"Name": name, "Driver": "overlay", "IPAM": {"Config": [{"Subnet": subnet}]}})
    document["Options"] = {networks.VNI_OPTION: vni}
    return read_network(document)


THERE = read_network(networks.unallocated(documents.network({"Name": "new", "Driver": "overlay"})))


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ([], 4),
        (["10.50.0.0/24"], 3),
        (["10.50.0.0/25", "10.50.0.128/25"], 3),
        (["10.50.2.0/23", "10.51.0.0/24", "fd00::/64"], 2),
        (["10.0.0.0/8"], 0),
    ],
)
def test_how_many_subnets_are_left(taken: list[str], left: int) -> None:
    assert POOLS.free(taken) == left


def test_several_pools_add_up() -> None:
    assert DefaultPools(("10.0.0.0/8", "10.50.0.0/22"), 24).free([]) == 2**16 + 4


def test_an_exhausted_pool_is_named() -> None:
    others = [found(f"n{number}", f"10.50.{number}.0/24") for number in range(4)]
    assert unallocated(wanted(), THERE, [THERE, *others], POOLS) == (
        "the swarm has not given network new its subnet: the default pool 10.50.0.0/22 has no /24 left; "
        "give the network a subnet outside of it, or remove networks"
    )
    told = unallocated(wanted(), THERE, [THERE, *others[1:]], POOLS)
    assert told == f'the swarm has not given network new its subnet; a leader that cannot logs "Failed allocation for network {THERE.id}"'


def test_a_subnet_or_a_vni_that_another_has_is_named() -> None:
    other = found("old", "10.60.1.0/24", "5001")
    assert "its subnet 10.60.0.0/16 overlaps 10.60.1.0/24 of network old" in unallocated(
        wanted(subnets=[{"subnet": "10.60.0.0/16"}]), THERE, [THERE, other], POOLS
    )
    assert "its VNI 5001 is that of network old" in unallocated(wanted(vnis=[5001]), THERE, [THERE, other], POOLS)


def test_an_allocator_that_has_ended_is_named() -> None:
    assert "a default pool without a subnet size" in unallocated(wanted(), THERE, [THERE], DefaultPools(("10.50.0.0/16",), 0))


@pytest.mark.parametrize(
    ("size", "taken", "subnet"),
    [
        (24, [], "10.50.3.0/24"),
        (24, ["10.50.3.128/32"], "10.50.2.0/24"),
        (26, ["10.50.3.128/32", "10.50.3.192/26"], "10.50.3.64/26"),
        (24, ["10.50.2.0/23", "10.50.0.0/24"], "10.50.1.0/24"),
        (24, ["10.0.0.0/8"], ""),
        (23, ["10.50.0.1/32", "10.50.3.0/24"], ""),
    ],
)
def test_the_last_subnet_that_is_free(size: int, taken: list[str], subnet: str) -> None:
    assert POOLS.last_free(size, taken) == subnet


def test_a_route_to_a_whole_pool_is_passed_at_once() -> None:
    pools = DefaultPools(("10.0.0.0/8", "10.50.0.0/22"), 28)
    assert pools.last_free(28, ["10.0.0.0/9", "10.128.0.0/9"]) == ""
