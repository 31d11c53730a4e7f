# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the lab."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence

from . import access, fault, image, inventory, lifecycle, state
from .errors import LabError
from .recipe import SUITES
from .requirements import require_root
from .state import Lab

DEFAULT_TIMEOUT = 240.0


def _say(line: str) -> None:
    print(line, flush=True)


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    top = argparse.ArgumentParser(prog="lab", description="Machines of User Mode Linux on this machine.")
    top.add_argument("--name", default="main", metavar="LAB", help="which lab (main); labs never meet")
    commands = top.add_subparsers(dest="command", required=True)

    up = commands.add_parser("up", help="bring nodes up; says what runs already")
    up.add_argument("--nodes", type=int, metavar="N", help="how many nodes there shall be (3)")
    up.add_argument("--suite", choices=SUITES, help="Debian release of the nodes (bookworm)")
    up.add_argument("--nics", type=int, choices=range(1, 5), metavar="N", help="network cards of each node (1)")
    up.add_argument("--mtu", type=int, metavar="M", help="MTU of the network (1500)")
    up.add_argument("--bare", action="store_true", default=None, help="nodes without Docker, with an apt source that has it")
    up.add_argument("--memory", type=int, metavar="M", help="memory of each node in MiB (1500)")
    _timeout(up)

    commands.add_parser("down", help="end everything that the lab started")
    status = commands.add_parser("status", help="what runs")
    status.add_argument("--json", action="store_true", help="as JSON")
    ssh = commands.add_parser("ssh", help="a shell on a node")
    ssh.add_argument("node")
    execute = commands.add_parser("exec", help="run a command on a node")
    execute.add_argument("node")
    execute.add_argument(
        "argv", nargs="+", metavar="-- COMMAND", help="several words: a program and its arguments; one word: a line for the node's shell"
    )
    listing = commands.add_parser("inventory", help="print an Ansible inventory")
    listing.add_argument("--managers", type=int, metavar="N", help="how many nodes are managers (3 of 3 or more, else 1)")
    commands.add_parser("netns", help="print the lab's network namespace")
    build = commands.add_parser("image", help="build the image and print where it is")
    build.add_argument("--suite", choices=SUITES, default="bookworm")
    build.add_argument("--bare", action="store_true")
    _fault_parsers(commands.add_parser("fault", help="break the network or a node, and mend it"))
    return top


def _timeout(target: argparse.ArgumentParser) -> None:
    target.add_argument(
        "--timeout", type=float, default=DEFAULT_TIMEOUT, metavar="S", help=f"seconds a node may take to boot ({DEFAULT_TIMEOUT:.0f})"
    )


def _fault_parsers(top: argparse.ArgumentParser) -> None:
    kinds = top.add_subparsers(dest="fault", required=True)
    partition = kinds.add_parser("partition", help="cut nodes, as one side, off from the other nodes")
    partition.add_argument("nodes", nargs="+", metavar="NODE")
    loss = kinds.add_parser("loss", help="lose a part of a node's frames")
    loss.add_argument("nodes", nargs="+", metavar="NODE")
    loss.add_argument("percent", type=float, metavar="PERCENT")
    drop = kinds.add_parser("drop", help="let one protocol or port not through")
    drop.add_argument("nodes", nargs="+", metavar="NODE")
    drop.add_argument("--proto", dest="protocol", required=True, choices=fault.PROTOCOLS)
    drop.add_argument("--port", type=int, metavar="N", help="destination port, for tcp and udp")
    for kind in (loss, drop):
        kind.add_argument("--direction", choices=fault.DIRECTIONS, default="both", help="seen from the node (both)")
    for kind in (partition, loss, drop):
        kind.add_argument("--controller", action="store_true", help="hit the controller's frames (SSH) too")
        kind.add_argument("--nic", type=int, metavar="K", help="only network card K, from 0")
    heal = kinds.add_parser("heal", help="undo the network faults around these nodes, or all")
    heal.add_argument("nodes", nargs="*", metavar="NODE")
    kill = kinds.add_parser("kill", help="end nodes as a power cut does")
    kill.add_argument("nodes", nargs="+", metavar="NODE")
    start = kinds.add_parser("start", help="boot killed nodes on the disks they left")
    start.add_argument("nodes", nargs="+", metavar="NODE")
    _timeout(start)


def _node_of(lab: Lab, name: str) -> str:
    if name not in lab.nodes:
        raise LabError(f"lab {lab.name!r} has no {name}: it has {', '.join(lab.nodes)}")
    return name


def _up(args: argparse.Namespace) -> int:
    began = time.monotonic()
    asked = {key: getattr(args, key) for key in ("suite", "bare", "nics", "mtu", "memory") if getattr(args, key) is not None}
    lab = lifecycle.up(args.name, args.nodes, asked, args.timeout, _say)
    _say(f"lab {lab.name}: {len(lab.nodes)} nodes up, {time.monotonic() - began:.0f} s; network namespace {lab.netns}")
    return 0


def _down(args: argparse.Namespace) -> int:
    lifecycle.down(args.name, _say)
    return 0


def _status(args: argparse.Namespace) -> int:
    lab = state.load(args.name)
    if args.json:
        _say(json.dumps(lifecycle.status(lab) if lab else None, indent=1))
        return 0 if lab else 3
    if lab is None:
        _say(f"lab {args.name} is not up")
        return 3
    shown = lifecycle.status(lab)
    options = shown["options"]
    _say(f"lab {lab.name}: {options['suite']}{' bare' if options['bare'] else ''}, MTU {options['mtu']}, netns {lab.netns}")
    for name, node in shown["nodes"].items():
        boot = f"boot {node['boot_seconds']:.0f} s" if node["boot_seconds"] is not None else ""
        docker = f"docker {node['docker']}" if node["docker"] else ""
        failed = f"FAILED {' '.join(node['failed_units'])}" if node["failed_units"] else ""
        _say("  ".join(["", f"{name:7}{node['state']:8}{' '.join(node['addresses'])}", boot, docker, failed]).rstrip())
    for line in shown["faults"]:
        _say(f"  fault  {line}")
    return 0


def _ssh(args: argparse.Namespace) -> int:
    lab = state.need(args.name)
    access.become(lab, _node_of(lab, args.node), [])
    return 255


def _exec(args: argparse.Namespace) -> int:
    lab = state.need(args.name)
    access.become(lab, _node_of(lab, args.node), args.argv)
    return 255


def _inventory(args: argparse.Namespace) -> int:
    lab = state.need(args.name)
    text = inventory.text(list(lab.nodes), args.managers, key=image.ssh_key(), ssh_args=access.ansible_args(lab), nics=lab.options.nics)
    sys.stdout.write(text)
    return 0


def _netns(args: argparse.Namespace) -> int:
    _say(state.need(args.name).netns)
    return 0


def _image(args: argparse.Namespace) -> int:
    _say(str(image.ensure(args.suite, bare=args.bare, say=lambda line: print(line, file=sys.stderr, flush=True))))
    return 0


def _fault(args: argparse.Namespace) -> int:
    with state.locked(state.STATE_ROOT / f"{state.check_name(args.name)}.lock"):
        lab = state.need(args.name)
        for name in args.nodes:
            _node_of(lab, name)
        if args.fault == "kill":
            for name in args.nodes:
                _say(f"{name} ended" if lifecycle.stop(lab, name) else f"{name} was not running")
        elif args.fault == "start":
            lifecycle.start(lab, args.nodes, args.timeout, _say)
        elif args.fault == "heal":
            _say(f"{fault.heal(lab, args.nodes)} faults undone")
        else:
            keys = ("percent", "protocol", "port", "direction", "controller", "nic")
            given = {key: getattr(args, key) for key in keys if hasattr(args, key)}
            made = fault.Fault(kind=args.fault, nodes=tuple(args.nodes), **given)
            fault.add(lab, made)
            _say(made.describe())
    return 0


_COMMANDS = {
    "up": _up,
    "down": _down,
    "status": _status,
    "ssh": _ssh,
    "exec": _exec,
    "inventory": _inventory,
    "netns": _netns,
    "image": _image,
    "fault": _fault,
}


def main(argv: Sequence[str]) -> int:
    """Run one command; returns the exit code: 0 done, 1 could not (said on stderr), 2 bad usage, 3 lab not up."""
    args = parser().parse_args(argv)
    try:
        require_root()
        return _COMMANDS[args.command](args)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; `lab up` goes on, `lab down` clears away", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
