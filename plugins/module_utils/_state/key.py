# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key of a manager on disk, and the lock of autolock on it.

swarm-node.key is a PEM block. Its headers hold the key of the Raft log; with autolock on, both are encrypted with the unlock
key: the private
key as PKCS #8 (PBES2: PBKDF2, AES-256-CBC), the key of the log as NaCl secretbox (swarmkit ca/keyreadwriter.go, manager/encryption).
Docker cannot begin a new cluster from a locked state (moby#36852), so that the lock is taken off on disk first. Where autolock
is still on in the swarm, it locks the key again by itself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from .._model.errors import CommandFailed, SwarmError
from .secretbox import open_box

try:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
except ImportError:
    HAS_CRYPTOGRAPHY = False
else:
    HAS_CRYPTOGRAPHY = True

KEY_FILE = "certificates/swarm-node.key"
LOCKED = "ENCRYPTED PRIVATE KEY"
UNLOCK_PREFIX = "SWMKEY-1-"
SECRETBOX = 1
AES_BLOCK = 16
AES_SECONDS = 10.0
PRFS = {"2a864886f70d0207": "sha1", "2a864886f70d0209": "sha256", "2a864886f70d020b": "sha512"}
AES_KEY_BYTES = {"60864801650304012a": 32, "608648016503040102": 16}
NEEDED = "the library cryptography or the kernel module algif_skcipher is needed"
WRONG = "the unlock key is not the one of this state"
Der = tuple[int, bytes]


def locked(folder: str) -> bool:
    """Whether the key in a state folder is encrypted with the swarm's unlock key. Raises CommandFailed."""
    try:
        return LOCKED in (Path(folder) / KEY_FILE).read_text(encoding="ascii").partition("\n")[0]
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"cannot read {folder}/{KEY_FILE}: {error}") from None


def check_unlock_key(folder: str, unlock_key: str) -> None:
    """Raises SwarmError when the unlock key does not fit the key of a state folder."""
    try:
        unlocked((Path(folder) / KEY_FILE).read_text(encoding="ascii"), unlock_key)
    except OSError as error:
        raise CommandFailed(f"cannot open {folder}/{KEY_FILE} ({NEEDED}): {error}") from None


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
    except OSError as error:
        raise CommandFailed(f"cannot take the lock off {path} ({NEEDED}): {error}") from None


def unlocked(text: str, unlock_key: str) -> str:
    """The text of a key file without its lock. Raises SwarmError, also when the unlock key does not fit."""
    key = _key_bytes(unlock_key)
    lines = text.strip().splitlines()
    if LOCKED not in lines[0]:
        return text
    headers = [line.partition(": ")[::2] for line in lines[1:-1] if ": " in line]
    body = base64.b64decode("".join(line for line in lines[1:-1] if line and ": " not in line))
    told = [f"{name}: {_header(name, value, key)}" for name, value in headers]
    plain = base64.b64encode(_private_key(body, key)).decode()
    wrapped = [plain[start : start + 64] for start in range(0, len(plain), 64)]
    return "\n".join(["-----BEGIN PRIVATE KEY-----", *told, "", *wrapped, "-----END PRIVATE KEY-----", ""])


def _key_bytes(unlock_key: str) -> bytes:
    try:
        if not unlock_key.startswith(UNLOCK_PREFIX):
            raise ValueError
        written = unlock_key[len(UNLOCK_PREFIX) :]
        return base64.b64decode(written + "=" * (-len(written) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise SwarmError(f"unlock_key: expected the swarm's unlock key, which begins with {UNLOCK_PREFIX}") from None


def _header(name: str, value: str, key: bytes) -> str:
    # the swarm's own version of the key is greater, and so it is put to use again
    if name == "kek-version":
        return "0"
    if not name.startswith("raft-dek") or value in ("true", "false"):
        return value
    record = dict(_protobuf(base64.b64decode(value)))
    if not record.get(1):
        return value
    if record[1] != SECRETBOX or not isinstance(record.get(2), bytes) or not isinstance(record.get(3), bytes):
        raise SwarmError("the key of the Raft log is encrypted in a way (FIPS) that cannot be undone here")
    try:
        plain = open_box(bytes(record[2]), bytes(record[3]), key)
    except ValueError:
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


def _private_key(encrypted: bytes, key: bytes) -> bytes:
    """The PKCS #8 key inside an EncryptedPrivateKeyInfo of PBES2 (RFC 8018)."""
    (algorithm, (_tag, sealed)) = _children(next(_der(encrypted))[1])
    _oid, (_tag, parameters) = _children(algorithm[1])
    derivation, cipher = _children(parameters)
    settings = _children(_children(derivation[1])[1][1])
    salt, rounds = settings[0][1], int.from_bytes(settings[1][1], "big")
    prf = next((PRFS[_children(content)[0][1].hex()] for tag, content in settings[2:] if tag == 0x30), "sha1")
    oid, (_tag, vector) = _children(cipher[1])
    size = AES_KEY_BYTES.get(oid[1].hex(), 0)
    if not size:
        raise SwarmError("the private key is encrypted with a cipher that is not AES-CBC")
    plain = _aes_cbc(hashlib.pbkdf2_hmac(prf, key, salt, rounds, size), vector, sealed)
    padding = plain[-1]
    if not 1 <= padding <= AES_BLOCK or plain[:1] != b"\x30":
        raise SwarmError(WRONG)
    return plain[:-padding]


def _aes_cbc(key: bytes, vector: bytes, sealed: bytes) -> bytes:
    """Decrypted by the library where it is, else by the kernel's AF_ALG: openssl would want the key among its arguments."""
    if HAS_CRYPTOGRAPHY:
        decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
        return bytes(decryptor.update(sealed) + decryptor.finalize())
    with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) as cipher:
        cipher.bind(("skcipher", "cbc(aes)"))
        cipher.setsockopt(socket.SOL_ALG, socket.ALG_SET_KEY, key)
        operation, _address = cipher.accept()
        with operation:
            operation.settimeout(AES_SECONDS)
            operation.sendmsg_afalg([sealed], op=socket.ALG_OP_DECRYPT, iv=vector)
            return operation.recv(len(sealed))


def _children(content: bytes) -> list[Der]:
    return list(_der(content))


def _der(content: bytes) -> Iterator[Der]:
    """The values of a DER sequence's content: tag and content each."""
    place = 0
    while place < len(content):
        tag, length = content[place], content[place + 1]
        place += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(content[place : place + count], "big")
            place += count
        yield tag, content[place : place + length]
        place += length
