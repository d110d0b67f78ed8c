"""What `playground command` sends, and which reply it takes."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest
from awscrt import mqtt5

from playground.errors import CommandError
from playground.messages import commands
from playground.messages.commands import ask

Receive = Callable[[mqtt5.PublishPacket], None]
Answers = Callable[[mqtt5.PublishPacket], list[mqtt5.PublishPacket]]


class Broker:
    """Remembers what is sent and answers with what it is told to."""

    def __init__(self, answers: Answers) -> None:
        self.sent: list[mqtt5.PublishPacket] = []
        self.subscribed: list[str] = []
        self._answers = answers

    @contextmanager
    def connection(self, _home: Any, receive: Receive) -> Iterator[Any]:
        self._receive = receive
        yield self

    def subscribe(self, _client: Any, filters: list[str]) -> None:
        self.subscribed += filters

    def publish(self, packet: mqtt5.PublishPacket) -> "Future[None]":
        self.sent.append(packet)
        for answer in self._answers(packet):
            self._receive(answer)
        done: Future[None] = Future()
        done.set_result(None)
        return done


class Catalog:
    """One device."""

    status = "ONLINE"

    def __init__(self, _home: Any) -> None:
        pass

    def row(self, _name: str) -> Mapping[str, str]:
        return {"status": self.status}


def asked(
    monkeypatch: pytest.MonkeyPatch, answers: Answers
) -> tuple[Broker, Callable[[], commands.Reply]]:
    broker = Broker(answers)
    monkeypatch.setattr(commands, "Devices", Catalog)
    monkeypatch.setattr(commands, "connection", broker.connection)
    monkeypatch.setattr(commands, "subscribe", broker.subscribe)
    home: Any = None
    return broker, lambda: ask(home, "d", "tamper", {"detail": "lid"}, 0.2)


def reply(correlation_data: bytes | None, detail: str) -> mqtt5.PublishPacket:
    content = {"command": "tamper", "status": "accepted", "result": {"detail": detail}}
    return mqtt5.PublishPacket(
        json.dumps(content).encode(), topic="t", correlation_data_bytes=correlation_data
    )


def test_only_the_reply_with_our_correlation_data_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    # given: another's reply, one without correlation data, ours
    broker, run = asked(
        monkeypatch,
        lambda packet: [
            reply(b"x", "1"),
            reply(None, "2"),
            reply(packet.correlation_data_bytes, "3"),
        ],
    )
    # then
    assert run().result == {"detail": "3"}
    (request,) = broker.sent
    assert request.topic == "cmd/playground/d/req"
    assert json.loads(request.payload) == {"command": "tamper", "arguments": {"detail": "lid"}}
    assert broker.subscribed == [request.response_topic]
    assert str(request.response_topic).startswith("cmd/playground/d/res/")
    assert request.message_expiry_interval_sec == 1


def test_silence_ends_after_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    _, run = asked(monkeypatch, lambda _: [])
    with pytest.raises(CommandError, match=r"d has not replied within 0\.2 s"):
        run()


def test_a_device_that_is_not_online_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    broker, run = asked(monkeypatch, lambda _: [])
    monkeypatch.setattr(Catalog, "status", "OFFLINE")
    with pytest.raises(CommandError, match="d is OFFLINE"):
        run()
    assert broker.sent == []
