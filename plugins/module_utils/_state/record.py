# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role drain writes down on a host before it drains its node."""

from __future__ import annotations

from dataclasses import dataclass

from .._local.host import Host

RECORD = "/var/lib/meshwork-swarm/engine-restart"


@dataclass(frozen=True)
class Record:
    """The availability that a node is to get back, and the node's ID; "" where nothing is written down."""

    availability: str = ""
    node_id: str = ""

    def of(self, node_id: str) -> str:
        """The availability where it is about this node. A record without an ID is about whichever node the host is."""
        return self.availability if node_id and self.node_id in ("", node_id) else ""


def read_record(host: Host) -> Record:
    """Read it. Raises CommandFailed."""
    return Record(*(host.read(RECORD) or "").split()[:2])
