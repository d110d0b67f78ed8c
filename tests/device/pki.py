"""A certificate authority of one's own: a CA, server certificates and device certificates for
mutual TLS.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def elliptic() -> PrivateKey:
    """A new EC P-256 key: made in no time."""
    return ec.generate_private_key(ec.SECP256R1())


def rsa_2048() -> PrivateKey:
    """A new RSA key, as AWS IoT's own certificates have."""
    return rsa.generate_private_key(65_537, 2048)


def signing_request(common_name: str, key: PrivateKey | None = None) -> str:
    """A certificate signing request, PEM; unless told otherwise for a new key that nobody keeps."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_common_name(common_name))
    return builder.sign(key or elliptic(), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def pem(key: PrivateKey) -> str:
    """A private key as a device is given it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its private key, both PEM."""

    certificate: str
    private_key: str


class CertificateAuthority:
    """Signs server and device certificates with a key of its own."""

    def __init__(
        self, name: str = "Playground test CA", make_key: Callable[[], PrivateKey] = elliptic
    ) -> None:
        self._make_key = make_key
        self._key = make_key()
        self._name = _common_name(name)
        self._certificate = self._builder(self._name, self._key.public_key(), is_ca=True).sign(
            self._key, hashes.SHA256()
        )
        self.pem = self._certificate.public_bytes(Encoding.PEM).decode()

    def server(self, host: str = "localhost", more_names: Sequence[str] = ()) -> KeyPair:
        """A certificate for `host`, 127.0.0.1 and what else it shall be good for."""
        dns = [x509.DNSName(name) for name in (host, *more_names)]
        return self._issue(
            host, x509.SubjectAlternativeName([*dns, x509.IPAddress(ip_address("127.0.0.1"))])
        )

    def below(self, name: str) -> "CertificateAuthority":
        """An intermediate authority; `pem` is its own certificate."""
        inner = CertificateAuthority(name, self._make_key)
        builder = self._builder(inner._name, inner._key.public_key(), is_ca=True)
        inner.pem = builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
        return inner

    def device(self, thing_name: str) -> KeyPair:
        """A device certificate whose common name, and hence mosquitto's user name, is the thing
        name.
        """
        return self._issue(thing_name, None)

    def certificate_for(self, request: str) -> str:
        """A certificate from a signing request, both PEM."""
        asked = x509.load_pem_x509_csr(request.encode())
        key = asked.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
        signed = self._builder(asked.subject, key, is_ca=False).sign(self._key, hashes.SHA256())
        return signed.public_bytes(Encoding.PEM).decode()

    def _issue(self, common_name: str, names: x509.SubjectAlternativeName | None) -> KeyPair:
        key = self._make_key()
        builder = self._builder(_common_name(common_name), key.public_key(), is_ca=False)
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return KeyPair(
            certificate.public_bytes(Encoding.PEM).decode(),
            pem(key),
        )

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, *, is_ca: bool
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
