"""Which messages of a stream were lost, by the numbers that its device gives them."""

from enum import Enum

MOST_MISSING = 10_000
"""A larger gap is no loss: the stream began anew."""


class Heard(Enum):
    """What a number says."""

    NEW = "new"
    LATE = "late"
    """It was counted as lost."""
    TWICE = "twice"


class Sequence:
    """One stream. It begins with the first number that is heard, and anew with each 0."""

    __slots__ = ("_last", "_missing")

    def __init__(self) -> None:
        self._last: int | None = None
        self._missing: set[int] = set()

    @property
    def missing(self) -> int:
        """So many are lost so far."""
        return len(self._missing)

    def hear(self, number: int) -> tuple[Heard, int]:
        """Take the next number; says what it is, and how many before it were skipped."""
        last = self._last
        if last is None or number == 0 != last or abs(number - last) > MOST_MISSING:
            self._last, self._missing = number, set()
            return Heard.NEW, 0
        if number in self._missing:
            self._missing.remove(number)
            return Heard.LATE, 0
        if number <= last:
            return Heard.TWICE, 0
        skipped = range(last + 1, number)
        self._last = number
        self._missing.update(skipped)
        while len(self._missing) > MOST_MISSING:
            self._missing.remove(min(self._missing))
        return Heard.NEW, len(skipped)
