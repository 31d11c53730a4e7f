# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The exchanges: a TCP connection, an ICMP echo, a question to the embedded DNS."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import struct
from collections.abc import Mapping

from .._kernel.namespaces import Namespace
from .._plan.judgement import ANSWERED, CONNECTED, REFUSED, SILENT, TIMED_OUT, ConnectAnswer, EchoAnswer
from . import dns
from .exchange import Exchange

EMBEDDED_DNS = ("127.0.0.11", 53)
RESEND_SECONDS = 1.0
NOT_ASKED = "not asked before the deadline"
# linux/in.h; the socket module has no names for them before Python 3.14
IP_MTU_DISCOVER = 10
IP_PMTUDISC_PROBE = 3
ICMP_ECHO = 8
ICMP_ECHO_REPLY = 0
IPV4_HEADER = 20
ICMP_HEADER = struct.Struct("!BBHHH")
SMALL_PAYLOAD = 56


class TcpConnection(Exchange):
    """A connection to an address and port.

    The handshake alone is no proof on a published port: dockerd listens on it itself and never accepts (Moby
    libnetwork/service_linux.go, plumbProxy). With `answer_seconds` the connection is closed in our direction, and the answer is what
    comes then: bytes, or the end of the connection, which only a program that accepted it can send.
    """

    def __init__(self, place: Namespace, address: str, port: int, connect_seconds: float, answer_seconds: float = 0.0) -> None:
        super().__init__()
        self.answer = ConnectAnswer(TIMED_OUT, detail=NOT_ASKED)
        self._place = place
        self._target = (address, port)
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds
        self._local: tuple[str, int] = ("", 0)
        self._connected = False

    def begin(self, now: float) -> None:
        family = socket.AF_INET6 if ":" in self._target[0] else socket.AF_INET
        self.socket = self._place.socket(family, socket.SOCK_STREAM)
        self.waits_for = selectors.EVENT_WRITE
        self.due = now + self._connect_seconds
        code = self.socket.connect_ex(self._target)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
        self._local = self.socket.getsockname()[:2]

    def ready(self, now: float) -> None:
        if self.socket is None:
            return
        if self._connected:
            self.socket.recv(64)
            self._end(ANSWERED)
            return
        code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        self._connected = True
        if not self._answer_seconds:
            self._end(CONNECTED)
            return
        self.socket.shutdown(socket.SHUT_WR)
        self.waits_for = selectors.EVENT_READ
        self.due = now + self._answer_seconds

    def expired(self, now: float) -> None:
        self._end(SILENT if self._connected else TIMED_OUT)

    def failed(self, error: OSError) -> None:
        if self._connected:
            self._end(ANSWERED, "reset")
        else:
            refused = error.errno in (errno.ECONNREFUSED, errno.ECONNRESET)
            self._end(REFUSED, "" if refused else os.strerror(error.errno or 0))

    def abandoned(self) -> None:
        self._end(TIMED_OUT, NOT_ASKED)

    def _end(self, outcome: str, detail: str = "") -> None:
        self.answer = ConnectAnswer(outcome, self._local, detail)
        self.done = True


class Echo(Exchange):
    """An ICMP echo and its reply, sent again each second until the time is up.

    With `mtus` (by the place's own addresses) the packet fills the MTU of its interface and must not be fragmented, so that the reply
    proves that packets of this size pass.
    """

    def __init__(self, place: Namespace, address: str, seconds: float, mtus: Mapping[str, int] | None = None) -> None:
        super().__init__()
        self.answer = EchoAnswer(answered=False, detail=NOT_ASKED)
        self._place = place
        self._address = address
        self._seconds = seconds
        self._mtus = mtus
        self._until = 0.0
        self._size = SMALL_PAYLOAD
        self._identifier = int.from_bytes(os.urandom(2), "big")
        self._sequence = 0

    def begin(self, now: float) -> None:
        self.socket = self._place.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._until = now + self._seconds
        self.socket.connect((self._address, 0))
        if self._mtus is not None:
            self.socket.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)
            own = self.socket.getsockname()[0]
            if own not in self._mtus:
                raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
            self._size = self._mtus[own] - IPV4_HEADER - ICMP_HEADER.size
        self._send(now)

    def _send(self, now: float) -> None:
        if self.socket is None:
            return
        self._sequence += 1
        self.socket.send(echo_request(self._identifier, self._sequence, self._size))
        self.due = min(now + RESEND_SECONDS, self._until)

    def ready(self, now: float) -> None:
        if self.socket is None:
            return
        try:
            packet = self.socket.recv(65535)
        except OSError as error:
            # a raw socket is also told of errors that another socket's packets to the same address met
            if error.errno == errno.EMSGSIZE and self._mtus is None:
                return
            raise
        if is_reply(packet, self._identifier, self._size):
            self._end(answered=True)

    def expired(self, now: float) -> None:
        if now >= self._until:
            self._end(answered=False)
        else:
            self._send(now)

    def failed(self, error: OSError) -> None:
        self._end(answered=False, detail=os.strerror(error.errno or 0))

    def abandoned(self) -> None:
        self._end(answered=False, detail=NOT_ASKED)

    def _end(self, answered: bool, detail: str = "") -> None:
        self.answer = EchoAnswer(answered, self._size + IPV4_HEADER + ICMP_HEADER.size, self._sequence, detail)
        self.done = True


class NameLookup(Exchange):
    """A name asked from the embedded DNS of a container, again each second until the time is up."""

    def __init__(self, place: Namespace, name: str, seconds: float) -> None:
        super().__init__()
        self.answer = dns.Answer(frozenset(), NOT_ASKED)
        self._place = place
        self._name = name
        self._seconds = seconds
        self._until = 0.0
        self._identifier = int.from_bytes(os.urandom(2), "big")

    def begin(self, now: float) -> None:
        self.socket = self._place.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(EMBEDDED_DNS)
        self._until = now + self._seconds
        self._send(now)

    def _send(self, now: float) -> None:
        if self.socket is None:
            return
        self.socket.send(dns.question(self._identifier, self._name))
        self.due = min(now + RESEND_SECONDS, self._until)

    def ready(self, now: float) -> None:
        if self.socket is None:
            return
        found: dns.Answer | None = dns.answer(self._identifier, self.socket.recv(65535))
        if found is not None:
            self._end(found)

    def expired(self, now: float) -> None:
        if now >= self._until:
            self._end(dns.Answer(frozenset(), f"no answer in {self._seconds:g} s"))
        else:
            self._send(now)

    def failed(self, error: OSError) -> None:
        self._end(dns.Answer(frozenset(), os.strerror(error.errno or 0)))

    def abandoned(self) -> None:
        self._end(dns.Answer(frozenset(), NOT_ASKED))

    def _end(self, found: dns.Answer) -> None:
        self.answer = found
        self.done = True


def echo_request(identifier: int, sequence: int, size: int) -> bytes:
    """An ICMP echo request with a payload of `size` bytes (RFC 792)."""
    payload = bytes(size)
    header = ICMP_HEADER.pack(ICMP_ECHO, 0, 0, identifier, sequence)
    return ICMP_HEADER.pack(ICMP_ECHO, 0, checksum(header + payload), identifier, sequence) + payload


def is_reply(packet: bytes, identifier: int, size: int) -> bool:
    """Whether an IPv4 packet from a raw socket is the reply to our request, with all of its payload."""
    header = (packet[0] & 0x0F) * 4 if packet else 0
    if len(packet) < header + ICMP_HEADER.size:
        return False
    kind, _code, _sum, found, _sequence = ICMP_HEADER.unpack(packet[header : header + ICMP_HEADER.size])
    return bool(kind == ICMP_ECHO_REPLY and found == identifier and len(packet) == header + ICMP_HEADER.size + size)


def checksum(message: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = message + b"\0" * (len(message) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
