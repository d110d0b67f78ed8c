"""Put on the path of a Python program: it notes whom else than this machine the program looks up or
calls, and ends it.

The names go to the file that STRANGERS names, one a line.
"""

import ipaddress
import os
import socket
from typing import Any

_look_up, _connect = socket.getaddrinfo, socket.socket.connect


def _is_here(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _refuse(host: Any) -> None:
    with open(os.environ["STRANGERS"], "a") as file:  # noqa: PTH123 - no more imports than needed
        file.write(f"{host}\n")
    raise OSError(f"{host} is not this machine")


def _noted_look_up(host: Any, *more: Any, **named: Any) -> Any:
    return _look_up(host, *more, **named) if _is_here(host) else _refuse(host)


def _noted_connect(self: socket.socket, address: Any) -> Any:
    if self.family != socket.AF_UNIX and not _is_here(address[0]):
        _refuse(address[0])
    return _connect(self, address)


if os.environ.get("STRANGERS"):
    socket.getaddrinfo = _noted_look_up
    socket.socket.connect = _noted_connect  # type: ignore[method-assign,assignment]
