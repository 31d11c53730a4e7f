# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets of the underlay, read as bytes: which are ESP, which are VXLAN in the clear. Pure.

RFC 791 (IPv4), RFC 8200 (IPv6), RFC 4303 (ESP: protocol 50), RFC 7348 (VXLAN: 8 bytes behind UDP, the VNI in bytes 4 to 6),
802.1Q (tag).
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

ETH_P_IP = 0x0800
ETH_P_IPV6 = 0x86DD
ETH_P_8021Q = 0x8100
ETH_P_8021AD = 0x88A8
PROTOCOL_UDP = 17
PROTOCOL_ESP = 50
IPV6_HEADER = 40
UDP_HEADER = 8
VXLAN_HEADER = 8
VXLAN_VNI_VALID = 0x08
# Enough for two VLAN tags, an IPv4 header with options, UDP and VXLAN.
SNAP_LENGTH = 96


@dataclass(frozen=True)
class Packet:
    """An ESP packet (`vni` is None) or a VXLAN packet in the clear, between two addresses of the underlay."""

    source: str
    destination: str
    vni: int | None


def parse(ethertype: int, packet: bytes, data_path_port: int) -> Packet | None:
    """What a packet is, from its network header on; None for everything that is neither ESP nor VXLAN, and for what is cut off."""
    while ethertype in (ETH_P_8021Q, ETH_P_8021AD) and len(packet) >= 4:
        ethertype = int.from_bytes(packet[2:4], "big")
        packet = packet[4:]
    if ethertype == ETH_P_IP:
        return _ipv4(packet, data_path_port)
    if ethertype == ETH_P_IPV6:
        return _ipv6(packet, data_path_port)
    return None


def _ipv4(packet: bytes, data_path_port: int) -> Packet | None:
    if len(packet) < 20 or packet[0] >> 4 != 4:
        return None
    fragment_offset = int.from_bytes(packet[6:8], "big") & 0x1FFF
    header = (packet[0] & 0x0F) * 4
    source, destination = str(ipaddress.IPv4Address(packet[12:16])), str(ipaddress.IPv4Address(packet[16:20]))
    payload = b"" if fragment_offset else packet[header:]
    return _transport(source, destination, packet[9], payload, data_path_port)


def _ipv6(packet: bytes, data_path_port: int) -> Packet | None:
    if len(packet) < IPV6_HEADER or packet[0] >> 4 != 6:
        return None
    source, destination = str(ipaddress.IPv6Address(packet[8:24])), str(ipaddress.IPv6Address(packet[24:40]))
    return _transport(source, destination, packet[6], packet[IPV6_HEADER:], data_path_port)


def _transport(source: str, destination: str, protocol: int, payload: bytes, data_path_port: int) -> Packet | None:
    if not payload:
        return None
    if protocol == PROTOCOL_ESP:
        return Packet(source, destination, None)
    if protocol != PROTOCOL_UDP or len(payload) < UDP_HEADER + VXLAN_HEADER:
        return None
    (port,) = struct.unpack("!H", payload[2:4])
    if port != data_path_port or not payload[UDP_HEADER] & VXLAN_VNI_VALID:
        return None
    return Packet(source, destination, int.from_bytes(payload[UDP_HEADER + 4 : UDP_HEADER + 7], "big"))
