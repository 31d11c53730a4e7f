# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forwarding of an overlay network on this node: behind which VTEP each remote endpoint is.

dockerd writes, for every remote endpoint, a permanent neighbour (address to MAC) and a permanent FDB entry (MAC to VTEP) into the
network's namespace `<epoch>-<first 10 characters of the network's ID>` (Moby, drivers/overlay/ov_network.go and peerdb.go).
"""

from __future__ import annotations

import glob
import socket

from .._model.errors import MissingLibrary
from .namespaces import DOCKER_NAMESPACES, Namespace

try:
    from pyroute2 import IPRoute
except ImportError:
    HAS_PYROUTE2 = False
else:
    HAS_PYROUTE2 = True


def vteps(network_id: str) -> dict[str, str]:
    """The VTEP behind each remote endpoint's address; empty when the network has no namespace on this node.

    Raises MissingLibrary without pyroute2.
    """
    if not HAS_PYROUTE2:
        raise MissingLibrary("pyroute2", "python3-pyroute2")
    paths = glob.glob(f"{DOCKER_NAMESPACES}/*-{network_id[:10]}")
    if not paths:
        return {}
    # the epoch rises each time dockerd makes the namespace anew
    newest = Namespace(max(paths, key=_epoch))
    try:
        with newest.entered(), IPRoute() as ipr:
            neighbours = ipr.get_neighbours(family=socket.AF_INET)
            forwarding = ipr.get_neighbours(family=socket.AF_BRIDGE)
    finally:
        newest.close()
    behind = {entry.get_attr("NDA_LLADDR"): entry.get_attr("NDA_DST") for entry in forwarding if entry.get_attr("NDA_DST")}
    macs = {entry.get_attr("NDA_DST"): entry.get_attr("NDA_LLADDR") for entry in neighbours}
    return {address: str(behind[mac]) for address, mac in macs.items() if mac in behind}


def _epoch(path: str) -> int:
    epoch = path.rpartition("/")[2].partition("-")[0]
    return int(epoch) if epoch.isdigit() else -1
