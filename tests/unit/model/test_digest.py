# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of contents: they tell whether a content is the same, and nothing else."""

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.digest import COST, digest, same_content
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError

CONTENT, SALT = b"a password", b"0123456789abcdef"
CHEAP = (4, 1, 1)


def test_the_same_content_is_known_again_and_another_is_not() -> None:
    written = digest(CONTENT, SALT)
    assert written.startswith("scrypt$14$8$1$")
    assert same_content(CONTENT, written)
    assert not same_content(CONTENT + b" ", written)


def test_equal_contents_look_different_by_their_salts() -> None:
    assert digest(CONTENT, SALT, CHEAP) != digest(CONTENT, SALT[::-1], CHEAP)
    assert same_content(CONTENT, digest(CONTENT, SALT[::-1], CHEAP)), "the cost is that of the text, so that it can be raised later"


def test_trying_one_content_costs_memory_and_time() -> None:
    exponent, blocks, lanes = COST
    assert (128 * blocks * 2**exponent, lanes) == (16 * 2**20, 1)


@pytest.mark.parametrize("written", ["", "x", "scrypt$", "scrypt$14$8$1$no base64$x", "md5$4$1$1$c2FsdA==$x", "scrypt$30$8$1$c2FsdA==$x"])
def test_what_somebody_else_wrote_is_the_digest_of_nothing(written: str) -> None:
    assert not same_content(CONTENT, written)


def test_a_python_without_scrypt_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(hashlib, "scrypt")
    with pytest.raises(SwarmError, match="set digest: false and a version"):
        digest(CONTENT, b"another salt")
