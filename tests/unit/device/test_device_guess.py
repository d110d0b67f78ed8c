"""A first model from recorded messages: it passes the check, and says what was recorded."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.device.test_device_formats import NAME, SHAPES, WALL, sent
from virtual_device.base.jsonvalue import NotJsonError, encode
from virtual_device.shadow import settings as table
from virtual_device.telemetry import telemetry
from virtual_device.telemetry.model import Model, ModelInvalidError, parse
from virtual_device.telemetry.thing import Thing
from virtual_device.tools import model_tool
from virtual_device.tools.model_guess import guess


def of(*messages: Any) -> Any:
    """The model for these messages."""
    return guess(b"\n".join(encode(message) for message in messages))


def member(*values: Any) -> Any:
    """The generator for these values of one member."""
    model = of(*({"m": value} for value in values))
    assert parse(model)
    assert model["envelope"] is False
    return model["telemetry"]["m"]


IDS = [f"f9a4c0da-4aeb-4f04-81b4-abe5ba017dd{n}" for n in range(3)]
GUESSES: list[tuple[list[Any], Any]] = [
    (["x", "x"], {"constant": "x"}),
    ([5, 5, 5], {"constant": 5}),
    ([0.125], {"constant": 0.125}),
    ([None, None], {"constant": None}),
    ([True, False, True], {"pick": {"of": [True, False], "weights": [2, 1]}}),
    (["a", "b", "a", "b"], {"pick": {"of": ["a", "b"]}}),
    ([1, "1", None], {"pick": {"of": [1, "1", None]}}),
    ([0, 1, 1, 0, 1, 1], {"pick": {"of": [0, 1], "weights": [2, 4]}}),
    ([7, 8, 9], {"counter": {"start": 7, "step": 1}}),
    ([1.5, 1.75, 2.0], {"counter": {"start": 1.5, "step": 0.25}, "decimals": 2}),
    ([1, 2, 4, 5, 8], {"counter": {"start": 1, "step": 1.75}, "decimals": 0}),
    ([20.5, 3.25, 9.0], {"uniform": {"min": 3.25, "max": 20.5}, "decimals": 2}),
    ([9, 3, 7], {"uniform": {"min": 3, "max": 9}, "decimals": 0}),
    (
        [20, 20.5, 21, 20.5, 20, 19.5],
        {"walk": {"start": 20, "step": 0.5, "min": 19.5, "max": 21}, "decimals": 1},
    ),
    ([1795930412, 1795930472], {"timestamp": {"format": "seconds"}}),
    ([1795930412000, 1795930472000], {"timestamp": {"format": "milliseconds"}}),
    ([1795930412.5, 1795930472.25], {"timestamp": {"format": "fraction"}, "decimals": 2}),
    (["2026-11-29T07:13:32.123Z"], {"timestamp": {}}),
    (["2026-11-29T07:13:32"], {"timestamp": {"format": "local"}}),
    (["2026-11-29 07:13:32"], {"timestamp": {"pattern": "%Y-%m-%d %H:%M:%S"}}),
    (["2026-11-29T07:13:32.123456Z"], {"timestamp": {"pattern": "%Y-%m-%dT%H:%M:%S.%fZ"}}),
    (
        ["2026-11-29T07:13:32-05:30"],
        {"timestamp": {"pattern": "%Y-%m-%dT%H:%M:%S%z", "offset": -5.5}},
    ),
    (IDS, {"text": {"uuid": True}}),
    (IDS[:1] * 2, {"text": {"uuid": True, "once": True}}),
    (["00aa00aa00aa00bb"] * 2, {"text": {"hex": 16, "once": True}}),
    (["DEADBEEF01", "BEEFDEAD02"], {"text": {"hex": 10, "upper": True}}),
    (
        ["6B:7A:1C:C5:C9:96"],
        {"text": {"hex": 12, "separator": ":", "upper": True, "once": True}},
    ),
    (
        ["21.50", "3.25", "7.00", "9.75"],
        {"text": {"pattern": "{n:.2f}", "with": {"n": {"uniform": {"min": 3.25, "max": 21.5}}}}},
    ),
    ([[], []], {"array": {"of": []}}),
    ([[1, "a"], [1, "a"]], {"array": {"of": [{"constant": 1}, {"constant": "a"}]}}),
    (
        [["a"], ["a", "a", "a"]],
        {"array": {"item": {"constant": "a"}, "count": {"uniform": {"min": 1, "max": 3}}}},
    ),
    ([{"a": {"b": 1}}] * 2, {"object": {"a": {"object": {"b": {"constant": 1}}}}}),
    ([{}], {"constant": {}}),
    ([{"": 1}], {"constant": {"": 1}}),
    ([1e300, 2e300], {"constant": 1e300}),
]


@pytest.mark.parametrize(("values", "expected"), GUESSES, ids=lambda value: str(value)[:40])
def test_a_member_is_what_its_values_look_like(values: list[Any], expected: Any) -> None:
    assert member(*values) == expected


def test_a_name_tells_a_time_from_a_number() -> None:
    model = of({"ts": 1795930412, "n": 1795930412})
    assert model["telemetry"] == {
        "ts": {"timestamp": {"format": "seconds"}},
        "n": {"constant": 1795930412},
    }


def test_messages_come_as_lines_or_in_an_array() -> None:
    messages = [{"a": 1}, {"a": 2}, {"a": 3}]
    assert guess(json.dumps(messages, indent=1).encode()) == of(*messages)
    chunks = of([{"id": 1}], [{"id": 2}])
    assert "array" in chunks["messages"][0]["content"]


def _first(model: Model, thing: Thing) -> Any:
    return model.messages[0].value(model.moment(thing.name, {}, WALL, 0))


def test_the_usual_envelope_is_known_again() -> None:
    thing = Thing(NAME)
    recorded: list[Any] = [
        telemetry.generate(thing, table.defaults(thing), WALL + n, n) for n in range(10)
    ]
    model = of(*recorded)
    assert list(model["telemetry"]) == ["temperature", "humidity"]
    again: Any = _first(parse(model), thing)
    assert list(again) == list(recorded[0])


def test_records_with_topics_make_a_message_for_each() -> None:
    rows = [("tele/plug/SENSOR", {"a": 1}), ("tele/plug/STATE", 5), ("tele/plug/SENSOR", {"a": 2})]
    model = of(*({"topic": topic, "payload": payload, "time": "x"} for topic, payload in rows))
    first, second = model["messages"]
    assert first["topic"] == "tele/plug/SENSOR"
    assert list(first["telemetry"]) == ["a"]
    assert second == {"topic": "tele/plug/STATE", "content": {"constant": 5}}
    own = of({"topic": "dt/playground/dev-A/telemetry", "payload": {"a": 1}})
    assert "messages" not in own
    below = of({"topic": "dt/playground/dev-A/x/y", "payload": "on"})
    assert below["messages"] == [{"topic": "x/y", "as": "text", "content": {"constant": "on"}}]


def test_lines_of_text_are_told_by_their_columns() -> None:
    lines = [
        f"2026-11-29 05:33:3{n};dev {{1}};{n}.5{n};{'OK' if n % 2 else 'NO'}" for n in range(6)
    ]
    model: Any = guess("\n".join(lines).encode())
    assert [row["as"] for row in model["messages"]] == ["text"]
    thing = Thing(NAME, model=parse(model))
    found = telemetry.payload(thing, {}, 1_795_930_412.5, 0) or b""
    assert found.decode().startswith("2026-11-29 05:33:32;dev {1};")
    assert found.decode().split(";")[-1] in {"OK", "NO"}
    assert len(found.decode().split(";")[2]) == 4


@pytest.mark.parametrize("name", SHAPES)
def test_what_a_public_format_sends_is_said_again_in_its_shape(name: str) -> None:
    for number in range(len(SHAPES[name])):
        recorded = [sent(name, WALL + 61 * n, n)[number][1] for n in range(10)]
        model = parse(guess(b"\n".join(recorded)))
        thing = Thing(NAME, model=model)
        again = telemetry.payload(thing, table.defaults(thing), WALL, 0) or b""
        if isinstance(json_or_text(recorded[0]), dict):
            assert shaped(json_or_text(again)) == shaped(json_or_text(recorded[0]))
        assert type(json_or_text(again)) is type(json_or_text(recorded[0]))


def json_or_text(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode()


def shaped(value: Any) -> Any:
    """Names and kinds of values; of an array that of its first item."""
    if isinstance(value, dict):
        return {name: shaped(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shaped(inner) for inner in value[:1]]
    return type(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12) | st.sampled_from(["2026-11-29T07:13:32Z", "1.5", "{x}", IDS[0]]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=8,
)  # fmt: skip


@given(st.lists(json_values, min_size=1, max_size=8))
def test_whatever_was_recorded_gives_a_model_that_is_taken(messages: list[Any]) -> None:
    try:
        model = guess(encode(messages))
    except (NotJsonError, ValueError):
        return
    try:
        made = parse(model)
    except ModelInvalidError as error:
        large = ["bytes" in text or "nested" in text for text in error.problems]
        assert all(large), error.problems  # noqa: PT017 - large models are refused
        return
    thing = Thing(NAME, model=made)
    for number in range(len(made.messages)):
        telemetry.payload(thing, table.defaults(thing), WALL, 3, number)


@given(st.lists(st.text(alphabet="ab ;,=1.{}", min_size=1), min_size=1, max_size=5))
def test_any_lines_of_text_give_one_too(lines: list[str]) -> None:
    try:
        model = guess("\n".join(lines).encode())
    except NotJsonError:
        return
    assert telemetry.payload(Thing(NAME, model=parse(model)), {}, WALL, 0) is not None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"[]", "has no messages"),
        (b'{"a": 1}\n{"a": \n', "message 2: must be JSON"),
        (b'{"a": 1, "a": 2}', 'has two members named "a"'),
        (b"\xff\xff", "must be UTF-8"),
    ],
)
def test_what_can_not_be_read_is_told(
    content: bytes, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "recorded"
    file.write_bytes(content)
    assert model_tool.main(["guess", str(file)]) == 1
    assert json.loads(capsys.readouterr().out)["problems"][0].startswith(problem)


def test_the_tool_shows_what_a_model_sends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = {"case": {"of": {"constant": 1}, "is": {"2": {"constant": 2}}}}
    rows = [
        {"telemetry": {"a": {"constant": 1}}, "envelope": False},
        {"topic": "x/{thing}", "every": 2.5, "as": "text", "content": {"constant": "on"}},
        {"content": nothing},
    ]
    file = tmp_path / "model.json"
    file.write_text(json.dumps({"messages": rows}))
    assert model_tool.main(["sample", str(file)]) == 0
    own = "dt/playground/dev-SAMPLE"
    assert json.loads(capsys.readouterr().out)["messages"] == [
        {"topic": f"{own}/telemetry", "every": None, "payload": '{"a":1}'},
        {"topic": f"{own}/x/dev-SAMPLE", "every": 2.5, "payload": "on"},
        {"topic": f"{own}/telemetry", "every": None, "payload": None},
    ]
