"""The control plane's settings table is the device's: the same file, the same verdicts, in the same
words.
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane import settings_table
from control_plane.setting_rules import Subject
from virtual_device.shadow import settings
from virtual_device.telemetry.thing import DEVICE_TYPES, METRICS_FLOOR, Thing
from virtual_device.tools import settings_tool

NAME = "dev-TEST"
OTHER_NAME = "press:A_1"

SWITCH, BULB, ROGUE, HOST = (
    Thing(NAME, device_type) for device_type in ("switch", "bulb", "rogue", "host")
)
URL = "https://b.example/m.json?X=1"


def deep(levels: int) -> Any:
    """So many objects, one in the other."""
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


FLOATS = [300.0, 300.5, 1e2, -0.0, 1e300, float("inf"), float("nan"), 86_400.000001]
INTEGERS = [-1, 0, 1, 299, 300, 86_400, 86_401, True, False, "300", None, 2**63, 10**30, *FLOATS]
WORDS = ["on", "off", "On", "", "metric", "imperial", "toggle", True, None, ["on"]]
BIG = [
    2**63 - 1,
    2**63,
    -(2**63),
    -(2**63) - 1,
    10**30,
    [10**30],
    {"a": {"b": -(10**30)}},
    1e300,
    -0.0,
]
UNSOUND = ["\ud800", {"\ud800": 1}, float("nan"), {"a": float("inf")}]
TEXTS = ["x", "é" * 63, "é" * 64, "x" * 126, "x" * 127, None, [], True, 1, *BIG, *UNSOUND]
EDGES: Mapping[str, list[Any]] = {
    "time": INTEGERS,
    "metrics": INTEGERS,
    "unit": WORDS,
    "debug": WORDS,
    "status": WORDS,
    "position": WORDS,
    "reconnect": TEXTS,
    "clean": TEXTS,
    "payload": [
        *TEXTS,
        {},
        {"a": "x" * 2040},
        {"a": "x" * 2041},
        {"a": {"b": [None]}},
        deep(63),
        deep(64),
        deep(65),
    ],
    "topic": [
        *(
            f"dt/playground/{NAME}{end}"
            for end in ("", "/", "x", "/a", "/a/", "/a/b/c/d/e", "/a/b/c/d/e/f", "/+", "/#")
        ),
        *(
            f"{start}/{NAME}"
            for start in (
                "a",
                "$a",
                "$aws/x",
                "cmd/playground",
                "cmd/playground/x",
                "evt/playground",
            )
        ),
        *(
            f"{start}/{NAME}"
            for start in ("dt/playground", "", "/", "a//b", "a/+", "a/\x07", "\ud800", "é", "cmd/x")
        ),
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
        *(
            [f"{n:0{length}}" for n in range(count)]
            for count, length in ((0, 1), (10, 8), (11, 8), (10, 48), (10, 49))
        ),
        *(
            ["a", "b"],
            ["a", "a"],
            [NAME],
            ["a", NAME],
            [OTHER_NAME],
            ["a/b"],
            [""],
            ["x" * 128],
            ["x" * 129],
        ),
        *([1], [None], ["a", ["b"]], "a", None, {"a": 1}),
    ],
    "quarantine": [True, False, None, 0, 1, "true", [], {}],
    "misbehave": [
        *(
            "all",
            "ALL",
            "flood",
            [],
            ["flood"],
            ["flood", "clone"],
            ["flood", "flood"],
            ["all"],
            ["flood", 1],
        ),
        *([["flood"]], [{}], [None], {"flood": 1}, None, True),
    ],
    "seed": [*INTEGERS, 2**31 - 1, 2**31],
    "period": [*INTEGERS, 3600, 3601],
    "victim": [OTHER_NAME, NAME, "", "a/b", "x" * 128, "x" * 129, None, 1, ["a"]],
    "manifest": [
        *({"version": version, "url": URL} for version in (*INTEGERS, 1, 2**53 - 1, 2**53, *BIG)),
        *(
            {"version": 1, "url": url}
            for url in (f"http{URL}", "http://b", "https://", "", 1, None)
        ),
        *({"version": 1, "url": f"{URL}{end}"} for end in ("", " ", "\n", "é", "\ud800", "~", "!")),
        *({"version": 1, "url": URL.ljust(length, "x")} for length in (3072, 3073)),
        *({"version": 1}, {"url": URL}, {"version": 1, "url": URL, "x": 1}, {}, [], None, URL, 1),
    ],
    "speed": [*INTEGERS, 1000, 1001],
    "colour": ["red"],
}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6
)
levels = st.sampled_from(
    [
        "dt",
        "cmd",
        "evt",
        "playground",
        "$aws",
        "a",
        "",
        "+",
        "x" * 60,
        "telemetry",
        NAME,
        OTHER_NAME,
    ]
)
some: Mapping[str, st.SearchStrategy[Any]] = {
    "topic": st.lists(levels, max_size=10).map("/".join)
    | st.lists(levels, max_size=6).map(lambda more: "/".join(["dt/playground", NAME, *more])),
    "links": st.lists(st.sampled_from(["a", "b", "c", NAME, OTHER_NAME, "a/b", 1]), max_size=12),
    "misbehave": st.lists(st.sampled_from(["flood", "clone", "all", 1]), max_size=3),
    "victim": st.sampled_from([NAME, OTHER_NAME]),
    "manifest": st.fixed_dictionaries(
        {"version": st.integers(-1, 3)}, optional={"url": st.sampled_from([URL, "", "ftp://b"])}
    ),
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
    """When it is not: PYTHONPATH=device .venvs/app/bin/python -m virtual_device.tools.settings_tool
    > the file.
    """
    assert json.loads(settings_table.TABLE.read_text()) == settings_tool.document()
    assert list(settings_table.rows()) == [row.key for row in settings.TABLE]


@pytest.mark.parametrize("key", EDGES)
def test_a_device_and_the_api_say_the_same_at_the_edges_of_every_rule(key: str) -> None:
    verdicts = set()
    for thing in (SWITCH, BULB, ROGUE, HOST, BULB.hosted(1)):
        for value in EDGES[key]:
            said = refused_by_the_device(thing, {key: value})
            assert refused_by_the_api(thing, {key: value}) == said, (thing, value)
            verdicts.add(key in said)
    assert verdicts == ({True} if key == "colour" else {True, False})


def test_every_setting_has_its_edges() -> None:
    assert EDGES.keys() == {*settings_table.rows(), "colour"}


@pytest.mark.parametrize("key", EDGES)
@given(data=st.data(), thing=things)
def test_a_device_and_the_api_say_the_same_to_any_value(
    key: str, data: st.DataObject, thing: Thing
) -> None:
    value = data.draw(some.get(key, anything) | st.sampled_from(EDGES[key]) | anything)
    assert refused_by_the_api(thing, {key: value}) == refused_by_the_device(thing, {key: value})


@pytest.mark.thorough
@given(
    thing=things,
    desired=st.fixed_dictionaries({}, optional={key: st.sampled_from(EDGES[key]) for key in EDGES}),
)
def test_a_device_and_the_api_say_the_same_to_many_at_once(
    thing: Thing, desired: dict[str, Any]
) -> None:
    assert refused_by_the_api(thing, desired) == refused_by_the_device(thing, desired)


@pytest.mark.parametrize(
    "thing", [SWITCH, BULB.hosted(1), ROGUE, HOST, Thing(OTHER_NAME, "vehicle")]
)
def test_what_people_are_told_is_what_a_device_holds_to(thing: Thing) -> None:
    # given what the command shows of this thing
    told: list[Any] = settings_tool.about(settings.rows(thing.device_type).values(), thing)
    # then it is all of its settings, with the defaults that it begins with
    assert {one["key"]: one["default"] for one in told} == settings.defaults(thing)
    for one in told:
        # and the rule in words is what is told of a value of another kind
        said = refused_by_the_device(thing, {one["key"]: 0.5}).get(one["key"], "")
        rule = said.removeprefix("must be ").removeprefix("a ").removeprefix("string")
        assert rule in one["rule"], one
        assert thing.device_type in one["deviceTypes"]
        assert one["does"].endswith(".")
        assert (one["setBy"] is None) == (one["key"] not in settings_table.reserved([one["key"]]))


def test_the_tool_tells_of_all_of_a_type_and_of_a_thing(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, keys in (
        ([], [row.key for row in settings.TABLE]),
        (["bulb"], list(settings.rows("bulb"))),
        (["switch", "-x", "1"], list(settings.rows("switch"))),
    ):
        assert settings_tool.main(["about", *arguments]) == 0
        told = json.loads(capsys.readouterr().out)
        assert [one["key"] for one in told] == keys
    assert (
        next(one["default"] for one in told if one["key"] == "topic")
        == "dt/playground/-x/telemetry"
    )
    assert next(one["rule"] for one in told if one["key"] == "metrics").startswith(
        "0 or an integer from 1 "
    )
    for wrong in (["about", "fridge"], ["about", "bulb", "lamp"], ["tell"]):
        assert settings_tool.main(wrong) == 2


@pytest.mark.parametrize("device_type", sorted(DEVICE_TYPES))
def test_what_a_device_begins_with_is_accepted(device_type: str) -> None:
    thing = Thing(NAME, device_type)
    assert refused_by_the_api(thing, settings.defaults(thing)) == {}
