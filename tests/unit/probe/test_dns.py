# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to the embedded DNS, and its answers, as bytes."""

from __future__ import annotations

import struct

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._probe import dns
from ansible_collections.meshwork.swarm.plugins.module_utils._probe.dns import Answer
from hypothesis import given
from hypothesis import strategies as st

# "tasks.rr", A, IN, with an OPT record that takes answers of 65000 bytes
QUESTION = bytes.fromhex("1234 0100 0001 0000 0000 0001 057461736b73 027272 00 0001 0001 00 0029 fde8 00000000 0000")
NAME = bytes.fromhex("057461736b73 027272 00 0001 0001")


def reply(*addresses: str, flags: int = 0x8180, identifier: int = 0x1234) -> bytes:
    records = [b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 600, 4) + bytes(map(int, address.split("."))) for address in addresses]
    return struct.pack("!HHHHHH", identifier, flags, 1, len(records), 0, 0) + NAME + b"".join(records)


def test_question_is_as_the_rfc_writes_it() -> None:
    assert dns.question(0x1234, "tasks.rr") == QUESTION
    assert dns.question(0x1234, "tasks.rr.") == QUESTION


def test_all_addresses_of_an_answer() -> None:
    assert dns.answer(0x1234, reply("10.20.2.9", "10.20.2.10")) == Answer(frozenset({"10.20.2.9", "10.20.2.10"}))


def test_other_records_are_passed_over() -> None:
    alias = b"\xc0\x0c" + struct.pack("!HHIH", 5, 1, 600, 4) + b"\x01a\xc0\x0c"
    address = b"\x01a\xc0\x0c" + struct.pack("!HHIH", 1, 1, 600, 4) + bytes([10, 0, 0, 1])
    datagram = struct.pack("!HHHHHH", 0x1234, 0x8180, 1, 2, 0, 0) + NAME + alias + address
    assert dns.answer(0x1234, datagram) == Answer(frozenset({"10.0.0.1"}))


@pytest.mark.parametrize(
    ("flags", "error"), [(0x8183, "NXDOMAIN"), (0x8182, "SERVFAIL"), (0x8189, "RCODE 9"), (0x8380, "the answer was cut off")]
)
def test_errors_have_names(flags: int, error: str) -> None:
    assert dns.answer(0x1234, reply(flags=flags)) == Answer(frozenset(), error)


def test_only_the_answer_to_our_question_counts() -> None:
    assert dns.answer(0x1234, reply("10.0.0.1", identifier=0x4321)) is None
    assert dns.answer(0x1234, QUESTION) is None


@given(st.binary(max_size=80))
def test_damaged_answers_are_no_answers(tail: bytes) -> None:
    found = dns.answer(0x1234, struct.pack("!HHHHHH", 0x1234, 0x8180, 1, 3, 0, 0) + tail)
    assert found is None or len(found.addresses) <= 3


@pytest.mark.parametrize("length", range(len(reply("10.0.0.1"))))
def test_an_answer_that_is_cut_short_is_none(length: int) -> None:
    assert dns.answer(0x1234, reply("10.0.0.1")[:length]) is None
