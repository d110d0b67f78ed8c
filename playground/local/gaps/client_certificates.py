"""Who connects to the MQTT port without a certificate.

AWS: devices authenticate with X.509 certificates on port 8883, and the TLS handshake ends without
one.

Source: https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html and
https://docs.aws.amazon.com/iot/latest/developerguide/transport-security.html

Emulator: lets such a client in, into its default account.
"""

import ssl
from typing import Any

from ministack.services import iot


def fill() -> None:
    """Ask for a certificate, and end the handshake without."""
    build = iot._mtls_build_ssl_context

    def built() -> Any:
        context = build()
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    iot._mtls_build_ssl_context = built
