"""The keeper: what it takes for a change, when it has the state written, and what it says of it."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from playground.local.keeper import (
    ANYWAY,
    LEAVING_LIMIT,
    LONGEST,
    SHORTEST,
    WITHIN,
    Keeper,
    NotWrittenError,
    Written,
    keeping,
    may_change,
)
from playground.local.kept import Kept

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def request(method: str, path: str = "/", target: str = "") -> dict[str, Any]:
    headers = [(b"x-amz-target", target.encode())] if target else []
    return {"type": "http", "method": method, "path": path, "headers": headers}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (request("POST", target="AmazonEC2ContainerServiceV20141113.ListTasks"), False),
        (request("POST", target="AmazonEC2ContainerServiceV20141113.RunTask"), True),
        (request("POST", target="DynamoDB_20120810.GetItem"), False),
        (request("POST", target="DynamoDB_20120810.UpdateItem"), True),
        (request("POST", target="AWSStepFunctions.SendTaskSuccess"), True),
        (request("POST", target="AWSStepFunctions.GetActivityTask"), True),
        (request("POST", target="AWSCognitoIdentityService.GetId"), True),
        (request("GET", "/bucket?versions="), False),
        (request("PUT", "/bucket/key"), True),
        (request("DELETE", "/things/lamp"), True),
        (request("POST", "/"), True),  # the query protocol says what it wants in its body
        (request("GET", "/_aws/execute-api/a/$default/devices"), True),  # has a function run
        ({"type": "websocket", "path": "/mqtt", "headers": []}, True),
    ],
)
def test_what_may_change_something(scope: Mapping[str, Any], *, expected: bool) -> None:
    assert may_change(scope) is expected


@dataclass
class FakeWriter:
    """Writes nothing, in no time."""

    clock: "Clock"
    error: str = ""
    took: float = 0.2
    writes: list[float] = field(default_factory=list)

    async def write(self) -> Written:
        await asyncio.sleep(0)
        self.writes.append(self.clock.now)
        if self.error:
            raise NotWrittenError(self.error)
        return Written(AT + timedelta(seconds=self.clock.now), 0.01, self.took, 100)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def writer(clock: Clock) -> FakeWriter:
    return FakeWriter(clock)


@pytest.fixture
def keeper(writer: FakeWriter, clock: Clock) -> Keeper:
    found = Keeper(writer, clock)
    asyncio.run(found.write())
    return found


def test_a_change_is_on_the_disk_within_the_limit(
    keeper: Keeper, writer: FakeWriter, clock: Clock
) -> None:
    for took in (0.05, 0.5, 1.0, 2.0):
        writer.took = took
        asyncio.run(keeper.write())
        # given: a change just after the moment that this one was of
        keeper.changed()
        begun = clock.now
        # when
        while not keeper.due():
            clock.now += 0.25
        # then
        assert SHORTEST <= clock.now - begun <= LONGEST + 0.25
        assert clock.now - begun + took <= WITHIN
        asyncio.run(keeper.write())


def test_where_nothing_was_noticed_it_looks_now_and_then_all_the_same(
    keeper: Keeper, clock: Clock
) -> None:
    clock.now += ANYWAY - 1
    assert not keeper.due()
    clock.now += 1
    assert keeper.due()


def test_a_change_during_a_write_is_written_with_the_next(clock: Clock) -> None:
    class Meanwhile(FakeWriter):
        async def write(self) -> Written:
            busy.changed()
            return await super().write()

    busy = Keeper(Meanwhile(clock), clock)
    asyncio.run(busy.write())
    clock.now += WITHIN
    assert busy.due()


def test_what_could_not_be_written_is_said_until_it_is(
    keeper: Keeper, writer: FakeWriter, clock: Clock
) -> None:
    # given
    before = keeper.report()
    writer.error = "No space left on device"
    keeper.changed()
    # when
    assert not asyncio.run(keeper.write())
    # then
    kept = Kept.from_answer(keeper.report())
    assert kept.at is not None
    assert kept.at.isoformat() == before["at"]
    assert kept.changed_since
    said = (
        "Changes in the local cloud have not been saved since 2026-01-02 03:20:45 UTC: No "
        "space left on device."
    )
    assert kept.trouble == said
    # and it is tried again, and then all is well
    writer.error = ""
    clock.now += WITHIN
    assert keeper.due()
    assert asyncio.run(keeper.write())
    assert Kept.from_answer(keeper.report()).trouble == ""


def answer(keeper: Keeper, method: str, path: str) -> tuple[int, Any]:
    """What whoever asks the keeper gets."""
    sent: list[Any] = []

    async def application(scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def asked() -> None:
        await keeping(application, keeper)(request(method, path), receive, send)

    asyncio.run(asked())
    return sent[0]["status"], json.loads(sent[1]["body"])


def test_rules_are_silent_from_leaving_on_and_all_is_written(
    keeper: Keeper, writer: FakeWriter, clock: Clock
) -> None:
    # when
    status, said = answer(keeper, "POST", "/_playground/leave")
    # then
    assert (status, said["error"], len(writer.writes), keeper.leaving) == (200, "", 2, True)
    # and who thinks better of it, or is stopped himself, leaves a cloud that works
    answer(keeper, "POST", "/_playground/stay")
    assert not keeper.leaving
    answer(keeper, "POST", "/_playground/leave")
    clock.now += LEAVING_LIMIT
    assert not keeper.leaving


def test_what_up_has_put_right_is_remembered(keeper: Keeper) -> None:
    # given
    told: list[str] = []
    keeper.on_mended = lambda: told.append("mended")
    assert not Kept.from_answer(answer(keeper, "GET", "/_playground/kept")[1]).mended
    # when
    assert answer(keeper, "POST", "/_playground/mended")[0] == 200
    # then
    assert Kept.from_answer(answer(keeper, "GET", "/_playground/kept")[1]).mended
    assert (told, keeper.report()["changed_since"]) == (["mended"], True)


def test_what_is_asked_of_the_emulator_is_a_change(keeper: Keeper) -> None:
    assert answer(keeper, "GET", "/_playground/kept")[1]["changed_since"] is False
    assert answer(keeper, "GET", "/bucket")[0] == 299
    assert answer(keeper, "GET", "/_playground/kept")[1]["changed_since"] is False
    assert answer(keeper, "PUT", "/bucket/key")[0] == 299
    assert answer(keeper, "GET", "/_playground/kept")[1]["changed_since"] is True
    assert answer(keeper, "DELETE", "/_playground/kept")[0] == 404


def test_a_request_that_fails_may_have_changed_something(keeper: Keeper) -> None:
    async def fails(_scope: Any, _receive: Any, _send: Any) -> None:
        raise OSError

    async def nothing(*_: Any) -> None:
        return None

    async def asked() -> None:
        await keeping(fails, keeper)(request("PUT", "/bucket/key"), nothing, nothing)

    with pytest.raises(OSError):  # noqa: PT011
        asyncio.run(asked())
    assert keeper.report()["changed_since"]
