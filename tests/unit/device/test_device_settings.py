"""The settings table: every value is either run with or refused, and no key depends on another."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from virtual_device.base.jsonvalue import JsonObject
from virtual_device.connection import topics
from virtual_device.shadow import settings
from virtual_device.shadow.settings import Act
from virtual_device.telemetry.thing import DEVICE_TYPES, Thing

THING = Thing("dev-TEST")
BULB = Thing("dev-TEST", "bulb")
SWITCH = Thing("dev-TEST", "switch")

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
desired_states = st.dictionaries(
    st.sampled_from(sorted(settings.KEYS)) | st.text(max_size=8), values, max_size=8
)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("time", 1),
        ("time", 86_400),
        ("topic", "newtopic/dev-TEST"),
        ("topic", "dt/playground/dev-TEST/a/b/c/d"),
        ("payload", {"a": [1, {"b": "c"}]}),
        ("reconnect", True),
        ("clean", {"at": "noon"}),
        ("unit", "imperial"),
        ("debug", "on"),
        ("quarantine", True),
        ("quarantine", False),
    ],
)
def test_a_valid_value_is_run_with(key: str, value: Any) -> None:
    outcome = settings.apply(THING, settings.defaults(THING), {key: value})
    assert outcome.settings[key] == value
    assert outcome.refused == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("time", 0),
        ("time", 86_401),
        ("time", True),
        ("time", 5.5),
        ("time", "5"),
        ("time", None),
        ("time", 10**30),
        ("topic", "$aws/things/dev-TEST/shadow/update"),
        ("topic", "$aws/things/x/dev-TEST"),
        ("topic", "cmd/playground/x/dev-TEST"),
        ("topic", "evt/playground/dev-TEST"),
        ("topic", "newtopic/dev-OTHER"),
        ("topic", "dt/playground/dev-TEST"[:-1]),
        ("topic", "dt/playground/dev-TEST/"),
        ("topic", "a//dev-TEST"),
        ("topic", "a/+/dev-TEST"),
        ("topic", "dt/playground/dev-TEST/#"),
        ("topic", "a/\0/dev-TEST"),
        ("topic", "1/2/3/4/5/6/7/8/dev-TEST"),
        ("topic", "x" * 250 + "/dev-TEST"),
        ("topic", "\ud800/dev-TEST"),
        ("topic", ""),
        ("topic", 7),
        ("payload", []),
        ("payload", "text"),
        ("payload", {"a": "x" * 3000}),
        ("payload", {"a": float("inf")}),
        ("reconnect", "x" * 300),
        ("unit", "Metric"),
        ("debug", True),
        ("quarantine", "yes"),
        ("quarantine", 1),
        ("status", "on"),
        ("colour", "red"),
    ],
)
def test_an_invalid_value_is_refused_and_the_old_one_stays(key: str, value: Any) -> None:
    before = settings.defaults(THING)
    outcome = settings.apply(THING, before, {key: value})
    assert outcome.settings == before
    assert outcome.refused[key].value is value
    assert outcome.refused[key].reason
    assert outcome.acts == ()


def test_only_a_bulb_has_a_light() -> None:
    assert (
        settings.apply(BULB, settings.defaults(BULB), {"status": "on"}).settings["status"] == "on"
    )
    assert "status" not in settings.defaults(THING)


@pytest.mark.parametrize("value", [[], ["dev-A"], [f"dev-{number}" for number in range(10)]])
def test_links_of_a_switch(value: Any) -> None:
    assert (
        settings.apply(SWITCH, settings.defaults(SWITCH), {"links": value}).settings["links"]
        == value
    )


@pytest.mark.parametrize(
    "value",
    [
        "dev-A",
        {"dev-A": True},
        None,
        ["dev-A", 7],
        ["dev-A", "a/b"],
        ["dev-A", ""],
        ["dev-A", "dev-A"],
        ["dev-A", "dev-TEST"],
        [f"dev-{number}" for number in range(11)],
        [f"{number}{'x' * 126}" for number in range(4)],
    ],
)
def test_links_that_are_refused(value: Any) -> None:
    outcome = settings.apply(SWITCH, settings.defaults(SWITCH), {"links": value})
    assert outcome.settings["links"] == []
    assert outcome.refused["links"].value == value


def test_links_that_are_removed_are_none() -> None:
    linked: JsonObject = {**settings.defaults(SWITCH), "links": ["dev-A"], "position": "on"}
    assert settings.apply(SWITCH, linked, {}).settings == {**linked, "links": []}


def test_a_bulb_has_no_position() -> None:
    assert settings.apply(BULB, settings.defaults(BULB), {"position": "on"}).refused.keys() == {
        "position"
    }


@pytest.mark.parametrize(
    ("key", "value", "act"),
    [
        ("time", 5, Act.SEND_NOW),
        ("reconnect", 1, Act.DROP_CONNECTION),
        ("clean", 1, Act.CLEAN_RECONNECT),
        ("debug", "on", Act.SET_LOG_LEVEL),
    ],
)
def test_a_new_value_acts_once(key: str, value: Any, act: Act) -> None:
    first = settings.apply(THING, settings.defaults(THING), {key: value})
    second = settings.apply(THING, first.settings, {key: value})
    assert first.acts == (act,)
    assert second.acts == ()


def test_true_and_one_are_two_values_for_reconnect() -> None:
    first = settings.apply(THING, settings.defaults(THING), {"reconnect": 1})
    assert settings.apply(THING, first.settings, {"reconnect": True}).acts == (Act.DROP_CONNECTION,)


def test_a_removed_payload_goes_back_to_telemetry_and_all_else_stays() -> None:
    given_all = settings.apply(
        THING, settings.defaults(THING), {"payload": {"a": 1}, "time": 5}
    ).settings
    outcome = settings.apply(THING, given_all, {})
    assert outcome.settings["payload"] is None
    assert outcome.settings["time"] == 5


@given(desired=desired_states)
def test_every_key_is_either_in_force_or_refused(desired: dict[str, Any]) -> None:
    for device_type in DEVICE_TYPES:
        thing = Thing("dev-TEST", device_type)
        before = settings.defaults(thing)
        outcome = settings.apply(thing, before, desired)
        assert outcome.settings.keys() == before.keys()
        for key in desired.keys() - outcome.refused.keys():
            assert outcome.settings[key] == desired[key]
        for key in outcome.refused.keys() & before.keys():
            assert outcome.settings[key] == before[key]


@given(desired=desired_states)
def test_no_key_depends_on_another(desired: dict[str, Any]) -> None:
    before = settings.defaults(BULB)
    together = settings.apply(BULB, before, desired)
    for key, value in desired.items():
        alone = settings.apply(BULB, before, {key: value})
        assert (key in alone.refused) == (key in together.refused)
        if key in before:
            assert alone.settings[key] == together.settings[key]


@given(
    topic=st.text(max_size=300)
    | st.lists(st.sampled_from(["dt", "playground", "dev-TEST", "", "+", "$aws"])).map("/".join)
)
def test_an_accepted_topic_is_one_that_the_policy_allows(topic: str) -> None:
    if topics.telemetry_fault(topic, "dev-TEST") is None:
        assert len(topic.encode()) <= 256
        assert topic.count("/") <= 7
        assert not set(topic) & set("+#\0")
        assert "" not in topic.split("/")
        assert not topic.startswith(("$", "cmd/playground/", "evt/playground/"))
        assert (
            topic.startswith("dt/playground/dev-TEST/")
            or topic.rsplit("/", maxsplit=1)[-1] == "dev-TEST"
        )
