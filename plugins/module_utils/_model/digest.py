# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tells whether a content is the one of before, and tells nobody what it is: scrypt, with a salt of its own for each object.

The text has all that is needed to compare, as in /etc/shadow: "scrypt$14$8$1$SALT$HASH", the cost first (log2 of N, r and p), then salt
and hash in base64. Trying one content costs 16 MiB of memory and about a twentieth of a second, so that nobody tries them by the million.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac

from .errors import SwarmError

SCHEME = "scrypt"
COST = (14, 8, 1)
SALT_BYTES = 16
MAX_MEMORY = 256 * 2**20


@functools.lru_cache(maxsize=4096)
def digest(content: bytes, salt: bytes, cost: tuple[int, int, int] = COST) -> str:
    """The text for a content. Raises SwarmError where Python has no scrypt."""
    exponent, blocks, lanes = cost
    try:
        found = hashlib.scrypt(content, salt=salt, n=2**exponent, r=blocks, p=lanes, maxmem=MAX_MEMORY, dklen=32)
    except (AttributeError, ValueError, OverflowError) as error:
        raise SwarmError(f"Python on this host cannot make digests with scrypt ({error}); set digest: false and a version") from None
    return "$".join([SCHEME, *map(str, cost), _text(salt), _text(found)])


def same_content(content: bytes, written: str) -> bool:
    """Whether `written` is the digest of a content. One that this module did not write is of no content."""
    scheme, *parts = written.split("$")
    try:
        exponent, blocks, lanes = (int(part) for part in parts[:3])
        salt = base64.b64decode(parts[3], validate=True)
    except (ValueError, IndexError, binascii.Error):
        return False
    # what somebody else may have written there must not cost this host its memory
    if scheme != SCHEME or not 0 < exponent <= 20 or 128 * blocks * 2**exponent > MAX_MEMORY // 2 or not 0 < lanes <= 16:
        return False
    return hmac.compare_digest(digest(content, salt, (exponent, blocks, lanes)), written)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
