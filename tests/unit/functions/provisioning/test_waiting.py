"""Patience: how often it tries, and how long it waits in between."""

import pytest

from common.waiting import Patience
from tests.unit.doubles.clock import Clock


def tried_at(patience: Patience, clock: Clock) -> list[float]:
    """The times of the tries of somebody who never succeeds."""
    return [clock.seconds for _ in patience.tries()]


def test_the_pause_stays_as_it_is(clock: Clock) -> None:
    assert tried_at(Patience(2), clock) == [0, 0.5, 1, 1.5, 2]


def test_the_pause_grows_up_to_the_longest_and_the_last_try_is_at_the_end(clock: Clock) -> None:
    assert tried_at(Patience(7, 1, growth=2, longest=3), clock) == [0, 1, 3, 6, 7]


@pytest.mark.parametrize("seconds", [0, -1])
def test_who_has_no_time_tries_once(clock: Clock, seconds: float) -> None:
    assert tried_at(Patience(seconds), clock) == [0]
