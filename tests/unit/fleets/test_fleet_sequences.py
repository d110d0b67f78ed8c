"""What is lost of a stream of numbered messages, against the definition of it."""

from hypothesis import given
from hypothesis import strategies as st

from playground.fleets.sequences import MOST_MISSING, Heard, Sequence

LATER = st.integers(1, MOST_MISSING // 2)


@given(first=st.integers(0, 1000), numbers=st.lists(st.integers(0, 50), max_size=60))
def test_what_is_missing_are_the_numbers_between_that_nobody_heard(
    first: int, numbers: list[int]
) -> None:
    # given
    stream, heard = Sequence(), {first + 1}
    stream.hear(first + 1)
    lost = late = twice = 0
    # when
    for number in numbers:
        number += first + 2  # noqa: PLW2901 - no 0, and none before the first
        said, skipped = stream.hear(number)
        # then
        assert (said is Heard.TWICE) == (number in heard)
        assert (said is Heard.LATE) == (number not in heard and number < max(heard))
        lost += skipped - (said is Heard.LATE)
        late, twice = late + (said is Heard.LATE), twice + (said is Heard.TWICE)
        heard.add(number)
    assert lost == stream.missing == max(heard) - first - len(heard)
    assert late + twice <= len(numbers)


def test_a_stream_that_begins_anew_has_lost_nothing() -> None:
    stream = Sequence()
    stream.hear(7)
    assert stream.hear(9) == (Heard.NEW, 1)
    assert stream.hear(0) == (Heard.NEW, 0)
    assert stream.hear(1) == (Heard.NEW, 0)
    assert stream.missing == 0


@given(LATER)
def test_a_jump_that_is_too_large_is_no_loss(more: int) -> None:
    stream = Sequence()
    stream.hear(5)
    assert stream.hear(5 + MOST_MISSING + more) == (Heard.NEW, 0)
    assert stream.hear(5 + MOST_MISSING + more + 3) == (Heard.NEW, 2)
    assert stream.hear(2) == (Heard.NEW, 0)


def test_the_missing_that_are_remembered_are_bounded() -> None:
    stream = Sequence()
    stream.hear(1)
    for number in range(3, 8 * MOST_MISSING, MOST_MISSING // 2):
        stream.hear(number)
    assert stream.missing == MOST_MISSING
