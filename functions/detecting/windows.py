"""Counting in a sliding window: exact, whatever the order in which events come, and however
often.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection
from typing import NamedTuple


class Mark(NamedTuple):
    """An event: when, and which."""

    at_ms: int
    evidence: str


def fullest(marks: Collection[Mark], around: Collection[Mark], window_ms: int) -> list[Mark]:
    """The distinct marks of the fullest window that holds one of `around`, by time; the earliest of
    several.

    What one event has left counts once, with its first mark: whoever noted it may have done so
    twice, at two times.
    """
    ordered = sorted(first_of_each({*marks, *around}))
    times = [mark.at_ms for mark in ordered]
    best: list[Mark] = []
    for start in sorted(
        {start for mark in around for start in _starts(times, mark.at_ms, window_ms)}
    ):
        found = ordered[bisect_left(times, start) : bisect_right(times, start + window_ms)]
        if len(found) > len(best):
            best = found
    return best


def _starts(times: list[int], at_ms: int, window_ms: int) -> list[int]:
    """Where a window that holds `at_ms` may begin: at a mark, or it could begin later and lose
    none; at the latest at `at_ms`, which is no mark when its event was noted before.
    """
    return [*times[bisect_left(times, at_ms - window_ms) : bisect_right(times, at_ms)], at_ms]


def first_of_each(marks: Collection[Mark]) -> Collection[Mark]:
    """Of the marks with one evidence the earliest."""
    first: dict[str, Mark] = {}
    for mark in sorted(marks):
        first.setdefault(mark.evidence, mark)
    return first.values()
