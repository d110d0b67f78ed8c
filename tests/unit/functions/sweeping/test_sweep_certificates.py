"""Which certificate answers which request: as many as were asked for, or none."""

from datetime import UTC, datetime, timedelta

import pytest

from sweeping.certificates import Candidate, Request, matches

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def request(second: float) -> Request:
    return Request("lamp", f"{(NOON + timedelta(seconds=second)).isoformat()} id-{second}")


def candidate(second: float) -> Candidate:
    return Candidate(f"certificate-{second}", NOON + timedelta(seconds=second))


@pytest.mark.parametrize(
    ("asked", "made", "settled"),
    [
        ([0], [], True),
        ([0], [3], True),
        ([0], [-4], True),  # clocks differ
        ([0], [34], True),
        ([0], [3, 4], False),
        ([0, 20], [3, 25], True),
        ([0, 20], [3, 4], False),  # the second request can't explain either
        ([0, 20, 40], [1, 25, 60], True),
        ([0, 20, 40], [1, 2, 60], False),  # one span: whose is which is open for all of them
        ([20, 0], [25, 22], True),
    ],
)
def test_within_one_span(asked: list[float], made: list[float], settled: bool) -> None:  # noqa: FBT001
    # when
    (match,) = matches([request(at) for at in asked], [candidate(at) for at in made])
    # then
    assert match.settled is settled
    if settled:
        assert sorted(found.made_at for _, found in match.pairs() if found) == sorted(
            candidate(at).made_at for at in made
        )
        assert len(list(match.pairs())) == len(asked)


def test_spans_are_judged_by_themselves() -> None:
    # when
    first, second = matches(
        [request(0), request(100)], [candidate(1), candidate(2), candidate(101)]
    )
    # then
    assert (first.settled, second.settled) == (False, True)


def test_what_lies_outside_every_span_is_nobodys() -> None:
    (match,) = matches([request(0)], [candidate(-6), candidate(36)])
    assert match.candidates == ()
