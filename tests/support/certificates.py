"""Certificates for tests: authorities, and what they sign. Nothing of it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import NamedTuple, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

DAY = timedelta(days=1)
LOOPBACK = (x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1")))


class Pair(NamedTuple):
    """The files of a certificate and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """Signs certificates, and writes them below ``folder``."""

    folder: Path
    key: EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls, folder: Path, name: str = "Test CA", lasts: timedelta = DAY) -> Self:
        key = generate_private_key(SECP256R1())
        certificate = _certificate(name, key.public_key(), name, lasts).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder, key, certificate.sign(key, SHA256()))

    @property
    def path(self) -> Path:
        """The file of its own certificate."""
        path = self.folder / "ca.pem"
        path.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        return path

    def pair(self, name: str, names: tuple[x509.GeneralName, ...] = LOOPBACK, lasts: timedelta = DAY) -> Pair:
        """A certificate for ``names`` that ends ``lasts`` from now (negative: in the past), and its key in PKCS 8, the
        one form that every language's TLS reads."""
        key = generate_private_key(SECP256R1())
        issuer = self.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
        unsigned = _certificate(name, key.public_key(), str(issuer), lasts).add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
        pair = Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        pair.certificate.write_bytes(unsigned.sign(self.key, SHA256()).public_bytes(Encoding.PEM))
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pair


def _certificate(subject: str, key: EllipticCurvePublicKey, issuer: str, lasts: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 10 * DAY)
        .not_valid_after(now + lasts)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])
