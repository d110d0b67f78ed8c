"""A key and a certificate that are good for hours, made in memory: neither ever stands in a file.

AWS IoT issues certificates for decades. One that somebody else has signed it takes by
RegisterCertificateWithoutCA, with the end that it has; and its id, the SHA-256 of the certificate,
is known before AWS IoT knows it, so that nothing is lost track of (AWS IoT developer guide, "Create
your own client certificates").
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

# Clocks differ.
BEFORE = timedelta(minutes=5)


@dataclass(frozen=True)
class Certificate:
    """PEM texts, and the id that AWS IoT gives to such a certificate."""

    certificate_id: str
    pem: str
    key: bytes = field(repr=False)


def issue(now: datetime, expiry: datetime) -> Certificate:
    """A certificate for client authentication, signed by an authority that is forgotten at once."""
    # Loading it takes a tenth of a second, which no other command should wait for.
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    certificate = (
        _filled_in(now, expiry).public_key(key.public_key()).sign(authority, hashes.SHA256())
    )
    return Certificate(
        hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
        certificate.public_bytes(Encoding.PEM).decode(),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def _filled_in(now: datetime, expiry: datetime) -> "x509.CertificateBuilder":
    """All but the key."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: PLC0415

    def named(common_name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])

    return (
        x509.CertificateBuilder()
        .subject_name(named("playground listen"))
        .issuer_name(named("playground listen, an authority for once"))
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BEFORE)
        .not_valid_after(expiry)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
