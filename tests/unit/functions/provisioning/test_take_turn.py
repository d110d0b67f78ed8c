"""TakeTurn: so many a second, however many ask, and at once for one who asks alone."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from common.errors import TransientError
from provisioning import take_turn
from provisioning.take_turn import Turnstile, as_timestamp
from tests.unit.built import CLIENTS, built
from tests.unit.doubles import faults

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

NOW = 1_800_000_000_000


def test_who_comes_alone_does_not_wait(turns: "Table") -> None:
    # given one long ago
    Turnstile(turns, 125, lambda: NOW - 10_000).next_turn()
    # when
    turn = Turnstile(turns, 125, lambda: NOW).next_turn()
    # then
    assert turn == NOW


def test_those_who_come_at_once_get_moments_apart(turns: "Table") -> None:
    # given
    turnstile = Turnstile(turns, 125, lambda: NOW)
    # when
    found = [turnstile.next_turn() for _ in range(50)]
    # then
    assert found == [NOW + 125 * number for number in range(50)]


@pytest.mark.thorough
def test_no_second_gets_more_than_its_share_when_milliseconds_are_left_out(turns: "Table") -> None:
    # given: more ask than can be served, at any time, for ten seconds
    found = []
    for asked in range(400):
        found.append(Turnstile(turns, 125, lambda asked=asked: NOW + asked * 25).next_turn())  # type: ignore[misc]
    # when Step Functions cuts them to seconds
    seconds = Counter(as_timestamp(turn)[:19] for turn in found)
    # then
    assert set(seconds.values()) == {8}


def test_a_turn_that_was_taken_meanwhile_is_nobody_elses(turns: "Table") -> None:
    # given: between this one's two looks, the clock of somebody else is ahead
    ahead = Turnstile(turns, 125, lambda: NOW + 60)
    ahead.next_turn()
    # when
    found = [Turnstile(turns, 125, lambda: NOW).next_turn(), ahead.next_turn()]
    # then
    assert found == [NOW + 185, NOW + 310]


def test_a_timestamp_is_as_a_wait_state_takes_it() -> None:
    assert as_timestamp(NOW + 7) == "2027-01-15T08:00:00.007Z"


@pytest.mark.usefixtures("turns")
def test_the_state_gives_the_moment(context: Any) -> None:
    # when
    first, second = (built(take_turn)({"thingName": "lamp"}, context)["at"] for _ in range(2))
    # then
    assert first < second
    assert first.endswith("Z")


def test_a_table_that_asks_for_patience_is_a_passing_fault(context: Any, turns: "Table") -> None:
    client = CLIENTS.resource("dynamodb").meta.client
    with (
        faults.refused(client, "UpdateItem", "ThrottlingException", 400),
        pytest.raises(TransientError),
    ):
        built(take_turn)({"thingName": "lamp"}, context)


def test_who_is_outrun_every_time_tries_again_later(
    turns: "Table", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Turnstile, "_write", lambda *_: None)
    with pytest.raises(TransientError, match="no time slot"):
        Turnstile(turns, 125).next_turn()
