"""The size of a message's payload.

AWS: 128 KB, of the payload alone. A client that publishes more is disconnected (`CLIENT_ERROR`;
MQTT 5 has the reason code 0x95 for it), an HTTP call is answered 413.

Source: https://docs.aws.amazon.com/general/latest/gr/iot-core.html, "AWS IoT Core message broker
and protocol limits and quotas", and
https://docs.aws.amazon.com/iot/latest/developerguide/life-cycle-events.html

Emulator: takes 16 MB; MQTT 5 clients are told of 128 KB, and keep to it.
"""

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import iot, iot_data

MOST_BYTES = 128 * 1024
PACKET_TOO_LARGE = 0x95  # MQTT 5.0, 3.14.2.1


def fill() -> None:
    """Refuse what is larger, over MQTT and HTTP."""
    dispatch, publish = iot._WSSession._dispatch_packet, iot_data._publish

    async def dispatched(session: Any, kind: int, flags: int, body: bytes) -> bool:
        if (
            kind == iot.PKT_PUBLISH
            and len(body) > MOST_BYTES
            and _payload(session, flags, body) > MOST_BYTES
        ):
            session._forced_disconnect_reason = "CLIENT_ERROR"
            if session.protocol_version == iot.MQTT_5:
                await session.send_bytes(iot._make_disconnect(PACKET_TOO_LARGE))
            return False
        return bool(await dispatch(session, kind, flags, body))

    async def published(topic: str, body: bytes, *rest: Any) -> Any:
        if len(body or b"") > MOST_BYTES:
            return error_response_json(
                "RequestEntityTooLargeException", "The payload is too large", 413
            )
        return await publish(topic, body, *rest)

    iot._WSSession._dispatch_packet, iot_data._publish = dispatched, published


def _payload(session: Any, flags: int, body: bytes) -> int:
    """How many bytes of a PUBLISH are payload."""
    _, at = iot._read_string(body, 0)
    at += 2 if flags & 0x06 else 0
    if session.protocol_version == iot.MQTT_5:
        _, at = iot._decode_properties(body, at)
    return len(body) - int(at)
