# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What brings the rules of nftables back at boot, and whenever nftables.service loads the host's own ruleset anew.

That service flushes everything when it is stopped, and as a rule when it starts and reloads, too. So our unit follows it in all three:
Wants= of nftables.service (by [Install]) and PartOf= for its start and restart, ReloadPropagatedFrom= for its reload, After= for the
order of each (systemd.unit(5)).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace

from .._local.host import Host
from .._model.firewall import Layer
from .boot import FOLDER, NOTE, UNITS
from .swarm_table import NAME, Joined, Place, join, join_lines, jump_lines, read_lines, table_lines

RULES_FILE = f"{FOLDER}/rules.nft"
JOIN_FILE = f"{FOLDER}/join-tables"
UNIT = "meshwork-swarm-nftables.service"
UNIT_FILE = f"{UNITS}/{UNIT}"
LINKS = tuple(f"{UNITS}/{target}.wants/{UNIT}" for target in ("multi-user.target", "nftables.service"))
PATHS = (UNIT_FILE, RULES_FILE, JOIN_FILE)


def unit_text(joining: bool) -> str:
    """The unit. What fails in the tables of others does not fail it, as a failed unit is not reloaded."""
    loading = [f"nft -f {RULES_FILE}", *([f"-/bin/sh {JOIN_FILE}"] if joining else [])]
    return (
        NOTE
        + """[Unit]
Description=Who may reach the ports of the swarm (meshwork.swarm)
DefaultDependencies=no
Wants=network-pre.target
After=local-fs.target systemd-modules-load.service nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service
Before=network-pre.target docker.service shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
"""
        + "".join(f"{word}={line}\n" for word in ("ExecStart", "ExecReload") for line in loading)
        + """
[Install]
WantedBy=multi-user.target nftables.service
"""
    )


def join_text(joined: Mapping[Place, Joined]) -> str:
    """The script that joins the tables of others that are there, however often it runs."""
    parts = [NOTE]
    for place, each in joined.items():
        where = shlex.join(place)
        lines = "\n".join(join_lines(place, each))
        parts.append(f"if nft list table {where} >/dev/null 2>&1; then\nnft -f - <<'END'\n{lines}\nEND\n")
        for chain, line in zip(each.chains, jump_lines(place, each)):
            jumps = f"nft list chain {where} {shlex.quote(chain)} | grep -q 'jump {NAME} '"
            parts.append(f"{jumps} || nft {shlex.quote(line)}\n")
        parts.append("fi\n")
    return "".join(parts)


def files(layers: Mapping[int, Layer], needed: Mapping[Place, tuple[str, ...]]) -> dict[str, str]:
    """Every file by its path, for layers that hold something."""
    if all(layer.empty for layer in layers.values()):
        return {}
    written = {RULES_FILE: NOTE + "".join(f"{line}\n" for line in table_lines(layers))}
    if needed:
        written[JOIN_FILE] = join_text(join(layers, needed))
    return {**written, UNIT_FILE: unit_text(joining=bool(needed))}


def read_layers(
    host: Host, families: Sequence[int], needed: Mapping[Place, tuple[str, ...]]
) -> tuple[dict[int, Layer], dict[str, str], bool]:
    """What comes back at boot, by family; those of our files that are there; and whether the unit is enabled."""
    there = {path: text for path in PATHS for text in (host.read(path),) if text is not None}
    enabled = all(host.exists(link) for link in LINKS)
    if RULES_FILE not in there:
        return {family: Layer() for family in families}, there, enabled
    layers = read_lines(there[RULES_FILE], families)
    attached = enabled and there == files(layers, needed)
    return {family: replace(each, attached=attached) for family, each in layers.items()}, there, enabled
