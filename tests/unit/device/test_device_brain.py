"""When a device sends what."""

import json
from datetime import datetime
from typing import Any

import pytest

from virtual_device.base.clock import Now
from virtual_device.core import brain
from virtual_device.core.brain import State
from virtual_device.core.effects import Publish, Save, UpdateShadow
from virtual_device.shadow.shadow import Delta, Document
from virtual_device.telemetry import telemetry
from virtual_device.telemetry.pace import SHORTEST
from virtual_device.telemetry.thing import Thing

THING = Thing("dev-TEST")
WALL = 1_767_323_045.678


def at(mono: float) -> Now:
    return Now(WALL + mono, mono)


def connected(desired: dict[str, Any] | None = None) -> State:
    """A device that was connected at 0 and has read its shadow at 0."""
    state = brain.on_connected(THING, brain.start(THING, None), at(0))[0]
    return brain.on_document(THING, state, Document(1, desired or {}, {}), at(0))[0]


def sent(step: brain.Step) -> list[Publish]:
    return [effect for effect in step[1] if isinstance(effect, Publish)]


def test_the_online_event_comes_first() -> None:
    step = brain.on_connected(THING, brain.start(THING, None), at(0))
    assert sent(step)[0].topic == "evt/playground/dev-TEST/online"
    assert json.loads(sent(step)[0].payload) == {
        "event": "online",
        "thingName": "dev-TEST",
        "deviceType": "generic",
        "timestamp": "2026-01-02T03:04:05.678Z",
    }


def test_telemetry_waits_for_the_shadow_but_not_for_ever() -> None:
    state = brain.on_connected(THING, brain.start(THING, None), at(0))[0]
    assert sent(brain.on_time(THING, state, at(1))) == []
    assert len(sent(brain.on_time(THING, state, at(brain.FIRST_MESSAGE_WAIT)))) == 1


def test_telemetry_keeps_its_interval_without_drift() -> None:
    state = connected({"time": 10})
    times = []
    for moment in [0.0, 5.0, 10.3, 19.9, 20.1, 30.0]:
        step = brain.on_time(THING, state, at(moment))
        state = step[0]
        times += [moment] * len(sent(step))
    assert times == [0.0, 10.3, 20.1, 30.0]
    assert state.sequence == 4


def test_what_was_due_while_offline_is_sent_once() -> None:
    state = brain.on_time(THING, connected({"time": 10}), at(0))[0]
    state = brain.on_disconnected(state)
    assert sent(brain.on_time(THING, state, at(50))) == []
    state = brain.on_connected(THING, state, at(60))[0]
    step = brain.on_time(THING, state, at(60))
    assert len(sent(step)) == 1
    assert step[0].due == 70


def test_a_new_interval_sends_at_once() -> None:
    state = brain.on_time(THING, connected(), at(0))[0]
    state = brain.on_delta(THING, state, Delta(2, {"time": 3}), at(7))[0]
    step = brain.on_time(THING, state, at(7))
    assert len(sent(step)) == 1
    assert step[0].due == 10


def test_settings_are_kept_before_the_connection_is_dropped() -> None:
    _, effects = brain.on_delta(THING, connected(), Delta(2, {"clean": 1, "reconnect": 1}), at(1))
    kinds = [type(effect).__name__ for effect in effects]
    assert [kind for kind in kinds if kind != "UpdateShadow"] == ["Log", "Save", "Cycle", "Cycle"]
    saved = next(effect for effect in effects if isinstance(effect, Save))
    assert saved.settings["clean"] == 1


def test_in_quarantine_it_keeps_quiet_and_says_why() -> None:
    # given
    state = brain.on_time(THING, connected({"time": 10}), at(0))[0]
    # when
    state = brain.on_delta(THING, state, Delta(2, {"quarantine": True}), at(1))[0]
    state, effects = brain.on_update_accepted(state, 3)
    # then
    assert next(effect for effect in effects if isinstance(effect, UpdateShadow)).reported == {
        "quarantine": True
    }
    for moment in (10, 20, 30):
        state, said = brain.on_time(THING, state, at(moment))
        assert said == ()
    assert state.sequence == 1
    state, said = brain.on_connected(THING, brain.on_disconnected(state), at(31))
    assert said == ()
    # when it is let out
    state, effects = brain.on_document(
        THING, state, Document(3, {"time": 10}, {"quarantine": True, "time": 10}), at(32)
    )
    # then
    assert (
        next(effect for effect in effects if isinstance(effect, UpdateShadow)).reported[
            "quarantine"
        ]
        is None
    )
    step = brain.on_time(THING, state, at(42))
    assert [json.loads(one.payload)["sequence"] for one in sent(step)] == [1]


def test_a_payload_is_sent_as_it_is() -> None:
    state = connected({"payload": {"a": 1}, "topic": "x/dev-TEST"})
    assert sent(brain.on_time(THING, state, at(0))) == [Publish("x/dev-TEST", b'{"a":1}')]


def test_telemetry_is_the_same_for_the_same_moment() -> None:
    settings = {"unit": "metric"}
    first: Any = telemetry.generate(THING, settings, WALL, 12)
    assert first == telemetry.generate(THING, settings, WALL, 12)
    assert first["timestamp"] == "2026-01-02T03:04:05.678Z"
    assert first != telemetry.generate(Thing("dev-OTHER"), settings, WALL, 12)
    imperial: Any = telemetry.generate(THING, {"unit": "imperial"}, WALL, 12)
    assert isinstance(first["temperature"], float)
    assert isinstance(imperial["temperature"], float)
    assert abs(first["temperature"] * 9 / 5 + 32 - imperial["temperature"]) < 0.2


def stamps(step: brain.Step) -> list[float]:
    """Of the telemetry of a step, in seconds after `WALL`."""
    times = [
        datetime.fromisoformat(json.loads(one.payload)["timestamp"]).timestamp()
        for one in sent(step)
    ]
    return [round(time - WALL, 3) for time in times]


def test_a_fast_clock_brings_its_messages_sooner_and_stamps_them_by_itself() -> None:
    # given
    state = brain.on_time(THING, connected({"time": 60}), at(0))[0]
    # when half of the interval is over
    state = brain.on_delta(THING, state, Delta(2, {"speed": 60}), at(30))[0]
    # then the other half takes half a second
    assert state.due == 30.5
    step = brain.on_time(THING, state, at(30.5))
    assert stamps(step) == [60.0]
    assert step[0].due == 31.5
    step = brain.on_time(THING, step[0], at(31.5))
    assert stamps(step) == [120.0]
    # and when it runs at another speed it does not jump
    state = brain.on_delta(THING, step[0], Delta(3, {"speed": 30}), at(32))[0]
    assert state.due == 33
    assert stamps(brain.on_time(THING, state, at(33))) == [180.0]


@pytest.mark.parametrize("patch", [{"time": 60, "speed": 1}, {"time": 60}])
def test_back_in_time_the_clock_is_the_real_one_again(patch: dict[str, Any]) -> None:
    # given
    state = brain.on_time(THING, connected({"time": 60, "speed": 60}), at(0))[0]
    assert state.due == 1
    # when
    document = Document(2, patch, {"time": 60, "speed": 60})
    state = brain.on_document(THING, state, document, at(0.5))[0]
    # then what was due in half of the interval still is
    assert state.due == 30.5
    assert stamps(brain.on_time(THING, state, at(30.5))) == [30.5]


def test_values_go_by_the_fast_clock() -> None:
    # given
    fast = brain.on_time(THING, connected({"time": 60, "speed": 60}), at(0))[0]
    slow = brain.on_time(THING, connected({"time": 60}), at(0))[0]
    # when
    [soon], [late] = (
        sent(brain.on_time(THING, state, at(moment))) for state, moment in ((fast, 1), (slow, 60))
    )
    # then
    assert soon.payload == late.payload


def test_the_connection_and_its_events_go_by_the_real_time() -> None:
    # given
    state = connected({"speed": 1000})
    # when
    state = brain.on_disconnected(brain.on_time(THING, state, at(0))[0])
    step = brain.on_connected(THING, state, at(100))
    # then
    assert stamps(step) == [100.0]
    waiting = brain.on_connected(THING, brain.start(THING, {"speed": 1000}), at(0))[0]
    assert waiting.due == brain.FIRST_MESSAGE_WAIT


def test_a_device_that_was_off_begins_with_the_real_time() -> None:
    # given
    state = brain.start(THING, {"speed": 10, "time": 60})
    # when
    state = brain.on_connected(THING, state, at(100))[0]
    state = brain.on_document(THING, state, Document(1, {}, {"speed": 10}), at(101))[0]
    # then: no wish, no speed
    assert stamps(brain.on_time(THING, state, at(101))) == [101.0]
    # and with one
    state = brain.on_document(THING, state, Document(2, {"speed": 10}, {}), at(102))[0]
    state = brain.on_connected(THING, brain.restart(state), at(103))[0]
    assert stamps(brain.on_time(THING, state, at(108))) == [162.0]


def test_no_clock_makes_more_messages_than_a_connection_takes() -> None:
    # given
    state = connected({"time": 1, "speed": 1000})
    # when
    step = brain.on_time(THING, state, at(0))
    # then
    assert step[0].due == SHORTEST
