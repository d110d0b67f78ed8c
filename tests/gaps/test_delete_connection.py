"""DeleteConnection: what becomes of the client, its session and its will, and what presence
says.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.gaps.filled import ACCOUNT, REGION, Answer, fill, in_scope, request

NAME = "lamp/2"
DISCONNECT_BY_ADMINISTRATOR = b"\xe0\x02\x98\x00"


def connect(name: str, *, version: int = 5, keep: bool = True) -> bytes:
    """A CONNECT with a will on `gone`, without its fixed header (MQTT 5.0, 3.1)."""
    text = name.encode()
    flags = 0x04 | (0 if keep else 0x02)
    expiry = b"\x05\x11\x00\x00\x0e\x10" if keep else b"\x00"
    body = (
        b"\x00\x04MQTT" + bytes([version, flags]) + b"\x00\x3c" + (expiry if version == 5 else b"")
    )
    body += len(text).to_bytes(2, "big") + text + (b"\x00" if version == 5 else b"")
    return body + b"\x00\x04gone" + b"\x00\x01!"


@dataclass
class Broker:
    """The emulator's broker, what it has sent to the client, and what it has published."""

    iot: Any
    sent: list[dict[str, Any]] = field(default_factory=list)
    published: list[tuple[str, bytes]] = field(default_factory=list)

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    async def hear(self, topic: str, payload: bytes, _qos: int) -> None:
        self.published.append((topic, payload))

    async def client(self, **how: Any) -> None:
        """Connect one, and listen to its will and to presence."""
        session = self.iot._WSSession(self.send, ACCOUNT, REGION)
        assert await session.handle_packet(self.iot.PKT_CONNECT, 0, connect(NAME, **how))
        for topic in ("gone", "$aws/events/presence/disconnected/#"):
            await self.iot.broker_subscribe(ACCOUNT, REGION, topic, self.hear)
        self.sent.clear()

    async def delete(self, name: str = NAME, **how: Any) -> Answer:
        """Call it, as boto3 does."""
        asked = request("iot-data", "DeleteConnection", clientId=name, **how)
        served = importlib.import_module("ministack.services.iot_data").handle_request
        status, headers, _ = await served(
            asked.method, asked.path, {}, asked.body, dict(asked.query)
        )
        return Answer(status, {}, headers)

    @property
    def keeps_session(self) -> bool:
        return (ACCOUNT, REGION, NAME) in self.iot._persistent_sessions


def played(play: Callable[[Broker], Awaitable[None]], *, filled: bool = True) -> None:
    """Play it with a broker."""
    if filled:
        fill("delete_connection")
    from ministack.services import iot

    in_scope()
    asyncio.run(play(Broker(iot)))  # type: ignore[arg-type]


def test_the_emulator_still_has_none() -> None:
    """When this fails the emulator has learned it: away with the gap."""

    async def play(broker: Broker) -> None:
        await broker.client()
        assert (await broker.delete()).error == "InvalidRequestException"

    played(play, filled=False)


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("clean", [False, True])
@pytest.mark.parametrize("silent", [False, True])
def test_the_connection_ends_as_was_asked(version: int, *, clean: bool, silent: bool) -> None:
    async def play(broker: Broker) -> None:
        # given
        await broker.client(version=version)
        # when
        answer = await broker.delete(cleanSession=clean, preventWillMessage=silent)
        # then: the client is told where its version of MQTT has words for it, and its socket is
        # closed
        assert answer.status == 200
        told = (
            [{"type": "websocket.send", "bytes": DISCONNECT_BY_ADMINISTRATOR}]
            if version == 5
            else []
        )
        assert broker.sent == [*told, {"type": "websocket.close", "code": 1000}]
        assert broker.keeps_session is not clean
        # and the others hear of it
        topics = [topic for topic, _ in broker.published]
        assert topics == [
            *([] if silent else ["gone"]),
            f"$aws/events/presence/disconnected/{NAME}",
        ]
        assert b'"disconnectReason": "API_INITIATED_DISCONNECT"' in broker.published[-1][1]
        assert b'"clientInitiatedDisconnect": false' in broker.published[-1][1]

    played(play)


def test_a_session_without_a_connection_can_be_forgotten_and_what_is_not_there_is_not_found() -> (
    None
):
    async def play(broker: Broker) -> None:
        # given
        await broker.client()
        await broker.delete()
        assert broker.keeps_session
        # then
        assert (await broker.delete(cleanSession=True)).status == 200
        assert not broker.keeps_session
        assert (await broker.delete()).error == "ResourceNotFoundException"

    played(play)


@pytest.mark.parametrize("name", ["$lamp", "x" * 129])
def test_a_name_that_no_client_has_is_refused(name: str) -> None:
    async def play(broker: Broker) -> None:
        assert (await broker.delete(name)).error == "InvalidRequestException"

    played(play)
