"""TLS of a client with a certificate of its own, as a device has one."""

from awscrt import io


def context_of(certificate: str, private_key: str, ca: bytes) -> io.ClientTlsContext:
    """All three are PEM; `ca` is the only authority that the client trusts."""
    options = io.TlsContextOptions.create_client_with_mtls(
        certificate.encode(), private_key.encode()
    )
    options.override_default_trust_store(ca)
    return io.ClientTlsContext(options)
