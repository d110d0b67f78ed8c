"""A certificate that is over, and that nobody has signed but the device itself.

Slow and heavy like `keys`, hence lazy, and meant for a worker's thread.
"""

from datetime import UTC, datetime, timedelta

from virtual_device.state.config import Identity

LIFE = timedelta(days=30)
OVER_FOR = timedelta(days=1)


def make_expired(thing_name: str) -> Identity:
    """An identity with a new key, whose certificate was good for a month, until yesterday."""
    from cryptography import x509  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, thing_name[:64])]
    )  # RFC 5280: 64 characters
    end = datetime.now(UTC) - OVER_FOR
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - LIFE)
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    return Identity(
        certificate_id=certificate.fingerprint(hashes.SHA256()).hex(),
        certificate=certificate.public_bytes(Encoding.PEM).decode(),
        private_key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )
