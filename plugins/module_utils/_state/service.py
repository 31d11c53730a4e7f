# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Engine's service on this host. Its socket goes with it, since systemd would start the Engine again for whoever asks."""

from __future__ import annotations

from .._local.host import Command, Host
from .._plan.recovery import Detach
from .archive import StateFolder
from .key import check_unlock_key, take_lock_off

STOP = Command(("systemctl", "stop", "docker.socket", "docker.service"))
START = Command(("systemctl", "start", "docker.service"))


def control(command: Command, timeout: float) -> None:
    """Stop or start the Engine within so many seconds. Raises CommandFailed."""
    Host(timeout).output(command)


def restart_outside_the_swarm(detach: Detach, unlock_key: str, timeout: float) -> None:
    """Restart the Engine so that its host is in no swarm, with the swarm's state kept; it always starts. Raises SwarmError."""
    if detach.unlock:
        check_unlock_key(detach.folder, unlock_key)
    control(STOP, timeout)
    try:
        if detach.unlock:
            take_lock_off(detach.folder, unlock_key)
        StateFolder(detach.folder).detach()
    finally:
        control(START, timeout)
