# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three machines become a swarm: ``make demo``.

Installs what is missing, boots the lab ``LAB_NAME`` (demo), runs ``site.yml`` twice, the second time without a change, proves the
result with ``verify.yml`` and says what was built, how it was proved and where the time went. The lab stays up.
Runs on the machine's own Python, before there is a virtual environment.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

CHECKOUT = Path(__file__).resolve().parents[2]
LOGS = CHECKOUT / ".build" / "demo"
PROOF = LOGS / "proof.json"
LAB_NAME = os.environ.get("LAB_NAME") or "demo"
NODES = 3
LAB = f"tests/lab/lab --name {LAB_NAME}"
PLAYBOOK = ["ansible-playbook", "-i", "inventories/lab"]
TIME_TO_END = 10.0
LOG_TAIL = 30


class DemoFailed(Exception):
    """A phase did not do what it should have; the text says which and what was expected."""


@dataclass
class Phase:
    """One command with a log of its own."""

    title: str
    command: Sequence[str]
    log_name: str
    started: float = 0.0
    seconds: float = 0.0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        return LOGS / f"{self.log_name}.log"

    def start(self, environment: Mapping[str, str]) -> None:
        self.started = time.monotonic()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=CHECKOUT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def interrupt(self) -> None:
        """End the command and what it started, as Ctrl-C would; a shell that runs this in the background makes them deaf to that."""
        if self.process is None or self.process.poll() is not None:
            return
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(timeout=TIME_TO_END)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=TIME_TO_END)

    def ended(self) -> bool:
        if self.process is None or self.process.poll() is None:
            return False
        self.seconds = self.seconds or time.monotonic() - self.started
        return True

    def latest(self) -> str:
        """What the phase is doing, in the words of its log."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        tasks = [line for line in lines if line.startswith(("TASK [", "PLAY ["))]
        return (tasks or lines or [""])[-1].rstrip("* ")

    def check(self) -> None:
        if self.process is None or self.process.returncode != 0:
            raise DemoFailed(failure(self, "it failed"))


def failure(phase: Phase, reason: str) -> str:
    tail = phase.log.read_text(errors="replace").splitlines()[-LOG_TAIL:]
    shown = "\n".join(f"  | {line}" for line in tail)
    return f"{phase.title}: {reason}. The end of {phase.log.relative_to(CHECKOUT)}:\n{shown}"


def run(out: IO[str], environment: Mapping[str, str], *phases: Phase) -> None:
    """Run phases side by side and wait for all of them; DemoFailed when one fails."""
    for phase in phases:
        phase.start(environment)
    running = list(phases)
    try:
        while running:
            time.sleep(0.2)
            for phase in [each for each in running if each.ended()]:
                running.remove(phase)
                show(out, "")
                out.write(f"{phase.seconds:6.1f} s  {phase.title}\n")
                out.flush()
                phase.check()
            if running:
                oldest = running[0]
                show(out, f"{time.monotonic() - oldest.started:6.1f} s  {oldest.title}: {oldest.latest()}")
    finally:
        for phase in running:
            phase.interrupt()


def show(out: IO[str], line: str) -> None:
    """Replace the line on a terminal that tells what is going on; nothing is written where nobody watches."""
    if out.isatty():
        width = shutil.get_terminal_size().columns - 1
        out.write(f"\r\x1b[K{line[:width]}")
        out.flush()


def changes(log: str) -> dict[str, int]:
    """``{host: changed}`` as the play recap at the end of ansible-playbook's output tells it."""
    recap = log.rpartition("PLAY RECAP")[2]
    found = re.findall(r"^(\S+)\s*: ok=\d+\s+changed=(\d+)\s", recap, flags=re.MULTILINE)
    return {host: int(count) for host, count in found}


def require_no_change(phase: Phase) -> None:
    counts = changes(phase.log.read_text(errors="replace"))
    if not counts:
        raise DemoFailed(failure(phase, "expected a play recap with changed=0, found no recap"))
    changed = [f"{host} changed={count}" for host, count in counts.items() if count]
    if changed:
        raise DemoFailed(failure(phase, f"expected changed=0 on every host, found {', '.join(changed)}"))


def print_proof(path: Path) -> None:
    """Print the report of ``verify.yml``: its tables, lists of flat mappings, and what it did not ask."""
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for heading in ("nodes", "networks", "services", "proof"):
        print(f"\n{heading.capitalize()}")
        for line in table(report[heading]):
            print(f"  {line}")
    for line in report["skipped"]:
        print(f"  not asked: {line}")


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows as aligned lines, the first of them the names of the columns."""
    if not rows:
        return ["none"]
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([as_text(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def as_text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(as_text, value)) or "-"
    return str(value)


def environment() -> dict[str, str]:
    return os.environ | {
        "LAB_NAME": LAB_NAME,
        "PATH": f"{CHECKOUT / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
    }


def prepare(out: IO[str], env: Mapping[str, str]) -> list[Phase]:
    packages = Phase("Debian packages", ["make", "--no-print-directory", "system"], "packages")
    venv = Phase("virtual environment from PyPI", ["make", "--no-print-directory", "controller"], "venv")
    # The demo begins with machines that have never seen a swarm.
    boot = f"{LAB} down && {LAB} up --nodes {NODES}"
    lab = Phase(f"lab: image, and {NODES} nodes booted", ["sh", "-c", boot], "lab")
    run(out, env, packages)
    run(out, env, lab, venv)
    return [packages, venv, lab]


def provision(out: IO[str], env: Mapping[str, str]) -> list[Phase]:
    site = Phase("site.yml on fresh machines", [*PLAYBOOK, "playbooks/site.yml"], "site")
    again = Phase("site.yml again", [*PLAYBOOK, "playbooks/site.yml"], "site-again")
    verify = Phase("verify.yml, with traffic", [*PLAYBOOK, "playbooks/verify.yml", "--extra-vars", f"verify_report_path={PROOF}"], "verify")
    run(out, env, site)
    run(out, env, again)
    require_no_change(again)
    run(out, env, verify)
    if not PROOF.exists():
        raise DemoFailed(failure(verify, f"expected it to write {PROOF.relative_to(CHECKOUT)}, found no such file"))
    return [site, again, verify]


def look_around() -> str:
    return f"""
The lab "{LAB_NAME}" is up. Look around:
  {LAB} ssh node1            a shell on a node
  {LAB} exec node1 -- docker service ls
  {LAB} status
The logs are in {LOGS.relative_to(CHECKOUT)}/. End it:
  make lab-down LAB_NAME={LAB_NAME}"""


def main() -> int:
    out = sys.stdout
    LOGS.mkdir(parents=True, exist_ok=True)
    PROOF.unlink(missing_ok=True)
    env = environment()
    started = time.monotonic()
    try:
        phases = prepare(out, env) + provision(out, env)
    except DemoFailed as error:
        print(f"\nThe demo stopped after {time.monotonic() - started:.0f} s. {error}", file=sys.stderr)
        print(f"A lab that was started is still up; `make lab-down LAB_NAME={LAB_NAME}` ends it.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nInterrupted; `make lab-down LAB_NAME={LAB_NAME}` ends a lab that was started.", file=sys.stderr)
        return 130
    took = time.monotonic() - started
    print_proof(PROOF)
    print("\nWhere the time went")
    for phase in phases:
        print(f"{phase.seconds:6.1f} s  {phase.title}")
    print(f"{took:6.1f} s  in all; the second site.yml said changed=0 on every host")
    print(look_around())
    return 0


if __name__ == "__main__":
    sys.exit(main())
