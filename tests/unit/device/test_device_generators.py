"""Generators: within their bounds at any moment, and the same again for the same moment."""

import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from virtual_device.telemetry import generators as g
from virtual_device.telemetry.members import Member, Nested, Sum, Told
from virtual_device.telemetry.moment import Moment, chance
from virtual_device.telemetry.route import Route, distance
from virtual_device.telemetry.times import Timestamp
from virtual_device.telemetry.units import QUANTITIES, to_imperial

WALL = 1_767_323_045.678
MOMENT = Moment("0/dev-TEST", WALL, 0, {"unit": "metric", "status": "on"})

seeds = st.text(max_size=8)
moments = st.builds(
    Moment,
    seeds,
    st.floats(0, 4e9),
    st.integers(0, 2**40),
    st.sampled_from([{"unit": "metric"}, {"unit": "imperial"}]),
)
amounts = st.floats(-1e15, 1e15)
seconds = st.floats(1e-3, 1e9)


def after(count: int, moment: Moment = MOMENT, every: float = 60) -> Moment:
    """So many messages later."""
    return replace(moment, sequence=moment.sequence + count, wall=moment.wall + count * every)


def close(value: float, other: float) -> bool:
    return math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-9)


@given(moments, amounts, amounts)
def test_uniform_stays_within_its_range(moment: Moment, one: float, other: float) -> None:
    low, high = sorted((one, other))
    value = g.Uniform("k", low, high, once=False).value(moment)
    assert low <= value <= high or close(value, low) or close(value, high)
    assert value == g.Uniform("k", low, high, once=False).value(moment)


def test_uniform_fills_its_range_evenly() -> None:
    values = [g.Uniform("k", 0, 10, once=False).value(after(count)) for count in range(2000)]
    assert all(150 < number < 250 for number in Counter(map(int, values)).values())


def test_what_is_drawn_once_is_the_things_own() -> None:
    serial = g.Uniform("k", 0, 1, once=True)
    assert serial.value(MOMENT) == serial.value(after(7))
    assert serial.value(MOMENT) != serial.value(replace(MOMENT, seed="0/dev-OTHER"))
    assert serial.value(MOMENT) != g.Uniform("another place", 0, 1, once=True).value(MOMENT)


@given(moments, st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), seconds, st.floats(-1e9, 1e9))
def test_sine_stays_within_its_amplitude(
    m: Moment, mean: float, amplitude: float, period: float, phase: float
) -> None:
    value = g.Sine(mean, amplitude, period, phase).value(m)
    assert abs(value - mean) <= abs(amplitude) * 1.000001 + 1e-6


def test_sine_comes_back_after_its_period_and_the_phase_shifts_it() -> None:
    wave = g.Sine(20, 5, 600, 0)
    assert close(wave.value(MOMENT), wave.value(after(10)))
    assert close(wave.value(MOMENT) - 20, 20 - wave.value(after(5)))
    assert close(g.Sine(20, 5, 600, 120).value(MOMENT), wave.value(after(2)))


@given(seeds, st.integers(0, 2**40), st.floats(-50, 50), st.floats(0.001, 30), st.floats(0, 100))
def test_walk_takes_steps_of_bounded_length_and_stays_in(
    s: str, n: int, low: float, step: float, span: float
) -> None:
    walk = g.Walk("k", low + span / 3, step, low, low + span)
    one, next_one = (
        walk.value(replace(MOMENT, seed=s, sequence=sequence)) for sequence in (n, n + 1)
    )
    assert low <= one <= low + span
    assert abs(next_one - one) <= step * (1 + 1e-6) + 1e-6


def octaves(seed: str, key: str, number: int) -> float:
    """How far a walk with a step of 1 has come, reckoned from nothing that was kept."""
    total = 0.0
    for octave in range(g.WALK_OCTAVES + 1):
        block, within = divmod(number, 2**octave)
        noise = [2 * chance(seed, key, octave, b) - 1 if b else 0.0 for b in (block, block + 1)]
        total += 2 ** (octave / 2) * (noise[0] + (noise[1] - noise[0]) * within / 2**octave)
    return total * (1 - 2**-0.5) / 2


@given(seeds, st.lists(st.integers(0, 2**22) | st.integers(0, 40), min_size=2, max_size=12))
def test_a_walks_message_is_the_same_whichever_was_asked_for_before(
    seed: str, numbers: list[int]
) -> None:
    walk = g.Walk("k", 0, 1, -1e9, 1e9)
    for number in [*numbers, *range(numbers[0], numbers[0] + 9), *reversed(numbers)]:
        found = walk.value(replace(MOMENT, seed=seed, sequence=number))
        assert abs(found - octaves(seed, "k", number)) < 1e-6


def test_walk_begins_at_its_start_and_gets_about() -> None:
    walk = g.Walk("k", 50, 1, 0, 100)
    values = [walk.value(after(count)) for count in range(300)]
    assert values[0] == 50
    assert max(values) - min(values) > 3
    assert all(one != other for one, other in pairwise(values))
    assert g.Walk("k", 1, 5, 1, 1).value(after(3)) == 1


@given(moments, amounts, amounts, seconds, seconds)
def test_decay_stays_between_its_ends(
    m: Moment, start: float, end: float, half_life: float, period: float
) -> None:
    value = g.Decay(start, end, half_life, period).value(m)
    low, high = sorted((start, end))
    assert low <= value <= high or close(value, low) or close(value, high)


def test_decay_halves_and_begins_anew() -> None:
    decay = g.Decay(100, 0, 60, 600)
    values = [decay.value(after(count)) for count in range(11)]
    assert close(values[0], values[10])
    falls = [close(value * 0.5, following) for value, following in pairwise(values)]
    assert falls.count(False) == 1


def test_pick_follows_the_weights() -> None:
    pick = g.Pick("k", ("a", "b", "never"), (3, 1, 0), once=False)
    counts = Counter(pick.value(after(count)) for count in range(1000))
    assert counts.keys() == {"a", "b"}
    assert 650 < counts["a"] < 850
    once = g.Pick("k", tuple(range(100)), (1,) * 100, once=True)
    assert once.value(MOMENT) == once.value(after(9))


def test_sequence_takes_turns_by_message_or_by_time() -> None:
    turns = g.Sequence(("a", "b", "c"), None)
    assert [turns.value(after(count)) for count in range(4)] == ["a", "b", "c", "a"]
    timed = g.Sequence(("a", "b"), 300)
    values = [timed.value(after(count)) for count in range(11)]
    assert Counter(values[:10]) == {"a": 5, "b": 5}
    assert values[0] == values[10]


def test_counter_counts_messages_or_time() -> None:
    assert [g.Counter(5, 2, None, None).value(after(count)) for count in range(3)] == [5, 7, 9]
    assert [g.Counter(0, 1, None, 2).value(after(count)) for count in range(4)] == [0, 1, 0, 1]
    timed = g.Counter(0, 1, 120, None)
    assert timed.value(after(4)) - timed.value(MOMENT) == 2


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("iso", "2026-01-02T03:04:05.678Z"),
        ("seconds", 1_767_323_045),
        ("milliseconds", 1_767_323_045_678),
    ],
)
def test_timestamp_forms(form: str, expected: Any) -> None:
    assert Timestamp(form).value(MOMENT) == expected


def test_setting_is_left_out_where_there_is_none() -> None:
    members = Nested({"light": Member(g.Setting("status")), "five": Member(g.Constant(5))})
    assert members.value(MOMENT) == {"light": "on", "five": 5}
    assert members.value(replace(MOMENT, settings={})) == {"five": 5}


def test_sum_adds_and_nested_nests() -> None:
    added = Member(Sum((g.Constant(1), g.Counter(0, 1, None, None))))
    assert Nested({"a": Member(Nested({"b": added}))}).value(after(2)) == {"a": {"b": 3}}


SQUARE = ((0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0))


def test_route_goes_round_at_its_speed() -> None:
    route = Route.through(SQUARE, 60)
    positions = [route.value(after(count)) for count in range(600)]
    places = [(p["latitude"], p["longitude"]) for p in positions if isinstance(p, dict)]
    steps = [distance(one, other) for one, other in pairwise(places)]  # type: ignore[arg-type]
    # A minute at 60 km/h is 1 km; less as the crow flies only around the four corners.
    assert max(steps) < 1.01
    assert sum(step < 0.98 for step in steps) <= 8
    assert {p["heading"] for p in positions if isinstance(p, dict)} == {0, 90, 180, 270}


@given(moments, seconds)
def test_route_stays_on_the_map(moment: Moment, speed: float) -> None:
    position: Any = Route.through(SQUARE, speed).value(moment)
    assert 0 <= position["latitude"] <= 1
    assert 0 <= position["longitude"] <= 1


def test_the_distance_of_munich_and_berlin() -> None:
    assert round(distance((48.137, 11.575), (52.52, 13.405))) == 504


CONVERSIONS = [
    ("temperature", 100, 212), ("speed", 100, 62.14), ("distance", 42.195, 26.22), ("length", 1,
    3.28),
    ("mass", 1, 2.2), ("volume", 10, 2.64), ("pressure", 1013.25, 29.92),
]  # fmt: skip


@pytest.mark.parametrize(("quantity", "metric", "imperial"), CONVERSIONS)
def test_a_quantity_is_sent_in_the_unit_of_the_setting(
    quantity: str, metric: float, imperial: float
) -> None:
    member = Member(g.Constant(metric), quantity)
    assert member.value(MOMENT) == metric or member.value(MOMENT) == round(metric, 2)
    assert member.value(replace(MOMENT, settings={"unit": "imperial"})) == imperial
    assert round(to_imperial(quantity, metric), 2) == imperial


def test_every_quantity_is_tried() -> None:
    assert {quantity for quantity, _, _ in CONVERSIONS} == QUANTITIES.keys()


def test_numbers_are_rounded_and_nothing_else_is() -> None:
    assert Member(g.Constant(1.23456)).value(MOMENT) == 1.23456
    assert Member(Sum((g.Constant(1.23456), g.Constant(2)))).value(MOMENT) == 3.23
    assert Member(g.Constant(1.23456), decimals=4).value(MOMENT) == 1.2346
    assert Member(g.Constant(0.001234)).value(MOMENT) == 0.001234
    assert Member(g.Sequence((1.23456,), None)).value(MOMENT) == 1.23456
    assert Member(Told(Member(g.Constant(1.23456), decimals=4))).value(MOMENT) == 1.2346
    assert Member(Sum((g.Constant(1.23456), g.Constant(0)))).value(MOMENT) == 1.23
    assert Member(g.Constant(1.23456), quantity="temperature").value(MOMENT) == 1.23456
    assert repr(Member(g.Constant(1.6), decimals=0).value(MOMENT)) == "2"
    assert repr(Member(g.Constant(7), decimals=1).value(MOMENT)) == "7"
    assert repr(Member(g.Constant(given=True)).value(MOMENT)) == "True"
