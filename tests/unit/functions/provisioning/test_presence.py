"""Presence: the truth about a connection, from events that come late, twice and out of order."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.errors import TransientError
from devices.catalog import Catalog
from presence import presence
from tests.unit.built import CLIENTS, built
from tests.unit.doubles import faults
from tests.unit.doubles.workflows import MemoryWorkflows
from tests.unit.stack import BUCKET, EXECUTION

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

NOON = 1767268800000
HOUR = 3_600_000

# https://docs.aws.amazon.com/iot/latest/developerguide/life-cycle-events.html
ACCURACY = 120_000
"""Milliseconds by which `timestamp` may be off: "+/- 2 minutes"."""
ABOUT = 5 * 60_000
"""The counter begins anew after "approximately one hour": taken for an hour and 5 minutes, more or
less."""
NEARLY_AN_HOUR = HOUR - ABOUT


@dataclass(frozen=True)
class Event:
    """One presence message, in the words of the developer guide's life cycle events."""

    kind: str
    version: int = 0
    at: int = NOON
    session: str = "session-0"
    thing: str = "lamp"
    reason: str = "CONNECTION_LOST"
    certificate: str = "c0ffee"

    def message(self) -> dict[str, Any]:
        more = (
            {"ipAddress": "192.0.2.17"}
            if self.kind == "connected"
            else {"disconnectReason": self.reason}
        )
        return {
            "clientId": self.thing,
            "timestamp": self.at,
            "eventType": self.kind,
            "sessionIdentifier": self.session,
            "principalIdentifier": self.certificate,
            "versionNumber": self.version,
            **more,
        }


ARRIVAL = Event("connected")
DEPARTURE = Event("disconnected", at=NOON + 60_000)
RETURN = Event("connected", 1, NOON + 61_000, "session-1")

Deliver = Callable[..., list[bool]]


@pytest.fixture
def deliver(catalog: Catalog, s3: "S3Client", workflows: MemoryWorkflows, context: Any) -> Deliver:
    """Delivers events in this order; tells of each whether it changed anything."""
    return lambda *events: [
        built(presence)(event.message(), context)["changed"] for event in events
    ]


def provision(
    catalog: Catalog, s3: "S3Client", workflows: MemoryWorkflows, thing: str = "lamp"
) -> None:
    """A device that waits for its first connection."""
    catalog.claim(thing, "bulb", EXECUTION)
    catalog.update(
        thing,
        EXECUTION,
        certificate_id="c0ffee",
        task_token=f"token-{thing}",
        identity_pending=True,
    )
    workflows.waiting.add(f"token-{thing}")
    s3.put_object(Bucket=BUCKET, Key=f"devices/{thing}/identity.json", Body=b"{}")
    s3.put_object(Bucket=BUCKET, Key=f"devices/{thing}/config.json", Body=b"{}")


@pytest.fixture
def device(
    catalog: Catalog, s3: "S3Client", workflows: MemoryWorkflows
) -> Callable[[], dict[str, Any]]:
    """A device that waits for its first connection; gives its row."""
    provision(catalog, s3, workflows)
    return lambda: dict(catalog.row("lamp") or {})


TAKEN_OVER = Event("disconnected", at=NOON + 61_100, reason="DUPLICATE_CLIENTID")


@pytest.mark.thorough
@pytest.mark.parametrize("order", list(itertools.permutations([ARRIVAL, RETURN, TAKEN_OVER])))
def test_a_connection_that_was_taken_over_is_remembered_whenever_its_end_is_told(
    deliver: Deliver, device: Callable[[], dict[str, Any]], order: tuple[Event, ...]
) -> None:
    # given: the end of a session is told after the beginning of the one that took over
    deliver(ARRIVAL)
    # when
    deliver(*order)
    # then
    assert device()["client_id_conflict_at"] == "2026-01-01T12:01:01.100Z"
    assert device()["status"] == "ONLINE"
    # and an older one does not hide the latest
    deliver(replace(TAKEN_OVER, at=NOON))
    assert device()["client_id_conflict_at"] == "2026-01-01T12:01:01.100Z"


def test_a_connection_that_ends_otherwise_is_no_conflict(
    deliver: Deliver, device: Callable[[], dict[str, Any]]
) -> None:
    deliver(ARRIVAL, DEPARTURE, RETURN)
    assert "client_id_conflict_at" not in device()


def test_a_conflict_is_forgotten_with_the_device_and_not_noted_after_it(
    deliver: Deliver, device: Callable[[], dict[str, Any]], catalog: Catalog
) -> None:
    # given
    deliver(ARRIVAL, TAKEN_OVER)
    # when
    catalog.take(device(), EXECUTION)
    catalog.release("lamp", EXECUTION, "TERMINATED")
    deliver(replace(TAKEN_OVER, at=NOON + 90_000), replace(TAKEN_OVER, thing="nobodys"))
    # then
    assert "client_id_conflict_at" not in device()
    assert catalog.row("nobodys") is None


def test_a_connection_that_was_refused_to_a_stranger_says_nothing_about_the_device(
    deliver: Deliver, device: Callable[[], dict[str, Any]]
) -> None:
    # given
    deliver(ARRIVAL)
    before = device()
    # when
    assert deliver(Event("connect_failed", at=NOON + HOUR, session="session-9")) == [False]
    # then
    assert device() == before


def test_the_first_connection_ends_provisioning(
    deliver: Deliver,
    device: Callable[[], dict[str, Any]],
    workflows: MemoryWorkflows,
    objects: Callable[[], dict[str, Any]],
) -> None:
    # when
    assert deliver(ARRIVAL) == [True]
    # then
    row = device()
    assert (row["status"], row["ip"], row["disconnect_reason"]) == ("ONLINE", "192.0.2.17", "")
    assert row["last_seen_at"] == "2026-01-01T12:00:00.000Z"
    assert (row["presence_version"], row["presence_session"], row["presence_at"]) == (
        0,
        "session-0",
        NOON,
    )
    assert not row.keys() & {"task_token", "identity_pending"}
    assert workflows.answers == [("token-lamp", {"status": "ONLINE"})]
    assert list(objects()) == ["devices/lamp/config.json"]


def test_a_device_that_is_waited_for_has_not_come_with_another_certificate(
    deliver: Deliver,
    device: Callable[[], dict[str, Any]],
    workflows: MemoryWorkflows,
    s3: "S3Client",
) -> None:
    # given: who has a claim of five minutes may connect under any client id
    thief = replace(ARRIVAL, certificate="c1a1b", session="session-thief")
    # when
    changed = deliver(thief)
    # then: the device is waited for, and what it is to fetch is there
    assert changed == [False]
    assert (device()["status"], workflows.answers) == ("PROVISIONING", [])
    s3.head_object(Bucket=BUCKET, Key="devices/lamp/identity.json")
    # when: it comes, and takes the connection over
    deliver(replace(ARRIVAL, version=1, at=NOON + 10, session="session-1"))
    # then
    assert device()["status"] == "ONLINE"
    assert workflows.answers == [("token-lamp", {"status": "ONLINE"})]


def test_a_device_whose_certificate_has_no_name_yet_has_not_come(
    deliver: Deliver, catalog: Catalog, workflows: MemoryWorkflows
) -> None:
    catalog.claim("lamp", "bulb", EXECUTION)
    catalog.update("lamp", EXECUTION, claim_certificate_id="c1a1b", task_token="token-lamp")
    assert deliver(replace(ARRIVAL, certificate="c1a1b")) == [False]
    assert workflows.answers == []


def test_a_disconnection_is_recorded_with_its_reason(
    deliver: Deliver, device: Callable[[], dict[str, Any]]
) -> None:
    # when
    assert deliver(ARRIVAL, DEPARTURE) == [True, True]
    # then
    row = device()
    assert (row["status"], row["disconnect_reason"]) == ("OFFLINE", "CONNECTION_LOST")
    assert row["last_seen_at"] == "2026-01-01T12:01:00.000Z"


def test_what_is_delivered_twice_changes_nothing(
    deliver: Deliver, device: Callable[[], dict[str, Any]], workflows: MemoryWorkflows
) -> None:
    # given
    deliver(ARRIVAL)
    before = device()
    # when
    assert deliver(ARRIVAL, ARRIVAL) == [False, False]
    # then
    assert device() == before
    assert len(workflows.answers) == 1
    assert workflows.refused == []


@pytest.mark.parametrize("order", list(itertools.permutations([ARRIVAL, DEPARTURE, RETURN])))
def test_the_order_of_delivery_does_not_matter(
    deliver: Deliver,
    device: Callable[[], dict[str, Any]],
    workflows: MemoryWorkflows,
    order: tuple[Event, ...],
) -> None:
    # when
    deliver(*order)
    # then
    row = device()
    assert (row["status"], row["presence_session"]) == ("ONLINE", "session-1")
    assert len(workflows.answers) == 1


def test_a_disconnection_in_the_same_millisecond_counts(
    deliver: Deliver, device: Callable[[], dict[str, Any]]
) -> None:
    # when
    deliver(ARRIVAL, replace(DEPARTURE, at=NOON))
    # then
    assert device()["status"] == "OFFLINE"


def test_a_connection_that_comes_after_its_own_disconnection_is_old(
    deliver: Deliver, device: Callable[[], dict[str, Any]]
) -> None:
    # when
    assert deliver(replace(DEPARTURE, at=NOON + 10), ARRIVAL) == [True, False]
    # then
    assert device()["status"] == "OFFLINE"


def test_a_counter_that_begins_again_is_followed(
    deliver: Deliver, device: Callable[[], dict[str, Any]]
) -> None:
    # given
    deliver(replace(ARRIVAL, version=17), replace(DEPARTURE, version=17))
    # when
    deliver(Event("connected", 0, NOON + 2 * HOUR, "session-2"))
    # then
    assert (device()["status"], device()["presence_version"]) == ("ONLINE", 0)


@pytest.mark.thorough
@pytest.mark.parametrize("off", [-2 * ACCURACY, -60_000, -5_000, 0, 2 * ACCURACY])
def test_a_time_that_is_off_does_not_change_the_order(
    deliver: Deliver, device: Callable[[], dict[str, Any]], workflows: MemoryWorkflows, off: int
) -> None:
    # when
    back = Event("connected", 1, NOON + off, "session-1")
    deliver(ARRIVAL, back, replace(DEPARTURE, at=NOON + 1_000), replace(back, at=NOON))
    # then
    assert (device()["presence_session"], device()["status"]) == ("session-1", "ONLINE")
    assert len(workflows.answers) == 1


@pytest.mark.thorough
@pytest.mark.parametrize("off", [-2 * ACCURACY, 0, 2 * ACCURACY])
@pytest.mark.parametrize("version", [0, 3, 17])
def test_what_comes_late_from_before_a_new_beginning_is_old(
    deliver: Deliver, device: Callable[[], dict[str, Any]], off: int, version: int
) -> None:
    # given: the shortest absence after which the counter may begin anew
    deliver(Event("connected", 3, NOON + NEARLY_AN_HOUR, "session-2"))
    # when
    assert deliver(Event("disconnected", version, NOON + off, "session-1")) == [False]
    # then
    assert device()["status"] == "ONLINE"


def test_a_client_id_that_is_no_device_makes_no_row(deliver: Deliver, catalog: Catalog) -> None:
    # when
    changed = deliver(replace(ARRIVAL, thing="iotconsole-1"))
    # then
    assert changed == [False]
    assert catalog.table.scan()["Count"] == 0


@pytest.mark.parametrize("status", ["FAILED", "TERMINATED"])
def test_late_events_raise_nobody_from_the_dead(
    deliver: Deliver, device: Callable[[], dict[str, Any]], catalog: Catalog, status: str
) -> None:
    # given
    catalog.update("lamp", EXECUTION, status=status)
    before = device()
    # when
    changed = deliver(ARRIVAL, DEPARTURE, RETURN)
    # then
    assert changed == [False, False, False]
    assert device() == before


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("events", "connected"),
    [
        ((ARRIVAL,), True),
        ((ARRIVAL, DEPARTURE), False),
        ((ARRIVAL, DEPARTURE, RETURN), True),
        ((DEPARTURE, ARRIVAL), False),
        ((RETURN, ARRIVAL, DEPARTURE), True),
    ],
)
def test_who_is_in_quarantine_stays_there_and_its_connection_is_known(
    deliver: Deliver,
    device: Callable[[], dict[str, Any]],
    catalog: Catalog,
    events: tuple[Event, ...],
    connected: bool,  # noqa: FBT001
) -> None:
    # given
    catalog.update(
        "lamp", EXECUTION, remove=("task_token",), status="QUARANTINED", quarantined_at="now"
    )
    # when
    deliver(*events)
    # then
    assert (device()["status"], device()["presence_connected"]) == ("QUARANTINED", connected)
    assert deliver(*events) == [False] * len(events)
    assert device()["ip"] == "192.0.2.17" if connected else device()["disconnect_reason"]


@pytest.mark.usefixtures("device")
def test_a_device_in_quarantine_that_is_waited_for_is_told_of_as_such(
    deliver: Deliver, catalog: Catalog, workflows: MemoryWorkflows
) -> None:
    # given
    catalog.update("lamp", EXECUTION, status="QUARANTINED", quarantined_at="now")
    # when
    deliver(ARRIVAL)
    # then
    assert workflows.answers == [("token-lamp", {"status": "QUARANTINED"})]


def test_a_disconnection_does_not_end_provisioning(
    deliver: Deliver,
    device: Callable[[], dict[str, Any]],
    workflows: MemoryWorkflows,
    objects: Callable[[], dict[str, Any]],
) -> None:
    # when
    deliver(DEPARTURE)
    # then
    assert workflows.answers == []
    assert "devices/lamp/identity.json" in objects()
    assert device()["task_token"] == "token-lamp"


def test_a_device_that_is_long_provisioned_keeps_its_config(
    deliver: Deliver,
    device: Callable[[], dict[str, Any]],
    s3: "S3Client",
    objects: Callable[[], dict[str, Any]],
) -> None:
    # given
    deliver(ARRIVAL, DEPARTURE)
    before = objects()
    # when
    deliver(RETURN)
    # then
    assert objects() == before


@pytest.mark.thorough
@pytest.mark.parametrize("how", faults.HOW)
@pytest.mark.parametrize("at", range(1, 6))
def test_a_delivery_after_any_interruption_completes(
    deliver: Deliver,
    device: Callable[[], dict[str, Any]],
    workflows: MemoryWorkflows,
    objects: Callable[[], dict[str, Any]],
    function_clients: list[Any],
    at: int,
    how: str,
) -> None:
    # given
    with (
        faults.interrupted(function_clients, at, how),
        pytest.raises((TransientError, faults.Killed)),
    ):
        deliver(ARRIVAL)
    # when
    deliver(ARRIVAL)
    # then
    row = device()
    assert row["status"] == "ONLINE"
    assert not row.keys() & {"task_token", "identity_pending"}
    assert workflows.answers == [("token-lamp", {"status": "ONLINE"})]
    assert list(objects()) == ["devices/lamp/config.json"]


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_workflow_that_has_ended_is_no_error(
    deliver: Deliver, device: Callable[[], dict[str, Any]], code: str
) -> None:
    # when
    with faults.refused(CLIENTS.client("stepfunctions"), "SendTaskSuccess", code, 400):
        deliver(ARRIVAL)
    # then
    assert device()["status"] == "ONLINE"
    assert "task_token" not in device()


# Milliseconds that a connection, or an absence, lasts: of an ordinary device, and of one that flaps
# ten times a second.
ORDINARY = (
    [0, 1, 400, 900, 1100, 60_000, 10 * 60_000, HOUR, 30 * HOUR],
    [1, 400, 900, 1100, 60_000, 10 * 60_000, 40 * 60_000, NEARLY_AN_HOUR, HOUR, 2 * HOUR],
)
FLAPPING = ([40, 50, 60], [40, 50, 60])


@st.composite
def histories(
    draw: st.DrawFn, durations: tuple[list[int], list[int]] = ORDINARY, most_sessions: int = 4
) -> list[Event]:
    """What truly happened to one client id, in order, as the document has it: the counter may skip,
    and begins again after about an hour's absence; each time is off by up to 2 minutes, by itself.

    A device may be back before the broker misses its old connection.
    """
    connected, absent = durations
    off = st.integers(-ACCURACY, ACCURACY) | st.sampled_from([-ACCURACY, 0, ACCURACY])
    events: list[Event] = []
    at, version = NOON, draw(st.integers(0, 3))
    overdue: Event | None = None
    for number in range(draw(st.integers(1, most_sessions))):
        session = f"session-{number}"
        events.append(Event("connected", version, at + draw(off), session))
        if overdue:
            events.append(replace(overdue, at=at + draw(off)))
            overdue = None
        at += draw(st.sampled_from(connected))
        departure = Event("disconnected", version, at + draw(off), session)
        fate = draw(st.sampled_from(["leaves", "is taken over", "stays"]))
        if fate == "stays":
            break
        absence = 0
        if fate == "leaves":
            events.append(departure)
            absence = draw(st.sampled_from(absent))
        else:
            overdue = departure
        at += absence
        begins_anew = absence > HOUR + ABOUT or (absence >= NEARLY_AN_HOUR and draw(st.booleans()))
        version = 0 if begins_anew else version + draw(st.integers(1, 3))
    return events


_names = (f"device-{number}" for number in itertools.count())


@pytest.mark.thorough
@settings(database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), data=st.data())
def test_any_delivery_of_a_true_history_ends_with_the_truth(
    deliver: Deliver,
    catalog: Catalog,
    s3: "S3Client",
    workflows: MemoryWorkflows,
    history: list[Event],
    data: st.DataObject,
) -> None:
    # given
    thing = next(_names)
    provision(catalog, s3, workflows, thing)
    again = data.draw(st.lists(st.sampled_from(history), max_size=3))
    delivery = data.draw(st.permutations(history + again))
    # when
    deliver(*(replace(event, thing=thing) for event in delivery))
    # then
    row = catalog.row(thing)
    assert row
    assert (row["status"], row["presence_session"]) == truth(history, history)
    assert [token for token, _ in workflows.answers].count(f"token-{thing}") == 1
    assert not row.keys() & {"task_token", "identity_pending"}


def truth(history: list[Event], delivered: list[Event]) -> tuple[str, str]:
    """Status and session that the catalog must end with: those of the newest session that anything
    was delivered of.

    It is OFFLINE when that session's end was delivered, and ONLINE otherwise: what nobody has heard
    of can't be known, but nothing older than what was heard may have the last word, in whatever
    order it came.
    """
    newest = max(delivered, key=lambda event: sessions_of(history).index(event.session)).session
    ended = any(event.kind == "disconnected" and event.session == newest for event in delivered)
    return ("OFFLINE" if ended else "ONLINE", newest)


def sessions_of(history: list[Event]) -> list[str]:
    return list(dict.fromkeys(event.session for event in history if event.kind == "connected"))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("durations", "most"), [(ORDINARY, 4), (FLAPPING, 20)], ids=["ordinary", "flapping"]
)
@settings(database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_delivery_of_a_part_of_a_true_history_ends_with_what_it_tells(
    deliver: Deliver,
    catalog: Catalog,
    s3: "S3Client",
    workflows: MemoryWorkflows,
    durations: tuple[list[int], list[int]],
    most: int,
    data: st.DataObject,
) -> None:
    # given: some events are lost, some come twice, all in any order
    thing = next(_names)
    provision(catalog, s3, workflows, thing)
    history = data.draw(histories(durations, most))
    kept = [event for event in history if data.draw(st.integers(0, 3))] or history[-1:]
    again = data.draw(st.lists(st.sampled_from(kept), max_size=3))
    # when
    deliver(*(replace(event, thing=thing) for event in data.draw(st.permutations(kept + again))))
    # then
    row = catalog.row(thing)
    assert row
    assert (row["status"], row["presence_session"]) == truth(history, kept)


@pytest.mark.thorough
def test_a_device_that_flaps_costs_one_write_an_event_and_no_read(
    deliver: Deliver, catalog: Catalog, s3: "S3Client", workflows: MemoryWorkflows
) -> None:
    """Ten times a second, each event twice, neighbours swapped: bounded work, and the truth in the
    end.
    """
    # given
    provision(catalog, s3, workflows)
    deliver(ARRIVAL)
    history = [
        Event(kind, number, NOON + 100 * number + offset, f"session-{number}")
        for number in range(1, 61)
        for kind, offset in (("connected", 0), ("disconnected", 50))
    ]
    swapped = [
        event
        for late, early in zip(history[1::2], history[::2], strict=True)
        for event in (late, early)
    ]
    calls: list[str] = []
    count = "count-calls"
    client = CLIENTS.resource("dynamodb").meta.client
    client.meta.events.register(
        "before-call", lambda model, **_: calls.append(model.name), unique_id=count
    )
    # when
    try:
        changed = deliver(*swapped, *swapped)
    finally:
        client.meta.events.unregister("before-call", unique_id=count)
    # then
    assert calls == ["UpdateItem"] * 240
    assert sum(changed) == 60
    row = catalog.row("lamp")
    assert row
    assert (row["status"], row["presence_session"]) == ("OFFLINE", "session-60")
    assert len(workflows.answers) == 1
