"""What the language of models can say beyond a number for a member: arrays, texts, values that hang
together, messages of any form.
"""

import json
import math
import re
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.device.saying import BEGIN, NAME, WALL, message, value
from virtual_device.base.jsonvalue import encode
from virtual_device.connection import topics
from virtual_device.shadow import settings as table
from virtual_device.telemetry import telemetry
from virtual_device.telemetry.model import parse
from virtual_device.telemetry.moment import Moment
from virtual_device.telemetry.thing import Thing

DATA = Path(__file__).parents[1] / "data"


# --- an old model means what it meant


OLD = json.loads((DATA / "telemetry_of_old_models.json").read_text())


@pytest.mark.parametrize("row", OLD["rows"], ids=lambda row: f"{row['type']}-{row['sequence']}")
def test_an_old_model_sends_the_same_bytes_as_before_there_was_more_to_say(row: Any) -> None:
    model = None if row["type"] else parse(OLD["model"])
    thing = Thing(row["name"], row["type"] or "bulb", {}, model)
    chosen = {**table.defaults(thing), "unit": row["unit"]}
    found = telemetry.generate(thing, chosen, row["wall"], row["sequence"])
    assert encode(found) == encode(row["message"])


# --- numbers


@pytest.mark.parametrize("given", [3.14159, 0.125, 1e-9, 12.0, 7, -0.0000123, 123456.789012])
def test_a_given_number_is_sent_as_it_is_written(given: float) -> None:
    ways: list[Any] = [
        {"constant": given},
        {"pick": {"of": [given]}},
        {"sequence": {"of": [given]}},
        {"states": {"of": [{"is": given, "for": 60}]}},
        {"case": {"of": {"constant": 1}, "is": {"1": {"constant": given}}}},
        {"value": "v"},
        {"part": {"of": {"constant": {"a": given}}, "at": "a"}},
    ]
    for way in ways:
        found = value(
            {"object": {"a": {"array": {"of": [way]}}}}, values={"v": {"constant": given}}
        )
        assert encode(found["a"]) == encode([given])
    placed = {"text": {"pattern": "{a}", "with": {"a": {"constant": given}}}}
    assert value(placed) == encode(given).decode()


@pytest.mark.parametrize(
    ("generator", "decimals"),
    [
        ({"uniform": {"min": 0.00001, "max": 0.00009}}, 7),
        ({"uniform": {"min": 0, "max": 0.05}}, 4),
        ({"uniform": {"min": 0, "max": 0.5}}, 2),
        ({"uniform": {"min": -40, "max": 120}}, 2),
        ({"sine": {"amplitude": 0.001, "period": 60}}, 5),
        ({"walk": {"start": 1, "step": 0.0005, "min": 0, "max": 10}}, 5),
        ({"scale": {"of": {"uniform": BEGIN}, "by": 0.001}}, 5),
        ({"sum": [{"constant": 0.00002}, {"constant": 0.00001}]}, 7),
        ({"sum": [{"constant": 20}, {"uniform": {"min": 0, "max": 0.01}}]}, 4),
        ({"follows": {"of": {"sine": {"amplitude": 0.01, "period": 60}}, "lag": 5}}, 4),
        ({"value": "fine"}, 6),
    ],
)
def test_a_computed_number_has_three_digits_of_a_small_range(generator: Any, decimals: int) -> None:
    fine = {"uniform": {"min": 0.0001, "max": 0.0009}}
    found = [
        value(generator, sequence=n, wall=WALL + 7 * n, values={"fine": fine}) for n in range(60)
    ]
    assert all(round(number, decimals) == number for number in found)
    assert any(round(number, decimals - 1) != number for number in found) or len(set(found)) == 1
    assert any(found)


def test_a_counter_of_small_steps_counts_exactly() -> None:
    counter = {"counter": {"start": 0.5, "step": 0.00125}}
    assert [value(counter, sequence=n) for n in range(4)] == [0.5, 0.50125, 0.5025, 0.50375]


def test_a_small_quantity_keeps_its_digits_in_other_units() -> None:
    member = {"uniform": {"min": 0.001, "max": 0.002}, "quantity": "mass"}
    document = {"telemetry": {"t": member}}
    metric, imperial = (message(document, unit=unit)["t"] for unit in ("metric", "imperial"))
    assert imperial == pytest.approx(metric / 0.45359237, abs=2e-5)
    assert imperial != round(imperial, 3)


# --- names and the envelope


@pytest.mark.parametrize("name", ["switch:0", "1.8.0", "Boiler A", "ns=2;s=x", "ü", "0", "a" * 128])
def test_any_name_can_be_a_members(name: str) -> None:
    assert message({"telemetry": {name: {"constant": 1}}})[name] == 1


ENVELOPES: list[tuple[Any, list[str]]] = [
    (True, ["thingName", "timestamp", "sequence", "unit", "t"]),
    (False, ["t"]),
    ({}, ["thingName", "timestamp", "sequence", "unit", "t"]),
    ({"timestamp": "ts", "unit": False}, ["thingName", "ts", "sequence", "t"]),
    (
        {"thingName": "timestamp", "timestamp": "thingName"},
        ["timestamp", "thingName", "sequence", "unit", "t"],
    ),
]


@pytest.mark.parametrize(("envelope", "names"), ENVELOPES)
def test_the_envelope_is_as_the_model_says(envelope: Any, names: list[str]) -> None:
    told = {"t": {"constant": 1}}
    assert list(message({"telemetry": told, "envelope": envelope})) == names
    rows = [{"telemetry": told}, {"telemetry": told, "envelope": True}]
    both = {"messages": rows, "envelope": envelope}
    assert list(message(both)) == names
    assert list(message(both, number=1)) == ["thingName", "timestamp", "sequence", "unit", "t"]


def test_a_name_that_is_free_can_be_taken() -> None:
    document = {"envelope": {"timestamp": "ts"}, "telemetry": {"timestamp": {"constant": 5}}}
    assert message(document)["timestamp"] == 5


# --- arrays


def test_an_array_has_its_members_or_so_many_of_one() -> None:
    assert value({"array": {"of": []}}) == []
    assert value({"array": {"of": [{"constant": 1}, {"array": {"of": [{"thing": "type"}]}}]}}) == [
        1,
        ["generic"],
    ]
    numbered = {"array": {"item": {"index": {"start": 1, "step": 2}}, "count": 4}}
    assert value(numbered) == [1, 3, 5, 7]
    drawn = value({"array": {"item": {"uniform": {**BEGIN, "once": True}}, "count": 20}})
    assert len(set(drawn)) > 15


def test_the_length_of_an_array_can_change() -> None:
    array = {"array": {"item": {"constant": 0}, "count": {"uniform": {"min": 1, "max": 4}}}}
    assert {len(value(array, sequence=n)) for n in range(50)} == {1, 2, 3, 4}
    many = {"array": {"item": {"constant": 0}, "count": {"constant": 1e9}}}
    assert len(value(many)) == 100


def test_readings_are_of_one_thing_and_go_on_from_message_to_message() -> None:
    every = {"object": {"n": {"counter": {}}, "at": {"timestamp": {"format": "seconds"}}}}
    array = {"array": {"item": every, "count": 3, "every": 10}}
    found = [*value(array, wall=1000), *value(array, wall=1030, sequence=1)]
    assert [row["n"] for row in found] == [0, 1, 2, 3, 4, 5]
    assert [row["at"] for row in found] == [980, 990, 1000, 1010, 1020, 1030]


def test_what_may_be_left_out_is_no_item() -> None:
    items = [{"setting": "status"}, {"thing": "attributes.none"}, {"thing": "attributes.room"}]
    assert value({"array": {"of": items}}) == ["hall"]


# --- texts and times


def test_texts_are_made() -> None:
    pattern = "{thing}: {n:05.1f} {w} {b} {{x}} {gone}."
    members = {
        "n": {"constant": 3.14159},
        "w": {"constant": "ü"},
        "b": {"constant": [True, None]},
        "gone": {"setting": "status"},
    }
    text = value({"text": {"pattern": pattern, "with": members}})
    assert text == f"{NAME}: 003.1 ü [true,null] {{x}} ."
    assert re.fullmatch(r"[0-9a-f]{31}", value({"text": {"hex": 31}}))
    assert re.fullmatch(
        r"([0-9A-F]{2}-){5}[0-9A-F]{2}",
        value({"text": {"hex": 12, "upper": True, "separator": "-"}}),
    )
    assert re.fullmatch(r"[a-z]+ [a-z]+ [a-z]+", value({"text": {"words": 3}}))
    assert len(value({"text": {"base64": 9}})) == 12


@pytest.mark.parametrize("kind", [{"uuid": True}, {"hex": 8}, {"base64": 8}, {"words": 4}])
def test_a_text_changes_as_often_as_it_should(kind: Any) -> None:
    each = [value({"text": kind}, sequence=n) for n in range(10)]
    once = [value({"text": {**kind, "once": True}}, sequence=n) for n in range(10)]
    timed = [value({"text": {**kind, "every": 60}}, wall=600 + 20 * n) for n in range(9)]
    assert [len(set(found)) for found in (each, once, timed)] == [10, 1, 3]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "2026-11-29T05:33:32.513Z"),
        ({"offset": 5.5}, "2026-11-29T11:03:32.513+05:30"),
        ({"format": "local"}, "2026-11-29T05:33:32"),
        ({"format": "local", "offset": -6}, "2026-11-28T23:33:32"),
        ({"format": "seconds", "shift": -12}, 1_795_930_400),
        ({"format": "fraction"}, 1_795_930_412.513),
        ({"format": "milliseconds"}, 1_795_930_412_513),
        ({"pattern": "%a %b %d"}, "Sun Nov 29"),
        ({"pattern": "%d.%m.%y %H%%%M:%S,%L %j%z", "offset": 1}, "29.11.26 06%33:32,513 333+01:00"),
    ],
)
def test_a_time_is_told_in_any_form(arguments: Any, expected: Any) -> None:
    assert value({"timestamp": arguments}) == expected


def test_small_parts_of_a_second_are_integers() -> None:
    micro, nano = (
        value({"timestamp": {"format": form}}) for form in ("microseconds", "nanoseconds")
    )
    assert isinstance(micro, int)
    assert abs(micro - 1_795_930_412_513_000) < 2
    assert abs(nano - 1_795_930_412_513_000_000) < 1000


# --- values that hang together


def stays(states: Any, hours: int, step: int = 10) -> list[tuple[Any, int]]:
    """The states over some hours, each with its seconds; without the first and the last, which are
    cut off.
    """
    found = [value({"states": states}, wall=WALL + n * step) for n in range(hours * 3600 // step)]
    return [(state, step * len(list(group))) for state, group in groupby(found)][1:-1]


def test_states_last_as_long_as_they_should_in_their_order() -> None:
    found = stays({"of": [{"is": "off", "for": [600, 900]}, {"is": "on", "for": [100, 300]}]}, 20)
    assert len(found) > 100
    assert all(state != following for (state, _), (following, _) in pairwise(found))
    for state, seconds in found:
        low, high = (600, 900) if state == "off" else (100, 300)
        assert low - 10 <= seconds <= high + 10
    assert len({seconds for _, seconds in found}) > 15


def test_weights_say_how_often_a_state_comes_in_a_round() -> None:
    rows = [{"is": name, "for": 60, "weight": n} for name, n in (("a", 5), ("b", 2), ("c", 1))]
    minutes = [value({"states": {"of": rows, "start": 0}}, wall=30 + 60 * n) for n in range(80)]
    rounds = [minutes[n : n + 8] for n in range(0, 80, 8)]
    assert all(sorted(one) == list("aaaaabbc") for one in rounds)
    assert len({tuple(one) for one in rounds}) > 5


def test_day_and_night_are_the_same_for_all() -> None:
    day = {"of": [{"is": "on", "for": 43200}, {"is": "off", "for": 43200}], "start": 21600}
    hours = [value({"states": day}, wall=86400 * 400 + 3600 * n + 1) for n in range(24)]
    assert hours == ["off"] * 6 + ["on"] * 12 + ["off"] * 6


LOAD = {
    "values": {
        "on": {"states": {"of": [{"is": 0, "for": 3600}, {"is": 1, "for": 3600}], "start": 0}},
        "warm": {"follows": {"of": {"value": "on"}, "lag": 600, "gain": 40, "plus": 20}},
    }
}


def test_what_follows_comes_nearer_by_two_thirds_in_a_lag() -> None:
    begin = 7200 * 1000
    found = [
        value({"value": "warm"}, wall=begin + seconds, values=LOAD["values"])
        for seconds in range(0, 7200, 60)
    ]
    assert found[0] == pytest.approx(60 - 40 * math.exp(-6), abs=0.5)
    assert found[59] == pytest.approx(20 + 40 * math.exp(-5.9), abs=0.5)
    # On at 3600 s: first order, seen up to an eighth of a lag late.
    for seconds in (4200, 4800, 6000):
        late, early = (1 - math.exp(-(seconds - 3600 - behind) / 600) for behind in (75, 0))
        assert 20 + 40 * late - 0.5 <= found[seconds // 60] <= 20 + 40 * early + 0.5
    assert all(abs(after - before) < 5 for before, after in pairwise(found))


@given(st.floats(0, 4e9), st.floats(0.1, 1e7), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_what_follows_stays_within_what_is_followed(
    wall: float, lag: float, gain: float, plus: float
) -> None:
    follows = {
        "of": {"sine": {"amplitude": 1, "period": 5000}},
        "lag": lag,
        "gain": gain,
        "plus": plus,
    }
    assert abs(value({"follows": follows}, wall=wall) - plus) <= abs(gain) * 1.001 + 0.01


def test_a_value_is_the_same_wherever_it_is_told() -> None:
    values = {
        "u": {"uniform": {**BEGIN, "every": 60}},
        "twice": {"scale": {"of": {"value": "u"}, "by": 2}},
    }
    told = {"value": "u"}
    row = {
        "telemetry": {
            "a": told,
            "b": {"value": "twice"},
            "c": {"array": {"item": told, "count": 2}},
            "d": {"text": {"pattern": "{u}", "with": {"u": told}}},
        }
    }
    document = {"values": values, "envelope": False, "messages": [row, row]}
    one, other = (message(document, sequence=5 * n, number=n) for n in range(2))
    assert one == other
    assert one["c"] == [one["a"]] * 2
    assert one["d"] == str(one["a"])
    assert one["b"] == pytest.approx(2 * one["a"], abs=0.011)


def test_a_case_decides_and_may_leave_out() -> None:
    case = {
        "of": {"sequence": {"of": [True, 1, "x", None, 1.0]}},
        "is": {"true": {"constant": "T"}, "1": {"constant": "one"}, "x": {"constant": 5}},
    }
    document = {"telemetry": {"t": {"case": case}}}
    found = [message(document, sequence=n).get("t", "gone") for n in range(5)]
    assert found == ["T", "one", 5, "gone", "one"]
    assert value({"case": {**case, "else": {"constant": 0}}}, sequence=3) == 0


def test_an_alarm_goes_with_its_number() -> None:
    hot: Any = {"above": {"of": {"value": "t"}, "limit": 20}}
    document: Any = {
        "values": {"t": {"sequence": {"of": [19.9, 20, 20.1]}}},
        "messages": [
            {"telemetry": {"t": {"value": "t"}, "alarm": hot}},
            {"content": {"case": {"of": hot, "is": {"true": {"constant": "hot"}}}}},
        ],
    }
    found = [message(document, sequence=n) for n in range(3)]
    assert [(row["t"], row["alarm"]) for row in found] == [(19.9, False), (20, False), (20.1, True)]
    thing = Thing(NAME, model=parse(document))
    said = [telemetry.payload(thing, {}, WALL, n, 1) for n in range(3)]
    assert said == [None, None, b'"hot"']


def test_parts_of_one_choice_stay_together() -> None:
    rooms = [{"room": "kitchen", "t": 21}, {"room": "cellar", "t": 12}]
    values = {"room": {"pick": {"of": rooms}}}
    members = {name: {"part": {"of": {"value": "room"}, "at": name}} for name in ("room", "t")}
    document = {"values": values, "envelope": False, "telemetry": members}
    found = [message(document, sequence=n) for n in range(20)]
    assert {row["room"] for row in found} == {"kitchen", "cellar"}
    assert all(row in rooms for row in found)


def test_numbers_are_reckoned_with() -> None:
    power = {"product": [{"constant": 230}, {"constant": 1.5}]}
    assert value({"scale": {"of": power, "by": 2, "plus": 10}}) == 700
    assert value({"product": [{"constant": 1e15}] * 10}) == 1e15


# --- messages


def test_a_message_can_be_any_json_value_or_plain_text() -> None:
    contents: list[tuple[Any, str, bytes]] = [
        ({"constant": "ü"}, "text", "ü".encode()),
        ({"constant": "ü"}, "json", '"ü"'.encode()),
        ({"constant": 21.5}, "text", b"21.5"),
        ({"array": {"of": [{"constant": 1}]}}, "json", b"[1]"),
        ({"constant": None}, "json", b"null"),
    ]
    rows: list[Any] = [{"content": content, "as": form} for content, form, _ in contents]
    thing = Thing(NAME, model=parse({"messages": rows}))
    for number, (_, _, expected) in enumerate(contents):
        assert telemetry.payload(thing, {}, WALL, 0, number) == expected


def test_a_topic_of_its_own_is_always_one_that_the_device_may_use() -> None:
    longest = "/".join(["a" * 18] * 5) + "bbbbbb"
    model = parse({"messages": [{"topic": longest, "content": {"constant": 1}}]})
    name = "n" * 128
    topic = topics.telemetry_below(name, model.messages[0].below(name))
    assert topics.telemetry_fault(topic, name) is None
    assert model.messages[0].fits(name)
    twice = parse({"messages": [{"topic": "{thing}/{thing}", "content": {"constant": 1}}]})
    assert twice.messages[0].fits("short")
    assert not twice.messages[0].fits(name)
    with pytest.raises(ValueError, match="is longer than 256 bytes"):
        topics.telemetry_below(name, twice.messages[0].below(name))


# --- moments


def test_moments_can_be_asked_for_in_any_order() -> None:
    document = {"telemetry": {"t": {"value": "warm"}}, **LOAD}
    walls = [WALL + 60 * n for n in range(30)]
    forwards = [message(document, wall) for wall in walls]
    assert [message(document, wall) for wall in reversed(walls)][::-1] == forwards


def test_a_moment_is_the_things_own() -> None:
    moment = Moment("0/dev-A", WALL, 0, {})
    assert moment.through(60) == replace(moment, sequence=9).through(60)
    assert moment.through(60) != replace(moment, seed="0/dev-B").through(60)
