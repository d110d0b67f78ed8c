"""What is heard of a fleet: counted by stage, and nothing is believed that a device can make up."""

from typing import Any

import pytest

from playground.fleets.hearing import Arrival, Hearing
from playground.fleets.tally import Tally

LAMP, METER = "lamp-0001", "meter-0001"
DISCONNECTED = {"disconnectReason": "CONNECTION_LOST"}


@pytest.fixture
def hearing() -> Hearing:
    return Hearing({LAMP, METER}, {LAMP})


def telemetry(number: object, at: float = 0.0, delay: float = 0.5, of: str = LAMP) -> Arrival:
    payload = {"sequence": number, "timestamp": "1970-01-01T00:01:00.000Z"}
    return Arrival(f"dt/playground/{of}/telemetry", payload, at, 60.0 + delay)


def presence(what: str, at: float, name: str = LAMP) -> Arrival:
    payload = DISCONNECTED if what == "disconnected" else {}
    return Arrival(f"$aws/events/presence/{what}/{name}", payload, at, at)


def document(desired: Any, reported: Any, at: float, name: str = LAMP) -> Arrival:
    payload = {"current": {"state": {"desired": desired, "reported": reported}}}
    return Arrival(f"$aws/things/{name}/shadow/update/documents", payload, at, at)


def test_telemetry_is_counted_by_its_numbers_and_timed_by_its_timestamps(hearing: Hearing) -> None:
    # when
    for number, delay in ((4, 0.5), (7, 0.75), (5, 0.5), (7, 0.5)):
        hearing.take(telemetry(number, delay=delay))
    hearing.take(telemetry(1, of=METER))
    # then
    told = hearing.tally.data()["messages"]
    assert {key: told[key] for key in ("heard", "lost", "late", "twice", "unnumbered")} == {
        "heard": 5,
        "lost": 1,
        "late": 1,
        "twice": 1,
        "unnumbered": 0,
    }
    assert sorted(hearing.tally.delays) == [0.5, 0.5, 0.5, 0.5, 0.75]
    assert sorted(hearing.tally.jitters) == [0.0, 0.25, 0.25]


def test_streams_of_one_device_are_counted_apart(hearing: Hearing) -> None:
    for topic in ("telemetry", "power"):
        for number in (1, 2, 3):
            hearing.take(Arrival(f"dt/playground/{LAMP}/{topic}", {"sequence": number}, 0.0, 0.0))
    assert (hearing.tally.heard, hearing.tally.lost, hearing.tally.twice) == (6, 0, 0)


@pytest.mark.parametrize(
    "payload",
    [
        "text",
        None,
        [],
        {},
        {"sequence": True},
        {"sequence": "7"},
        {"sequence": -1},
        {"sequence": 1.5},
        {"sequence": None},
    ],
)
def test_a_message_without_a_number_is_heard_and_nothing_more(
    hearing: Hearing, payload: object
) -> None:
    hearing.take(Arrival(f"dt/playground/{LAMP}/telemetry", payload, 0.0, 0.0))
    assert (hearing.tally.heard, hearing.tally.unnumbered, hearing.tally.lost) == (1, 1, 0)


@pytest.mark.parametrize("timestamp", [None, 5, "noon", "1970-01-01T00:01:00", {}])
def test_a_message_without_a_time_has_no_delay(hearing: Hearing, timestamp: object) -> None:
    payload = {"sequence": 1, "timestamp": timestamp}
    hearing.take(Arrival(f"dt/playground/{LAMP}/telemetry", payload, 0.0, 0.0))
    assert (hearing.tally.heard, len(hearing.tally.delays)) == (1, 0)


def test_a_device_of_somebody_else_is_not_heard(hearing: Hearing) -> None:
    hearing.changed("other", {"time": 1}, at=0.0)
    hearing.close()
    hearing.take(telemetry(1, of="other"))
    hearing.take(presence("connected", 1.0, "other"))
    hearing.take(document({"time": 1}, {"time": 1}, 1.0, "other"))
    assert hearing.tally == Tally()
    assert hearing.online == {LAMP}


def test_a_change_is_answered_when_the_shadow_has_it(hearing: Hearing) -> None:
    # given
    hearing.changed(LAMP, {"time": 5}, at=10.0)
    hearing.changed(METER, {"unit": "parsec"}, at=10.0)
    # when
    hearing.take(document({"time": 5}, {"time": 60}, at=10.1))
    # then
    assert hearing.waiting(at=11.0) == [1.0, 1.0]
    # and when
    hearing.take(document({"time": 5}, {"time": 5}, at=10.25))
    rejected = {"unit": "metric", "rejected": {"unit": {"value": "parsec", "reason": "no unit"}}}
    hearing.take(document({"unit": "parsec"}, rejected, at=10.5, name=METER))
    # then
    assert (hearing.tally.accepted, hearing.tally.rejected) == (1, 1)
    assert list(hearing.tally.changes) == [0.25, 0.5]
    assert hearing.tally.rejected_share == 0.5


@pytest.mark.parametrize("payload", [None, "x", {}, {"current": 3}, {"current": {"state": []}}])
def test_a_document_that_is_none_answers_nothing(hearing: Hearing, payload: object) -> None:
    hearing.changed(LAMP, {"time": 5}, at=0.0)
    hearing.take(Arrival(f"$aws/things/{LAMP}/shadow/update/documents", payload, 1.0, 1.0))
    assert hearing.waiting(at=1.0) == [1.0]


def test_a_return_is_from_the_wish_to_the_next_connection(hearing: Hearing) -> None:
    # given
    hearing.told_to_reconnect(LAMP, at=5.0)
    # when the connection before is told of late
    hearing.take(presence("connected", 5.1))
    hearing.take(presence("disconnected", 5.2))
    assert hearing.online == set()
    hearing.take(presence("connected", 6.5))
    # then
    assert list(hearing.tally.returns) == [1.5]
    assert hearing.tally.disconnects == {"CONNECTION_LOST": 1}
    assert hearing.online == {LAMP}


def test_what_waits_at_the_end_of_a_stage_is_pending_in_it(hearing: Hearing) -> None:
    # given
    hearing.changed(LAMP, {"time": 5}, at=0.0)
    hearing.told_to_reconnect(METER, at=0.0)
    # when
    closed = hearing.close()
    hearing.take(document({"time": 5}, {"time": 5}, at=9.0))
    # then
    assert (closed.pending, closed.away) == (1, 1)
    assert hearing.tally == Tally()


def test_a_late_message_is_taken_back_from_the_whole(hearing: Hearing) -> None:
    # given
    for number in (1, 3):
        hearing.take(telemetry(number))
    first = hearing.close()
    # when
    hearing.take(telemetry(2))
    second = hearing.close()
    whole = Tally()
    whole.merge(first)
    whole.merge(second)
    # then
    assert [tally.data()["messages"]["lost"] for tally in (first, second, whole)] == [1, 0, 0]
    assert (whole.heard, whole.late, len(whole.delays)) == (3, 1, 3)
