"""The one thread of all devices: what is made when, and what wakes it."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from virtual_device.base import log
from virtual_device.base.reactor import Reactor
from virtual_device.connection.outbox import MAX_UNACKNOWLEDGED, Outbox
from virtual_device.connection.traffic import Traffic
from virtual_device.connection.transport import Counting, Done, Failure

QUIET_SECONDS = 0.1


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    """Running, and idle."""
    running = Reactor()
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    done = threading.Event()
    running.post(done.set)
    assert done.wait(10)
    yield running
    running.post(running.stop)
    thread.join(10)


def test_what_is_unhurried_wakes_nobody_and_comes_before_the_next_call(reactor: Reactor) -> None:
    made: list[str] = []
    early, done = threading.Event(), threading.Event()
    for number in range(3):
        reactor.post_unhurried(lambda number=number: made.append(str(number)))  # type: ignore[misc]
    reactor.post_unhurried(early.set)
    assert not early.wait(QUIET_SECONDS)
    assert made == []
    reactor.post(lambda: made.append("call"))
    reactor.post(done.set)
    assert done.wait(10)
    assert made == ["0", "1", "2", "call"]


def test_it_comes_before_a_timer_too_and_its_fault_stops_nothing(
    reactor: Reactor, caplog: pytest.LogCaptureFixture
) -> None:
    made: list[str] = []
    done, fault = threading.Event(), dict[str, Callable[[], None]]()

    def fire() -> None:
        made.append("timer")
        done.set()

    def start() -> None:
        reactor.after(QUIET_SECONDS, fire)
        reactor.post_unhurried(lambda: fault["none"]())  # noqa: PLW0108 - looked up when it is made
        reactor.post_unhurried(lambda: made.append("unhurried"))

    reactor.post(start)
    assert done.wait(10)
    assert made == ["unhurried", "timer"]
    assert "unexpected error" in caplog.text


class Wire:
    """A connection that keeps what it is given, and answers when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[Done] = []

    def publish(
        self, topic: str, payload: bytes, done: Done, correlation_data: bytes | None = None
    ) -> None:
        del topic, payload, correlation_data
        self.waiting.append(done)


@pytest.fixture
def outbox() -> Any:
    """Of a device, on such a wire."""
    made = Outbox(log.of_thing("dev-TEST"), Traffic())
    made.connection = Wire()  # type: ignore[assignment]
    return made


def test_an_answer_that_nobody_waits_for_is_only_counted(outbox: Any) -> None:
    told: list[Failure | None] = []
    outbox.send("t", b"1")
    outbox.send("t", b"2", told.append)
    outbox.publish("t", b"3", told.append)
    assert [isinstance(done, Counting) for done in outbox.connection.waiting] == [
        True,
        False,
        False,
    ]
    for done in outbox.connection.waiting:
        done(None)
    assert told == [None, None]


def test_what_was_answered_makes_room_again(outbox: Any) -> None:
    for _ in range(MAX_UNACKNOWLEDGED + 1):
        outbox.send("t", b"1")
    assert len(outbox.connection.waiting) == MAX_UNACKNOWLEDGED
    answer: Callable[[Failure | None], None] = outbox.connection.waiting[0]
    answer(None)
    outbox.send("t", b"1")
    assert len(outbox.connection.waiting) == MAX_UNACKNOWLEDGED + 1
