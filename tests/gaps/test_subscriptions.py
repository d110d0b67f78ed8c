"""A message, a subscription and its end cost what their receivers cost, and stay as they were."""

import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gaps.broker import ACCOUNT, REGION, Broker


def plain() -> Any:
    """The emulator's module as it is."""
    sys.modules.pop("ministack.services.iot", None)
    return importlib.import_module("ministack.services.iot")


def filled() -> Any:
    """The module with both gaps filled."""
    iot = plain()
    for name in ("subscriptions", "sessions"):
        gap = importlib.import_module(f"playground.local.gaps.{name}")
        gap.iot = iot  # type: ignore[attr-defined] # the module that was loaded last
        gap.fill()
    return iot


def crowd(iot: Any, devices: int) -> Broker:
    """A broker with so many devices' subscriptions, retained messages and stored sessions."""
    broker = Broker(iot)
    for number in range(devices):
        broker.subscribe(number, f"cmd/playground/d{number}/#", client=f"d{number}")
        broker.subscribe(number, f"$aws/things/d{number}/shadow/update/delta", client=f"d{number}")
        broker.subscribe(number, "all/of/you", client=f"d{number}")
        broker.publish(f"kept/d{number}", retain=True)
        broker.store(f"away{number}", [f"cmd/playground/away{number}/+"])
    return broker


def compared(broker: Broker, act: Callable[[], object]) -> int:
    """How many filters were compared with a topic."""
    before = broker.calls
    act()
    return broker.calls - before


@pytest.mark.parametrize("devices", [4, 200])
def test_a_message_is_held_against_its_receivers_filters_alone(devices: int) -> None:
    broker = crowd(filled(), devices)

    assert compared(broker, lambda: broker.publish("cmd/playground/d1/req")) == 1
    assert compared(broker, lambda: broker.publish("dt/playground/d1/telemetry")) == 0
    assert compared(broker, lambda: broker.publish("cmd/playground/away2/req")) == 1
    assert {name for name, topic, *_ in broker.heard if topic.startswith("cmd")} == {1}
    assert broker.queued()["away2"] == ["cmd/playground/away2/req"]


@pytest.mark.parametrize("devices", [4, 200])
def test_a_new_subscription_is_held_against_the_retained_message_of_its_topic_alone(
    devices: int,
) -> None:
    broker = crowd(filled(), devices)

    assert compared(broker, lambda: broker.subscribe("new", "kept/d3")) == 1
    assert broker.heard[-1] == ("new", "kept/d3", b"{}", 1, True)


def test_what_a_client_has_subscribed_to_is_not_sent_its_retained_messages_again() -> None:
    """Retain Handling 1, among a thousand others of the same filter."""
    broker = Broker(filled())
    broker.publish("kept", retain=True)
    for number in range(1000):
        broker.subscribe(number, "kept", client=f"d{number}")
    broker.told()
    seen: list[object] = []
    subscribers = broker.iot._subscriptions[f"{ACCOUNT}/{REGION}/kept"]
    walk = type(subscribers).__iter__

    def watched(self: Any) -> Iterator[Any]:
        for one in walk(self):
            seen.append(one)
            yield one

    type(subscribers).__iter__ = watched

    broker.subscribe("again", "kept", client="d7", handling=1)
    assert len(seen) == 1
    broker.subscribe("new", "kept", client="other", handling=1)
    assert len(seen) == 1

    assert [name for name, *_ in broker.heard] == ["new"]


def test_the_end_of_a_subscription_looks_at_no_other() -> None:
    broker = Broker(filled())
    ids = [broker.subscribe(number, f"d/{number % 10}/+") for number in range(200)]
    subscriptions = broker.iot._subscriptions
    subscriptions.items = subscriptions.values = None  # whoever walks them fails

    for one in [*ids, ids[0], "unknown"]:
        broker.unsubscribe(one)

    assert not subscriptions


def test_the_emulator_itself_looks_at_all_of_them() -> None:
    """Once it does not, the gap can go."""
    broker = crowd(plain(), 20)

    assert compared(broker, lambda: broker.publish("cmd/playground/d1/req")) == 80
    assert compared(broker, lambda: broker.subscribe("new", "kept/d3")) == 20


def test_a_stored_session_goes_when_its_time_is_over_but_not_a_connected_clients() -> None:
    broker = Broker(filled())
    for name, created in (("old", 1.0), ("connected", 1.0), ("new", 2e9)):
        broker.store(name, ["a/b"])
        broker.iot._persistent_sessions[ACCOUNT, REGION, name].created_at = created
    broker.iot._connected_clients[ACCOUNT, REGION, "connected"] = object()

    broker.iot._persistent_sessions.sweep()

    assert {key[2] for key in broker.iot._persistent_sessions} == {"connected", "new"}


def test_a_stored_session_waits_for_what_it_was_stored_with_last() -> None:
    broker = Broker(filled())
    broker.store("away", ["a/b"])
    session = broker.iot._persistent_sessions[ACCOUNT, REGION, "away"]

    session.subscriptions = ["c/#"]
    for topic in ("a/b", "c/d"):
        broker.publish(topic)
    assert broker.queued() == {"away": ["c/d"]}

    broker.iot._persistent_sessions.pop((ACCOUNT, REGION, "away"), None)
    session.subscriptions = ["a/b"]
    broker.publish("a/b")
    assert broker.queued() == {}


LEVELS = st.sampled_from(["a", "b", "", "$aws", "events", "things", "+", "#", "a+", "$share"])
FILTERS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join) | st.sampled_from(
    ["#", "+/#", "$aws/events/#", "$aws/events/+/x", "$aws/+/x", "a/#", "a/#/b", "$share/g/a/b"]
)
TOPICS = FILTERS | st.sampled_from(["$aws/events/a", "$aws/events/a/x", "$aws/things/a", "a", "a/"])
DEEDS = st.one_of(
    st.tuples(st.just("subscribe"), FILTERS, st.sampled_from([None, "c", "d"]), st.integers(0, 2)),
    st.tuples(st.just("unsubscribe"), st.integers(0, 9)),
    st.tuples(
        st.just("publish"),
        TOPICS,
        st.sampled_from([b"", b"{}"]),
        st.integers(0, 1),
        st.booleans(),
    ),
    st.tuples(st.just("store"), st.sampled_from(["c", "d"]), st.lists(FILTERS, max_size=3)),
)


def life(broker: Broker, deeds: Any) -> list[Any]:
    """What was delivered after each deed, and what is queued at the end."""
    ids: list[str] = []
    told: list[Any] = []
    for number, (deed, *what) in enumerate(deeds):
        if deed == "subscribe":
            ids.append(broker.subscribe(number, what[0], client=what[1], handling=what[2]))
        elif deed == "unsubscribe" and ids:
            broker.unsubscribe(ids[what[0] % len(ids)])
        elif deed == "publish":
            broker.publish(what[0], what[1], qos=what[2], retain=what[3])
        elif deed == "store":
            broker.store(*what)
        told.append(broker.told())
    return [*told, broker.queued()]


@pytest.mark.thorough
def test_any_life_of_the_broker_is_that_of_the_emulators_own_loop() -> None:
    loop, tree = Broker(plain()), Broker(filled())

    @settings(max_examples=500, deadline=None)
    @given(st.lists(DEEDS, max_size=25))
    def any_life(deeds: Any) -> None:
        for broker in (loop, tree):
            broker.iot.broker_reset()
            broker.told()
        assert life(tree, deeds) == life(loop, deeds)
        left = [{name for name, of in one.iot._subscriptions.items() if of} for one in (loop, tree)]
        assert left[0] == left[1]

    any_life()
