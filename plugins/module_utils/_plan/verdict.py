# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was proved, what was not, and what was left out: one verdict a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TASKS = "tasks"
NODES = "nodes"
NAMES = "names"
VIP = "vip"
MESH = "mesh"
HOST_MODE = "host_mode"
PATH = "path"
WIRE = "wire"


@dataclass(frozen=True)
class Verdict:
    """One line of the proof.

    `subject` is what is proved (a name, a service's port, a network), `origin` and `to` where the traffic began and ended.
    `detail` says what was expected and found, and for a failure what to look at. `packets` counts frames of the underlay.
    A skipped verdict proves nothing and is not a failure.
    """

    proof: str
    subject: str
    origin: str
    to: str
    ok: bool
    detail: str
    skipped: bool = False
    packets: Mapping[str, int] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """The verdict as the module returns it."""
        return {
            "proof": self.proof,
            "subject": self.subject,
            "from": self.origin,
            "to": self.to,
            "ok": self.ok,
            "skipped": self.skipped,
            "detail": self.detail,
            "packets": dict(self.packets),
        }


def skip(proof: str, subject: str, origin: str, reason: str) -> Verdict:
    """A verdict on what was not probed, and why."""
    return Verdict(proof, subject, origin, "", True, reason, skipped=True)
