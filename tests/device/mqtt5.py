"""As much of MQTT 5 (OASIS standard, 2019) as a test server needs: packets to objects, and answers
to bytes.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 4, 8, 12, 14
SESSION_TAKEN_OVER, SERVER_SHUTTING_DOWN, NOT_AUTHORIZED = 0x8E, 0x8B, 0x87


@dataclass(frozen=True)
class Connect:
    """A client introduces itself."""

    client_id: str
    clean_start: bool
    keep_alive: int
    protocol: str = "MQTT"
    version: int = 5
    has_will: bool = False


@dataclass(frozen=True)
class Publish:
    """A message from the client."""

    topic: str
    payload: bytes = field(repr=False)
    qos: int
    packet_id: int
    duplicate: bool


@dataclass(frozen=True)
class Puback:
    """The client has taken our message."""

    packet_id: int


@dataclass(frozen=True)
class Subscribe:
    """The client wants these topics."""

    packet_id: int
    filters: tuple[str, ...]


@dataclass(frozen=True)
class Pingreq:
    """Is the server still there?"""


@dataclass(frozen=True)
class Disconnect:
    """The client says goodbye."""


Packet: TypeAlias = Connect | Publish | Puback | Subscribe | Pingreq | Disconnect


class Reader:
    """Reads one packet's body from its beginning."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._position = 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        taken = self._body[self._position : self._position + count]
        assert len(taken) == count, "a packet that ends too early"
        self._position += count
        return taken

    def number(self, size: int) -> int:
        """A big-endian integer."""
        return int.from_bytes(self.take(size), "big")

    def variable(self) -> int:
        """A variable byte integer."""
        value = shift = 0
        while True:
            byte = self.number(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def binary(self) -> bytes:
        """Binary data with its length before it."""
        return self.take(self.number(2))

    def properties(self) -> bytes:
        """All properties, unread."""
        return self.take(self.variable())

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._body) - self._position)

    @property
    def more(self) -> bool:
        """Whether anything is left."""
        return self._position < len(self._body)


def decode(first: int, body: bytes) -> Packet:
    """The packet with this first byte."""
    reader, kind = Reader(body), first >> 4
    if kind == CONNECT:
        return _connect(reader)
    if kind == PUBLISH:
        topic, qos = reader.binary().decode(), first >> 1 & 3
        packet_id = reader.number(2) if qos else 0
        reader.properties()
        return Publish(topic, reader.rest(), qos, packet_id, bool(first & 8))
    if kind == PUBACK:
        return Puback(reader.number(2))
    if kind == SUBSCRIBE:
        return _subscribe(reader)
    if kind == PINGREQ:
        return Pingreq()
    assert kind == DISCONNECT, f"packet type {kind} from a client that has no use for it"
    return Disconnect()


def _connect(reader: Reader) -> Connect:
    protocol, version, flags, keep_alive = (
        reader.binary().decode(),
        reader.number(1),
        reader.number(1),
        0,
    )
    keep_alive = reader.number(2)
    reader.properties()
    return Connect(
        reader.binary().decode(), bool(flags & 2), keep_alive, protocol, version, bool(flags & 4)
    )


def _subscribe(reader: Reader) -> Subscribe:
    packet_id = reader.number(2)
    reader.properties()
    filters = []
    while reader.more:
        filters.append(reader.binary().decode())
        reader.take(1)
    return Subscribe(packet_id, tuple(filters))


def connack(*, session_present: bool) -> bytes:
    """Welcome."""
    return _packet(0x20, bytes([session_present, 0, 0]))


def suback(packet: Subscribe, code: int = 1) -> bytes:
    """Subscribed to all of them with QoS 1, or refused with another code."""
    return _packet(
        0x90, packet.packet_id.to_bytes(2, "big") + b"\0" + bytes([code]) * len(packet.filters)
    )


def puback(packet: Publish) -> bytes:
    """Taken."""
    return _packet(0x40, packet.packet_id.to_bytes(2, "big"))


def publish(topic: str, payload: bytes, packet_id: int) -> bytes:
    """A message with QoS 1."""
    name = topic.encode()
    return _packet(
        0x32, len(name).to_bytes(2, "big") + name + packet_id.to_bytes(2, "big") + b"\0" + payload
    )


def pingresp() -> bytes:
    """Still here."""
    return _packet(0xD0, b"")


def disconnect(reason: int) -> bytes:
    """The server ends the connection."""
    return _packet(0xE0, bytes([reason, 0]))


def _packet(first: int, body: bytes) -> bytes:
    length, rest = bytearray(), len(body)
    while True:
        rest, byte = rest >> 7, rest & 0x7F
        length.append(byte | 0x80 if rest else byte)
        if not rest:
            return bytes([first]) + bytes(length) + body
