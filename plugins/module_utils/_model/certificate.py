# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificate by which a node is known in its swarm.

It is the node's identity: its common name is the node's ID, its unit the role, its organization the swarm's ID
(swarmkit ca/certificates.go). It can be read where the Engine tells nothing: on a locked manager, after an expiry, on a worker.
"""

from __future__ import annotations

import binascii
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

FILE = "swarm/certificates/swarm-node.crt"
"""Where the Engine keeps it, below its own folder (DockerRootDir of GET /info)."""
BACKDATED = 3600.0
"""Seconds by which a certificate is older than it is, so that clocks may differ (swarmkit ca/certificates.go, CertBackdate)."""

_SEQUENCE, _SET, _CONTEXT_0, _UTC_TIME = 0x30, 0x31, 0xA0, 0x17
_COMMON_NAME, _ORGANIZATION, _UNIT = b"\x55\x04\x03", b"\x55\x04\x0a", b"\x55\x04\x0b"
_END = "-----END CERTIFICATE-----"


@dataclass(frozen=True)
class Certificate:
    """Who a node is. Times are seconds since 1970."""

    node_id: str
    role: str
    swarm_id: str
    not_before: float
    not_after: float


def read_certificate(pem: str) -> Certificate | None:
    """The first certificate of a PEM file, which is the node's own; None where it is not one that a swarm has issued."""
    first, end, _others = pem.strip().partition(_END)
    try:
        return _certificate(ssl.PEM_cert_to_DER_cert(first + end))
    except (ValueError, IndexError, KeyError, binascii.Error):
        return None


def show_certificate(certificate: Certificate) -> dict[str, Any]:
    """A certificate as people see it."""
    return dict(vars(certificate))


def _certificate(der: bytes) -> Certificate:
    """RFC 5280 4.1: version, serial number, signature algorithm, issuer, validity, subject."""
    fields = list(_inside(_only(_only(der, _SEQUENCE), _SEQUENCE)))
    if fields[0][0] == _CONTEXT_0:
        del fields[0]
    not_before, not_after = (_time(tag, value) for tag, value in _inside(fields[3][1]))
    subject = dict(_attribute(relative) for _set, relative in _inside(fields[4][1]))
    return Certificate(
        node_id=subject[_COMMON_NAME],
        role=subject[_UNIT].replace("swarm-", ""),
        swarm_id=subject[_ORGANIZATION],
        not_before=not_before,
        not_after=not_after,
    )


def _only(der: bytes, tag: int) -> bytes:
    found, value = next(_inside(der))
    if found != tag:
        raise ValueError(f"expected DER tag {tag}, got {found}")
    return value


def _inside(der: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements of a DER value, each with its tag (X.690 8.1)."""
    place = 0
    while place < len(der):
        tag, length, place = der[place], der[place + 1], place + 2
        if length & 0x80:
            width = length & 0x7F
            length, place = int.from_bytes(der[place : place + width], "big"), place + width
        yield tag, der[place : place + length]
        place += length


def _attribute(relative: bytes) -> tuple[bytes, str]:
    (_oid, name), (_string, value) = _inside(_only(relative, _SEQUENCE))
    return name, value.decode()


def _time(tag: int, value: bytes) -> float:
    written = value.decode()
    form = "%y%m%d%H%M%SZ" if tag == _UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.strptime(written, form).replace(tzinfo=timezone.utc).timestamp()
