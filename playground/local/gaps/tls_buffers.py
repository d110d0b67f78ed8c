"""A connection that says nothing costs little memory.

AWS takes half a million connections an account at a time.
Source: https://docs.aws.amazon.com/general/latest/gr/iot-core.html (message broker quotas)
Emulator: each TLS connection has a buffer of 256 KiB for what comes, so that a thousand devices
take a quarter of a gigabyte before they have said a word. A TLS record has 16 KiB at the most.
"""

from asyncio import sslproto

RECORD = 16 * 1024


def fill() -> None:
    """Let a connection's buffer hold one record."""
    sslproto.SSLProtocol.max_size = RECORD
