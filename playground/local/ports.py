"""Which TCP ports the local cloud uses, and whether they are free."""

import os
import socket
from collections.abc import Mapping

from playground.errors import PlaygroundError, PortTakenError

PORT_VARIABLE = "PLAYGROUND_PORT"
MQTT_PORT_VARIABLE = "PLAYGROUND_MQTT_PORT"


def choose(option: int | None, variable: str, remembered: int, environ: Mapping[str, str] = os.environ) -> int:
    """The port to use: the option, the environment, then what was used last. Raises PlaygroundError."""
    if option is not None:
        return option
    text = environ.get(variable)
    if not text:
        return remembered
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise PlaygroundError(f"{variable}={text} is not a TCP port.")
    return int(text)


def require_free(port: int, option: str, host: str = "127.0.0.1") -> None:
    """Raise PortTakenError when something listens there, or when this user may not."""
    with socket.socket() as probe:
        # As the servers do it: a connection in TIME_WAIT does not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTakenError(
                f"Port {port} cannot be used ({error.strerror}): choose another one with `playground up {option} PORT`."
            ) from error
