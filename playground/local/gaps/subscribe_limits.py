"""How long a client id may be, and how many filters one SUBSCRIBE may have.

AWS: 128 bytes of UTF-8, and eight. The quotas say so; what a client is told they do not say, so it
is told what MQTT 5 has for it, and disconnected (`CLIENT_ERROR`).

Source: https://docs.aws.amazon.com/general/latest/gr/iot-core.html, "AWS IoT Core message broker
and protocol limits and quotas"

Emulator: takes any.
"""

from typing import Any

from ministack.services import iot

MOST_BYTES, MOST_FILTERS = 128, 8
# MQTT 5.0, 2.4; MQTT 3.1.1, 3.2.2.3.
IDENTIFIER_NOT_VALID, IDENTIFIER_REJECTED, QUOTA_EXCEEDED = 0x85, 0x02, 0x97


def fill() -> None:
    """Look at CONNECT and SUBSCRIBE first."""
    dispatch = iot._WSSession._dispatch_packet

    async def dispatched(session: Any, kind: int, flags: int, body: bytes) -> bool:
        if kind == iot.PKT_CONNECT and len(body) > MOST_BYTES and _id_is_too_long(body):
            is_v5 = _level(body) == iot.MQTT_5
            code = IDENTIFIER_NOT_VALID if is_v5 else IDENTIFIER_REJECTED
            version = iot.MQTT_5 if is_v5 else iot.MQTT_311
            await session.send_bytes(iot._make_connack(return_code=code, protocol_version=version))
            return False
        if kind == iot.PKT_SUBSCRIBE and filters_in(session, body) > MOST_FILTERS:
            session._forced_disconnect_reason = "CLIENT_ERROR"
            if session.protocol_version == iot.MQTT_5:
                await session.send_bytes(iot._make_disconnect(QUOTA_EXCEEDED))
            return False
        return bool(await dispatch(session, kind, flags, body))

    iot._WSSession._dispatch_packet = dispatched


def filters_in(session: Any, body: bytes) -> int:
    """How many filters a SUBSCRIBE has."""
    at, count = 2, 0
    if session.protocol_version == iot.MQTT_5:
        _, at = iot._decode_properties(body, at)
    while at < len(body):
        _, at = iot._read_string(body, at)
        at, count = at + 1, count + 1
    return count


def _id_is_too_long(connect: bytes) -> bool:
    _, at = iot._read_string(connect, 0)
    at += 4  # level, flags, keep-alive
    if _level(connect) == iot.MQTT_5:
        _, at = iot._decode_properties(connect, at)
    return int.from_bytes(connect[at : at + 2], "big") > MOST_BYTES


def _level(connect: bytes) -> int:
    _, at = iot._read_string(connect, 0)
    return int(connect[at])
