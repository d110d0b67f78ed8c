"""The control plane's settings table is the device's: the same file, the same verdicts, in the same words."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane import settings_table
from control_plane.setting_rules import Subject
from virtual_device import settings, settings_tool
from virtual_device.thing import DEVICE_TYPES, METRICS_FLOOR, Thing

NAME = "dev-TEST"
OTHER_NAME = "press:A_1"

SWITCH, BULB = Thing(NAME, "switch"), Thing(NAME, "bulb")
INTEGERS = [-1, 0, 1, 299, 300, 86_400, 86_401, True, False, 300.0, "300", None, 10**30]
WORDS = ["on", "off", "On", "", "metric", "imperial", "toggle", True, None, ["on"]]
TEXTS = ["x", "é" * 63, "é" * 64, "x" * 126, "x" * 127, "\ud800", float("nan"), {"a": float("inf")}, None, []]
EDGES: Mapping[str, list[Any]] = {
    "time": INTEGERS,
    "metrics": INTEGERS,
    "unit": WORDS,
    "debug": WORDS,
    "status": WORDS,
    "position": WORDS,
    "reconnect": TEXTS,
    "clean": TEXTS,
    "payload": [*TEXTS, {}, {"a": "x" * 2040}, {"a": "x" * 2041}, {"a": {"b": [None]}}],
    "topic": [
        *(
            f"dt/playground/{NAME}{end}"
            for end in ("", "/", "x", "/a", "/a/", "/a/b/c/d/e", "/a/b/c/d/e/f", "/+", "/#")
        ),
        *(f"{start}/{NAME}" for start in ("a", "$a", "$aws/x", "cmd/playground", "cmd/playground/x", "evt/playground")),
        *(f"{start}/{NAME}" for start in ("dt/playground", "", "/", "a//b", "a/+", "a/\x07", "\ud800", "é", "cmd/x")),
        *("x" * (size - len(NAME) - 1) + f"/{NAME}" for size in (255, 256, 257)),
        *("é" * half + f"/{NAME}" for half in (123, 124)),
        NAME,
        OTHER_NAME,
        f"a/{OTHER_NAME}",
        f"a/x{NAME}",
        "",
        1,
        None,
    ],
    "links": [
        *([f"{n:0{length}}" for n in range(count)] for count, length in ((0, 1), (10, 8), (11, 8), (10, 48), (10, 49))),
        *(["a", "b"], ["a", "a"], [NAME], ["a", NAME], [OTHER_NAME], ["a/b"], [""], ["x" * 128], ["x" * 129]),
        *([1], [None], ["a", ["b"]], "a", None, {"a": 1}),
    ],
    "colour": ["red"],
}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6)
levels = st.sampled_from(
    ["dt", "cmd", "evt", "playground", "$aws", "a", "", "+", "x" * 60, "telemetry", NAME, OTHER_NAME]
)
some: Mapping[str, st.SearchStrategy[Any]] = {
    "topic": st.lists(levels, max_size=10).map("/".join)
    | st.lists(levels, max_size=6).map(lambda more: "/".join(["dt/playground", NAME, *more])),
    "links": st.lists(st.sampled_from(["a", "b", "c", NAME, OTHER_NAME, "a/b", 1]), max_size=12),
    "time": st.integers(-2, 86_405),
    "metrics": st.integers(-2, 310),
}
things = st.builds(
    Thing,
    st.sampled_from([NAME, OTHER_NAME]),
    st.sampled_from(sorted(DEVICE_TYPES)),
    metrics_floor=st.sampled_from([1, 60, METRICS_FLOOR]),
)


def refused_by_the_device(thing: Thing, desired: Mapping[str, Any]) -> dict[str, str]:
    refused = settings.apply(thing, settings.defaults(thing), desired).refused
    return {key: refusal.reason for key, refusal in refused.items()}


def refused_by_the_api(thing: Thing, desired: Mapping[str, Any]) -> dict[str, str]:
    subject = Subject(thing.name, thing.device_type, thing.metrics_floor)
    return dict(settings_table.faults(desired, desired, subject))


def test_the_table_is_the_devices_own() -> None:
    """When it is not: PYTHONPATH=device .venvs/app/bin/python -m virtual_device.settings_tool > the file."""
    assert json.loads(settings_table.TABLE.read_text()) == settings_tool.document()
    assert list(settings_table.rows()) == [row.key for row in settings.TABLE]


@pytest.mark.parametrize("key", EDGES)
def test_a_device_and_the_api_say_the_same_at_the_edges_of_every_rule(key: str) -> None:
    verdicts = set()
    for thing in (SWITCH, BULB, BULB.hosted(1)):
        for value in EDGES[key]:
            said = refused_by_the_device(thing, {key: value})
            assert refused_by_the_api(thing, {key: value}) == said, (thing, value)
            verdicts.add(key in said)
    assert verdicts == ({True} if key == "colour" else {True, False})


def test_every_setting_has_its_edges() -> None:
    assert EDGES.keys() == {*settings_table.rows(), "colour"}


@pytest.mark.parametrize("key", EDGES)
@given(data=st.data(), thing=things)
def test_a_device_and_the_api_say_the_same_to_any_value(key: str, data: st.DataObject, thing: Thing) -> None:
    value = data.draw(some.get(key, anything) | st.sampled_from(EDGES[key]) | anything)
    assert refused_by_the_api(thing, {key: value}) == refused_by_the_device(thing, {key: value})


@pytest.mark.thorough
@given(thing=things, desired=st.fixed_dictionaries({}, optional={key: st.sampled_from(EDGES[key]) for key in EDGES}))
def test_a_device_and_the_api_say_the_same_to_many_at_once(thing: Thing, desired: dict[str, Any]) -> None:
    assert refused_by_the_api(thing, desired) == refused_by_the_device(thing, desired)


@pytest.mark.parametrize("device_type", sorted(DEVICE_TYPES))
def test_what_a_device_begins_with_is_accepted(device_type: str) -> None:
    thing = Thing(NAME, device_type)
    assert refused_by_the_api(thing, settings.defaults(thing)) == {}
