# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many exchanges at once, in one thread: each is a question on a socket of its own, with a time by which it is over."""

from __future__ import annotations

import selectors
import socket
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Callable

# Sockets that are open at the same time; far below the usual limit of 1024 open files.
CONCURRENT = 64


class Exchange(ABC):
    """One question and its answer.

    `due` is when `expired` shall be called (monotonic seconds), `waits_for` the event that `ready` is called on, and `done` ends it.
    """

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.waits_for = selectors.EVENT_READ
        self.due = 0.0
        self.done = False

    @abstractmethod
    def begin(self, now: float) -> None:
        """Open the socket and send; raises OSError when that cannot be done."""

    @abstractmethod
    def ready(self, now: float) -> None:
        """The socket can be read, or written where that is waited for."""

    @abstractmethod
    def expired(self, now: float) -> None:
        """The time `due` has come."""

    @abstractmethod
    def failed(self, error: OSError) -> None:
        """The socket gave an error; the exchange is over."""

    @abstractmethod
    def abandoned(self) -> None:
        """The deadline of all exchanges came first."""


class Listener(ABC):
    """Something that is read whenever it has something, for as long as the exchanges last."""

    @abstractmethod
    def sockets(self) -> Sequence[socket.socket]:
        """What to wait for."""

    @abstractmethod
    def drain(self, ready: socket.socket) -> None:
        """Take in what came; must come back soon."""


class Exchanges:
    """Runs exchanges to their ends while it serves a listener."""

    def __init__(self, listener: Listener, clock: Callable[[], float] = time.monotonic) -> None:
        self._listener = listener
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        for each in listener.sockets():
            self._selector.register(each, selectors.EVENT_READ)

    def run(self, exchanges: Iterable[Exchange], until: float) -> None:
        """Carry all exchanges out, at most `CONCURRENT` at a time; those that are not over at `until` are abandoned."""
        waiting: deque[Exchange] = deque(exchanges)
        running: list[Exchange] = []
        while waiting or running:
            now = self._clock()
            if now >= until:
                self._abandon([*running, *waiting])
                return
            while waiting and len(running) < CONCURRENT:
                running.append(waiting.popleft())
                self._call(running[-1], lambda each, now=now: each.begin(now))  # type: ignore[misc]
            self._serve(min([until, *(each.due for each in running if not each.done)]))
            now = self._clock()
            for each in running:
                if not each.done and now >= each.due:
                    self._call(each, lambda each, now=now: each.expired(now))  # type: ignore[misc]
            running = [each for each in running if not each.done]

    def listen(self, seconds: float) -> None:
        """Only serve the listener, for so long."""
        until = self._clock() + seconds
        while self._clock() < until:
            self._serve(until)

    def close(self) -> None:
        """Let go of what is waited for; the listener stays open."""
        self._selector.close()

    def _serve(self, until: float) -> None:
        for key, _events in self._selector.select(max(0.0, until - self._clock())):
            if isinstance(key.data, Exchange):
                self._call(key.data, lambda each: each.ready(self._clock()))
            elif isinstance(key.fileobj, socket.socket):
                self._listener.drain(key.fileobj)

    def _call(self, exchange: Exchange, step: Callable[[Exchange], None]) -> None:
        before, waited_for = exchange.socket, exchange.waits_for
        try:
            step(exchange)
        except OSError as error:
            exchange.failed(error)
            exchange.done = True
        if exchange.done:
            self._forget(exchange, before is not None)
        elif before is None and exchange.socket is not None:
            self._selector.register(exchange.socket, exchange.waits_for, exchange)
        elif waited_for != exchange.waits_for and exchange.socket is not None:
            self._selector.modify(exchange.socket, exchange.waits_for, exchange)

    def _forget(self, exchange: Exchange, registered: bool) -> None:
        if exchange.socket is None:
            return
        if registered:
            self._selector.unregister(exchange.socket)
        exchange.socket.close()

    def _abandon(self, exchanges: Iterable[Exchange]) -> None:
        for each in exchanges:
            if not each.done:
                each.abandoned()
                each.done = True
                self._forget(each, each.socket is not None)
