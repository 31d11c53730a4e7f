# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NaCl's secretbox (XSalsa20-Poly1305), opening only, for the few bytes of a Raft key: hosts have no library that knows it.

After D. J. Bernstein, "Extending the Salsa20 nonce" (2011), and RFC 8439, section 2.5, for Poly1305.
"""

from __future__ import annotations

import hmac
import struct

SIGMA = struct.unpack("<4I", b"expand 32-byte k")
QUARTERS = (
    *((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11)),
    *((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)),
)
PRIME = (1 << 130) - 5
CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
TAG_BYTES = 16


def open_box(box: bytes, nonce: bytes, key: bytes) -> bytes:
    """The message in a box (tag, then ciphertext). Raises ValueError when the key is not the right one."""
    tag, sealed = box[:TAG_BYTES], box[TAG_BYTES:]
    stream = _stream(_subkey(key, nonce[:16]), nonce[16:], 32 + len(sealed))
    if not hmac.compare_digest(tag, _poly1305(sealed, stream[:32])):
        raise ValueError("the key does not fit")
    return bytes(one ^ other for one, other in zip(sealed, stream[32:]))


def _rounds(key: bytes, block: bytes) -> tuple[list[int], list[int]]:
    """The state before and after the 20 rounds of Salsa20."""
    keys, given = struct.unpack("<8I", key), struct.unpack("<4I", block)
    before = [SIGMA[0], *keys[:4], SIGMA[1], *given, SIGMA[2], *keys[4:], SIGMA[3]]
    state = list(before)
    for _double_round in range(10):
        for a, b, c, d in QUARTERS:
            state[b] ^= _rotated(state[a] + state[d], 7)
            state[c] ^= _rotated(state[b] + state[a], 9)
            state[d] ^= _rotated(state[c] + state[b], 13)
            state[a] ^= _rotated(state[d] + state[c], 18)
    return before, state


def _rotated(word: int, bits: int) -> int:
    word &= 0xFFFFFFFF
    return ((word << bits) | (word >> (32 - bits))) & 0xFFFFFFFF


def _subkey(key: bytes, nonce: bytes) -> bytes:
    """HSalsa20."""
    _before, state = _rounds(key, nonce)
    return struct.pack("<8I", *(state[index] for index in (0, 5, 10, 15, 6, 7, 8, 9)))


def _stream(key: bytes, nonce: bytes, length: int) -> bytes:
    blocks = []
    for counter in range(-(-length // 64)):
        before, state = _rounds(key, nonce + struct.pack("<Q", counter))
        blocks.append(struct.pack("<16I", *((one + other) & 0xFFFFFFFF for one, other in zip(before, state))))
    return b"".join(blocks)[:length]


def _poly1305(message: bytes, key: bytes) -> bytes:
    factor = int.from_bytes(key[:16], "little") & CLAMP
    total = 0
    for start in range(0, len(message), 16):
        total = (total + int.from_bytes(message[start : start + 16] + b"\x01", "little")) * factor % PRIME
    return ((total + int.from_bytes(key[16:], "little")) & ((1 << 128) - 1)).to_bytes(16, "little")
