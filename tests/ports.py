"""Ports for the tests' own servers."""

import secrets
import socket

LOWEST, HIGHEST = 12_000, 30_000
"""Below the ports that systems give to outgoing connections (Linux from 32,768, macOS from
49,152): one of those may be in use a moment after it was seen free."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on now."""
    while True:
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
