# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who signs the certificates of the nodes: the root certificate of the swarm, its key, and signers outside the swarm."""

from __future__ import annotations

import base64
import hashlib
import re
import ssl
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from .errors import SwarmError
from .kinds import labels
from .table import Json, Kind, Unfit

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(r"-----BEGIN ((?:EC |RSA )?PRIVATE KEY)-----.+?-----END \1-----", re.DOTALL)

ExternalCA = tuple[str, str, tuple[tuple[str, str], ...], str]
"""Protocol, URL, options, and the root certificate whose nodes it signs for ("" is the root that the swarm has)."""
EXTERNAL_OPTIONS: dict[str, Any] = {
    "url": {"type": "str", "required": True},
    "protocol": {"type": "str", "choices": ["cfssl"], "default": "cfssl"},
    "options": {"type": "dict"},
    "ca_cert": {"type": "str"},
}


def certificate(value: Any) -> str:
    """One certificate in PEM, in the form that the Engine gives it back in: nothing around it, lines of 64 characters."""
    blocks = _CERTIFICATE.findall(str(value))
    if len(blocks) != 1:
        raise Unfit("one certificate in PEM", "", f"{len(blocks)} of them" if blocks else _beginning(value))
    try:
        return ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(blocks[0]))
    except ValueError:
        raise Unfit("one certificate in PEM", "", _beginning(value)) from None


def _beginning(value: Any) -> str:
    """Enough to see what was given instead, such as the path of a file; what holds a key is not shown."""
    text = str(value).strip()
    return "a key" if "KEY" in text else text[:40]


def _read_certificate(value: Any) -> str:
    """As `certificate`; the Engine keeps whatever an external CA was given as one."""
    try:
        return certificate(value)
    except Unfit:
        return str(value)


def fingerprint(pem: str) -> str:
    """The first half of what `openssl x509 -fingerprint -sha256` shows."""
    try:
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
    except ValueError:
        return "unknown"
    return ":".join(digest[at : at + 2] for at in range(0, 32, 2))


def check_key(key: str) -> None:
    """Raises SwarmError, which does not show what was given, when it is no private key that the Engine could use."""
    if not _KEY.search(key):
        raise SwarmError("signing_ca_key: expected a private key in PEM without a passphrase; what was given is not one, and is not shown")


def put_signing_cert(document: Json, value: str) -> None:
    """Ask for a root, and trust it: the Engine takes it in the spec, which never shows it, and then has it in TLSInfo."""
    document.setdefault("Spec", {}).setdefault("CAConfig", {})["SigningCACert"] = value
    document["TLSInfo"] = {**(document.get("TLSInfo") or {}), "TrustRoot": value}


def being_taken(pem: str, swarm: Mapping[str, Any]) -> bool:
    """Whether a rotation of the root that is under way leads to this certificate.

    Until it ends, GET /swarm has the old root and the subject and public key of the new one, which a certificate holds as they are.
    """
    info = swarm.get("TLSInfo") or {}
    parts = [base64.b64decode(info.get(part) or "") for part in ("CertIssuerSubject", "CertIssuerPublicKey")]
    content = ssl.PEM_cert_to_DER_cert(pem)
    return bool(swarm.get("RootRotationInProgress")) and all(part and part in content for part in parts)


def parse_external(value: Any) -> tuple[ExternalCA, ...]:
    """Signers in the order in which they are asked."""
    return tuple(_external(entry, f"[{index}]") for index, entry in enumerate(value))


def _external(entry: Any, place: str) -> ExternalCA:
    if not isinstance(entry, Mapping):
        return (entry[0], entry[1], entry[2], entry[3])
    url = str(entry["url"])
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise Unfit("a URL such as https://ca.example.org:8888/api/v1/cfssl/sign", f"{place}.url", url)
    try:
        root = certificate(entry["ca_cert"]) if entry.get("ca_cert") else ""
    except Unfit as error:
        raise Unfit(str(error), f"{place}.ca_cert", error.found) from None
    return (str(entry.get("protocol") or "cfssl"), url, tuple(sorted(labels(entry.get("options") or {}).items())), root)


def show_external(value: Sequence[ExternalCA]) -> list[dict[str, Any]]:
    """Signers as people write them."""
    shown = []
    for protocol, url, options, root in value:
        entry: dict[str, Any] = {"url": url, "protocol": protocol, "options": dict(options), "ca_cert": root}
        shown.append({name: each for name, each in entry.items() if each})
    return shown


def _read_external(value: Any) -> tuple[ExternalCA, ...]:
    return tuple(
        (
            str(each.get("Protocol") or "cfssl"),
            str(each.get("URL") or ""),
            tuple(sorted((each.get("Options") or {}).items())),
            _read_certificate(each.get("CACert") or ""),
        )
        for each in value
    )


def _write_external(value: Sequence[ExternalCA]) -> list[Json]:
    return [{"Protocol": protocol, "URL": url, "Options": dict(options), "CACert": root} for protocol, url, options, root in value]


CERTIFICATE = Kind("str", certificate, read=_read_certificate)
EXTERNAL_CAS = Kind("list", parse_external, show_external, _read_external, _write_external, elements="dict", options=EXTERNAL_OPTIONS)
