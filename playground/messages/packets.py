"""An MQTT 5 message with all that came with it."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from awscrt import mqtt5

from common.jsontext import decode
from common.jsonvalues import NotJsonError


@dataclass(frozen=True)
class Packet:
    """A message, and when it came."""

    topic: str
    payload: bytes
    qos: int
    retain: bool = False
    content_type: str | None = None
    response_topic: str | None = None
    correlation_data: bytes | None = None
    user_properties: tuple[tuple[str, str], ...] = ()
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def of(cls, packet: mqtt5.PublishPacket) -> "Packet":
        """From what the client got."""
        payload = (
            packet.payload
            if isinstance(packet.payload, bytes)
            else str(packet.payload or "").encode()
        )
        properties = tuple((one.name, one.value) for one in packet.user_properties or ())
        return cls(
            packet.topic,
            payload,
            int(packet.qos),
            bool(packet.retain),
            packet.content_type,
            packet.response_topic,
            packet.correlation_data_bytes,
            properties,
        )

    def data(self) -> dict[str, Any]:
        """For a program to read. `payload` is JSON or text; what is neither is `payload_base64`."""
        found: dict[str, Any] = {
            "time": self.at.isoformat(timespec="milliseconds"),
            "topic": self.topic,
            "qos": self.qos,
            "retain": self.retain,
        }
        for name in ("content_type", "response_topic"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        if self.correlation_data is not None:
            found["correlation_data_base64"] = base64.b64encode(self.correlation_data).decode()
        if self.user_properties:
            found["user_properties"] = [
                {"name": name, "value": value} for name, value in self.user_properties
            ]
        return found | _read(self.payload)


def _read(payload: bytes) -> dict[str, Any]:
    try:
        return {"payload": decode(payload)}
    except NotJsonError:
        pass
    try:
        return {"payload": payload.decode()}
    except UnicodeDecodeError:
        return {"payload_base64": base64.b64encode(payload).decode()}
