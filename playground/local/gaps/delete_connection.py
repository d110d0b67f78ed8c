"""DeleteConnection of the data plane: ends the connection of an MQTT client by its client id.

AWS tells the client (DISCONNECT, MQTT 5 alone has one from a server), closes its socket, and tells
of the reason `API_INITIATED_DISCONNECT` in the presence event. The last will goes out unless
`preventWillMessage` is true; with `cleanSession` subscriptions and queued messages are forgotten.
Who has neither a connection nor a persistent session is not found. IAM checks
`iot:DeleteConnection` against `client/<clientId>`, see `iot_resources`.

Source: https://docs.aws.amazon.com/iot/latest/apireference/API_iot-data_DeleteConnection.html and
https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html, "Managing MQTT connections"

Emulator: answers `Unsupported iot-data path`.
"""

import contextlib
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import iot, iot_data

Answer = tuple[int, dict[str, str], bytes]

PREFIX = "/connections/"
REASON = "API_INITIATED_DISCONNECT"
# MQTT 5.0, 3.14.2.1: "The Connection is closed due to an administrative action."
ADMINISTRATIVE_ACTION = 0x98


def fill() -> None:
    """Answer it, before the emulator's own routes are looked at."""
    served = iot_data.handle_request

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        if method == "DELETE" and path.startswith(PREFIX):
            client_id = path.removeprefix(PREFIX)
            return await _delete(
                client_id, _asked(query, "cleanSession"), _asked(query, "preventWillMessage")
            )
        answer: Answer = await served(method, path, headers, body, query)
        return answer

    iot_data.handle_request = handle


def _asked(query: dict[str, Any], name: str) -> bool:
    value = query.get(name, "")
    return str(value[0] if isinstance(value, list) else value).lower() == "true"


async def _delete(client_id: str, clean_session: bool, prevent_will: bool) -> Answer:  # noqa: FBT001
    if not client_id or client_id.startswith("$") or len(client_id) > 128:
        refused: Answer = error_response_json("InvalidRequestException", "Invalid client ID", 400)
        return refused
    key = (get_account_id(), get_region(), client_id)
    connected, stored = iot._connected_clients.get(key), iot._persistent_sessions.get(key)
    if stored is not None and iot._is_session_expired(stored):
        stored = None
    if connected is None and stored is None:
        missing: Answer = error_response_json(
            "ResourceNotFoundException", f"The client {client_id} is not connected", 404
        )
        return missing
    if connected is not None:
        await _end(connected, clean_session, prevent_will)
    if clean_session:
        iot._persistent_sessions.pop(key, None)
    return 200, {"Content-Type": "application/json"}, b""


async def _end(session: Any, clean_session: bool, prevent_will: bool) -> None:  # noqa: FBT001
    session._forced_disconnect_reason = REASON
    if clean_session:
        session._persist_session = False
    if prevent_will:
        session._will_topic = None
    # The client may be gone already: then its socket refuses.
    with contextlib.suppress(Exception):
        if session.protocol_version == iot.MQTT_5:
            await session.send_bytes(iot._make_disconnect(ADMINISTRATIVE_ACTION))
    with contextlib.suppress(Exception):
        await session._send({"type": "websocket.close", "code": 1000})
    await session.cleanup()
