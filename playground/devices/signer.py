"""A certificate authority whose key is here: what it signs, and how a new one is made.

No network, no file: `authorities.py` keeps it and has AWS IoT know it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from playground.errors import AuthorityError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate

OF_DEVICES, OF_AUTHORITY = timedelta(days=365), timedelta(days=3650)
EARLIER = timedelta(minutes=5)
"""Certificates are valid from before now on: clocks differ."""


@dataclass(frozen=True)
class Signer:
    """An authority whose key is here."""

    key: "EllipticCurvePrivateKey"
    certificate: "Certificate"

    @property
    def id(self) -> str:
        """As AWS IoT names it: the SHA-256 of the certificate."""
        return fingerprint(self.certificate)

    @property
    def pem(self) -> str:
        """Its certificate."""
        return _pem(self.certificate)

    def sign(self, csr_pem: str, name: str) -> tuple[str, str]:
        """Id and PEM of a certificate with the request's key for `name`, the authority's behind it:
        AWS IoT wants to see both when it does not know the first. Raises AuthorityError.
        """
        from cryptography import x509  # noqa: PLC0415 - takes a tenth of a second
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415

        try:
            csr = x509.load_pem_x509_csr(csr_pem.encode())
            valid = csr.is_signature_valid
            public_key = csr.public_key()
        except (ValueError, InvalidSignature, UnsupportedAlgorithm) as error:
            raise AuthorityError(f"The request for {name} can't be read: {error}.") from None
        if not valid:
            raise AuthorityError(f"The request for {name} is not signed with its own key.")
        made = self._signed(name, public_key, OF_DEVICES)
        return fingerprint(made), _pem(made) + self.pem

    def verification(self, code: str) -> str:
        """That the key is ours: a certificate whose common name is AWS IoT's code."""
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

        key = ec.generate_private_key(ec.SECP256R1())
        return _pem(self._signed(code, key.public_key(), timedelta(days=1)))

    def _signed(self, name: str, public_key: Any, valid: timedelta) -> "Certificate":
        from cryptography import x509  # noqa: PLC0415
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415

        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(self.certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - EARLIER)
            .not_valid_after(min(now + valid, self.certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )


def make_signer(stack_name: str) -> Signer:
    """A new authority on the curve P-256."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    serial, now = x509.random_serial_number(), datetime.now(UTC)
    # AWS IoT tells authorities apart by subject and key; people by the number.
    name = _named(f"{stack_name[:40]} {serial:x}"[:64])
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + OF_AUTHORITY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Signer(key, made)


def fingerprint(certificate: "Certificate") -> str:
    """SHA-256 of the certificate: AWS IoT names it by that."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415

    return certificate.fingerprint(hashes.SHA256()).hex()


def _named(name: str) -> Any:
    from cryptography import x509  # noqa: PLC0415

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _pem(certificate: "Certificate") -> str:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    return certificate.public_bytes(Encoding.PEM).decode()
