# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The start of the Engine with settings that are new to it, and the way back to those that it ran with before."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator
from typing import Any, Callable

from .._local.host import Command, Host, RemoveFile
from .._model.daemon import changes, mask, read_settings, same_settings
from .._model.errors import CommandFailed, SwarmError

KEPT = "/var/lib/meshwork-swarm/daemon.json.before"
"""The text of the file as the running Engine has read it, empty where there was none. It may hold the passwords of proxies."""
FORGET_STARTS = Command(("systemctl", "reset-failed", "docker.service"))
"""systemd refuses a fourth start within a minute."""
START = Command(("systemctl", "restart", "docker.service"))
"""Also for an Engine that does not run: systemd may be about to start it once more, with what was in the file before."""
JOURNAL = ("journalctl", "--unit=docker.service", "--identifier=dockerd", "--output=cat", "--no-pager", "--lines=50")
LOOK = "look into `journalctl -u docker.service`"
_WHY = re.compile(r"failed to start daemon|unable to configure|level=fatal|^failed\b", re.IGNORECASE)
_OF_A_PROXY = re.compile(r"proxy|://|\bparse\b|escape|\burl\b", re.IGNORECASE)
_CREDENTIALS = re.compile(r"//[^/]*:[^/]*@|//[^/]*@")
_SECRET = re.compile(r"token|password|passwd|secret", re.IGNORECASE)


class PutBack(SwarmError):
    """The Engine did not start; it runs again, with the settings that it had before."""


def keep(text: str | None) -> None:
    """Keep the text of the file, for root alone. Raises CommandFailed."""
    path = KEPT
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder, mode=0o755, exist_ok=True)
        # mkstemp makes it with the mode 0600
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".meshwork-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text or "")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise CommandFailed(f"cannot write {path}: {error}") from None


def start_or_go_back(host: Host, path: str, write: Callable[[str, str], None]) -> None:
    """Start the Engine anew. Where it does not come up, put back what the file was and start it with that.

    `write` replaces the file by a text. Raises PutBack, and SwarmError where the Engine does not run after all.
    """
    began = int(time.time())
    if _starts(host):
        host.remove(RemoveFile(KEPT))
        return
    now, before = host.read(path), host.read(KEPT)
    why = _why(host, began, now, before)
    new, old = read_settings(now, path) or {}, read_settings(before, KEPT) or {}
    if before is None or same_settings(new, old):
        raise SwarmError(
            f"docker.service does not start: {why}. The settings in {path} are those that it has run with, as far as is known, so "
            f"nothing was put back; {LOOK}"
        )
    if before:
        write(path, before)
    else:
        host.remove(RemoveFile(os.path.realpath(path)))
    back = f"What it had before was put back into {path} ({'; '.join(changes(new, old))})"
    began = int(time.time())
    if not _starts(host):
        raise SwarmError(
            f"docker.service does not start with the new settings: {why}. {back}, and with that it does not start either: "
            f"{_why(host, began, now, before)}; {LOOK}"
        )
    host.remove(RemoveFile(KEPT))
    raise PutBack(f"docker.service did not start with the new settings: {why}. {back}, and it runs again; mend the settings and run again")


def _starts(host: Host) -> bool:
    host.run(FORGET_STARTS)
    return host.run(START).status == 0


def _why(host: Host, began: int, *texts: str | None) -> str:
    done = host.run(Command((*JOURNAL, f"--since=@{began}")))
    return reason(done.output, *texts) if done.status == 0 else "its journal cannot be read"


def reason(said: str, *texts: str | None) -> str:
    """The line with which dockerd says why it ended, without what the settings in `texts` have to hide.

    A line about a URL may have part of a password in a spelling of its own, so where a proxy has one such a line is not shown at all.
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    line = next((each for each in reversed(lines) if _WHY.search(each)), lines[-1] if lines else "dockerd said nothing")
    secrets = {secret for text in texts for secret in _secrets(_read(text))}
    if _OF_A_PROXY.search(line) and any(_CREDENTIALS.search(secret) for secret in secrets):
        return "the reason is about a URL, and as a proxy of this host has a password, it is not shown"
    for secret in sorted(secrets, key=len, reverse=True):
        line = line.replace(secret, "***")
    return str(mask(line))


def _read(text: str | None) -> Any:
    try:
        return read_settings(text, "")
    except SwarmError:
        return None


def _secrets(value: Any, hidden: bool = False) -> Iterator[str]:
    """Strings with credentials in them, and those whose key says that they are secret."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _secrets(each, hidden or bool(_SECRET.search(name)))
    elif isinstance(value, list):
        for each in value:
            yield from _secrets(each, hidden)
    elif isinstance(value, str) and value and (hidden or mask(value) != value):
        yield value
