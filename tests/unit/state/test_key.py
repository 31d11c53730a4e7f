# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of autolock, with the key file of a swarm that lived on the lab for an afternoon, and with one made here."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.archive import Manifest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import MissingLibrary, SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.recovery import Detach
from ansible_collections.meshwork.swarm.plugins.module_utils._state import archive, key, service
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from nacl.secret import SecretBox

UNLOCK = "SWMKEY-1-QckmZs1BsJ0tUQBx6dSDtJ8w/c9WFZ4V+3ovnsdNU5g"
OTHER = "SWMKEY-1-m67dBnoic/cyJkd1tBtACn5TPxtE89JJ8mgBD/RfZ6o"
LOCKED = """-----BEGIN ENCRYPTED PRIVATE KEY-----
kek-version: 32
raft-dek: CAESMFsWwdsO/4nAs2EcOi2DaI1xwq2jZPmRBKIoSRuklRJcFbut4Ult9G7Hc8YnY5seKBoYS/+5vuUqn0a5KkKgpxcflMiPzzO2U0Lb

MIHeMEkGCSqGSIb3DQEFDTA8MBsGCSqGSIb3DQEFDDAOBAjUOv7XBmsD6wICCAAw
HQYJYIZIAWUDBAEqBBCbs/Tkxya4oUAvRNLJSMPMBIGQcvxuMPGpY6nK1yXkAtkM
Sla016hrztFlSZVIam4PN89ZLBzRgwfNBmTdZ8bI8Iv9+w5alkFEHDn1Nn4aIm7Y
sDZY3nYXDl4xbGhRWuebs+R7c55db/L0ZPj7GPyftlbwD8cdQktJTQw7no+5e7zl
219JQC3XJYGzb3DKrIK5UFtHHGVl+ju5odEmSlBSXgTx
-----END ENCRYPTED PRIVATE KEY-----
"""
CERTIFIED = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEWTWEtjkK0JjuaEo8M9PL7okoOyrO
t6eeW3YVdmOxSvfIAtM6Ls3c/uSwRPhCR10fXMk+3bX14UU7mv2ZX8oC7w==
-----END PUBLIC KEY-----
"""
"""The public key in the certificate of that node, as openssl prints it."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    state = tmp_path / "swarm"
    (state / "certificates").mkdir(parents=True)
    (state / key.KEY_FILE).write_text(LOCKED)
    return state


def test_the_lock_comes_off_and_the_key_is_the_certified_one(folder: Path) -> None:
    assert key.locked(str(folder))
    key.take_lock_off(str(folder), UNLOCK)
    assert not key.locked(str(folder))
    path = folder / key.KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    lines = path.read_text().splitlines()
    assert lines[1] == "kek-version: 0"
    # an unlocked DEK is a record with 32 bytes in field 2 and no algorithm
    assert lines[2].startswith("raft-dek: Ei") and len(lines[2]) == len("raft-dek: ") + 48
    pem = "\n".join([lines[0], *lines[4:]]).encode()
    public = load_pem_private_key(pem, None).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert public.decode() == CERTIFIED


@pytest.mark.parametrize("wrong", [OTHER, "QckmZs1BsJ0tUQBx6dSDtJ8w", "SWMKEY-1-%%%", "SWMKEY-1-QckmZs1BsJ0tUQBx6dSDtJ8w"])
def test_a_wrong_unlock_key_changes_nothing(folder: Path, wrong: str) -> None:
    for work in (key.check_unlock_key, key.take_lock_off):
        with pytest.raises(SwarmError, match=r"is not the one of this state|which begins with SWMKEY-1-") as raised:
            work(str(folder), wrong)
        assert wrong not in str(raised.value)
    assert (folder / key.KEY_FILE).read_text() == LOCKED


def test_a_key_without_a_lock_stays_as_it_is(folder: Path) -> None:
    key.take_lock_off(str(folder), UNLOCK)
    text = (folder / key.KEY_FILE).read_text()
    assert key.unlocked(text, UNLOCK) == text
    assert not key.locked(str(folder / "nowhere"))


def test_a_key_that_was_locked_here_comes_back() -> None:
    """As swarmkit locks it: the node's key under the bytes of the unlock key, the key of the log in a box with its nonce beside it."""
    secret, dek, private = secrets.token_bytes(32), secrets.token_bytes(32), ec.generate_private_key(ec.SECP256R1())
    sealed = SecretBox(secret).encrypt(dek)
    record = bytes([0x08, 1, 0x12, len(sealed.ciphertext)]) + sealed.ciphertext + bytes([0x1A, len(sealed.nonce)]) + sealed.nonce
    first, rest = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(secret)).decode().split("\n", 1)
    text = f"{first}\nkek-version: 7\nraft-dek: {base64.b64encode(record).decode()}\nraft-dek-needs-rotation: false\n\n{rest}"
    plain = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    first, rest = plain.split("\n", 1)
    opened = base64.b64encode(bytes([0x12, 32]) + dek).decode()
    expected = f"{first}\nkek-version: 0\nraft-dek: {opened}\nraft-dek-needs-rotation: false\n\n{rest}"
    assert key.unlocked(text, key.UNLOCK_PREFIX + base64.b64encode(secret).decode().rstrip("=")) == expected
    with pytest.raises(SwarmError, match="is not the one of this state"):
        key.unlocked(text, OTHER)


def test_a_header_that_another_key_has_sealed_changes_nothing(folder: Path) -> None:
    path = folder / key.KEY_FILE
    box = SecretBox(secrets.token_bytes(32)).encrypt(secrets.token_bytes(32))
    record = bytes([0x08, 1, 0x12, len(box.ciphertext)]) + box.ciphertext + bytes([0x1A, len(box.nonce)]) + box.nonce
    text = "\n".join(f"raft-dek: {base64.b64encode(record).decode()}" if "raft-dek" in line else line for line in LOCKED.split("\n"))
    path.write_text(text)
    with pytest.raises(SwarmError, match="is not the one of this state"):
        key.take_lock_off(str(folder), UNLOCK)
    path.write_text(text := LOCKED.replace("raft-dek: CAES", "raft-dek: C"))
    with pytest.raises(SwarmError, match="the header raft-dek of the key is damaged"):
        key.take_lock_off(str(folder), UNLOCK)
    assert path.read_text() == text and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("flag", "library", "package"), [("HAS_CRYPTOGRAPHY", "cryptography", "python3-cryptography"), ("HAS_NACL", "PyNaCl", "python3-nacl")]
)
def test_without_a_library_nothing_is_touched(folder: Path, monkeypatch: pytest.MonkeyPatch, flag: str, library: str, package: str) -> None:
    calls: list[object] = []
    monkeypatch.setattr(key, flag, False)
    monkeypatch.setattr(service, "control", lambda command, timeout: calls.append(command))
    with pytest.raises(MissingLibrary, match=f"library {library} is missing on this host; install the package {package} "):
        service.restart_outside_the_swarm(Detach(str(folder), unlock=True), UNLOCK, 1)
    assert calls == []
    assert (folder / key.KEY_FILE).read_text() == LOCKED


def test_the_key_of_an_archive_is_tried_before_it_is_put_back(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, new = str(tmp_path / "swarm.tar.gz"), tmp_path / "new"
    archive.write_archive(path, str(folder), Manifest("c1", "n1", "node1", "10.0.0.11", "20.10.24", True, "2026-11-20T15:28:42Z", ()))
    with pytest.raises(SwarmError, match="is not the one of this state"):
        archive.check_archive_key(path, OTHER)
    archive.check_archive_key(path, UNLOCK)
    archive.StateFolder(str(new)).put_back(path, archive.checksum(path), UNLOCK)
    assert key.locked(str(folder)) and not key.locked(str(new))
    monkeypatch.setattr(key, "HAS_NACL", False)
    with pytest.raises(MissingLibrary, match="python3-nacl"):
        archive.check_archive_key(path, UNLOCK)


def test_a_key_without_a_lock_needs_no_library(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key.take_lock_off(str(folder), UNLOCK)
    text = (folder / key.KEY_FILE).read_text()
    monkeypatch.setattr(key, "HAS_CRYPTOGRAPHY", False)
    monkeypatch.setattr(key, "HAS_NACL", False)
    assert key.unlocked(text, UNLOCK) == text
