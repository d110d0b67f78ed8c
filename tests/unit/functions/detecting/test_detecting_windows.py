"""Counting in a sliding window, against the definition of one."""

from hypothesis import given
from hypothesis import strategies as st

from detecting.windows import Mark, fullest

WINDOW = 1000

marks = st.lists(st.builds(Mark, st.integers(0, 5000), st.sampled_from("abcdef")), max_size=25)


def by_definition(known: set[Mark], around: list[Mark]) -> int:
    """The most events that lie in any window that holds one of `around`, tried at every millisecond
    that matters.

    An event is where it was noted first.
    """
    starts = {mark.at_ms - back for mark in {*known, *around} for back in (0, WINDOW)}
    first = {
        evidence: min(mark.at_ms for mark in known if mark.evidence == evidence)
        for _, evidence in known
    }
    known = {Mark(at_ms, evidence) for evidence, at_ms in first.items()}
    return max(
        (
            sum(start <= mark.at_ms <= start + WINDOW for mark in known)
            for start in starts
            if any(start <= mark.at_ms <= start + WINDOW for mark in around)
        ),
        default=0,
    )


@given(known=marks, around=marks)
def test_the_fullest_window_is_found_whatever_the_order(
    known: list[Mark], around: list[Mark]
) -> None:
    found = fullest(known, around, WINDOW)
    assert len(found) == by_definition({*known, *around}, around)
    assert found == sorted(set(found))
    assert not found or found[-1].at_ms - found[0].at_ms <= WINDOW


def test_a_window_may_begin_with_an_event_that_was_noted_before() -> None:
    noted, later = [Mark(0, "a"), Mark(1002, "b")], [Mark(1001, "a")]
    assert fullest(noted, later, WINDOW) == [Mark(1002, "b")]


def test_both_ends_belong_to_the_window() -> None:
    first, last = Mark(0, "a"), Mark(WINDOW, "b")
    assert fullest([first], [last], WINDOW) == [first, last]


def test_a_millisecond_more_does_not() -> None:
    last = Mark(WINDOW + 1, "b")
    assert fullest([Mark(0, "a")], [last], WINDOW) == [last]


def test_an_event_that_comes_twice_counts_once() -> None:
    assert fullest([Mark(1, "a"), Mark(1, "a")], [Mark(1, "a")], WINDOW) == [Mark(1, "a")]


def test_an_event_that_was_noted_at_two_times_counts_once() -> None:
    """AWS IoT may deliver a presence event twice, and the clock of the rules says when."""
    noted = [Mark(1, "a"), Mark(400, "b")]
    assert fullest(noted, [Mark(500, "b")], WINDOW) == noted


def test_an_early_event_that_comes_late_completes_a_window() -> None:
    late = Mark(500, "late")
    assert len(fullest([Mark(0, "a"), Mark(1000, "b")], [late], WINDOW)) == 3


def test_a_full_window_elsewhere_is_not_this_events() -> None:
    crowd = [Mark(n, f"crowd {n}") for n in range(10)]
    assert fullest(crowd, [Mark(9000, "alone")], WINDOW) == [Mark(9000, "alone")]
