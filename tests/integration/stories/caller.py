# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service that answers, and calls others by name without a pause; runs in containers with the node's own Python.

It begins to listen a second after its start (LATE). After SIGTERM it goes on answering and calling for DRAIN seconds, ends the requests
that are under way, and writes its counts: as a service does that hands over properly. Each PEER gets RATE requests a second, of several
threads, and its name is asked for anew each time, unless RESOLVE is once: then the address of the first answer is kept for as long as the
program runs.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import socketserver
import threading
import time
from pathlib import Path

PORT = 8080
RATE = float(os.environ.get("RATE", "12"))
LOG = Path(os.environ.get("LOG", "/log"))
THREADS = 6
PATIENCE = 5
ending = threading.Event()
counting = threading.Lock()
counts: dict[str, list[int]] = {peer: [0, 0] for peer in os.environ.get("PEERS", "").split()}
kept: dict[str, str] = {}


class Answer(socketserver.BaseRequestHandler):
    """The hostname to whoever asks."""

    def handle(self) -> None:
        self.request.settimeout(PATIENCE)
        self.request.recv(4096)
        self.request.sendall(b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n" + socket.gethostname().encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def ask(peer: str) -> None:
    """One request; raises OSError."""
    with socket.create_connection((kept.get(peer, peer), PORT), PATIENCE) as connection:
        if os.environ.get("RESOLVE") == "once":
            kept[peer] = connection.getpeername()[0]
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while part := connection.recv(4096):
            answer += part
    if not answer.startswith(b"HTTP/1.0 200"):
        raise OSError(f"not a whole answer: {answer!r}")


def call(peer: str) -> None:
    """Requests to one peer, until the end."""
    due = time.monotonic()
    while not ending.is_set():
        began = time.time()
        count(peer, 0)
        try:
            ask(peer)
        except OSError as error:
            count(peer, 1)
            with (LOG / f"{socket.gethostname()}.failures").open("a") as lines:
                lines.write(f"{began:.2f} +{time.time() - began:.2f} {os.environ['ME']} to {peer}: {error!r}\n")
        # after a pause that was not ours it goes on at its rate, without making up for what was missed
        due = max(due + THREADS / RATE, time.monotonic() - 1)
        time.sleep(max(0.0, due - time.monotonic()))


def count(peer: str, index: int) -> None:
    with counting:
        counts[peer][index] += 1


def write() -> None:
    """The counts so far, for good even if the machine ends now."""
    new = LOG / f"{socket.gethostname()}.new"
    new.write_text(json.dumps({"me": os.environ["ME"], "counts": counts}))
    new.replace(LOG / f"{socket.gethostname()}.counts")


def serve(server: Server) -> None:
    time.sleep(float(os.environ.get("LATE", "1")))
    server.server_bind()
    server.server_activate()
    server.serve_forever()


def main() -> None:
    drain = float(os.environ.get("DRAIN", "6"))
    signal.signal(signal.SIGTERM, lambda *_signal: threading.Timer(drain, ending.set).start())
    threading.Thread(target=serve, args=(Server(("", PORT), Answer, bind_and_activate=False),), daemon=True).start()
    callers = [threading.Thread(target=call, args=(peer,), daemon=True) for peer in counts for _thread in range(THREADS)]
    for caller in callers:
        caller.start()
    while not ending.wait(1):
        write()
    for caller in callers:
        caller.join(2 * PATIENCE)
    write()


if __name__ == "__main__":
    main()
