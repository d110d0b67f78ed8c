"""When a device whose model has several messages sends which."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tests.unit.device.test_device_brain import at, sent
from virtual_device.base.errors import ConfigInvalidError
from virtual_device.core import brain
from virtual_device.core.brain import State
from virtual_device.core.effects import Publish
from virtual_device.shadow.shadow import Delta, Document
from virtual_device.state.config import Config
from virtual_device.telemetry.model import parse
from virtual_device.telemetry.thing import Thing

COUNT: Any = {"counter": {}}
MODEL: Any = {
    "envelope": False,
    "messages": [
        {"telemetry": {"n": COUNT}},
        {"topic": "slow/{thing}", "every": 60, "content": COUNT, "as": "text"},
        {"topic": "quick", "every": 1.5, "telemetry": {"n": COUNT}, "envelope": True},
    ],
}
THING = Thing("dev-TEST", model=parse(MODEL))
FIRST, SLOW, QUICK = (
    f"dt/playground/dev-TEST/{t}" for t in ("telemetry", "slow/dev-TEST", "quick")
)


def connected(desired: dict[str, Any] | None = None, thing: Thing = THING) -> State:
    """A device that was connected at 0 and has read its shadow at 0."""
    state = brain.on_connected(thing, brain.start(thing, None), at(0))[0]
    return brain.on_document(thing, state, Document(1, desired or {}, {}), at(0))[0]


def run(state: State, begin: float, end: float, thing: Thing = THING) -> tuple[State, list[Any]]:
    """Let it act whenever something is due from `begin` up to `end`: what it sends, and when."""
    found: list[Any] = []
    while state.due is not None and state.due < end:
        mono = max(begin, state.due)
        step = brain.on_time(thing, state, at(mono))
        found += [(mono, one.topic, json.loads(one.payload)) for one in sent(step)]
        state = step[0]
    return state, found


def times(found: list[Any], topic: str) -> list[float]:
    return [mono for mono, where, _ in found if where == topic]


def test_each_message_has_its_own_interval_topic_and_count() -> None:
    state, found = run(connected({"time": 10}), 0, 61)
    assert times(found, FIRST) == [0, 10, 20, 30, 40, 50, 60]
    assert times(found, SLOW) == [0, 60]
    assert times(found, QUICK) == [1.5 * n for n in range(41)]
    assert [content for _, topic, content in found if topic == SLOW] == [0, 1]
    quick = [content for _, topic, content in found if topic == QUICK]
    assert [one["sequence"] for one in quick] == [one["n"] for one in quick] == list(range(41))
    assert [content for _, topic, content in found if topic == FIRST][-1] == {"n": 6}
    assert state.sequence == 7


def test_the_order_of_what_is_due_together_is_the_models() -> None:
    step = brain.on_time(THING, connected(), at(0))
    assert [one.topic for one in sent(step)] == [FIRST, SLOW, QUICK]


def test_what_falls_due_while_offline_is_left_out_for_each() -> None:
    state, _ = run(connected({"time": 10}), 0, 1)
    state = brain.on_disconnected(state)
    assert sent(brain.on_time(THING, state, at(30))) == []
    state = brain.on_connected(THING, state, at(31))[0]
    state, found = run(state, 31, 65)
    assert times(found, FIRST) == [31, 41, 51, 61]
    assert times(found, SLOW) == [60]
    assert times(found, QUICK)[:3] == [31, 32.5, 34]
    assert next(content["n"] for _, topic, content in found if topic == QUICK) == 1


def test_in_quarantine_none_is_sent_and_none_is_counted() -> None:
    state, _ = run(connected({"time": 10}), 0, 1)
    state = brain.on_delta(THING, state, Delta(2, {"quarantine": True}), at(1))[0]
    state, found = run(state, 1, 100)
    assert found == []
    assert [turn.sequence for turn in state.turns] == [1, 1, 1]


def test_a_restart_counts_each_anew() -> None:
    state, _ = run(connected(), 0, 100)
    state = brain.restart(brain.on_disconnected(state))
    assert state.due is None
    state = brain.on_connected(THING, state, at(200))[0]
    state, found = run(state, 200, 206)
    assert [content if isinstance(content, int) else content["n"] for _, _, content in found] == [
        0
    ] * 3


def test_a_restart_with_another_model_has_its_messages() -> None:
    state, _ = run(connected(), 0, 10)
    other = replace(THING, model=parse({"messages": MODEL["messages"][1:]}))
    state = brain.on_connected(other, brain.restart(state), at(20))[0]
    _, found = run(state, 20, 26, other)
    assert [topic for _, topic, _ in found] == [SLOW, QUICK]


def test_when_the_first_of_a_new_life_is_lost_all_begin_again() -> None:
    state, _ = run(connected(), 0, 1)
    state = brain.on_first_lost(state, at(2))
    state, found = run(state, 2, 7.5)
    assert [mono for mono, _, _ in found] == [7, 7, 7]


def test_a_new_time_is_for_the_messages_without_an_interval() -> None:
    state, _ = run(connected(), 0, 4)
    state = brain.on_delta(THING, state, Delta(2, {"time": 3}), at(4.1))[0]
    _, found = run(state, 4.1, 8)
    assert times(found, FIRST) == pytest.approx([4.1, 7.1])
    assert times(found, QUICK) == [4.5, 6, 7.5]


def test_topic_and_payload_are_for_the_first_message() -> None:
    state = connected({"topic": "x/dev-TEST", "payload": {"a": 1}})
    step = brain.on_time(THING, state, at(0))
    assert sent(step)[0] == Publish("x/dev-TEST", b'{"a":1}')
    assert [one.topic for one in sent(step)[1:]] == [SLOW, QUICK]
    assert sent(step)[1].payload == b"0"


def test_a_first_message_with_a_topic_goes_there_unless_the_setting_says_otherwise() -> None:
    thing = replace(THING, model=parse({"messages": [{"topic": "own", "content": COUNT}]}))
    usual = brain.on_time(thing, connected(thing=thing), at(0))
    assert sent(usual) == [Publish("dt/playground/dev-TEST/own", b"0")]
    elsewhere = brain.on_time(thing, connected({"topic": "x/dev-TEST"}, thing), at(0))
    assert sent(elsewhere) == [Publish("x/dev-TEST", b"0")]


def test_a_message_with_nothing_to_say_is_left_out_and_not_counted() -> None:
    odd: Any = {
        "case": {
            "of": {"states": {"of": [{"is": 0, "for": 10}, {"is": 1, "for": 10}], "start": 0}},
            "is": {"1": COUNT},
        }
    }
    thing = replace(THING, model=parse({"messages": [{"every": 1, "content": odd}]}))
    _, found = run(connected(thing=thing), 0, 60, thing)
    assert [content for _, _, content in found] == list(range(30))
    gaps = [after - before for (before, _, _), (after, _, _) in pairwise(found)]
    assert set(gaps) == {1, 11}


def test_a_topic_that_is_too_long_with_the_name_is_told_at_the_start() -> None:
    model: Any = {"messages": [{"topic": "{thing}", "content": COUNT}]}
    document: Any = {
        "version": 1,
        "thingName": "n" * 128,
        "deviceType": "generic",
        "endpoint": "broker.example",
        "model": model,
    }
    with pytest.raises(
        ConfigInvalidError, match=r"messages\[0\]\.topic: is too long with this thing"
    ):
        Config.from_document(document)
    assert Config.from_document({**document, "thingName": "n" * 100}).thing.model
