# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs and files of this host, and changes to them as values."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Union

from .._model.errors import CommandFailed

TIMEOUT_SECONDS = 60.0
SEARCH_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"


@dataclass(frozen=True)
class Command:
    """A program to run, without a shell. `stdin` is the text that it reads."""

    argv: tuple[str, ...]
    stdin: str = ""

    def __str__(self) -> str:
        lines = self.stdin.count("\n")
        return shlex.join(self.argv) + (f" <<< {lines} lines" if lines else "")


@dataclass(frozen=True)
class WriteFile:
    """A file that is replaced as a whole."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"write {self.path}"


@dataclass(frozen=True)
class RemoveFile:
    """A file that goes away, if it is there."""

    path: str

    def __str__(self) -> str:
        return f"remove {self.path}"


@dataclass(frozen=True)
class RemoveFolder:
    """A folder that goes away when nothing is left in it."""

    path: str

    def __str__(self) -> str:
        return f"remove {self.path} if it is empty"


Action = Union[Command, WriteFile, RemoveFile, RemoveFolder]


@dataclass(frozen=True)
class Commands:
    """The actions of one step, in their order."""

    actions: tuple[Action, ...]

    def __str__(self) -> str:
        return "; ".join(str(action) for action in self.actions)


@dataclass(frozen=True)
class Finished:
    """How a program ended."""

    status: int
    output: str
    errors: str


class Host:
    """The real host. Every program is bounded by `timeout` seconds; `runs` counts them."""

    def __init__(self, timeout: float = TIMEOUT_SECONDS) -> None:
        self.runs = 0
        self._timeout = timeout
        self._environment: Mapping[str, str] = {**os.environ, "LC_ALL": "C", "PATH": SEARCH_PATH}

    def has(self, program: str) -> bool:
        """Whether a program is installed."""
        return shutil.which(program, path=SEARCH_PATH) is not None

    def exists(self, path: str) -> bool:
        """Whether there is something at a path, be it a dangling link."""
        return os.path.lexists(path)

    def ssh_connection(self) -> str | None:
        """SSH_CONNECTION of the nearest process above this one that has it: sudo and its like do not pass it on."""
        process = os.getpid()
        while process > 1:
            try:
                with open(f"/proc/{process}/environ", "rb") as file:
                    variables = file.read().split(b"\0")
                with open(f"/proc/{process}/stat", encoding="ascii", errors="replace") as file:
                    process = int(file.read().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                return None
            for variable in variables:
                if variable.startswith(b"SSH_CONNECTION="):
                    return variable.partition(b"=")[2].decode("ascii", "replace")
        return None

    def read(self, path: str) -> str | None:
        """A file's text, or None when there is no such file."""
        try:
            with open(path, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise CommandFailed(f"cannot read {path}: {error}") from None

    def run(self, command: Command) -> Finished:
        """Run a program to its end, whatever that is. Raises CommandFailed when it cannot be started or does not end."""
        self.runs += 1
        try:
            done = subprocess.run(
                command.argv,
                input=command.stdin,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=self._timeout,
                env=self._environment,
                check=False,
            )
        except FileNotFoundError:
            raise CommandFailed(f"{command.argv[0]} is not installed on this host") from None
        except subprocess.TimeoutExpired:
            raise CommandFailed(f"`{command}` did not end within {self._timeout:g} s") from None
        return Finished(done.returncode, done.stdout, done.stderr)

    def output(self, command: Command) -> str:
        """What a program prints. Raises CommandFailed when it fails."""
        done = self.run(command)
        if done.status != 0:
            raise failed(command, done)
        return done.output

    def do(self, commands: Commands) -> None:
        """Make the actions of a step, in order, up to the first that fails. Raises CommandFailed."""
        for action in commands.actions:
            if isinstance(action, Command):
                self.output(action)
            elif isinstance(action, WriteFile):
                self.write(action)
            elif isinstance(action, RemoveFile):
                self.remove(action)
            else:
                self.remove_folder(action)

    def write(self, action: WriteFile) -> None:
        """Replace a file in one move; its folder is made when it is not there."""
        folder = os.path.dirname(action.path)
        try:
            os.makedirs(folder, mode=0o755, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=folder, prefix=".meshwork-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(action.text)
                    file.flush()
                    os.fsync(file.fileno())
                os.chmod(temporary, 0o644)
                os.replace(temporary, action.path)
            except OSError:
                os.unlink(temporary)
                raise
        except OSError as error:
            raise CommandFailed(f"cannot write {action.path}: {error}") from None

    def remove(self, action: RemoveFile) -> None:
        """Remove a file."""
        try:
            os.unlink(action.path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise CommandFailed(f"cannot remove {action.path}: {error}") from None

    def remove_folder(self, action: RemoveFolder) -> None:
        """Remove a folder unless something is in it."""
        try:
            os.rmdir(action.path)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise CommandFailed(f"cannot remove {action.path}: {error}") from None


def failed(command: Command, done: Finished) -> CommandFailed:
    """The error for a program that ended badly: what was run, how it ended, the last of what it said."""
    said = (done.errors.strip() or done.output.strip() or "it said nothing").splitlines()
    return CommandFailed(f"`{command}` failed (status {done.status}): {' '.join(said[-3:])}")
