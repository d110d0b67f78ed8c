"""A WebSocket through the proxy: bytes to and fro, and whether the server took the client in."""

import select
import socket
from collections.abc import Callable

from tests.fault_matrix.rules import Answer

IDLE_SECONDS = 30.0
END_OF_HEAD = b"\r\n\r\n"
# RFC 6455, 5.2: a binary frame, whole. Whoever is refused gets a frame that closes, or nothing at all.
BINARY = b"\x82"


def tunnel(client: socket.socket, upstream_port: int, head: bytes, tell: Callable[[Answer], None]) -> None:
    """Pass on the request's head and then whatever comes, until one side closes.

    `tell` hears once, before the client does, the server's answer to the upgrade; 403 when it took the client in and
    then had nothing to say, which is how a broker refuses a CONNECT of MQTT 3.1.1.
    """
    said, told = b"", False
    with socket.create_connection(("127.0.0.1", upstream_port)) as server:
        server.sendall(head)
        other = {client: server, server: client}
        while part := _next([client, server]):
            source, content = part
            if source is server:
                said += content
                if not told and said.partition(END_OF_HEAD)[2]:
                    tell(_answer(said))
                    told = True
            if not content:
                break
            other[source].sendall(content)
    if not told:
        tell(_answer(said))


def _next(sockets: list[socket.socket]) -> tuple[socket.socket, bytes] | None:
    ready, _, _ = select.select(sockets, [], [], IDLE_SECONDS)
    return (ready[0], ready[0].recv(65_536)) if ready else None


def _answer(said: bytes) -> Answer:
    head, _, frames = said.partition(END_OF_HEAD)
    status = int(head.split(b" ", 2)[1]) if head else 502
    refused = status == 101 and not frames.startswith(BINARY)
    return Answer(403 if refused else status, {}, frames)
