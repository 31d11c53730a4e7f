# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root certificates for tests, and what the Engine makes of them: which it refuses, and how far a rotation is."""

from __future__ import annotations

import base64
import datetime
import functools
import secrets
from collections.abc import Iterable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from .refusal import Refusal

Json = dict[str, Any]
YEAR = datetime.timedelta(days=365)
ISSUER = ("CertIssuerSubject", "CertIssuerPublicKey")


@functools.cache
def root(name: str, years: int = 10) -> tuple[str, str]:
    """A root certificate of this name and its key, both in PEM; the same ones each time."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + years * YEAR + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    shown = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return certificate.public_bytes(Encoding.PEM).decode(), shown.decode()


def token() -> str:
    """A join token."""
    return f"SWMTKN-1-{secrets.token_hex(25)}"


def issuer(pem: str) -> Json:
    """What the Engine tells of a certificate that signs for nodes."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return dict(zip(ISSUER, (base64.b64encode(part).decode() for part in (certificate.subject.public_bytes(), key)), strict=True))


def tls(pem: str) -> Json:
    """TLSInfo of a swarm or a node whose root this is."""
    return {"TrustRoot": pem, **issuer(pem)}


def refuse(signing: Json) -> None:
    """Raise what the Engine says to a root that it does not take (swarmkit manager/controlapi/ca_rotation.go)."""
    pem, key = signing.get("SigningCACert"), signing.get("SigningCAKey")
    said = ""
    if key and not pem:
        said = "if a signing CA key is provided, the signing CA cert must also be provided"
    elif pem and not key:
        # None of the external CAs of a test can be reached.
        said = "there must be at least one valid, reachable external CA corresponding to the desired CA certificate"
    elif pem:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        if load_pem_private_key(str(key).encode(), None).public_key() != certificate.public_key():
            said = "certificate key mismatch"
        elif certificate.not_valid_after_utc < datetime.datetime.now(datetime.UTC) + YEAR:
            said = "CA certificate expires too soon"
    if said:
        raise Refusal(400, f"rpc error: code = InvalidArgument desc = {said}")


def begun(cluster: Json, signing: Json) -> Rotation | None:
    """The rotation that a new CAConfig asks for, where it asks for one; raises Refusal."""
    refuse(signing)
    forced = signing.get("ForceRotate", 0) != cluster["Spec"]["CAConfig"].get("ForceRotate", 0)
    pem = signing.get("SigningCACert") or (root(f"swarm-ca {signing['ForceRotate']}", 20)[0] if forced else "")
    return Rotation(cluster, pem) if pem and pem != cluster["TLSInfo"]["TrustRoot"] else None


class Rotation:
    """A change of the root under way in one swarm: a node a reading, and the old root goes when no node is left."""

    def __init__(self, cluster: Json, pem: str) -> None:
        self.pem = pem
        cluster["TLSInfo"].update(issuer(pem))
        cluster["RootRotationInProgress"] = True

    def go_on(self, cluster: Json, nodes: Iterable[Json]) -> bool:
        """One reading later; True once it has ended. A node that is down is waited for."""
        new = issuer(self.pem)
        descriptions = [(node["Description"], node["Status"]["State"]) for node in nodes]
        behind = [each for each in descriptions if any(each[0]["TLSInfo"][part] != new[part] for part in ISSUER)]
        awake = next((description for description, state in behind if state == "ready"), None)
        if awake is not None:
            awake["TLSInfo"].update(new)
        if behind:
            return False
        if cluster["RootRotationInProgress"]:
            cluster["RootRotationInProgress"] = False
            cluster["TLSInfo"] = tls(self.pem)
            cluster["JoinTokens"] = {role: token() for role in cluster["JoinTokens"]}
            return False
        for description, _state in descriptions:
            description["TLSInfo"] = tls(self.pem)
        return True
