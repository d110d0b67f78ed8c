"""Who answers what, and what is asked again."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.doubles.surroundings import Timer
from virtual_device.connection.transport import Failure
from virtual_device.shadow.shadow_client import ANSWER_SECONDS, ShadowClient

PREFIX = "$aws/things/dev-TEST/shadow"


class Bench:
    """A client with its network, its timers and its listener, all in plain sight."""

    def __init__(self) -> None:
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.done: list[Callable[[Any], None]] = []
        self.timers: list[Timer] = []
        self.told: list[str] = []
        self.client = ShadowClient("dev-TEST", self._publish, self, self)

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(seconds, call))
        return self.timers[-1]

    def fire(self) -> float:
        """Let the newest timer that still runs fire; its seconds."""
        timer = next(timer for timer in reversed(self.timers) if timer.call)
        call, timer.call = timer.call, None
        assert call is not None
        call()
        return timer.seconds

    @property
    def token(self) -> str:
        return str(self.published[-1][1]["clientToken"])

    def answer(self, kind: str, **content: Any) -> None:
        assert self.client.on_message(f"{PREFIX}/{kind}", json.dumps(content).encode())

    def _publish(self, topic: str, payload: bytes, done: Callable[[Any], None]) -> None:
        self.published.append((topic, json.loads(payload)))
        self.done.append(done)

    def __getattr__(self, name: str) -> Callable[..., None]:
        if not name.startswith("on_"):
            raise AttributeError(name)
        return lambda *_args, **_fields: self.told.append(name)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_all_answers_fit_in_one_subscribe(bench: Bench) -> None:
    assert len(bench.client.filters) <= 8
    assert f"{PREFIX}/update/delta" in bench.client.filters


def test_one_get_at_a_time_and_only_its_own_answer_counts(bench: Bench) -> None:
    bench.client.get()
    bench.client.get()
    assert [topic for topic, _ in bench.published] == [f"{PREFIX}/get"]
    assert len(bench.token.encode()) <= 64
    bench.answer("get/accepted", state={}, version=1, clientToken="another's")
    assert bench.told == []
    bench.answer("get/accepted", state={}, version=1, clientToken=bench.token)
    assert bench.told == ["on_document"]


def test_no_shadow_is_no_trouble(bench: Bench) -> None:
    bench.client.get()
    bench.answer("get/rejected", code=404, message="No shadow", clientToken=bench.token)
    assert bench.told == ["on_missing"]


@pytest.mark.parametrize("code", [400, 401, 403, 413, 415])
def test_a_final_error_is_not_retried(bench: Bench, code: int) -> None:
    bench.client.update({"time": 5})
    bench.answer("update/rejected", code=code, message="no", clientToken=bench.token)
    assert bench.told == ["on_trouble", "on_update_failed"]
    assert not [timer for timer in bench.timers if timer.call]


@pytest.mark.parametrize("code", [429, 500])
def test_a_passing_error_leads_to_a_get_with_growing_jitter(bench: Bench, code: int) -> None:
    bench.client.update({"time": 5})
    bench.answer("update/rejected", code=code, message="later", clientToken=bench.token)
    limits = []
    for attempt in range(10):
        assert 0 <= bench.fire() <= min(120, 2**attempt)
        limits.append(bench.published[-1][0])
        bench.answer("get/rejected", code=code, message="later", clientToken=bench.token)
    assert limits == [f"{PREFIX}/get"] * 10


def test_a_conflict_leads_to_a_get_at_once(bench: Bench) -> None:
    bench.client.update({"time": 5})
    bench.answer("update/rejected", code=409, message="Version conflict", clientToken=bench.token)
    assert bench.fire() == 0
    assert bench.published[-1][0] == f"{PREFIX}/get"


def test_silence_is_asked_again(bench: Bench) -> None:
    bench.client.get()
    assert bench.fire() == ANSWER_SECONDS
    bench.fire()
    assert len(bench.published) == 2


def test_a_publish_that_the_policy_forbids_is_not_waited_for(bench: Bench) -> None:
    bench.client.get()
    bench.done[-1](Failure("NOT_AUTHORIZED (135)", refused=True))
    assert bench.told == ["on_trouble"]
    assert not [timer for timer in bench.timers if timer.call]
    # One that was lost is asked again
    bench.client.get()
    bench.done[-1](Failure("timeout", refused=False))
    bench.fire()
    assert len(bench.published) == 3


def test_own_and_foreign_updates_are_told_apart(bench: Bench) -> None:
    bench.client.update({"time": 5})
    bench.answer("update/accepted", state={"desired": {"time": 1}}, version=7)
    bench.answer(
        "update/accepted", state={"reported": {"time": 5}}, version=8, clientToken=bench.token
    )
    assert bench.told == ["on_foreign_update", "on_update_accepted"]
    assert not bench.client.updating


def test_a_lost_connection_ends_all_waiting(bench: Bench) -> None:
    bench.client.get()
    bench.client.update({"time": 5})
    bench.client.forget()
    assert not [timer for timer in bench.timers if timer.call]
    bench.client.get()
    assert len(bench.published) == 3


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"\xff", b'{"version": "1", "state": {}}', b'{"version": 1, "state": 1}'],
)
def test_nonsense_is_told_and_forgotten(bench: Bench, payload: bytes) -> None:
    assert bench.client.on_message(f"{PREFIX}/update/delta", payload)
    assert bench.told == ["on_trouble"]
    assert not bench.client.on_message("dt/other", payload)
