# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults as rules on the lab's bridges."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.meshwork.swarm.tests.lab.meshlab.errors import LabError
from ansible_collections.meshwork.swarm.tests.lab.meshlab.fault import Fault, of_state, rules


def lines(text: str, chain: str) -> list[str]:
    body = text.partition(f"chain {chain} {{")[2].partition("}\n  chain")[0]
    return [line.strip() for line in body.splitlines() if "drop" in line]


def test_no_fault_is_an_empty_table() -> None:
    assert rules([], 1) == "add table bridge meshlab\ndelete table bridge meshlab\ntable bridge meshlab {\n}\n"


def test_a_partition_lets_its_own_side_talk() -> None:
    text = rules([Fault("partition", ("node1", "node2"))], 1)
    side = '{ "node1-0", "node2-0" }'
    assert lines(text, "forward") == [
        f"iifname {side} oifname != {side} counter drop",
        f"iifname != {side} oifname {side} counter drop",
    ]
    assert "chain input" not in text


def test_with_controller_ssh_is_cut_as_well() -> None:
    text = rules([Fault("partition", ("node1",), controller=True)], 1)
    assert lines(text, "input") == ['iifname { "node1-0" } counter drop']
    assert lines(text, "output") == ['oifname { "node1-0" } counter drop']


def test_loss_hits_a_frame_once() -> None:
    text = rules([Fault("loss", ("node2",), percent=2.5)], 1)
    assert lines(text, "forward") == [
        'iifname { "node2-0" } numgen random mod 100000 < 2500 counter drop',
        'iifname != { "node2-0" } oifname { "node2-0" } numgen random mod 100000 < 2500 counter drop',
    ]


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("in", ['oifname { "node2-0" } ip protocol esp counter drop', 'oifname { "node2-0" } ip6 nexthdr esp counter drop']),
        ("out", ['iifname { "node2-0" } ip protocol esp counter drop', 'iifname { "node2-0" } ip6 nexthdr esp counter drop']),
    ],
)
def test_drop_of_a_protocol_in_one_direction(direction: str, expected: list[str]) -> None:
    assert lines(rules([Fault("drop", ("node2",), protocol="esp", direction=direction)], 1), "forward") == expected


def test_drop_of_a_port_on_one_card() -> None:
    text = rules([Fault("drop", ("node2",), protocol="udp", port=4789, nic=1)], 2)
    assert all('"node2-1"' in line and "udp dport 4789" in line for line in lines(text, "forward"))
    assert len(lines(text, "forward")) == 4


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "loss", "percent": 0.0}, "above 0, at most 100"),
        ({"kind": "loss", "percent": 101.0}, "above 0, at most 100"),
        ({"kind": "drop", "protocol": "esp", "port": 4789}, "only tcp and udp have ports"),
        ({"kind": "drop", "protocol": "udp", "port": 65536}, "expected 1 to 65535"),
    ],
)
def test_what_makes_no_rule_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(LabError, match=message):
        Fault(nodes=("node1",), **wrong)  # type: ignore[arg-type]


def test_a_fault_comes_back_from_the_state_file() -> None:
    fault = Fault("drop", ("node1", "node2"), protocol="tcp", port=2377, direction="in", controller=True)
    raw = dataclasses.asdict(fault) | {"nodes": ["node1", "node2"]}
    assert of_state(raw) == fault
    assert fault.describe() == "node1, node2: gets no tcp/2377 through (in only), from the controller too"
