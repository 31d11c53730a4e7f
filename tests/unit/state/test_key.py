# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of autolock, with the key file of a swarm that lived on the lab for an afternoon."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._state import key
from ansible_collections.meshwork.swarm.plugins.module_utils._state.secretbox import open_box
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

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
    (tmp_path / "certificates").mkdir()
    (tmp_path / key.KEY_FILE).write_text(LOCKED)
    return tmp_path


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


@pytest.mark.parametrize("wrong", [OTHER, "QckmZs1BsJ0tUQBx6dSDtJ8w", "SWMKEY-1-%%%"])
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


def test_the_box_of_nacls_own_tests_opens() -> None:
    """The vector of tests/secretbox.c in NaCl."""
    secret = bytes.fromhex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389")
    nonce = bytes.fromhex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37")
    box = bytes.fromhex(BOX)
    assert open_box(box, nonce, secret).hex() == MESSAGE
    with pytest.raises(ValueError, match="does not fit"):
        open_box(box[:-1] + bytes([box[-1] ^ 1]), nonce, secret)


MESSAGE = (
    "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb31"
    "0e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f93776384864"
    "5e0705"
)
BOX = (
    "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c972"
    "71d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b3"
    "7973f622a43d14a6599b1f654cb45a74e355a5"
)
