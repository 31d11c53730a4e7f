# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the Engine refuses in one service, or accepts though no task could run, whatever else the swarm has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from .errors import InvalidOption
from .item import Item, check_labels
from .publish import Port, ranges
from .service import JOBS

Values = Mapping[str, Any]
LONGEST_NAME = 63
_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?")
"""Names of services (swarmkit controlapi/common.go: isValidDNSName)."""


def check_service(item: Item) -> None:
    """Raises InvalidOption; the values may be those that were written, or all of a service."""
    check_labels(item)
    if not _NAME.fullmatch(item.name) or len(item.name) > LONGEST_NAME:
        told = f"letters and digits, with - and _ between them, {LONGEST_NAME} characters at most"
        raise InvalidOption(f"{item.where}.name", told, item.name)
    _check_mode(item.values, item.where)
    _check_ports(item.values, item.where)
    _check_container(item.values, item.where)


def _check_mode(values: Values, where: str) -> None:
    mode = values.get("mode")
    if mode not in (None, "replicated") and values.get("replicas") is not None:
        remedy = {"replicated-job": "total_completions and max_concurrent are the numbers of a job"}.get(str(mode), "")
        told = f"no replicas in mode {mode}" + (", which runs one task a node" if str(mode).startswith("global") else "")
        raise InvalidOption(f"{where}.replicas", told, values["replicas"], remedy)
    for option in ("total_completions", "max_concurrent"):
        if mode not in (None, "replicated-job") and values.get(option) is not None:
            raise InvalidOption(f"{where}.{option}", f"it only in mode replicated-job, not in mode {mode}", values[option])
    rolling = next((option for option in values if option.startswith(("update_config.", "rollback_config."))), None)
    if mode in JOBS and rolling is not None:
        raise InvalidOption(f"{where}.{rolling}", "none for a job, which is run and not updated", values[rolling])


def _check_ports(values: Values, where: str) -> None:
    ports: tuple[Port, ...] = values.get("publish") or ()
    if values.get("endpoint_mode") == "dnsrr" and any(port.mode == "ingress" for port in ports):
        raise InvalidOption(
            f"{where}.endpoint_mode", "vip where a port is published in ingress mode", "dnsrr", "publish it in host mode, or use vip"
        )
    counted = Counter((port.published, port.protocol) for port in ports if port.published)
    for protocol in ("tcp", "udp", "sctp"):
        twice = [number for (number, each), count in counted.items() if each == protocol and count > 1]
        if twice:
            raise InvalidOption(f"{where}.publish", "every port published once", f"{ranges(twice)}/{protocol} twice")
    if values.get("update_config.order") == "start-first" and any(port.mode == "host" and port.published for port in ports):
        raise InvalidOption(
            f"{where}.update_config.order", "stop-first with a port in host mode, which the old task still holds", "start-first"
        )


def _check_container(values: Values, where: str) -> None:
    if values.get("healthcheck.disable") and values.get("healthcheck.test"):
        raise InvalidOption(f"{where}.healthcheck", "either a test or disable: true", list(values["healthcheck.test"]))
    if values.get("seccomp.profile") and values.get("seccomp.mode", "custom") != "custom":
        raise InvalidOption(f"{where}.seccomp.mode", "custom with a profile", values.get("seccomp.mode"))
