# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel can do, found out by doing it in a network namespace that nobody else sees.

A thread leaves the host's network namespace for a new one (unshare(2)); programs that it starts are there, too. The namespace has no name
and no file, and is gone with the thread and all that was made in it, however that ends. Trying a thing makes the kernel load its module, as
it does when Docker uses it.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import socket
import struct
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from .._local.host import Command, Host
from .._model.errors import CommandFailed, SwarmError
from .._model.host import IPVS, Feature

CLONE_NEWNET = 0x40000000
# struct ip_vs_service_user and IP_VS_SO_SET_ADD of include/uapi/linux/ip_vs.h: protocol, address, port, mark, scheduler, flags,
# timeout, netmask. The interface over setsockopt needs neither ipvsadm nor a library.
SERVICE = struct.Struct("=HxxIHxxI16sIII")
ADD_SERVICE = 64 + 1024 + 64 + 2


def try_features(host: Host, features: Iterable[Feature]) -> dict[str, str]:
    """What each feature's try said, by name; nothing where it worked. Raises SwarmError where no namespace can be made."""
    asked = tuple(features)
    if not asked:
        return {}
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_all, host, asked).result()


def _all(host: Host, features: tuple[Feature, ...]) -> dict[str, str]:
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise SwarmError(f"no network namespace can be made on this host: {reason}; root is needed, set `become: true`")
    return {feature.name: _feature(host, feature) for feature in features}


def _feature(host: Host, feature: Feature) -> str:
    """What was said by the last of the ways to have it."""
    said = ""
    for way in feature.tries:
        said = next(filter(None, (_one(host, words) for words in way)), "")
        if not said:
            return ""
    return said


def _one(host: Host, words: str) -> str:
    if words == IPVS:
        return _ipvs(host)
    command = Command(tuple(shlex.split(words)))
    try:
        done = host.run(command)
    except CommandFailed as error:
        return str(error)
    if done.status == 0:
        return ""
    said = (done.errors.strip() or done.output.strip() or f"status {done.status}").splitlines()
    return f"`{command}`: {said[0]}"


def _ipvs(host: Host) -> str:
    """An IPVS service by firewall mark, as Docker makes them; the kernel loads the scheduler by itself, but not IPVS."""
    host.run(Command(("modprobe", "--quiet", "ip_vs")))
    service = SERVICE.pack(socket.IPPROTO_TCP, 0, 0, 256, b"rr", 0, 0, 0xFFFFFFFF)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as asking:
        try:
            asking.setsockopt(socket.IPPROTO_IP, ADD_SERVICE, service)
        except OSError as error:
            return str(error.strerror)
    return ""
