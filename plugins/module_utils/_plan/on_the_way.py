# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that stand between a network and the parallel one, since a replacement was cut off: their networks are not for others to write.

Taken off the parallel network before their partners are, they would be cut off from them. All else of them may change: often a better image
is what lets the replacement go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .._model.item import Item


def left_alone(items: Sequence[Item], there: Mapping[str, Item], parallel: Mapping[str, str]) -> tuple[tuple[Item, ...], list[str]]:
    """The wanted services without what a replacement has still to give back, and warnings that say so.

    `there` are the services that the swarm has, `parallel` has the names of the networks for which the parallel ones, by name, stand in.
    """
    kept, warnings = [], []
    for item in items:
        on = [each["name"] for each in there[item.name].values["networks"]] if item.name in there and item.state == "present" else []
        replaced = next((parallel[name] for name in on if name in parallel), "")
        moving = [option for option in item.values if option == "networks" or option.startswith("update_config.")]
        if replaced and moving:
            item = replace(item, values={option: value for option, value in item.values.items() if option not in moving})
            told = ", ".join(dict.fromkeys(option.partition(".")[0] for option in moving))
            warnings.append(
                f"{item.where}: {told} stay as they are, since a replacement of network {replaced} was cut off; run the module networks "
                "(site.yml with the tag networks), which ends it, and then this again"
            )
        kept.append(item)
    return tuple(kept), warnings
