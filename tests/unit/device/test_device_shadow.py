"""The shadow as documents, and the device's brain against the service's rules."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shadow_double import Shadow
from virtual_device.base.clock import Now
from virtual_device.base.jsonvalue import MAX_DEPTH, NotJsonError, decode, decode_object, same
from virtual_device.core import brain
from virtual_device.core.brain import State
from virtual_device.core.effects import Cycle, GetShadow, Log, UpdateShadow
from virtual_device.shadow import settings as table
from virtual_device.shadow import shadow
from virtual_device.shadow.settings import Refusal
from virtual_device.shadow.shadow import BadDocumentError, Delta, Document, Update
from virtual_device.telemetry.thing import Thing

THING = Thing("dev-TEST", "bulb")
NOW = Now(1_767_323_045.678, 100.0)

leaves = (
    st.booleans()
    | st.integers(-9, 9)
    | st.sampled_from(["", "a", "on", "off", "metric", "imperial"])
)
objects = st.dictionaries(st.sampled_from(["a", "b", "c"]), leaves, max_size=3)
nested = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), leaves | objects | st.lists(leaves, max_size=2), max_size=3
)


@given(old=nested, new=nested)
def test_the_difference_turns_one_into_the_other(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert same(shadow.merge(old, shadow.difference(old, new)), new)
    assert shadow.difference(new, new) == {}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"\xff",
        b"NaN",
        b"[1, Infinity]",
        b"[" * 100_000,
        b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2),
    ],
    ids=["empty", "open", "utf-8", "nan", "infinity", "abyss", "deep"],
)
def test_what_is_not_json_is_refused_in_one_way(payload: bytes) -> None:
    with pytest.raises(NotJsonError):
        decode(payload)


@given(payload=st.binary())
def test_no_payload_gets_past_as_anything_else(payload: bytes) -> None:
    try:
        document = decode_object(payload)
        Delta.from_payload(document)
    except (NotJsonError, BadDocumentError):
        pass


values = st.recursive(
    leaves | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(
    refused=st.dictionaries(st.text(max_size=40), values, max_size=60), filler=st.integers(0, 7_000)
)
def test_what_is_rejected_always_fits_beside_desired(refused: dict[str, Any], filler: int) -> None:
    desired = {"filler": "x" * filler}
    refusals = {key: Refusal(value, "is not a setting") for key, value in refused.items()}
    reported = shadow.reported(table.defaults(THING), refusals, desired)
    text = json.dumps(reported, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode(
        "utf-8", "strict" if _sound(refused) else "replace"
    )
    assert len(text) + filler < shadow.MAX_DOCUMENT_BYTES
    assert not shadow.holds_null(reported)


def _sound(refused: dict[str, Any]) -> bool:
    return all(key.isprintable() for key in refused)


@pytest.mark.parametrize(
    "value", ["x" * 10_000, {"a": {"b": {"c": {"d": 1}}}}, [1] * 500, float("nan"), "\ud800"]
)
def test_a_huge_or_unsound_refused_value_is_clipped(value: Any) -> None:
    clipped = shadow.shown(value)
    assert isinstance(clipped, str)
    assert (
        len(clipped.encode()) <= shadow.MAX_REFUSED_VALUE_BYTES + len("... ") + shadow.DIGEST_LENGTH
    )


def test_values_that_begin_alike_are_told_apart() -> None:
    assert shadow.shown({"a": "x" * 200}) != shadow.shown({"a": "x" * 201})
    assert shadow.shown({"b": [1] * 90, "a": None}) == shadow.shown({"b": [1.0] * 90})


def test_a_rejection_without_room_for_its_value_still_gives_its_reason() -> None:
    refusals = {f"key-{number}": Refusal("x" * 120, "is not a setting") for number in range(20)}
    rejected = shadow.reported({}, refusals, {})["rejected"]
    assert isinstance(rejected, dict)
    assert rejected.keys() == refusals.keys()
    assert rejected["key-0"] == {"value": "x" * 120, "reason": "is not a setting"}
    assert rejected["key-19"] == {"reason": "is not a setting"}


class World:
    """A brain and a shadow, joined without MQTT; messages wait until they are delivered, in any
    mood of the network.
    """

    def __init__(self) -> None:
        self.shadow = Shadow()
        self.state: State = brain.start(THING, None)
        self.cycles = 0
        self.updates = 0
        self._own: list[UpdateShadow | GetShadow] = []
        self._inbox: list[tuple[str, dict[str, Any]]] = []

    def connect(self) -> None:
        """A connection, the subscriptions, and the first `get`."""
        self._own.clear()
        self._inbox.clear()
        self.take(brain.on_connected(THING, brain.on_disconnected(self.state), NOW))
        self._own.append(GetShadow())

    def app(self, **desired: Any) -> None:
        """Someone changes `desired`."""
        self._inbox += self.shadow.update({"state": {"desired": desired}})

    def take(self, step: brain.Step) -> None:
        """Carry effects out."""
        self.state, effects = step
        for effect in effects:
            self.cycles += isinstance(effect, Cycle)
            if isinstance(effect, UpdateShadow) or (
                isinstance(effect, GetShadow) and effect not in self._own
            ):
                self._own.append(effect)

    def step(self) -> bool:
        """Deliver one thing; False when there is nothing left."""
        if self._own:
            request = self._own.pop(0)
            if isinstance(request, UpdateShadow):
                self.updates += 1
                body = {
                    "state": {"reported": json.loads(json.dumps(dict(request.reported)))},
                    "clientToken": "own",
                }
                self._inbox += self.shadow.update(body)
            else:
                self._inbox += self.shadow.get({"clientToken": "own"})
        elif self._inbox:
            self._receive(*self._inbox.pop(0))
        else:
            return False
        return True

    def settle(self) -> None:
        """Deliver everything; it must come to an end."""
        for _ in range(500):
            if not self.step():
                return
        raise AssertionError("the device and its shadow never come to rest")

    def _receive(self, kind: str, content: dict[str, Any]) -> None:
        if kind == "update/delta":
            self.take(brain.on_delta(THING, self.state, Delta.from_payload(content), NOW))
        elif kind == "update/accepted" and "clientToken" in content:
            self.take(brain.on_update_accepted(self.state, content["version"]))
        elif kind == "update/accepted":
            self.take(brain.on_foreign_update(self.state, Update.from_payload(content)))
        elif kind == "get/accepted":
            self.take(brain.on_document(THING, self.state, Document.from_payload(content), NOW))
        elif kind == "get/rejected":
            self.take(brain.on_missing(THING, self.state, NOW))
        else:
            raise AssertionError(f"the service refused: {kind} {content}")


changes = st.dictionaries(
    st.sampled_from([*sorted(table.KEYS), "unknown"]),
    st.none()
    | leaves
    | nested
    | st.sampled_from([1, 5, 60, "dt/playground/dev-TEST/x", "x/dev-TEST"]),
    max_size=4,
)
actions = st.lists(changes | st.sampled_from(["connect", "step", "restart"]), max_size=15)


@given(actions=actions)
def test_device_and_shadow_agree_in_the_end(actions: list[Any]) -> None:
    # Given a device, and an app that changes anything at any moment, with lost connections and
    # restarts between
    world = World()
    world.connect()
    for action in actions:
        if isinstance(action, dict):
            world.app(**action)
        elif action == "step":
            world.step()
        else:
            if action == "restart":
                world.state = brain.start(
                    THING, world.state.settings if world.state.remembers else None
                )
            world.connect()
    # When everything has been delivered
    world.settle()
    # Then the delta holds what was refused and nothing else, and `reported` is what the device runs
    # with
    reported, running = world.shadow.reported, world.state.settings
    assert (
        world.shadow.delta().keys()
        == world.state.refused.keys()
        == reported.get("rejected", {}).keys()
    )
    assert {
        key: value for key, value in reported.items() if key != "rejected"
    } == shadow.without_nulls(running)
    if "payload" not in world.state.refused:
        assert running["payload"] == world.shadow.desired.get("payload")


def test_a_missing_shadow_is_made() -> None:
    world = World()
    world.connect()
    world.settle()
    assert world.shadow.reported["time"] == 60
    assert world.updates == 1


def test_older_messages_are_ignored() -> None:
    world = World()
    world.connect()
    world.app(time=5)
    world.settle()
    version = world.shadow.version
    state, effects = brain.on_delta(THING, world.state, Delta(version - 2, {"time": 9}), NOW)
    assert state == world.state
    assert [type(effect) for effect in effects] == [Log]
    # An older document is ignored too, and asked for again
    state = brain.on_delta(THING, world.state, Delta(version + 5, {"time": 9}), NOW)[0]
    state, effects = brain.on_document(THING, state, Document(version, {"time": 1}, {}), NOW)
    assert state.settings["time"] == 9
    assert GetShadow() in effects
    # But not for ever: if the second answer is older too, the version has begun anew
    state, effects = brain.on_document(THING, state, Document(version, {"time": 1}, {}), NOW)
    assert state.settings["time"] == 1
    assert GetShadow() not in effects


def test_a_version_that_starts_anew_is_followed_after_a_reconnect() -> None:
    world = World()
    world.shadow.version = 500
    world.connect()
    world.settle()
    world.shadow = Shadow()
    world.app(time=5)
    world.connect()
    world.settle()
    assert world.state.settings["time"] == 5


def test_reconnect_happens_once_per_value_though_the_memory_is_lost() -> None:
    # Given a device that has acted on a value
    world = World()
    world.connect()
    world.app(reconnect="x")
    world.settle()
    assert world.cycles == 1
    # When it starts again without a state directory
    world.state = brain.start(THING, None)
    world.connect()
    world.settle()
    # Then `reported` is its memory
    assert world.cycles == 1


def test_a_service_that_writes_numbers_otherwise_is_not_argued_with() -> None:
    # Given a service whose delta names a key although we have reported it
    world = World()
    world.connect()
    world.app(time=5)
    world.settle()
    # When the delta of our own update still holds it
    version = world.shadow.version
    state, effects = brain.on_delta(THING, world.state, Delta(version, {"time": 5}), NOW)
    # Then it isn't reported again
    assert not [effect for effect in effects if isinstance(effect, UpdateShadow)]
    assert state.mirror.in_flight is None
