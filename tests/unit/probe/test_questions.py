# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP connections on this machine's loopback, and ICMP echoes as bytes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._kernel.ipvs import parse
from ansible_collections.meshwork.swarm.plugins.module_utils._kernel.namespaces import Namespace
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.judgement import ANSWERED, CONNECTED, REFUSED, SILENT, TIMED_OUT
from ansible_collections.meshwork.swarm.plugins.module_utils._probe.exchange import CONCURRENT, Exchanges, Listener
from ansible_collections.meshwork.swarm.plugins.module_utils._probe.questions import TcpConnection, checksum, echo_request, is_reply


class Nothing(Listener):
    def sockets(self) -> Sequence[socket.socket]:
        return ()

    def drain(self, ready: socket.socket) -> None:
        raise NotImplementedError


class Mailbox(Listener):
    def __init__(self, box: socket.socket) -> None:
        self.box = box
        self.came: list[bytes] = []

    def sockets(self) -> Sequence[socket.socket]:
        return (self.box,)

    def drain(self, ready: socket.socket) -> None:
        self.came.append(ready.recv(64))


@pytest.fixture
def place() -> Iterator[Namespace]:
    own = Namespace()
    yield own
    own.close()


@contextmanager
def server(answers: str) -> Iterator[int]:
    """A port where a program greets, or ends what the client has ended, or where nobody accepts: as the Engine on a published port."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(5)

    def serve() -> None:
        taken, _address = listening.accept()
        if answers == "greets":
            taken.sendall(b"220 hello")
        else:
            taken.recv(64)
        taken.close()

    thread = threading.Thread(target=serve)
    if answers != "never accepts":
        thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        if thread.is_alive() or answers != "never accepts":
            thread.join()
        listening.close()


def ask(*connections: TcpConnection, seconds: float = 10) -> None:
    exchanges = Exchanges(Nothing())
    exchanges.run(connections, time.monotonic() + seconds)
    exchanges.close()


@pytest.mark.parametrize(("answers", "outcome"), [("greets", ANSWERED), ("ends", ANSWERED), ("never accepts", SILENT)])
def test_only_a_program_that_accepts_answers(place: Namespace, answers: str, outcome: str) -> None:
    with server(answers) as port:
        connection = TcpConnection(place, "127.0.0.1", port, connect_seconds=5, answer_seconds=0.3)
        ask(connection)
    assert connection.answer.outcome == outcome


def test_the_handshake_is_enough_where_no_answer_is_asked_for(place: Namespace) -> None:
    with server("never accepts") as port:
        connection = TcpConnection(place, "127.0.0.1", port, connect_seconds=5)
        ask(connection)
    assert connection.answer.outcome == CONNECTED
    assert connection.answer.local[0] == "127.0.0.1"
    assert connection.answer.local[1] > 0


def test_a_closed_port_refuses(place: Namespace) -> None:
    with server("never accepts") as port:
        pass
    connection = TcpConnection(place, "127.0.0.1", port, connect_seconds=5)
    ask(connection)
    assert connection.answer.outcome == REFUSED


def test_an_address_without_a_route_says_so(place: Namespace) -> None:
    # a broadcast address: the kernel refuses it at once, without a packet
    connection = TcpConnection(place, "255.255.255.255", 80, connect_seconds=5)
    ask(connection)
    assert connection.answer.outcome == REFUSED
    assert str(connection.answer) == "Network is unreachable"


def test_more_exchanges_than_sockets_at_a_time(place: Namespace) -> None:
    with server("never accepts") as port:
        connections = [TcpConnection(place, "127.0.0.1", port, connect_seconds=5) for _each in range(CONCURRENT + 20)]
        ask(*connections)
    assert {connection.answer.outcome for connection in connections} == {CONNECTED}


def test_the_deadline_ends_what_is_not_over(place: Namespace) -> None:
    with server("never accepts") as port:
        connections = [TcpConnection(place, "127.0.0.1", port, 60, answer_seconds=60) for _each in range(CONCURRENT + 1)]
        started = time.monotonic()
        ask(*connections, seconds=0.3)
        assert time.monotonic() - started < 5
    assert {connection.answer.outcome for connection in connections} == {TIMED_OUT}
    assert str(connections[-1].answer) == "not asked before the deadline"


def test_the_listener_is_served_all_the_while(place: Namespace) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    mailbox = Mailbox(ours)
    exchanges = Exchanges(mailbox)
    theirs.send(b"during")
    with server("never accepts") as port:
        exchanges.run([TcpConnection(place, "127.0.0.1", port, 5, answer_seconds=0.2)], time.monotonic() + 5)
    theirs.send(b"after")
    exchanges.listen(0.1)
    exchanges.close()
    ours.close()
    theirs.close()
    assert mailbox.came == [b"during", b"after"]


def test_checksum_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    assert checksum(echo_request(7, 1, 33)) == 0


@pytest.mark.parametrize(
    ("kind", "identifier", "size", "is_ours"), [(0, 7, 56, True), (8, 7, 56, False), (0, 8, 56, False), (0, 7, 55, False)]
)
def test_only_the_whole_reply_to_our_request_counts(kind: int, identifier: int, size: int, is_ours: bool) -> None:
    message = bytes([kind]) + echo_request(identifier, 1, size)[1:]
    assert is_reply(b"\x45" + bytes(19) + message, 7, 56) is is_ours
    assert not is_reply(b"", 7, 56)
    assert not is_reply(b"\x45" + bytes(19), 7, 56)


def test_the_connection_table_of_ipvs() -> None:
    # as it stood on the lab, with an IPv6 and a UDP connection added
    lines = [
        "TCP 0A14020C D29C 0A140202 1F90 0A140205 1F90 TIME_WAIT       119",
        "TCP 0A14020C D2AE 0A140202 1F90 0A140204 1F90 TIME_WAIT       119",
        "UDP 0A14020C D2AE 0A140202 1F90 0A140203 1F90 UDP             119",
        "TCP fd970000000000000000000000000001 D2AE fd97:2 1F90 fd97:3 1F90 TIME_WAIT 119",
    ]
    assert parse(lines) == {("10.20.2.12", 53916): "10.20.2.5", ("10.20.2.12", 53934): "10.20.2.4"}
