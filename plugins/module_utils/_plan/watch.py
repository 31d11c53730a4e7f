# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A wait that somebody watches: the module ends as soon as something has moved, and another run of it goes on with the wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PAUSE = 1.0
"""Seconds for which what moves is gathered before it is shown, since each showing costs a run of the module."""


@dataclass
class Watch:
    """What was shown last, a line an object; the end of the wait on the host's clock, None before it has begun; what the work has to keep.

    `made` says that the steps are made. Before that the wait is for what somebody else has begun, and may end with something to do.
    It travels between two runs as JSON, and holds no secrets.
    """

    lines: dict[str, str] = field(default_factory=dict)
    until: float | None = None
    kept: dict[str, Any] = field(default_factory=dict)
    made: bool = False

    @classmethod
    def read(cls, told: Mapping[str, Any] | None) -> Watch | None:
        """From the option that the action plugin sets: {} in the first run, then what the run before has told; None when nobody watches."""
        if told is None:
            return None
        until = told.get("until")
        kept, made = dict(told.get("kept") or {}), bool(told.get("made"))
        return cls(dict(told.get("lines") or {}), None if until is None else float(until), kept, made)

    def has_made(self) -> None:
        """The steps are made, and the wait for what comes of them has an end of its own."""
        self.until, self.made = None, True

    def shown(self, unfinished: bool) -> dict[str, Any]:
        """As the module returns it; only where it is unfinished there is something to go on with."""
        return {"lines": self.lines, **({"until": self.until, "kept": self.kept, "made": self.made} if unfinished else {})}
