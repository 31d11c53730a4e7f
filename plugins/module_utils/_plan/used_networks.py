# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks that are to be made anew, with the services and containers that use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .._model.item import Item
from .._model.network import NETWORK, aligned
from .._model.table import differences
from .convergence import Progress
from .networks import Networks


@dataclass(frozen=True)
class Member:
    """A service that uses a network which is to be replaced: its document (GET /services?status=true), how far its tasks are, and how many
    of those that were told to stop still run on nodes that are up. `stuck` are the hostnames of paused
    nodes with tasks that no update moves.
    """

    document: Mapping[str, Any]
    progress: Progress
    lingering: int = 0
    stuck: tuple[str, ...] = ()

    @property
    def spec(self) -> Mapping[str, Any]:
        spec: Mapping[str, Any] = self.document["Spec"]
        return spec

    @property
    def settled(self) -> bool:
        """Whether all tasks are of the newest spec and the others have ended, however the update is called."""
        progress = self.progress
        return progress.running == progress.wanted and not self.lingering and progress.updating not in ("updating", "rollback_started")

    def __str__(self) -> str:
        return f"{self.progress}" + (f", {self.lingering} old tasks still to end" if self.lingering else "")

    @property
    def at_once(self) -> int:
        """How many of its tasks are replaced at the same time."""
        update = self.spec.get("UpdateConfig")
        parallelism = 1 if update is None else int(update.get("Parallelism") or 0)
        return min(parallelism or self.progress.wanted, self.progress.wanted)

    @property
    def batches(self) -> int:
        """In how many parts its tasks are replaced."""
        return max(1, -(-self.progress.wanted // self.at_once)) if self.at_once else 1


@dataclass(frozen=True)
class UsedNetworks(Networks):
    """The same with what a replacement has to know: the services by name, and how many nodes take tasks."""

    members: Mapping[str, Member] = field(default_factory=dict)
    nodes: int = 1


@dataclass(frozen=True)
class Replacement:
    """One network that is to be made anew: what is wanted, what is there, and the parallel network."""

    wanted: Item
    there: Item | None
    parallel: Item | None

    @property
    def policy(self) -> str:
        return str(self.wanted.values.get("replace") or "never")

    @property
    def ids(self) -> tuple[str, ...]:
        """The IDs of the networks that are there."""
        return tuple(item.id for item in (self.there, self.parallel) if item)

    @property
    def changes(self) -> str:
        """The differences in words."""
        if self.there is None:
            return ""
        return "; ".join(str(each) for each in differences(NETWORK, aligned(self.wanted, self.there).values, self.there.values))


def with_users(found: Networks, **what: Any) -> UsedNetworks:
    """The networks with what a replacement has to know."""
    return UsedNetworks(**{**{each.name: getattr(found, each.name) for each in fields(found)}, **what})
