# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key of a manager on disk, and the lock of autolock on it.

swarm-node.key is a PEM block. Its headers hold the key of the Raft log; with autolock on, both are encrypted with the unlock
key: the private key as PKCS #8, the key of the log as NaCl secretbox (swarmkit ca/keyreadwriter.go, manager/encryption).
Docker cannot begin a new cluster from a locked state (moby#36852), so that the lock is taken off on disk first. Where autolock
is still on in the swarm, it locks the key again by itself.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

from .._model.errors import CommandFailed, MissingLibrary, SwarmError

try:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
except ImportError:
    HAS_CRYPTOGRAPHY = False
else:
    HAS_CRYPTOGRAPHY = True

try:
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox
except ImportError:
    HAS_NACL = False
else:
    HAS_NACL = True

KEY_FILE = "certificates/swarm-node.key"
LOCKED = "ENCRYPTED PRIVATE KEY"
UNLOCK_PREFIX = "SWMKEY-1-"
UNLOCK_BYTES = 32
SECRETBOX = 1
WRONG = "the unlock key is not the one of this state"


def locked(folder: str) -> bool:
    """Whether the key in a state folder is encrypted with the swarm's unlock key. Raises CommandFailed."""
    try:
        return LOCKED in (Path(folder) / KEY_FILE).read_text(encoding="ascii").partition("\n")[0]
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"cannot read {folder}/{KEY_FILE}: {error}") from None


def check_unlock_key(folder: str, unlock_key: str) -> None:
    """Raises SwarmError when the unlock key does not fit the key of a state folder, MissingLibrary when that cannot be told."""
    try:
        unlocked((Path(folder) / KEY_FILE).read_text(encoding="ascii"), unlock_key)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"cannot read {folder}/{KEY_FILE}: {error}") from None


def take_lock_off(folder: str, unlock_key: str) -> None:
    """Write the key of a state folder anew without its lock. Raises SwarmError; a wrong unlock key writes nothing."""
    path = Path(folder) / KEY_FILE
    try:
        text = unlocked(path.read_text(encoding="ascii"), unlock_key)
        part = path.with_name(path.name + ".part")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(handle)
        os.replace(part, path)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"cannot take the lock off {path}: {error}") from None


def unlocked(text: str, unlock_key: str) -> str:
    """The text of a key file without its lock; one that has none stays as it is and needs no library.

    Raises SwarmError, also when the unlock key does not fit, and MissingLibrary without cryptography or PyNaCl.
    """
    if LOCKED not in text.partition("\n")[0]:
        return text
    if not HAS_CRYPTOGRAPHY:
        raise MissingLibrary("cryptography", "python3-cryptography")
    if not HAS_NACL:
        raise MissingLibrary("PyNaCl", "python3-nacl")
    key = _key_bytes(unlock_key)
    lines = text.split("\n")
    headers = [line.partition(": ")[::2] for line in lines if ": " in line]
    # the library takes a PEM block without headers only
    first, *rest = _private_key("\n".join(line for line in lines if ": " not in line), key).split("\n")
    return "\n".join([first, *(f"{name}: {_header(name, value, key)}" for name, value in headers), "", *rest])


def _key_bytes(unlock_key: str) -> bytes:
    written = unlock_key[len(UNLOCK_PREFIX) :]
    try:
        key = base64.b64decode(written + "=" * (-len(written) % 4), validate=True)
    except ValueError:
        key = b""
    if not unlock_key.startswith(UNLOCK_PREFIX) or len(key) != UNLOCK_BYTES:
        raise SwarmError(f"unlock_key: expected the swarm's unlock key, which begins with {UNLOCK_PREFIX}")
    return key


def _private_key(pem: str, key: bytes) -> str:
    """The private key as PKCS #8 in PEM, without encryption. Raises SwarmError."""
    try:
        private = load_pem_private_key(pem.encode("ascii"), key)
    except ValueError:
        raise SwarmError(WRONG) from None
    except UnsupportedAlgorithm as error:
        raise SwarmError(f"the private key is encrypted in a way that cannot be undone here: {error}") from None
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def _header(name: str, value: str, key: bytes) -> str:
    # the swarm's own version of the key is greater, and so it is put to use again
    if name == "kek-version":
        return "0"
    if not name.startswith("raft-dek") or value in ("true", "false"):
        return value
    try:
        record = dict(_protobuf(base64.b64decode(value)))
    except (ValueError, IndexError):
        raise SwarmError(f"the header {name} of the key is damaged; use another copy of the state") from None
    if not record.get(1):
        return value
    if record[1] != SECRETBOX or not isinstance(record.get(2), bytes) or not isinstance(record.get(3), bytes):
        raise SwarmError("the key of the Raft log is encrypted in a way (FIPS) that cannot be undone here")
    try:
        plain = SecretBox(key).decrypt(bytes(record[2]), bytes(record[3]))
    except (CryptoError, ValueError):
        raise SwarmError(WRONG) from None
    return base64.b64encode(b"\x12" + bytes([len(plain)]) + plain).decode()


def _protobuf(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a record whose numbers and lengths are below 128: a varint or bytes each."""
    place = 0
    while place < len(message):
        field, kind, value = message[place] >> 3, message[place] & 7, message[place + 1]
        place += 2
        if kind == 0:
            yield field, value
        else:
            yield field, message[place : place + value]
            place += value
