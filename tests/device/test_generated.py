"""Generated input: changes of the shadow in any mood of the network, and documents that are bad in
any way.

`--hypothesis-profile=full` runs 4,000 examples of each kind, a plain run far fewer.
"""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.device.stage import NAME, PREFIX, Stage, stage
from virtual_device.base.errors import ConfigInvalidError
from virtual_device.connection.lifetime import RESTART_JITTER_SECONDS
from virtual_device.shadow.settings import KEYS, defaults, rows
from virtual_device.shadow.shadow import without_nulls
from virtual_device.shadow.shadow_client import ANSWERS
from virtual_device.state.config import Config, Identity
from virtual_device.telemetry.thing import Thing

pytestmark = pytest.mark.thorough

LONG_ENOUGH = 60.0
"""Seconds after which every question that got no answer has been asked again."""

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

texts = st.text(max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
switches = st.sampled_from(["on", "off"])
tokens = st.sampled_from(["a", "b", 1, True])
small_objects = st.dictionaries(
    st.sampled_from("abc"), st.integers(0, 9) | st.lists(st.integers(0, 9), max_size=2), max_size=3
)
valid: dict[str, st.SearchStrategy[Any]] = {
    "time": st.integers(30, 86_400),
    "topic": st.sampled_from([f"x/{NAME}", f"dt/playground/{NAME}/a"]),
    "payload": small_objects,
    "reconnect": tokens,
    "clean": tokens,
    "unit": st.sampled_from(["metric", "imperial"]),
    "debug": st.just("off"),
    "metrics": st.sampled_from([0, 300, 86_400]),
    "status": switches,
    "position": switches,
    "links": st.lists(st.sampled_from(["dev-A", "dev-B", "dev-C"]), max_size=3, unique=True),
    "quarantine": st.booleans(),
    "misbehave": st.lists(st.sampled_from(["tamper", "flood"]), max_size=2, unique=True),
    "seed": st.integers(0, 99),
    "period": st.integers(1, 99),
    "victim": st.sampled_from(["dev-A", "dev-B"]),
    "manifest": st.just({"version": 1, "url": "https://bucket.example/1.json"}),
    "speed": st.integers(1, 3),
}
wrong: dict[str, st.SearchStrategy[Any]] = {
    "time": st.integers(max_value=0)
    | st.integers(min_value=86_401)
    | st.floats(allow_nan=False, allow_infinity=False).filter(
        lambda number: not number.is_integer()
    )
    | texts
    | tokens,
    "topic": st.sampled_from(["$aws/x", "a/#", "", f"cmd/playground/x/{NAME}", "x" * 300])
    | st.integers(),
    "payload": st.integers() | texts | st.lists(scalars, max_size=3) | st.just({"a": "x" * 3000}),
    "reconnect": st.just("x" * 200),
    "clean": st.just(["x" * 200]),
    "unit": st.integers() | st.just("Metric") | st.lists(switches, max_size=2),
    "debug": st.booleans() | st.just("loud"),
    "status": st.booleans()
    | st.just("dim")
    | st.dictionaries(switches, switches, min_size=1, max_size=1),
    "metrics": st.integers(-5, -1) | st.integers(1, 299) | st.booleans() | texts,
    "position": st.booleans() | st.just("toggle"),
    "links": st.sampled_from(["dev-A", [NAME], ["dev-A", "dev-A"], ["a/b"], [1]]) | st.integers(),
    "quarantine": st.integers() | texts,
    "misbehave": st.sampled_from(["some", ["dance"], ["flood", "flood"], [1]]) | st.integers(),
    "seed": st.integers(max_value=-1) | texts | st.booleans(),
    "period": st.integers(max_value=0) | texts | st.booleans(),
    "victim": st.sampled_from([NAME, "a/b", ""]) | st.integers(),
    "manifest": st.sampled_from([{"version": 1}, {"version": 0, "url": "https://x"}, 7, "x"]),
    "speed": st.integers(max_value=0) | st.integers(min_value=1001) | texts | st.booleans(),
    "colour": st.just("red"),
}
wrong["time"] = wrong["time"].filter(lambda value: value != 1 or isinstance(value, bool))
device_types = st.sampled_from(["bulb", "switch"])
good_changes = st.fixed_dictionaries(
    {}, optional={key: value | st.none() for key, value in valid.items()}
)
bad_changes = st.fixed_dictionaries({}, optional=wrong).filter(bool)
moods = st.sampled_from(["deliver", "lose", "duplicate", "swap", "drop", "restart"])


def own(device_type: str) -> dict[str, st.SearchStrategy[Any]]:
    """Valid values of the settings that a device of this type has."""
    return {key: valid[key] for key in rows(device_type)}


def first_report(device_type: str) -> dict[str, Any]:
    """What a device reports that nobody has told anything."""
    return without_nulls(defaults(Thing(NAME, device_type)))


def in_a_mood(scene: Stage, mood: str) -> bool:
    """Do to the messages on their way what a network may do; whether one is lost for good."""
    if mood == "deliver":
        scene.deliver_next()
    elif mood == "drop":
        scene.lose_connection()
        scene.connect()
    elif mood == "restart":
        scene.switch_on()
        scene.connect()
    elif mood == "duplicate":
        scene.inbox += scene.inbox[:1]
    elif mood == "swap":
        scene.inbox.reverse()
    elif scene.inbox:
        scene.inbox.pop(0)
        return True
    return False


@patient
@given(
    device_type=device_types,
    actions=st.lists(good_changes | bad_changes | moods, max_size=12),
    last=st.fixed_dictionaries(valid),
)
def test_property_any_order_duplicates_losses_and_restarts(
    device_type: str, actions: list[Any], last: dict[str, Any]
) -> None:
    with stage(device_type) as scene:
        # Given a device whose shadow changes, well and badly, while messages are lost, repeated and
        # out of order
        scene.connect()
        lost = False
        for action in actions:
            if isinstance(action, str):
                lost = in_a_mood(scene, action) or lost
            else:
                scene.app(**action)
        # When `desired` is valid in the end (and, if messages were lost, the connection was too:
        # MQTT loses none else)
        scene.app(
            **dict.fromkeys(wrong.keys() - own(device_type).keys()), payload=None
        )  # objects would be merged
        scene.app(**{key: last[key] for key in own(device_type)})
        if lost:
            in_a_mood(scene, "drop")
        scene.run()
        scene.advance(LONG_ENOUGH)
        # Then `reported` is what was desired last, and nothing differs
        assert scene.settings == scene.shadow.desired
        assert scene.rejected == {}
        assert scene.shadow.delta() == {}


@patient
@given(device_type=device_types, change=bad_changes, more=st.fixed_dictionaries({}, optional=valid))
def test_property_bad_settings_are_refused_with_a_reason(
    device_type: str, change: dict[str, Any], more: dict[str, Any]
) -> None:
    with stage(device_type) as scene:
        # Given a device that runs with good settings
        good = {key: value for key, value in more.items() if key in own(device_type)}
        scene.connect()
        scene.app(**good)
        scene.run()
        scene.advance(3 * RESTART_JITTER_SECONDS)
        before = {**first_report(device_type), **without_nulls(good)}
        assert scene.settings == before
        # When bad ones arrive
        scene.app(**change)
        scene.run()
        # Then the old ones are in force, and each bad one is reported with a reason
        held = {key for key, value in change.items() if value is not None}
        assert scene.settings == before
        assert scene.rejected.keys() == held
        assert all(entry["reason"] for entry in scene.rejected.values())


def broken(text: bytes, cut: int, junk: bytes) -> bytes:
    """A text with a piece replaced."""
    return text[: cut % len(text)] + junk + text[cut % len(text) + len(junk) + 1 :]


sound = json.dumps(
    {"version": 7, "state": {"desired": {"colour": 1}, "reported": {"colour": 2}}}
).encode()
fields = st.fixed_dictionaries(
    {},
    optional={
        "version": values,
        "state": values
        | st.fixed_dictionaries({}, optional={"desired": values, "reported": values, **wrong}),
        "clientToken": values,
        "code": values,
        "message": values,
    },
)
documents = (
    st.binary(max_size=40)
    | st.builds(broken, st.just(sound), st.integers(0, 100), st.binary(max_size=6))
    | (fields | values).map(lambda content: json.dumps(content).encode("utf-8", "surrogatepass"))
)
kinds = st.sampled_from([*ANSWERS, "get/nonsense", "delete/rejected"])


@patient
@given(kind=kinds, payload=documents)
def test_property_bad_documents_change_nothing(kind: str, payload: bytes) -> None:
    with stage() as scene:
        # Given a device in peace
        scene.connect()
        scene.log.clear()
        # When it gets a document that is bad in some way
        scene.deliver(kind, payload)
        # Then its settings are the old ones, what can't be read is logged with a reason, and it
        # follows what is good
        assert scene.settings == first_report("bulb")
        for _, message, data in scene.log:
            assert message != "shadow message ignored" or data["reason"]
        if not is_object(payload):
            assert [message for _, message, _ in scene.log] == ["shadow message ignored"]
        scene.lose_connection()
        scene.connect()
        scene.app(time=77, status="on")
        scene.run()
        assert (scene.settings["time"], scene.settings["status"]) == (77, "on")


def is_object(payload: bytes) -> bool:
    """Whether these bytes are a JSON object, by Python's own, more lenient reading."""
    try:
        return isinstance(json.loads(payload), dict)
    except (ValueError, RecursionError):
        return False


config = {
    "version": 1,
    "thingName": "x",
    "deviceType": "bulb",
    "endpoint": "e",
    "identityUrl": "u",
    "attributes": {},
}
configs = st.builds(
    lambda change: {**config, **change}, st.dictionaries(st.sampled_from([*config, "port"]), values)
)
bad_configs = st.binary(max_size=40) | configs.map(
    lambda content: json.dumps(content).encode("utf-8", "surrogatepass")
)


@patient
@given(content=bad_configs)
def test_property_bad_config_documents_are_named_or_read(content: bytes) -> None:
    for kind in (Config, Identity):
        try:
            read = kind.from_bytes(content)
        except ConfigInvalidError as error:
            assert str(error)  # noqa: PT017 - most are read, and that is right as well
        else:
            assert isinstance(read, Config)
            assert read.thing.name


def test_every_setting_is_generated_well_and_badly() -> None:
    assert valid.keys() == KEYS
    assert wrong.keys() >= KEYS
    assert PREFIX.endswith(f"{NAME}/shadow")
