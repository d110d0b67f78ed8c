"""A small state machine: a device that is on and off, busy and idle, each for a while.

Pure like all generators: time is cut into rounds of one length, each round is worked out by itself,
and the state of any moment can be had at once.
"""

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from virtual_device.base.jsonvalue import Json
from virtual_device.telemetry.moment import Moment, drawn, is_number

ROUNDS_KEPT = 1024
MAX_VISITS = 50
"""Of a round: the sum of the weights."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One stay of a round: in which state, for how many seconds at least and at most."""

    state: int
    least: float
    most: float


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """The value of the state that the thing is in.

    A round has all `visits`, in this order or, with `shuffled`, in another one each time. Its
    length is always the mean of all stays together. Rounds begin `start` seconds after midnight
    UTC, 1 January 1970, or at a time of the thing's own.
    """

    key: str
    values: tuple[Json, ...]
    visits: tuple[Visit, ...]
    shuffled: bool
    start: float | None

    @property
    def numeric(self) -> bool:
        """Whether all are numbers."""
        return all(map(is_number, self.values))

    @property
    def length(self) -> float:
        """Seconds of a round."""
        return sum(visit.least + visit.most for visit in self.visits) / 2

    def value(self, moment: Moment) -> Json:
        """That of the stay into which the moment falls."""
        length = self.length
        begin = drawn(f"{moment.seed}/{self.key}") * length if self.start is None else self.start
        number, within = divmod(moment.wall - begin, length)
        states, ends = _round(self, moment.seed, int(number))
        return self.values[states[min(bisect_right(ends, within), len(states) - 1)]]


@lru_cache(maxsize=ROUNDS_KEPT)
def _round(machine: States, seed: str, number: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The states of a round in their order, and when each ends, in seconds from its begin."""
    visits = list(enumerate(machine.visits))
    if machine.shuffled:
        visits.sort(key=lambda row: drawn(f"{seed}/{machine.key}/{number}/order/{row[0]}"))
    draws = [drawn(f"{seed}/{machine.key}/{number}/{place}") for place, _ in visits]
    stays = _stays([visit for _, visit in visits], draws)
    return tuple(visit.state for _, visit in visits), tuple(accumulate(stays))


def _stays(visits: list[Visit], draws: list[float]) -> list[float]:
    """How long each is, between its least and its most, so that together they fill a round.

    What is too long, or too short, is taken from all of them by the room that each has.
    """
    stays = [v.least + (v.most - v.least) * draw for v, draw in zip(visits, draws, strict=True)]
    beyond = sum(stays) - sum(visit.least + visit.most for visit in visits) / 2
    ends = [visit.least if beyond > 0 else visit.most for visit in visits]
    rooms = [abs(stay - end) for stay, end in zip(stays, ends, strict=True)]
    room = sum(rooms)
    if not room:
        return stays
    return [stay - beyond * own / room for stay, own in zip(stays, rooms, strict=True)]
