# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network namespaces: sockets that live in another one.

A socket belongs for good to the namespace in which it was made (network_namespaces(7)), so one thread can hold and serve sockets
of many namespaces: it enters, opens the socket, and comes back.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from .._model.errors import MissingLibrary, SwarmError

try:
    from pyroute2 import netns
except ImportError:
    HAS_PYROUTE2 = False
else:
    HAS_PYROUTE2 = True

OWN = "/proc/thread-self/ns/net"
# Where dockerd mounts the namespaces of networks, load balancers and containers (libnetwork/osl).
DOCKER_NAMESPACES = "/var/run/docker/netns"


class Namespace:
    """A network namespace, held open so that it outlives the container it belongs to. Needs root to enter."""

    def __init__(self, path: str = OWN) -> None:
        """Raises SwarmError when there is no namespace at the path, MissingLibrary without pyroute2."""
        if not HAS_PYROUTE2:
            raise MissingLibrary("pyroute2", "python3-pyroute2")
        self.path = path
        self.is_own = path == OWN
        try:
            self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise SwarmError(f"the network namespace {path} cannot be opened: {error.strerror}") from None

    def close(self) -> None:
        """Let go of the namespace; sockets in it live on."""
        os.close(self._handle)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread is in the namespace inside the block, and where it was before behind it."""
        if self.is_own:
            yield
            return
        home = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._enter(self._handle)
            try:
                yield
            finally:
                self._enter(home)
        finally:
            os.close(home)

    def _enter(self, handle: int) -> None:
        try:
            netns.setns(handle)
        except OSError as error:
            raise SwarmError(
                f"the network namespace {self.path} cannot be entered: {os.strerror(error.errno or 0)}; root is needed, set `become: true`"
            ) from None

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket of the namespace that does not block."""
        with self.entered():
            opened = socket.socket(family, kind, protocol)
        opened.setblocking(False)
        return opened


def docker_namespace(name: str) -> Namespace:
    """A namespace of dockerd by its name. Raises SwarmError when there is none."""
    return Namespace(f"{DOCKER_NAMESPACES}/{name}")
