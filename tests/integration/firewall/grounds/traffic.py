# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets in network namespaces: who answers, and what becomes of a packet. As a program, the same on a node of the lab."""

from __future__ import annotations

import ctypes
import errno
import os
import selectors
import socket
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")
CLONE_NEWNET = 0x40000000
OPEN, REFUSED, CLOSED, SILENT = "open", "refused", "closed", "silent"
# long enough for the second SYN, a second after the first: over IPv6 the kernel ends a connection only at the refusal of that one
PATIENCE = 1.4
# what a server on a busy machine may take for its answer, once the firewall has let the question through as far as we can see
SLOWNESS = 5.0
ESP = 50
_LIBC = ctypes.CDLL(None, use_errno=True)


def within(namespace: str, call: Callable[[], Result]) -> Result:
    """Do something in a network namespace. A socket made there belongs to it for good."""
    results: list[Result] = []
    failures: list[BaseException] = []

    def enter() -> None:
        try:
            handle = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
            try:
                if _LIBC.setns(handle, CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
            finally:
                os.close(handle)
            results.append(call())
        except OSError as error:
            failures.append(error)

    # the namespace is the thread's own, and ends with it
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join(30)
    if failures:
        raise failures[0]
    return results[0]


def kind(protocol: str) -> socket.SocketKind:
    return socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM


class Listeners:
    """Servers in one namespace, over IPv4 and IPv6, that send back what they get."""

    def __init__(self, namespace: str, ports: list[tuple[str, int]]) -> None:
        self._servers = within(namespace, lambda: Servers(ports))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._servers.serve, args=(self._ended,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join(5)
        self._servers.close()


class Servers:
    """Sockets on these ports, made where this is called."""

    def __init__(self, ports: list[tuple[str, int]]) -> None:
        self._selector = selectors.DefaultSelector()
        for protocol, port in ports:
            self._selector.register(_listen(protocol, port), selectors.EVENT_READ, protocol)

    def serve(self, ended: threading.Event) -> None:
        while not ended.is_set():
            for key, _events in self._selector.select(0.2):
                server = key.fileobj
                if not isinstance(server, socket.socket):
                    continue
                if key.data == "tcp":
                    connection, _source = server.accept()
                    connection.settimeout(PATIENCE)
                    with connection:
                        try:
                            connection.sendall(connection.recv(64))
                        except OSError:
                            continue
                else:
                    text, source = server.recvfrom(64)
                    server.sendto(text, source)

    def close(self) -> None:
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()


def _listen(protocol: str, port: int) -> socket.socket:
    server = socket.socket(socket.AF_INET6, kind(protocol))
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("::", port))
    if protocol == "tcp":
        server.listen(16)
    return server


def ask(namespace: str, source: str, target: str, protocol: str, port: int, patience: float = PATIENCE) -> str:
    """What becomes of a question from one address to a port of another: OPEN, REFUSED by an administrator, CLOSED or SILENT."""
    return within(namespace, lambda: ask_here(source, target, protocol, port, patience))


def ask_here(source: str, target: str, protocol: str, port: int, patience: float = PATIENCE) -> str:
    with socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, kind(protocol)) as client:
        client.settimeout(patience)
        client.bind((source, 0))
        try:
            client.connect((target, port))
            client.settimeout(max(patience, SLOWNESS))
            client.sendall(b"question")
            # a server may speak first, as sshd does
            return OPEN if client.recv(64) else CLOSED
        except TimeoutError:
            return SILENT
        except OSError as error:
            if error.errno in (errno.EHOSTUNREACH, errno.EACCES):
                return REFUSED
            if error.errno in (errno.ECONNREFUSED, errno.ECONNRESET):
                return CLOSED
            raise


def arrives(namespace: str, host: str, source: str, target: str) -> bool:
    """Whether a packet of ESP from one address arrives at another."""
    receiver = within(host, raw_esp)
    with receiver:
        send_esp(namespace, source, target)
        return received(receiver, source)


def raw_esp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, ESP)


def send_esp(namespace: str, source: str, target: str) -> None:
    with within(namespace, raw_esp) as sender:
        sender.bind((source, 0))
        sender.sendto(b"\0\0\1\0\0\0\0\1" + bytes(16), (target, 0))


def received(receiver: socket.socket, source: str) -> bool:
    """Whether a packet from an address comes in time."""
    receiver.settimeout(PATIENCE)
    try:
        return bool(receiver.recvfrom(256)[1][0] == source)
    except TimeoutError:
        return False


def main(action: str, *words: str) -> None:
    """`serve tcp/2377 udp/7946...`, `ask SOURCE TARGET PROTOCOL PORT`, or `esp SOURCE`, which says when it is ready."""
    if action == "serve":
        Servers([(word.partition("/")[0], int(word.partition("/")[2])) for word in words]).serve(threading.Event())
    elif action == "ask":
        source, target, protocol, port = words
        print(ask_here(source, target, protocol, int(port)))
    else:
        with raw_esp() as receiver:
            print("ready", flush=True)
            print(received(receiver, words[0]))


if __name__ == "__main__":
    main(*sys.argv[1:])
