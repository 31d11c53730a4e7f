# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What brings the iptables rules back at boot: files of our own and a unit that loads them before Docker starts.

Nothing else is saved or restored, so neither netfilter-persistent nor iptables.service is needed, and neither is disturbed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .._local.host import Action, Command, Host, RemoveFile, RemoveFolder, WriteFile
from .._model.firewall import Desired, Layer
from .._plan.plan import Blocker
from .chain import OUTPUT, PUBLISHED, SWARM, Place, chain_lines, read_saved, read_set, restore_text, set_lines

PARENT = "/etc/meshwork-swarm"
FOLDER = f"{PARENT}/firewall"
SETS_FILE = {4: f"{FOLDER}/peers.v4", 6: f"{FOLDER}/peers.v6"}
RULES_FILE = {4: f"{FOLDER}/rules.v4", 6: f"{FOLDER}/rules.v6"}
UNIT = "meshwork-swarm-firewall.service"
UNITS = "/etc/systemd/system"
UNIT_FILE = f"{UNITS}/{UNIT}"
WANTED_LINK = f"{UNITS}/multi-user.target.wants/{UNIT}"
PROGRAM = {4: "iptables", 6: "ip6tables"}
NOTE = "# Written by the Ansible module meshwork.swarm.firewall; changes made here are lost.\n"


def blockers(desired: Desired, systemd: bool) -> tuple[Blocker, ...]:
    """Why the rules cannot be made to come back at boot by a unit; `systemd` says that it runs this host."""
    if desired.present and desired.persistent and not systemd:
        return (Blocker("persistent", "systemd does not run this host, so nothing would load the rules at boot", "set persistent=false"),)
    return ()


def unit_text(families: Sequence[int], places: Sequence[Place]) -> str:
    """The unit. It runs before any network is up, after the services that load a whole ruleset of the administrator's."""
    lines: list[str] = []
    for family in families:
        lines += [
            f"ipset -exist -file {SETS_FILE[family]} restore",
            f"{PROGRAM[family]}-restore --noflush --wait=10 {RULES_FILE[family]}",
            *(_jump(PROGRAM[family], place) for place in places),
        ]
    return (
        NOTE
        + """[Unit]
Description=Who may reach the ports of the swarm (meshwork.swarm)
DefaultDependencies=no
Wants=network-pre.target
After=local-fs.target systemd-modules-load.service
After=netfilter-persistent.service iptables.service ip6tables.service nftables.service ufw.service
Before=network-pre.target docker.service shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
"""
        + "".join(f"ExecStart={line}\n" for line in lines)
        + """
[Install]
WantedBy=multi-user.target
"""
    )


def files(layers: Mapping[int, Layer]) -> dict[str, str]:
    """Every file by its path, for layers that hold something."""
    written: dict[str, str] = {}
    for family, layer in layers.items():
        if layer.peers is not None and layer.entries is not None:
            written[SETS_FILE[family]] = NOTE + "".join(f"{line}\n" for line in set_lines(family, layer.peers, create=True))
            lines = {SWARM: chain_lines(SWARM, layer.entries)}
            for place, entries in ((PUBLISHED, layer.published), (OUTPUT, layer.local)):
                if entries is not None:
                    lines[place] = chain_lines(place, entries)
            written[RULES_FILE[family]] = NOTE + restore_text(lines)
    if written:
        written[UNIT_FILE] = unit_text(sorted(layers), _places(layers))
    return written


def _places(layers: Mapping[int, Layer]) -> list[Place]:
    """The chains into which packets have to be led."""
    published = any(layer.published is not None for layer in layers.values())
    local = any(layer.local is not None for layer in layers.values())
    return [SWARM, *([PUBLISHED] if published else []), *([OUTPUT] if local else [])]


def _jump(program: str, place: Place) -> str:
    to_table = f"{program} --wait=10 -t {place.table}"
    return f"/bin/sh -c '{to_table} -C {place.jump} 2>/dev/null || {to_table} -I {place.jump}'"


def read_layers(host: Host, families: Sequence[int]) -> tuple[dict[int, Layer], tuple[str, ...]]:
    """What comes back at boot, by family, and which of our files are there."""
    unit = host.read(UNIT_FILE)
    there = [UNIT_FILE] if unit is not None else []
    layers = {}
    for family in families:
        peers, rules = host.read(SETS_FILE[family]), host.read(RULES_FILE[family])
        there += [path for path, text in ((SETS_FILE[family], peers), (RULES_FILE[family], rules)) if text is not None]
        layers[family] = Layer(
            peers=None if peers is None else read_set(peers, family)[0],
            entries=None if rules is None else read_saved(rules).entries,
            published=None if rules is None else read_saved(rules, PUBLISHED).entries,
            local=None if rules is None else read_saved(rules, OUTPUT).entries,
        )
    attached = unit is not None and unit == unit_text(families, _places(layers)) and host.exists(WANTED_LINK)
    return {family: replace(layer, attached=attached) for family, layer in layers.items()}, tuple(there)


def keep(found: Mapping[int, Layer], wanted: Mapping[int, Layer]) -> tuple[Action, ...]:
    """The actions that make the wanted layers come back at boot. Starting the unit loads the files once, as a boot will."""
    before, after = files(found), files(wanted)
    attached = all(layer.attached for layer in found.values())
    if not attached:
        before.pop(UNIT_FILE, None)
    # systemd reads a unit that it knows again when it is enabled again
    return write(UNIT, before, after, enabled=attached and before.get(UNIT_FILE) == after.get(UNIT_FILE))


def write(unit: str, before: Mapping[str, str], after: Mapping[str, str], enabled: bool) -> tuple[Action, ...]:
    """The actions that bring a unit and its files from one text to another. Starting the unit loads the files once, as a boot will."""
    changed = [WriteFile(path, text) for path, text in after.items() if before.get(path) != text]
    enabling = () if enabled else (Command(("systemctl", "enable", "--now", unit)),)
    return (*changed, *enabling)


def forget(there: Sequence[str], unit: str = UNIT) -> tuple[Action, ...]:
    """The actions after which nothing of ours comes back at boot."""
    known = f"{UNITS}/{unit}" in there
    stop = (Command(("systemctl", "disable", "--now", unit)),) if known else ()
    reload = (Command(("systemctl", "daemon-reload")),) if known else ()
    return (*stop, *(RemoveFile(path) for path in there), *reload, RemoveFolder(FOLDER), RemoveFolder(PARENT))
