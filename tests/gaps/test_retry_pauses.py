"""How long a state pauses before it is tried again."""

import pytest

BOUNDED = {
    "ErrorEquals": ["States.ALL"],
    "IntervalSeconds": 2,
    "BackoffRate": 2.0,
    "MaxAttempts": 6,
    "MaxDelaySeconds": 10,
}


def _found(retrier: dict[str, object], before: int) -> dict[str, float]:
    from ministack.services import stepfunctions

    found: dict[str, float] = stepfunctions._find_matching_retrier(
        [retrier], "TransientError", {0: before}
    )[0]
    return found


def test_the_emulator_still_knows_no_longest_pause() -> None:
    """When this fails the emulator has learned it: away with the gap."""
    found = _found(BOUNDED, 4)
    assert found["IntervalSeconds"] * found["BackoffRate"] ** 4 == 32


@pytest.mark.parametrize(("before", "pause"), [(0, 2), (1, 4), (2, 8), (3, 10), (5, 10)])
def test_a_pause_grows_up_to_the_longest(before: int, pause: float) -> None:
    # given
    from playground.local.gaps import retry_pauses

    retry_pauses.fill()
    # when
    found = _found(BOUNDED, before)
    # then
    assert found["IntervalSeconds"] * found["BackoffRate"] ** before == pause


def test_a_pause_with_jitter_is_any_up_to_that() -> None:
    # given
    from playground.local.gaps.retry_pauses import pause_of

    # then
    assert pause_of(BOUNDED | {"JitterStrategy": "FULL"}, 1, 0.25) == 1
    assert pause_of(BOUNDED | {"JitterStrategy": "NONE"}, 1, 0.25) == 4
    assert pause_of({"ErrorEquals": ["States.ALL"]}, 3, 0.5) == 8


def test_attempts_are_counted_as_before() -> None:
    # given
    from ministack.services import stepfunctions

    from playground.local.gaps import retry_pauses

    retry_pauses.fill()
    # then
    assert stepfunctions._find_matching_retrier([BOUNDED], "TransientError", {0: 6}) == (None, -1)
