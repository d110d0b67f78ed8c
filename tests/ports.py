"""Ports for the tests' own servers."""

import os
import secrets
import socket

LOWEST, HIGHEST = 12_000, 30_000
"""Below the ports that systems give to outgoing connections (Linux from 32,768, macOS from
49,152): one of those may be in use a moment after it was seen free."""
GIVEN: set[int] = set()
"""In this process: none is given twice, for it may be long before a server takes it."""
WORKERS = 8
"""Of xdist: each takes ports of its own, for two clouds may see the same one free at once."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on now."""
    width = (HIGHEST - LOWEST) // (WORKERS + 1)
    # The last part is that of a process without workers.
    name = os.environ.get("PYTEST_XDIST_WORKER", f"gw{WORKERS}")
    first = LOWEST + width * (int(name.removeprefix("gw")) % (WORKERS + 1))
    while True:
        port = first + secrets.randbelow(width)
        if port in GIVEN:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        GIVEN.add(port)
        return port
