# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own network namespace: bridges, taps and the controller's addresses. Nothing outside it is touched."""

from __future__ import annotations

import os
import time
from pathlib import Path

from . import addresses
from .command import run
from .errors import LabError

_NETNS_FOLDER = Path("/run/netns")
# Without its rate limit, "unreachable" answers every question of the nodes at once: with it, every second look-up of a registry's name
# cost them a timeout of 5 s. The bridge's own settings are there only where the machine has br_netfilter.
_SYSCTLS = """cd /proc/sys/net && echo 1 >ipv4/ip_forward && echo 1 >ipv6/conf/all/forwarding &&
    echo 0 >ipv4/icmp_ratelimit && echo 0 >ipv6/icmp/ratelimit || exit
for setting in bridge/bridge-nf-call-iptables bridge/bridge-nf-call-ip6tables; do
    [ ! -e $setting ] || echo 0 >$setting || exit
done"""


def exists(netns: str) -> bool:
    """Whether the namespace is there."""
    return (_NETNS_FOLDER / netns).exists()


def inside(netns: str) -> list[str]:
    """The words to put before a command that is to run in the namespace."""
    return ["nsenter", f"--net={_NETNS_FOLDER / netns}"]


def _ip(netns: str, batch: list[str]) -> None:
    run(["ip", "-netns", netns, "-batch", "-"], stdin="\n".join(batch) + "\n")


def _links(netns: str) -> set[str]:
    shown = run(["ip", "-netns", netns, "-brief", "link", "show"])
    return {line.split()[0].split("@")[0] for line in shown.splitlines()}


def ensure(netns: str, nics: int, mtu: int) -> None:
    """Make the namespace with one bridge per network card; what is there already stays."""
    if not exists(netns):
        run(["ip", "netns", "add", netns])
        # Frames between nodes must not meet IP filters of the machine, and what leaves the lab's subnets is answered
        # with "unreachable" at once instead of with silence.
        run([*inside(netns), "sh", "-c", _SYSCTLS])
        _ip(netns, ["link set lo up", "route replace unreachable default", "route replace unreachable ::/0"])
    there = _links(netns)
    batch = []
    for nic in range(nics):
        segment = addresses.segment(nic)
        if segment.bridge in there:
            continue
        batch += [
            f"link add {segment.bridge} mtu {mtu} type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
            f"address add {segment.gateway}/{segment.ipv4.prefixlen} dev {segment.bridge}",
            f"address add {segment.gateway6}/{segment.ipv6.prefixlen} dev {segment.bridge} nodad",
            f"link set {segment.bridge} up",
        ]
    if batch:
        _ip(netns, batch)


def attach(netns: str, node: str, nics: int, mtu: int) -> None:
    """Make the node's taps, on their bridges; fresh ones, so that nothing of an earlier life stays."""
    there = _links(netns)
    batch = []
    for nic in addresses.nics(node, nics):
        if nic.tap in there:
            batch.append(f"link del {nic.tap}")
        batch += [
            f"tuntap add dev {nic.tap} mode tap",
            f"link set {nic.tap} mtu {mtu} master {nic.segment.bridge} up",
        ]
    _ip(netns, batch)


def occupants(netns: str) -> list[int]:
    """The pids of all processes in the namespace."""
    return [int(pid) for pid in run(["ip", "netns", "pids", netns]).split()]


def remove(netns: str, deadline: float = 10.0) -> None:
    """Take the namespace away, once the last process has left it.

    Raises LabError that names the processes when one is still there after ``deadline`` seconds: a tcpdump, say,
    that somebody else started.
    """
    if not exists(netns):
        return
    until = time.monotonic() + deadline
    while pids := occupants(netns):
        if time.monotonic() > until:
            raise LabError(
                f"network namespace {netns} is still used by process {', '.join(map(str, pids))}: end it, "
                f"then `lab down` again ({_names(pids)})"
            )
        time.sleep(0.1)
    run(["ip", "netns", "delete", netns])


def _names(pids: list[int]) -> str:
    names = []
    for pid in pids:
        try:
            names.append(Path(f"/proc/{pid}/comm").read_text().strip())
        except OSError:
            continue
    return ", ".join(names) or "gone by now"


def enter_and_exec(netns: str, argv: list[str]) -> None:
    """Become ``argv``, inside the namespace; does not return."""
    whole = [*inside(netns), *argv]
    os.execvp(whole[0], whole)
