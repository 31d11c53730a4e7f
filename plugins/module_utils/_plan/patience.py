# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a run waits long enough for what it changes."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from .._model.item import Item
from .._model.service import JOBS, MONITOR
from .convergence import SECOND


def impatient(present: Iterable[Item], after: Mapping[str, Item], touched: Container[str], patience: float | None) -> list[str]:
    """Warnings of services whose new tasks count only after the run has given up: they run, and the run fails all the same.

    `patience` is for how many seconds the run waits, None where it does not.
    """
    if patience is None:
        return []
    warnings = []
    for item in present:
        values = after[item.name].values
        monitor = int(values.get("update_config.monitor") or 0)
        if item.name in touched and values["mode"] not in JOBS and monitor >= patience * SECOND:
            warnings.append(
                f"{item.where}: its new tasks count once they have run for {MONITOR.show(monitor)} (update_config.monitor), and the run "
                f"gives up after {patience:g} s (wait_timeout); write a longer wait_timeout, or the run fails though they run"
            )
    return warnings
