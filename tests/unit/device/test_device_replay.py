"""Recorded messages are said again, one after the other: as they were, but for their times."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.device.test_device_formats import NAME, SHAPES, WALL, sent
from tests.unit.device.test_device_guess import json_or_text, json_values
from virtual_device.base.jsonvalue import NotJsonError, encode
from virtual_device.shadow import settings as table
from virtual_device.telemetry import telemetry
from virtual_device.telemetry.model import ModelInvalidError, parse
from virtual_device.telemetry.thing import Thing
from virtual_device.tools.model_replay import replay


def said(model: Any, sequence: int, number: int = 0) -> Any:
    thing = Thing(NAME, model=parse(model))
    payload = telemetry.payload(thing, table.defaults(thing), WALL, sequence, number)
    return json_or_text(payload or b"")


def replayed(content: bytes) -> Any:
    return replay(content)


def lines(*messages: Any) -> bytes:
    return b"\n".join(encode(message) for message in messages)


def test_values_come_in_their_order_and_then_again() -> None:
    # given
    recorded = [{"t": 20.5, "mode": "eco"}, {"t": 21.0, "mode": "eco"}, {"t": 20, "mode": None}]
    # when
    model = replayed(lines(*recorded))
    # then
    assert [said(model, number) for number in range(5)] == [*recorded, *recorded[:2]]


def test_times_are_those_of_the_new_message() -> None:
    at = "2026-01-01T10:00:0{}.000Z"
    model = replayed(
        lines(*({"time": at.format(n), "ts": 1767261600 + n, "v": n} for n in range(3)))
    )
    assert said(model, 1) == {"time": "2026-11-29T05:33:32.513Z", "ts": 1795930412, "v": 1}


def test_what_the_envelope_says_of_itself_is_not_recorded() -> None:
    own = {"thingName": "old", "timestamp": "2026-01-01T10:00:00.000Z", "unit": "metric"}
    model = replayed(lines(*({**own, "sequence": n, "v": n * 2} for n in range(2))))
    assert model["telemetry"] == {"v": {"sequence": {"of": [0, 2]}}}
    assert said(model, 7)["thingName"] == NAME


def test_messages_that_are_not_alike_are_said_whole() -> None:
    recorded = [{"a": 1}, {"b": [2, {"c": 3}]}, 7]
    model = replayed(lines(*recorded))
    assert [said(model, number) for number in range(3)] == recorded


def test_lines_of_text_are_said_again() -> None:
    model = replayed(b"temp=1\ntemp=2\n")
    assert [said(model, number) for number in range(3)] == ["temp=1", "temp=2", "temp=1"]


def test_each_topic_is_a_message_of_its_own() -> None:
    recorded = [
        {"topic": f"dt/playground/lamp/{topic}", "payload": {"v": n}}
        for n in range(2)
        for topic in ("power", "light")
    ]
    model = replayed(lines(*recorded))
    assert [row["topic"] for row in model["messages"]] == ["power", "light"]
    assert [said(model, 1, number) for number in range(2)] == [{"v": 1}, {"v": 1}]


def test_what_does_not_fit_into_a_model_is_refused_with_its_size() -> None:
    model = replayed(lines(*({"v": f"{n:0200}"} for n in range(100))))
    with pytest.raises(ModelInvalidError, match="bytes"):
        parse(model)


@pytest.mark.parametrize("name", SHAPES)
def test_any_public_format_is_said_again_in_its_kind(name: str) -> None:
    for number in range(len(SHAPES[name])):
        recorded = [sent(name, WALL + 61 * n, n)[number][1] for n in range(5)]
        again = said(replayed(b"\n".join(recorded)), 2)
        assert type(again) is type(json_or_text(recorded[2]))


@given(st.lists(json_values, min_size=1, max_size=8))
def test_whatever_was_recorded_is_said_again_or_refused(messages: list[Any]) -> None:
    try:
        model = replayed(encode(messages))
        parse(model)
    except (NotJsonError, ValueError, ModelInvalidError):
        return
    for number in range(len(model.get("messages", [0]))):
        said(model, 3, number)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"a": st.integers(-1000, 1000) | st.text("xyz"), "b": st.booleans() | st.none()}
        ),
        min_size=1,
        max_size=9,
    )
)
def test_values_that_are_no_times_are_said_exactly(messages: list[Any]) -> None:
    model = replayed(encode(messages))
    assert [said(model, number) for number in range(2 * len(messages))] == messages * 2
