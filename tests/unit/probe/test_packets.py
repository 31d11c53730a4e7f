# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of the underlay as bytes, and the filter in the kernel that lets them through."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._probe import capture, packets
from ansible_collections.meshwork.swarm.plugins.module_utils._probe.packets import Packet
from hypothesis import given
from hypothesis import strategies as st

PORT = 4789
# As tcpdump saw them on the lab's bridge: a SYN on the plain network (VNI 4098), and something on the encrypted one.
PLAIN_VXLAN = bytes.fromhex(
    "4500006e8ce700004011d8bf0a61000b0a61000c"  # IPv4
    "a82c12b5005a191a"  # UDP to 4789
    "0800000000100200"  # VXLAN
    "02420a14020c02420a140208080045000"
    "03c1ecc40003f0604b50a1402080a14020c9be21f9050143528"
)
ESP = bytes.fromhex("450000888cf500004032d8760a61000b0a61000c0f543b95000002b7ab0cfc5e8066ae13fde730bbee093536")


def ipv4(protocol: int, payload: bytes, fragment: int = 0, options: bytes = b"") -> bytes:
    source, destination = ipaddress.IPv4Address("10.97.0.11").packed, ipaddress.IPv4Address("10.97.0.12").packed
    first = 0x40 | (5 + len(options) // 4)
    header = struct.pack("!BBHHHBBH", first, 0, 20 + len(options) + len(payload), 0, fragment, 64, protocol, 0)
    return header + source + destination + options + payload


def ipv6(protocol: int, payload: bytes) -> bytes:
    source, destination = ipaddress.IPv6Address("fd97::b").packed, ipaddress.IPv6Address("fd97::c").packed
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + source + destination + payload


def vxlan(vni: int, port: int = PORT, flags: int = 0x08) -> bytes:
    inner = struct.pack("!BBHI", flags, 0, 0, vni << 8) + bytes(14)
    return struct.pack("!HHHH", 45296, port, 8 + len(inner), 0) + inner


def tagged(ethertype: int, packet: bytes) -> bytes:
    return struct.pack("!HH", 42, ethertype) + packet


IP, IP6, VLAN, QINQ = packets.ETH_P_IP, packets.ETH_P_IPV6, packets.ETH_P_8021Q, packets.ETH_P_8021AD
OVER_4 = ("10.97.0.11", "10.97.0.12")
OVER_6 = ("fd97::b", "fd97::c")

WANTED = {
    "VXLAN as captured": (IP, PLAIN_VXLAN, Packet(*OVER_4, 4098)),
    "ESP as captured": (IP, ESP, Packet(*OVER_4, None)),
    "the largest VNI": (IP, ipv4(17, vxlan(0xFFFFFF)), Packet(*OVER_4, 0xFFFFFF)),
    "IPv4 options": (IP, ipv4(17, vxlan(5), options=bytes(8)), Packet(*OVER_4, 5)),
    "first fragment": (IP, ipv4(17, vxlan(5), fragment=0x2000), Packet(*OVER_4, 5)),
    "VXLAN over IPv6": (IP6, ipv6(17, vxlan(4099)), Packet(*OVER_6, 4099)),
    "ESP over IPv6": (IP6, ipv6(50, bytes(24)), Packet(*OVER_6, None)),
}
UNWANTED = {
    "another port": (IP, ipv4(17, vxlan(5, port=53))),
    "another port over IPv6": (IP6, ipv6(17, vxlan(5, port=53))),
    "TCP": (IP, ipv4(6, vxlan(5))),
    "later fragment": (IP, ipv4(17, vxlan(5), fragment=0x00B9)),
    "ARP": (0x0806, ipv4(17, vxlan(5))),
}


@pytest.mark.parametrize(("ethertype", "packet", "expected"), WANTED.values(), ids=WANTED)
def test_esp_and_vxlan_are_recognised(ethertype: int, packet: bytes, expected: Packet) -> None:
    assert packets.parse(ethertype, packet, PORT) == expected
    assert packets.parse(VLAN, tagged(ethertype, packet), PORT) == expected
    assert packets.parse(QINQ, tagged(VLAN, tagged(ethertype, packet)), PORT) == expected


@pytest.mark.parametrize(("ethertype", "packet"), UNWANTED.values(), ids=UNWANTED)
def test_everything_else_is_not(ethertype: int, packet: bytes) -> None:
    assert packets.parse(ethertype, packet, PORT) is None


def test_udp_to_the_data_path_port_without_a_valid_vni_is_not_vxlan() -> None:
    assert packets.parse(IP, ipv4(17, vxlan(5, flags=0)), PORT) is None


def test_another_data_path_port_is_heeded() -> None:
    assert packets.parse(IP, ipv4(17, vxlan(5, port=7789)), 7789) == Packet(*OVER_4, 5)


@given(st.sampled_from([IP, IP6, VLAN, QINQ, 0x0806]), st.binary(max_size=96))
def test_no_bytes_break_it(ethertype: int, packet: bytes) -> None:
    found = packets.parse(ethertype, packet, PORT)
    assert found is None or packet


@pytest.mark.parametrize("packet", [PLAIN_VXLAN, ESP, ipv6(17, vxlan(5))], ids=["VXLAN", "ESP", "IPv6"])
def test_a_packet_that_is_cut_off_is_left_out_or_still_right(packet: bytes) -> None:
    ethertype = IP if packet[0] >> 4 == 4 else IP6
    whole = packets.parse(ethertype, packet, PORT)
    assert {packets.parse(ethertype, packet[:length], PORT) for length in range(len(packet))} <= {None, whole}


def accepted(ethertype: int, packet: bytes, port: int) -> int:
    """What the kernel does with the filter: as many bytes as it takes of the packet."""
    code = capture.program(port)
    accumulator = index = position = 0
    while True:
        operation, jump_true, jump_false, operand = code[position]
        position += 1
        if operation == capture.RETURN:
            return operand
        if operation in (capture.JUMP_EQUAL, capture.JUMP_SET):
            met = accumulator == operand if operation == capture.JUMP_EQUAL else accumulator & operand
            position += jump_true if met else jump_false
            continue
        if operand == capture.ETHERTYPE:
            accumulator = ethertype
            continue
        size = 1 if operation in (capture.LOAD_BYTE, capture.LOAD_HEADER_LENGTH) else 2
        start = operand + (index if operation == capture.LOAD_HALF_BEHIND else 0)
        if start + size > len(packet):
            return 0
        value = int.from_bytes(packet[start : start + size], "big")
        if operation == capture.LOAD_HEADER_LENGTH:
            index = 4 * (value & 0x0F)
        else:
            accumulator = value


@pytest.mark.parametrize(("ethertype", "packet", "expected"), WANTED.values(), ids=WANTED)
def test_the_filter_lets_through_what_is_counted(ethertype: int, packet: bytes, expected: Packet) -> None:
    assert accepted(ethertype, packet, PORT) == packets.SNAP_LENGTH
    assert accepted(VLAN, tagged(ethertype, packet), PORT) == packets.SNAP_LENGTH


@pytest.mark.parametrize(("ethertype", "packet"), UNWANTED.values(), ids=UNWANTED)
def test_the_filter_keeps_out_the_rest(ethertype: int, packet: bytes) -> None:
    assert accepted(ethertype, packet, PORT) == 0


@given(st.sampled_from([IP, IP6]), st.binary(max_size=96))
def test_the_filter_never_keeps_out_what_would_be_counted(ethertype: int, packet: bytes) -> None:
    if packets.parse(ethertype, packet, PORT) is not None:
        assert accepted(ethertype, packet, PORT) == packets.SNAP_LENGTH
