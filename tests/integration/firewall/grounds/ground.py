# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a story needs of the host that it is told of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .traffic import PATIENCE

PEERS = ("first", "second")
STRANGER = "stranger"
ITSELF = "itself"


@dataclass(frozen=True)
class Done:
    """What one run of the module said."""

    changed: bool
    says: tuple[str, ...]
    returned: Mapping[str, Any]


class Ground(ABC):
    """A host with one kind of firewall, two peers and a stranger.

    On the host answer 22/tcp, 2377/tcp, 7946/tcp, 7946/udp, 4789/udp and 9090/tcp; 8080/tcp is led to another machine behind it, as
    Docker does with published ports. `opens_the_rest` says that strangers reach those of these ports that no rule of ours is about.
    """

    opens_the_rest = True
    lacks: Mapping[str, str] = {}
    """Stories that cannot be told here, with the reason."""

    @abstractmethod
    def reset(self) -> None:
        """As it was before the first story: without a rule of ours or of a story's."""

    @abstractmethod
    def address(self, who: str, family: int = 4) -> str:
        """The address of a peer ("first", "second"), of the "stranger" or of the host ("itself")."""

    @abstractmethod
    def run(self, checking: bool = False, **options: Any) -> Done:
        """Run the module. Its `peers` are those two unless other addresses are given; `role` is manager."""

    @abstractmethod
    def ruleset(self) -> str:
        """Every rule on the host, those of others included, without counters, as the firewall's own programs print it."""

    @abstractmethod
    def damages(self) -> tuple[str, ...]:
        """What a hand may do to our rules here."""

    @abstractmethod
    def damage(self, name: str) -> None:
        """Do it."""

    @abstractmethod
    def add_foreign_rules(self) -> None:
        """Put rules of others beside ours, which change nothing for peers and strangers."""

    @abstractmethod
    def reload(self) -> None:
        """What the administrator's hand does to the firewall as a whole: its service's reload, disable and enable, restart of Docker."""

    def settle(self) -> None:  # noqa: B027 -- most have nothing to do
        """Have the firewall let go of what it keeps after a removal until its next reload."""

    @abstractmethod
    def reboot(self) -> None:
        """Lose what is in force, and load what comes back at boot."""

    @abstractmethod
    def goes_back(self) -> None:
        """Wait until the host has gone back from a change that nobody has confirmed."""

    @abstractmethod
    def ask(self, who: str, protocol: str, port: int, family: int = 4, patience: float = PATIENCE) -> str:
        """What becomes of a question of somebody's to a port of the host: "open", "refused", "closed" or "silent" (for so many
        seconds)."""

    @abstractmethod
    def esp_arrives(self, who: str) -> bool:
        """Whether ESP of somebody's arrives at the host."""

    @abstractmethod
    def close(self) -> None:
        """Remove everything that was made for the stories."""
