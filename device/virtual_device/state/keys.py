"""A key of the device's own making, and the request to have it certified.

Slow and heavy, hence lazy: the first call imports `cryptography`, which takes 65 ms and 17 MiB, and
another 5 ms and 2 MiB for the first key (measured; once in a process). Meant for a worker's thread.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """A key and its certificate signing request (PKCS #10), both PEM."""

    private_key: str = field(repr=False)
    csr: str


def fits(private_key: str, certificate: str) -> bool:
    """Whether the certificate is one for this key; False too for what can't be read."""
    from cryptography import x509  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    try:
        ours = load_pem_private_key(private_key.encode(), None).public_key().public_bytes(*form)
        return (
            x509.load_pem_x509_certificate(certificate.encode()).public_key().public_bytes(*form)
            == ours
        )
    except ValueError:
        return False


def make_request(thing_name: str) -> Request:
    """A new key on the curve P-256, which AWS IoT Core takes (API reference,
    CreateCertificateFromCsr).
    """
    from cryptography import x509  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, thing_name[:64])]
    )  # RFC 5280: 64 characters
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return Request(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        csr.public_bytes(Encoding.PEM).decode(),
    )
