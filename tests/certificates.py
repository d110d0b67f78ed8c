"""Certificates as an audit may meet them: with any key, any validity."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
_SIGNER = ec.generate_private_key(ec.SECP256R1())
_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Audited")])


def rsa_public_key(modulus: int) -> rsa.RSAPublicKey:
    """A public key of that modulus; nobody knows the private one."""
    return rsa.RSAPublicNumbers(65537, modulus).public_key()


def certificate_pem(
    key: PublicKey | None = None,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> str:
    """A certificate for the key (P-256 when none is given), valid from yesterday for years, signed
    by a stranger.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    built = (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .issuer_name(_NAME)
        .public_key(key or _SIGNER.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before or now - timedelta(days=1))
        .not_valid_after(not_after or now + timedelta(days=3650))
        .sign(_SIGNER, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()
