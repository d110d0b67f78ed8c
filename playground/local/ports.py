"""Which TCP ports the local cloud uses, and whether they are free."""

import errno
import os
import socket
from collections.abc import Mapping

from playground.errors import PlaygroundError, PortTakenError

PORT_VARIABLE = "PLAYGROUND_PORT"
MQTT_PORT_VARIABLE = "PLAYGROUND_MQTT_PORT"
CONSOLE_PORT_VARIABLE = "PLAYGROUND_CONSOLE_PORT"
NAME = "localhost"
LOOPBACK = {"127.0.0.1", "::1"}
"""What that is everywhere: RFC 6761, section 6.3."""


def choose(
    option: int | None,
    variable: str,
    remembered: int,
    environ: Mapping[str, str] = os.environ,
    least: int = 1,
) -> int:
    """The port to use: the option, the environment, then what was used last; `least` is 0 where
    that means none. Raises PlaygroundError.
    """
    if option is not None:
        return option
    text = environ.get(variable)
    if not text:
        return remembered
    if not text.isdecimal() or len(text) > 5 or not least <= int(text) < 65536:
        raise PlaygroundError(f"{variable}={text} is not a TCP port.")
    return int(text)


def require_free(port: int, option: str, host: str = "127.0.0.1", command: str = "up") -> None:
    """Raise PortTakenError when something listens there, or when this user may not.

    `host` is where the server will bind. Clients are free to ask for `localhost`, which may mean
    other addresses too: another program there would get what is meant for the local cloud.
    """
    how = f"choose another one with `playground {command} {option} PORT`."
    if problem := _problem(host, port):
        raise PortTakenError(f"Port {port} cannot be used ({problem.strerror}): {how}")
    for address in _meant_by(NAME, port) - {host}:
        if (found := _problem(address, port)) and found.errno == errno.EADDRINUSE:
            raise PortTakenError(
                f"Port {port} cannot be used: another program listens at {address}, "
                f"which {NAME} may mean too: {how}"
            )


def _meant_by(name: str, port: int) -> set[str]:
    """What this system says, and what every other client may take it for."""
    try:
        return LOOPBACK | {
            str(found[4][0]) for found in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        }
    except OSError:
        return LOOPBACK


def _problem(address: str, port: int) -> OSError | None:
    """Why a server can't listen there; None when it can."""
    version = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(version) as probe:
            # As the servers do it: a connection in TIME_WAIT does not make a port taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if version == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((address, port))
    except OSError as error:
        return error
    return None
