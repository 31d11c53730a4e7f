# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions to and answers from a resolver, as bytes (RFC 1035; EDNS0 of RFC 6891 for answers over 512 bytes). Pure."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

TYPE_A = 1
TYPE_OPT = 41
CLASS_IN = 1
RECURSION_DESIRED = 0x0100
TRUNCATED = 0x0200
RCODES = {1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
# The embedded DNS takes the size of its answer from the question's OPT record and cuts the answer at 512 bytes without one (Moby
# libnetwork/resolver.go); the way to it is the loopback interface.
ANSWER_SIZE = 65000
HEADER = struct.Struct("!HHHHHH")


@dataclass(frozen=True)
class Answer:
    """The IPv4 addresses of an answer; `error` tells why there are none, or that some are missing."""

    addresses: frozenset[str]
    error: str = ""


def question(identifier: int, name: str) -> bytes:
    """The datagram that asks for the IPv4 addresses of a name."""
    header = HEADER.pack(identifier, RECURSION_DESIRED, 1, 0, 0, 1)
    labels = b"".join(bytes([len(label)]) + label for label in (part.encode() for part in name.rstrip(".").split(".")))
    option = b"\0" + struct.pack("!HHIH", TYPE_OPT, ANSWER_SIZE, 0, 0)
    return header + labels + b"\0" + struct.pack("!HH", TYPE_A, CLASS_IN) + option


def answer(identifier: int, datagram: bytes) -> Answer | None:
    """What a datagram answers; None when it is not the answer to the question with this identifier, or is damaged."""
    if len(datagram) < HEADER.size:
        return None
    found, flags, questions, answers, _authorities, _additions = HEADER.unpack(datagram[: HEADER.size])
    if found != identifier or not flags & 0x8000:
        return None
    try:
        addresses = _addresses(datagram, questions, answers)
    except (IndexError, struct.error):
        return None
    rcode = flags & 0x000F
    error = RCODES.get(rcode, f"RCODE {rcode}") if rcode else ("the answer was cut off" if flags & TRUNCATED else "")
    return Answer(addresses, error)


def _addresses(datagram: bytes, questions: int, answers: int) -> frozenset[str]:
    position = HEADER.size
    for _question in range(questions):
        position = _behind_name(datagram, position) + 4
    addresses = set()
    for _answer in range(answers):
        position = _behind_name(datagram, position)
        kind, _class, _ttl, length = struct.unpack("!HHIH", datagram[position : position + 10])
        content = datagram[position + 10 : position + 10 + length]
        if len(content) < length:
            raise IndexError(f"an answer of {length} bytes of which {len(content)} are there")
        if kind == TYPE_A and length == 4:
            addresses.add(socket.inet_ntoa(content))
        position += 10 + length
    return frozenset(addresses)


def _behind_name(datagram: bytes, position: int) -> int:
    while True:
        length = datagram[position]
        if length >= 0xC0:
            return position + 2
        position += 1 + length
        if not length:
            return position
