"""A connection that nothing is heard of ends.

AWS ends it when one and a half times its keep-alive has gone by without a packet, with the reason
`MQTT_KEEP_ALIVE_TIMEOUT`; the last will goes out. It takes 30 to 1,200 seconds: what is less counts
as 30, what is more, or none, as 1,200, and an MQTT 5 client is told so (Server Keep Alive).

Source: https://docs.aws.amazon.com/general/latest/gr/iot-core.html, "AWS IoT Core message broker
and protocol limits and quotas", and https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html

Emulator: never ends one, so a device that hangs is connected for ever.
"""

import asyncio
import contextlib
import time
from typing import Any

from ministack.services import iot

LEAST, MOST = 30, 1200
REASON = "MQTT_KEEP_ALIVE_TIMEOUT"
TIMED_OUT = 0x8D  # MQTT 5.0, 3.14.2.1: Keep Alive timeout
LOOK_SECONDS = 5.0
SLEPT_SECONDS = 20.0

_looking: set[asyncio.Task[None]] = set()


def fill() -> None:
    """Note when a client was heard, tell it what counts, and look now and then who is silent."""
    dispatch, properties = iot._WSSession._dispatch_packet, iot._WSSession._connack_properties

    async def dispatched(session: Any, kind: int, flags: int, body: bytes) -> bool:
        session._heard = time.monotonic()
        if kind == iot.PKT_CONNECT:
            asked = asked_by(body)
            session._keep_alive = min(max(asked, LEAST), MOST) if asked else MOST
            session._told_otherwise = asked != session._keep_alive
            _look()
        return bool(await dispatch(session, kind, flags, body))

    def told(session: Any, assigned: str | None) -> list[tuple[int, object]]:
        found: list[tuple[int, object]] = properties(session, assigned)
        if getattr(session, "_told_otherwise", False):
            found.append((iot.PROP_SERVER_KEEP_ALIVE, session._keep_alive))
        return found

    iot._WSSession._dispatch_packet, iot._WSSession._connack_properties = dispatched, told


def asked_by(connect: bytes) -> int:
    """Seconds that a CONNECT asks for, 0 for none (MQTT 5.0, 3.1.2.10)."""
    at = 2 + int.from_bytes(connect[:2], "big") + 2
    return int.from_bytes(connect[at : at + 2], "big")


def _look() -> None:
    if not any(not task.done() for task in _looking):
        _looking.clear()
        _looking.add(asyncio.get_running_loop().create_task(_end_the_silent()))


async def _end_the_silent() -> None:
    """Goes on while anybody is connected."""
    before = time.monotonic()
    while iot._connected_clients:
        await asyncio.sleep(LOOK_SECONDS)
        # Whoever has slept, as the laptop does, has heard nobody: then all are given their time
        # anew.
        before, slept = time.monotonic(), time.monotonic() - before > SLEPT_SECONDS
        for session in list(iot._connected_clients.values()):
            keep_alive = getattr(session, "_keep_alive", 0)
            if slept:
                session._heard = before
            elif keep_alive and before - session._heard > 1.5 * keep_alive:
                await _end(session)


async def _end(session: Any) -> None:
    session._forced_disconnect_reason = REASON
    # The client may be gone already: then its socket refuses.
    with contextlib.suppress(Exception):
        if session.protocol_version == iot.MQTT_5:
            await asyncio.wait_for(session.send_bytes(iot._make_disconnect(TIMED_OUT)), 1)
    with contextlib.suppress(Exception):
        await session._send({"type": "websocket.close", "code": 1000})
    await session.cleanup()
