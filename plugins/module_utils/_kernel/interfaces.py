# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interfaces of a namespace."""

from __future__ import annotations

import socket

from .._model.errors import MissingLibrary
from .namespaces import Namespace

try:
    from pyroute2 import IPRoute
except ImportError:
    HAS_PYROUTE2 = False
else:
    HAS_PYROUTE2 = True


def mtus(namespace: Namespace) -> dict[str, int]:
    """The MTU of the interface that carries each IPv4 address in a namespace.

    A socket's IP_MTU is no substitute: it is what the kernel has learned of the path, which is what is in question.
    Raises MissingLibrary without pyroute2.
    """
    if not HAS_PYROUTE2:
        raise MissingLibrary("pyroute2", "python3-pyroute2")
    with namespace.entered(), IPRoute() as ipr:
        sizes = {link["index"]: int(link.get_attr("IFLA_MTU")) for link in ipr.get_links()}
        addresses = ipr.get_addr(family=socket.AF_INET)
    return {entry.get_attr("IFA_LOCAL") or entry.get_attr("IFA_ADDRESS"): sizes[entry["index"]] for entry in addresses}
