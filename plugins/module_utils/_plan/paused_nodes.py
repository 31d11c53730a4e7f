# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What paused nodes hold on to: an update leaves the tasks of global services there, and with them the network that they are on."""

from __future__ import annotations

from collections.abc import Sequence

from .plan import Blocker


def held_by_paused(where: str, held: Sequence[tuple[str, str]]) -> Blocker:
    """The refusal to take a network away under tasks that stay; `held` has hostname and service of each."""
    nodes = sorted({node for node, _service in held})
    services = sorted({service for _node, service in held})
    one = len(nodes) == 1
    reason = (
        f"node{'' if one else 's'} {', '.join(nodes)} {'is' if one else 'are'} paused and run{'s' if one else ''} tasks of global services "
        f"on it ({', '.join(services)}), which no update replaces there"
    )
    return Blocker(where, reason, f"make {'it' if one else 'them'} active or drain {'it' if one else 'them'}, and run again")
