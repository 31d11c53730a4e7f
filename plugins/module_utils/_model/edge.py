# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the labels of a service say of the way in from outside: names, paths, the port behind them.

Whoever may deploy a service writes its labels, and they end in the configuration of a proxy. So every value has to match a pattern
that leaves no room for a line of that configuration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

from .errors import InvalidOption

PREFIX = "io.meshwork.edge."
HTTP, TCP = "http", "tcp"
_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_PATH = re.compile(r"/[A-Za-z0-9._~%+=@:/-]*")
_CHECK = re.compile(r"/[A-Za-z0-9._~%+=@:/?&-]*")
_ROUTE = re.compile(r"[A-Za-z0-9_-]+")


def _hosts(text: str) -> tuple[str, ...]:
    return tuple(_matching(_HOST, host.lower()) for host in _words(text))


def _paths(text: str) -> tuple[str, ...]:
    return tuple(_matching(_PATH, path).rstrip("/") for path in _words(text))


def _check(text: str) -> str:
    return _matching(_CHECK, text)


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise ValueError(text)
    return int(text)


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return parse


def _words(text: str) -> list[str]:
    words = text.replace(",", " ").split()
    if not words:
        raise ValueError(text)
    return words


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text


@dataclass(frozen=True)
class Label:
    """One label: how its text is read, and what is expected of it in the user's words."""

    name: str
    parse: Callable[[str], Any]
    expected: str


LABELS = (
    Label("host", _hosts, "names such as shop.example.org or *.example.org, separated by commas"),
    Label("path", _paths, "paths such as /api, separated by commas"),
    Label("port", _port, "the container's port, from 1 to 65535"),
    Label("mode", _one_of(HTTP, TCP), "http or tcp"),
    Label("listen", _port, "the port on which the edge listens, from 1 to 65535"),
    Label("check", _check, "the path of a health check such as /healthz"),
    Label("proxy_protocol", _one_of("v1", "v2"), "v1 or v2"),
)
BY_NAME: Mapping[str, Label] = {label.name: label for label in LABELS}


@dataclass(frozen=True)
class Asked:
    """What the labels of one route ask for; `route` is empty for labels without a route's name. `port` 0: the only one."""

    service: str
    route: str
    mode: str
    hosts: tuple[str, ...]
    paths: tuple[str, ...]
    port: int
    listen: int
    check: str
    proxy_protocol: str

    @property
    def where(self) -> str:
        """The service, and the route where it has a name."""
        return f"service {self.service}" + (f", route {self.route}" if self.route else "")


def read_routes(service: str, labels: Mapping[str, str]) -> list[Asked]:
    """The routes that a service's labels ask for, by the route's name.

    PREFIX + "host" is a setting of the service's one route, PREFIX + "NAME.host" one of the route NAME.
    Raises InvalidOption for a label that is not known or whose value does not fit.
    """
    settings: dict[str, dict[str, Any]] = {}
    for key in sorted(labels):
        if key.startswith(PREFIX):
            route, value = _read(f"service {service}, label {key}", key[len(PREFIX) :], labels[key])
            settings.setdefault(route, {}).update(value)
    return [_asked(service, route, found) for route, found in sorted(settings.items())]


def _read(where: str, key: str, text: str) -> tuple[str, dict[str, Any]]:
    route, _dot, name = key.rpartition(".")
    if name not in BY_NAME or (route and not _ROUTE.fullmatch(route)):
        known = ", ".join(BY_NAME)
        raise InvalidOption(where, f"one of {known}, with or without the name of a route before it", key)
    try:
        return route, {name: BY_NAME[name].parse(text.strip())}
    except ValueError as error:
        raise InvalidOption(where, BY_NAME[name].expected, str(error)) from error


def _asked(service: str, route: str, found: Mapping[str, Any]) -> Asked:
    asked = Asked(
        service=service,
        route=route,
        mode=found.get("mode", HTTP),
        hosts=found.get("host", ()),
        paths=found.get("path", ()),
        port=found.get("port", 0),
        listen=found.get("listen", 0),
        check=found.get("check", ""),
        proxy_protocol=found.get("proxy_protocol", ""),
    )
    if asked.mode == TCP and not asked.listen:
        raise InvalidOption(asked.where, f"the label {PREFIX}listen beside mode tcp", "none", "write the port on which the edge listens")
    unfit = ("host", "path") if asked.mode == TCP else ("listen",)
    for name in unfit:
        if name in found:
            remedy = "take the label away, or write the other mode"
            raise InvalidOption(asked.where, f"no label {PREFIX}{name} with mode {asked.mode}", found[name], remedy)
    return asked
