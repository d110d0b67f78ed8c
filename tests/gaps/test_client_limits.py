"""What ends a client's connection: silence, too long a name, too many filters at once."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.gaps.filled import ACCOUNT, REGION, fill, in_scope


def connect(name: str, *, version: int, keep_alive: int = 60) -> bytes:
    """A CONNECT without its fixed header (MQTT 5.0, 3.1)."""
    text = name.encode()
    body = b"\x00\x04MQTT" + bytes([version, 0x02]) + keep_alive.to_bytes(2, "big")
    return body + (b"\x00" if version == 5 else b"") + len(text).to_bytes(2, "big") + text


def subscribe(count: int, *, version: int) -> bytes:
    """A SUBSCRIBE to so many filters."""
    return b"\x00\x01" + (b"\x00" if version == 5 else b"") + b"\x00\x01t\x00" * count


@dataclass
class Client:
    """One client of the emulator's broker, and what it is sent."""

    iot: Any
    session: Any = None
    sent: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    async def connect(self, name: str = "lamp", **how: int) -> bool:
        """Whether it stays connected."""
        self.session = self.iot._WSSession(self.send, ACCOUNT, REGION)
        return bool(await self.session.handle_packet(self.iot.PKT_CONNECT, 0, connect(name, **how)))

    async def subscribe(self, count: int) -> bool:
        """Whether it stays connected."""
        body = subscribe(count, version=self.session.protocol_version)
        return bool(await self.session.handle_packet(self.iot.PKT_SUBSCRIBE, 0x02, body))

    @property
    def is_connected(self) -> bool:
        return (ACCOUNT, REGION, "lamp") in self.iot._connected_clients


def played(play: Callable[[Client], Awaitable[None]], *names: str) -> None:
    """Play it with these gaps filled."""
    fill(*names)
    from ministack.services import iot

    in_scope()

    async def run() -> None:
        await play(Client(iot))

    asyncio.run(run())


class Clock:
    """Time that goes on when a test says so; whoever sleeps gives way to others."""

    now = 1000.0
    looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return self.now

    async def is_looked_at(self) -> None:
        """Return when whoever goes by it has looked at everybody since."""
        enough = self.looks + 2
        async with asyncio.timeout(5):
            while self.looks < enough:
                await asyncio.sleep(0.001)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The gap's clock; it looks all the time."""
    keep_alive = importlib.import_module("playground.local.gaps.keep_alive")
    found = Clock()
    monkeypatch.setattr(keep_alive, "time", found)
    monkeypatch.setattr(keep_alive, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(keep_alive, "SLEPT_SECONDS", 10_000.0)
    return found


def test_the_emulator_still_takes_them() -> None:
    """When this fails the emulator has learned one: away with that gap."""

    async def play(client: Client) -> None:
        assert await client.connect("x" * 129, version=5)
        assert await client.subscribe(9)
        assert not hasattr(client.session, "_keep_alive")

    played(play)


@pytest.mark.parametrize("version", [4, 5])
def test_names_and_filters_have_limits(version: int) -> None:
    async def play(client: Client) -> None:
        assert not await client.connect("x" * 129, version=version)
        assert client.sent[-1]["bytes"][:4] == (
            b"\x20\x03\x00\x85" if version == 5 else b"\x20\x02\x00\x02"
        )
        assert await client.connect("x" * 128, version=version)
        assert await client.subscribe(8)
        client.sent.clear()
        assert not await client.subscribe(9)
        assert [one["bytes"] for one in client.sent] == (
            [b"\xe0\x02\x97\x00"] if version == 5 else []
        )
        assert client.session.disconnect_reason() == "CLIENT_ERROR"

    played(play, "subscribe_limits")


@pytest.mark.parametrize(("asked", "counts"), [(60, 60), (5, 30), (0, 1200), (5000, 1200)])
def test_whoever_is_silent_too_long_is_disconnected(asked: int, counts: int, clock: Clock) -> None:
    async def play(client: Client) -> None:
        # given: it is told what counts where that is not what it asked for
        await client.connect(version=5, keep_alive=asked)
        told = b"\x13" + counts.to_bytes(2, "big")
        assert (told in client.sent[0]["bytes"]) is (asked != counts)
        # when it is heard of in time
        clock.now += 1.5 * counts - 1
        await client.session.handle_packet(client.iot.PKT_PINGREQ, 0, b"")
        clock.now += 1.5 * counts - 1
        await clock.is_looked_at()
        assert client.is_connected
        # and when not
        clock.now += 2
        async with asyncio.timeout(5):
            while client.is_connected:
                await asyncio.sleep(0.001)
        # then
        assert client.sent[-2:] == [
            {"type": "websocket.send", "bytes": b"\xe0\x02\x8d\x00"},
            {"type": "websocket.close", "code": 1000},
        ]
        assert client.session.disconnect_reason() == "MQTT_KEEP_ALIVE_TIMEOUT"

    played(play, "keep_alive")


def test_an_emulator_that_has_slept_blames_nobody(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_alive = importlib.import_module("playground.local.gaps.keep_alive")
    monkeypatch.setattr(keep_alive, "SLEPT_SECONDS", 100.0)

    async def play(client: Client) -> None:
        # given
        await client.connect(version=5)
        await clock.is_looked_at()
        # when
        clock.now += 180
        await clock.is_looked_at()
        # then: its time begins anew
        assert client.is_connected
        clock.now += 91
        async with asyncio.timeout(5):
            while client.is_connected:
                await asyncio.sleep(0.001)

    played(play, "keep_alive")
