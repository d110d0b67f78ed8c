"""The connection that ends another one: what is said on the wire, and what a refusal becomes."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from common.clients import session
from common.errors import TransientError
from quarantine.takeover import take_over

SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
ACCEPTED, REFUSED = b"\x82\x04\x20\x02\x00\x00", b"\x82\x04\x20\x02\x00\x05"


def unmasked(stream: bytes) -> Iterator[bytes]:
    """The payloads of a client's binary frames (RFC 6455, 5.2)."""
    while stream:
        assert stream[0] == 0x82
        assert stream[1] & 0x80, "a client masks"
        length, at = stream[1] & 0x7F, 2
        if length == 126:
            length, at = int.from_bytes(stream[2:4], "big"), 4
        mask, payload = stream[at : at + 4], stream[at + 4 : at + 4 + length]
        yield bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
        stream = stream[at + 4 + length :]


@contextmanager
def gateway(answer: bytes, connack: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server for one connection; gives its address, and what was said: the request's head, then the frames."""
    said: list[bytes] = []

    def serve() -> None:
        wire, _ = listener.accept()
        with wire:
            head = b""
            while b"\r\n\r\n" not in head:
                head += wire.recv(4096)
            said.append(head)
            wire.sendall(answer)
            frames = wire.recv(4096)
            wire.sendall(connack)
            while part := wire.recv(4096):
                frames += part
            said.extend(unmasked(frames))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", said
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize("name", ["lamp", "x" * 112, "x" * 128])
def test_it_connects_under_the_devices_name_and_leaves(name: str) -> None:
    # when
    with gateway(SWITCHING, ACCEPTED) as (address, said):
        take_over(session, address, name)
    # then
    head, connect, disconnect = said
    assert head.startswith(b"GET /mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256&")
    assert b"iotdevicegateway" in head
    assert b"Sec-WebSocket-Protocol: mqtt\r\n" in head
    assert b"&X-Amz-Security-Token=testing " in head
    rest = 2 if connect[1] < 128 else 3
    assert connect[0] == 0x10
    assert connect[rest:] == b"\x00\x04MQTT\x04\x02\x00\x3c" + len(name).to_bytes(2, "big") + name.encode()
    assert disconnect == b"\xe0\x00"


def test_a_refused_connection_is_tried_again_by_the_workflow() -> None:
    with gateway(SWITCHING, REFUSED) as (address, _), pytest.raises(TransientError, match="is refused"):
        take_over(session, address, "lamp")


def test_no_websocket_is_no_connection() -> None:
    answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    with gateway(answer, b"") as (address, _), pytest.raises(TransientError, match="403"):
        take_over(session, address, "lamp")


def test_nobody_there_is_a_passing_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(TransientError, match="could not be taken over"):
        take_over(session, f"http://127.0.0.1:{port}", "lamp")
