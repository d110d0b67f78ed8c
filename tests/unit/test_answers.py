"""What a device has answered: decided once, by what its shadow holds, and as the device means
it.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.answers import WITHOUT_A_WISH, Answer, answer, merged, shown
from common.jsontext import read
from tests.shadow_double import Shadow
from virtual_device.base.jsonvalue import read_object
from virtual_device.shadow import settings, shadow
from virtual_device.telemetry.thing import DEVICE_TYPES, Thing

LAMP = Thing("lamp", "bulb")
ACCEPTED, PENDING = Answer("accepted"), Answer("pending")
DEEP: Any = {"a": {"b": {"c": [1, {"d": None}]}}}

numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers
leaves = scalars | st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("ab.", max_size=3), inner, max_size=4)
    ),
)
keys = st.sampled_from([*settings.KEYS, "colour"])


def service(held: dict[str, Any], wish: dict[str, Any], *, drops_nulls: bool) -> dict[str, Any]:
    """`desired` after an update: AWS drops nulls at any depth, the emulator keeps those that stand
    in new objects."""
    if drops_nulls:
        return merged(held, wish)
    return {**held, **{key: value for key, value in wish.items() if value is not None}}


def device(thing: Thing, desired: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """What the device reports of that: its own code."""
    outcome = settings.apply(thing, before, desired)
    return shadow.reported(outcome.settings, outcome.refused, desired)


@pytest.mark.thorough
@pytest.mark.parametrize("drops_nulls", [True, False], ids=["as AWS", "as the emulator"])
@given(key=keys, wish=values, before=st.dictionaries(keys, values, max_size=2))
def test_every_wish_is_answered_by_the_devices_own_report(
    key: str, wish: Any, before: dict[str, Any], *, drops_nulls: bool
) -> None:
    # given: a device that follows an older wish
    old = service({}, before, drops_nulls=drops_nulls)
    settled = dict(settings.apply(LAMP, settings.defaults(LAMP), old).settings)
    # when
    desired = service(old, {key: wish}, drops_nulls=drops_nulls)
    if wish is None:
        desired.pop(key, None)
    reported = device(LAMP, desired, settled)
    # then
    found = answer(key, wish, desired, reported)
    refused = settings.apply(LAMP, settled, desired).refused
    assert found.result == ("rejected" if key in refused and key in desired else "accepted")
    if found.result == "rejected":
        assert found.reason == refused[key].reason


@given(value=values)
def test_a_refused_value_is_known_again(value: Any) -> None:
    assert shown(value) == shadow.shown(value)


UNKEPT = [
    "NaN",
    "1e999",
    "123456789012345678901234567890",
    "0.12345678901234567890123",
    '"\\ud800"',
]


@pytest.mark.parametrize("text", UNKEPT)
def test_a_refused_value_that_can_not_be_kept_is_known_again(text: str) -> None:
    """Somebody has written it with another tool."""
    ours, its = read(f'{{"time":{text}}}'), read_object(f'{{"time":{text}}}')
    assert shown(ours["time"]) == shadow.shown(its["time"])
    reported = device(LAMP, its, dict(settings.defaults(LAMP)))
    assert answer("time", ours["time"], ours, reported).result == "rejected"


def test_what_goes_back_is_what_the_table_says() -> None:
    rows = [row for row in settings.TABLE if row.resets_when_removed]
    things = {row.key: Thing("x", min(row.device_types or DEVICE_TYPES)) for row in rows}
    assert {row.key: row.default(things[row.key]) for row in rows} == WITHOUT_A_WISH


@pytest.mark.parametrize(
    ("wish", "desired", "reported", "expected"),
    [
        # the shadow drops nulls, or keeps them
        ({"t": 21.5, "door": None}, {"t": 21.5}, {"t": 21.5}, ACCEPTED),
        ({"t": 21.5, "door": None}, {"t": 21.5, "door": None}, {"t": 21.5}, ACCEPTED),
        # it merges objects
        ({"b": 2}, {"a": 1, "b": 2}, {"a": 1, "b": 2}, ACCEPTED),
        ({"b": 2}, {"a": 1, "b": 2}, {"a": 1}, PENDING),
        ({"b": 2}, {"a": 1, "b": 2}, {"b": 2}, PENDING),
        # Python takes true for 1
        (1, 1, True, PENDING),
        (True, True, 1, PENDING),
        ({"a": [1]}, {"a": [1]}, {"a": [True]}, PENDING),
        # one number, written in two ways
        (10.0, 10, 10, ACCEPTED),
        (10, 10.0, 10, ACCEPTED),
        # somebody else has wished for something else meanwhile
        (5, 6, 6, PENDING),
        ({"a": 1}, {"a": 2}, {"a": 2}, PENDING),
        ({"a": 1}, None, {"a": 1}, PENDING),
        # all of it is dropped
        ({"a": None}, {}, {}, ACCEPTED),
    ],
)
def test_a_wish_is_compared_with_what_the_shadow_holds(
    wish: Any, desired: Any, reported: Any, expected: Answer
) -> None:
    held = {} if desired is None else {"payload": desired}
    assert answer("payload", wish, held, {"payload": reported}) == expected


def test_an_empty_object_that_a_service_drops_is_a_removal() -> None:
    assert answer("payload", {"a": None}, {}, {"payload": {"b": 1}}) == PENDING
    assert answer("payload", {"a": None}, {}, {}) == ACCEPTED


@pytest.mark.parametrize(
    "value", ["x" * 500, {"a": "x" * 3000}, DEEP, [DEEP] * 3, list(range(500))]
)
def test_a_long_or_deep_value_that_is_refused_is_an_answer(value: Any) -> None:
    reported = device(LAMP, {"unit": value}, dict(settings.defaults(LAMP)))
    assert answer("unit", value, {"unit": value}, reported) == Answer(
        "rejected", "must be one of metric, imperial"
    )


def test_the_refusal_of_another_value_that_began_alike_is_no_answer() -> None:
    old, new = {"a": "x" * 3000}, {"a": "x" * 2000}
    reported = device(LAMP, {"payload": old}, dict(settings.defaults(LAMP)))
    assert answer("payload", new, {"payload": new}, reported) == PENDING


def test_a_refusal_that_has_no_room_for_the_value_is_an_answer() -> None:
    reported = {"rejected": {"unit": {"reason": "no"}}, "unit": "metric"}
    assert answer("unit", "x", {"unit": "x"}, reported) == Answer("rejected", "no")
    assert answer("unit", "metric", {"unit": "metric"}, reported) == ACCEPTED


@pytest.mark.parametrize("rejected", ["text", [1], {"unit": "text"}, {"unit": None}, None])
def test_what_others_write_into_reported_is_no_answer(rejected: Any) -> None:
    assert answer("unit", "x", {"unit": "x"}, {"rejected": rejected}) == PENDING


@pytest.mark.parametrize(
    ("key", "desired", "reported", "expected"),
    [
        ("payload", {}, {"payload": {"a": 1}}, PENDING),
        ("payload", {}, {}, ACCEPTED),
        ("links", {}, {"links": ["dev-A"]}, PENDING),
        ("links", {}, {"links": []}, ACCEPTED),
        ("time", {}, {"time": 5}, ACCEPTED),
        ("time", {"time": 6}, {"time": 5}, PENDING),
        ("colour", {}, {"rejected": {"colour": {"value": "red", "reason": "no"}}}, PENDING),
        ("colour", {}, {}, ACCEPTED),
    ],
)
def test_a_removal_is_answered_when_the_device_has_gone_back(
    key: str, desired: Any, reported: Any, expected: Answer
) -> None:
    assert answer(key, None, desired, reported) == expected


def test_the_double_of_the_service_merges_alike() -> None:
    double = Shadow()
    for patch in ({"payload": {"a": 1, "b": {"c": None}}}, {"payload": {"a": None, "d": [None]}}):
        before = double.desired
        double.update({"state": {"desired": patch}})
        assert double.desired == merged(before, patch)
