# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways of the underlay: by which interface the host reaches an address."""

from __future__ import annotations

import socket
from collections.abc import Iterable

try:
    from pyroute2 import IPRoute, NetlinkError
except ImportError:
    HAS_PYROUTE2 = False
else:
    HAS_PYROUTE2 = True

from .._model.errors import MissingLibrary


def egress_interfaces(addresses: Iterable[str]) -> dict[str, str]:
    """The name of the interface by which each address is reached from the host (`ip route get`); an address without a route is left out.

    Raises MissingLibrary without pyroute2.
    """
    if not HAS_PYROUTE2:
        raise MissingLibrary("pyroute2", "python3-pyroute2")
    found: dict[str, str] = {}
    with IPRoute() as ipr:
        for address in addresses:
            try:
                routes = ipr.route("get", dst=address, family=socket.AF_INET6 if ":" in address else socket.AF_INET)
            except NetlinkError:
                continue
            for route in routes:
                index = route.get_attr("RTA_OIF")
                if index:
                    found[address] = socket.if_indextoname(index)
    return found
