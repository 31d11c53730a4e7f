# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of the host's interfaces, read over netlink."""

from __future__ import annotations

from .._model.errors import MissingLibrary
from .._model.membership import Interfaces


def interfaces() -> Interfaces:
    """Every interface of this host's initial namespace with its addresses. Raises MissingLibrary."""
    try:
        # imported where it is needed: loading it takes longer than all else that cluster_info does
        from pyroute2 import IPRoute
    except ImportError:
        raise MissingLibrary("pyroute2", "python3-pyroute2") from None
    with IPRoute() as route:
        names = {link["index"]: str(link.get_attr("IFLA_IFNAME")) for link in route.get_links()}
        found: dict[str, list[str]] = {name: [] for name in names.values()}
        for entry in route.get_addr():
            found[names[entry["index"]]].append(str(entry.get_attr("IFA_ADDRESS")))
    return {name: tuple(addresses) for name, addresses in found.items()}
