# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives of a manager's swarm state: made, looked at, put back."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

from .._model.archive import Manifest, read_manifest, show_manifest
from .._model.errors import CommandFailed, SwarmError
from .._plan.recovery import OnDisk
from .key import KEY_FILE, locked, take_lock_off, unlocked

MANIFEST = "manifest.json"
FOLDER = "swarm"
STATE_FILE = "docker-state.json"
"""The file by which an Engine knows, when it starts, that its host is in a swarm (moby daemon/cluster/utils.go)."""
MARK = ".restoring"
"""Stands in a state folder from the first file that is put back to the last; it holds the archive's checksum."""
BLOCK = 1 << 20


def checksum(path: str) -> str:
    """The SHA-256 of a file, in hex. Raises CommandFailed."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(BLOCK), b""):
                digest.update(block)
    except OSError as error:
        raise CommandFailed(f"cannot read {path}: {error.strerror}") from None
    return digest.hexdigest()


def write_archive(path: str, folder: str, manifest: Manifest) -> None:
    """Make the archive of a state folder, readable by its owner only. It gets its name when it is complete. Raises CommandFailed."""
    part = f"{path}.part"
    described = json.dumps(show_manifest(manifest), indent=1).encode()
    entry = tarfile.TarInfo(MANIFEST)
    entry.size, entry.mode, entry.mtime = len(described), 0o600, int(time.time())
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o600)
            # the lowest level does: most of the state is preallocated and empty
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
                archive.addfile(entry, io.BytesIO(described))
                archive.add(folder, FOLDER, filter=_plain)
            file.flush()
            os.fsync(handle)
        os.replace(part, path)
    except (OSError, tarfile.TarError) as error:
        raise CommandFailed(f"cannot write the archive {path}: {error}") from None


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Files and folders are the state; sockets of a running swarm are not."""
    return entry if entry.isfile() or entry.isdir() else None


def check_archive_key(path: str, unlock_key: str) -> None:
    """Raises SwarmError when the unlock key is not the one of the archive's state, MissingLibrary when that cannot be told."""
    try:
        with tarfile.open(path) as archive:
            file = archive.extractfile(f"{FOLDER}/{KEY_FILE}")
            unlocked(file.read().decode("ascii") if file else "", unlock_key)
    except (OSError, tarfile.TarError, KeyError, UnicodeDecodeError) as error:
        raise CommandFailed(f"cannot open the key in {path}: {error}") from None


def read_archive(path: str, digest: str, wanted: str) -> Manifest:
    """What an archive with this checksum says about itself. Raises SwarmError, also when it is not the wanted one."""
    if digest != wanted:
        raise SwarmError(
            f"{path} is not the archive that was meant: SHA-256 wanted {wanted}, found {digest}; get it anew from where it is kept"
        )
    try:
        with tarfile.open(path) as archive:
            file = archive.extractfile(MANIFEST)
            return read_manifest(json.load(file) if file else None)
    except (OSError, tarfile.TarError, KeyError, ValueError) as error:
        raise SwarmError(f"{path} is not an archive that meshwork.swarm.backup made: {error}") from None


class StateFolder:
    """The folder in which an Engine keeps its part of a swarm."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def occupied(self, digest: str) -> bool:
        """Whether there is anything but what a restore of this archive, cut off half-way, has put there. Raises CommandFailed."""
        try:
            names = os.listdir(self.path)
            return bool(names) and not (MARK in names and (self.path / MARK).read_text() == digest)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise CommandFailed(f"cannot read {self.path}: {error.strerror}") from None

    def raft(self) -> bool:
        """Whether there is a manager's state, whatever the Engine makes of it."""
        return (self.path / "raft").is_dir()

    def detach(self) -> None:
        """Move the file aside by which the Engine knows that it is in a swarm; all else stays. Raises CommandFailed."""
        try:
            os.replace(self.path / STATE_FILE, self.path / f"{STATE_FILE}.before")
        except FileNotFoundError:
            return
        except OSError as error:
            raise CommandFailed(f"cannot move {self.path / STATE_FILE} aside: {error.strerror}") from None

    def set_aside(self, name: str) -> None:
        """Move what is in the folder into a folder beside it, that only its owner may read. Raises CommandFailed."""
        try:
            aside = self.path.with_name(name)
            aside.mkdir(mode=0o700)
            for entry in list(self.path.iterdir()):
                shutil.move(str(entry), str(aside / entry.name))
        except (OSError, shutil.Error) as error:
            raise CommandFailed(f"cannot move the contents of {self.path} to {name}: {error}") from None

    def put_back(self, archive: str, digest: str, unlock_key: str = "") -> None:
        """Put an archive's files into the folder, with their owners and modes. Raises SwarmError, also for a wrong unlock key.

        The file by which the Engine knows that it is in a swarm comes last: cut off before it, the host is in none.
        """
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            self._clear()
            (self.path / MARK).write_text(digest)
            with tarfile.open(archive) as opened:
                entries = list(_inside(opened))
                self._extract(opened, [entry for entry in entries if entry.name != STATE_FILE])
                if unlock_key:
                    take_lock_off(str(self.path), unlock_key)
                self._extract(opened, [entry for entry in entries if entry.name == STATE_FILE])
            os.sync()
            (self.path / MARK).unlink()
        except (OSError, tarfile.TarError) as error:
            raise CommandFailed(f"cannot put {archive} back into {self.path}: {error}") from None

    def _extract(self, archive: tarfile.TarFile, entries: list[tarfile.TarInfo]) -> None:
        for entry in entries:
            archive.extract(entry, str(self.path), numeric_owner=True)

    def _clear(self) -> None:
        """Remove what a restore that was cut off has left; nothing else is ever here."""
        for entry in list(self.path.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def state_on_disk(folder: str) -> OnDisk:
    """What lies in an Engine's state folder. Raises CommandFailed."""
    return OnDisk(folder, StateFolder(folder).raft(), locked(folder))


def _inside(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The files and folders of the state, named from its folder on. Raises SwarmError for one that would land elsewhere."""
    for entry in archive.getmembers():
        head, _slash, name = entry.name.partition("/")
        if head != FOLDER or not name:
            continue
        if ".." in name.split("/") or name.startswith("/") or not (entry.isfile() or entry.isdir()):
            raise SwarmError(f"the archive holds {entry.name!r}, which is no file of a swarm's state; nothing more of it was put back")
        entry.name = name
        yield entry
