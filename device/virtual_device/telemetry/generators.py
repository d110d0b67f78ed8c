"""What makes the values of telemetry: small generators that are put together in a model.

A generator is a pure function of the moment: the same thing sends the same values at the same time
with the same sequence number, so a fleet repeats itself exactly, and no device has to keep anything
for it. What looks random is a hash of the model's seed, the thing's name, the member's place in the
model and the sequence number.
"""

import math
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from virtual_device.base.jsonvalue import Json
from virtual_device.telemetry.moment import Moment, drawn, is_number

WALK_OCTAVES = 20
"""A walk wanders freely over a million messages (2^20), then within what it has reached."""

WALKS_KEPT = 16_384
"""So many walks of so many things, each at the message where it is: about 1 KB."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same."""

    given: Json

    @property
    def numeric(self) -> bool:
        """It depends."""
        return is_number(self.given)

    def value(self, _moment: Moment) -> Json:
        """What was given."""
        return self.given


def turn_of(moment: Moment, every: float | None) -> int:
    """The number of the message; or, of turns of so many seconds, how many there were since
    1970.
    """
    return moment.sequence if every is None else int(moment.wall // every)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Anything from `low` to `high`: another number for each message, every so many seconds or,
    with `once`, one for each thing.
    """

    key: str
    low: float
    high: float
    once: bool
    every: float | None = None
    numeric = True

    def value(self, moment: Moment) -> float:
        """Low plus a part of the range."""
        turn = "" if self.once else turn_of(moment, self.every)
        return self.low + (self.high - self.low) * drawn(f"{moment.seed}/{self.key}/{turn}")


@dataclass(frozen=True, slots=True)
class Sine:
    """A wave around `mean`; `period` and `phase` in seconds."""

    mean: float
    amplitude: float
    period: float
    phase: float
    numeric = True

    def value(self, moment: Moment) -> float:
        """From mean - amplitude to mean + amplitude."""
        return self.mean + self.amplitude * math.sin(
            2 * math.pi * moment.through(self.period, self.phase)
        )


@dataclass(frozen=True, slots=True)
class Walk:
    """Wanders by at most `step` from message to message, and turns back at `low` and `high`.

    Octaves of interpolated noise rather than a sum over all messages before: any message's value
    can be had at once, and over n messages it wanders about as far as a random walk does, with the
    square root of n.
    """

    key: str
    start: float
    step: float
    low: float
    high: float
    every: float | None = None
    """Seconds from step to step; None for a step a message."""
    numeric = True

    def value(self, moment: Moment) -> float:
        """`start` for the first message."""
        # An octave of 2^k messages and height h changes by at most 2h/2^k. With h = 2^(k/2) this
        # adds up to less than 2 / (1 - 2^-0.5) a message.
        turn = turn_of(moment, self.every)
        begins, ends = _octaves(moment.seed, self.key, turn)
        total = begins[0]
        for octave, length, scale in OCTAVES:
            begin = begins[octave]
            within = turn & (length - 1)
            total += scale * (begin + (ends[octave] - begin) * within / length)
        return _folded(self.start + self.step * total * (1 - 2**-0.5) / 2, self.low, self.high)


OCTAVES = tuple((octave, 2**octave, 2 ** (octave / 2)) for octave in range(1, WALK_OCTAVES + 1))
"""All but that of single messages: its length in messages, and its height."""


def _octaves(seed: str, key: str, turn: int) -> "tuple[array[float], array[float]]":
    """Where each octave's block begins, and where it ends, in the message of this number."""
    kept = _kept(seed, key)
    if not kept:
        begins = array("d", (_noise(seed, key, k, turn >> k) for k in range(WALK_OCTAVES + 1)))
        ends = array("d", (_noise(seed, key, k, (turn >> k) + 1) for k in range(WALK_OCTAVES + 1)))
        kept.append((turn, begins, ends))
        return begins, ends
    before, begins, ends = kept[0]
    # Only the octaves of changed bits are in another block, most often in the next one.
    changed = min((before ^ turn).bit_length(), WALK_OCTAVES + 1)
    if changed:
        begins, ends = begins[:], ends[:]
        for octave in range(changed):
            block = turn >> octave
            next_one = before >> octave == block - 1
            begins[octave] = ends[octave] if next_one else _noise(seed, key, octave, block)
            ends[octave] = _noise(seed, key, octave, block + 1)
        kept[0] = (turn, begins, ends)
    return begins, ends


@lru_cache(maxsize=WALKS_KEPT)
def _kept(seed: str, key: str) -> "list[tuple[int, array[float], array[float]]]":
    """The message where this walk of this thing was last, with its octaves: none, or one."""
    del seed, key
    return []


def _noise(seed: str, key: str, octave: int, block: int) -> float:
    """From -1 to 1; all octaves begin at 0."""
    return 2 * drawn(f"{seed}/{key}/{octave}/{block}") - 1 if block else 0.0


def _folded(value: float, low: float, high: float) -> float:
    """`value` reflected at both ends until it lies between them."""
    span = high - low
    if span <= 0:
        return low
    beyond = (value - low) % (2 * span)
    return min(high, max(low, low + min(beyond, 2 * span - beyond)))


@dataclass(frozen=True, slots=True)
class Decay:
    """Falls from `start` towards `end`, half of the way in `half_life` seconds, anew every `period`
    seconds.
    """

    start: float
    end: float
    half_life: float
    period: float
    numeric = True

    def value(self, moment: Moment) -> float:
        """Nearest to `end` just before the next period."""
        age: float = 0.5 ** (moment.through(self.period) * self.period / self.half_life)
        return self.end + (self.start - self.end) * age


@dataclass(frozen=True, slots=True)
class Pick:
    """One of several values, by weight: another for each message, every so many seconds or, with
    `once`, one for each thing.
    """

    key: str
    of: tuple[Json, ...]
    weights: tuple[float, ...]
    once: bool
    every: float | None = None

    @property
    def numeric(self) -> bool:
        """Whether all are numbers."""
        return all(map(is_number, self.of))

    def value(self, moment: Moment) -> Json:
        """The value in whose part of the weights the chance falls."""
        bounds = list(accumulate(self.weights))
        turn = "" if self.once else turn_of(moment, self.every)
        mark = bounds[-1] * drawn(f"{moment.seed}/{self.key}/{turn}")
        return self.of[min(bisect_right(bounds, mark), len(self.of) - 1)]


@dataclass(frozen=True, slots=True)
class Sequence:
    """Several values in turn, over and over: one a message, or one every so many seconds."""

    of: tuple[Json, ...]
    every: float | None

    @property
    def numeric(self) -> bool:
        """Whether all are numbers."""
        return all(map(is_number, self.of))

    def value(self, moment: Moment) -> Json:
        """The value whose turn it is."""
        count = len(self.of)
        if self.every is None:
            return self.of[moment.sequence % count]
        return self.of[int(moment.through(self.every * count) * count)]


@dataclass(frozen=True, slots=True)
class Counter:
    """Grows by `step` a message, or every so many seconds of Unix time; begins again below
    `wrap`.
    """

    start: float
    step: float
    every: float | None
    wrap: float | None
    numeric = True

    def value(self, moment: Moment) -> float:
        """Stays an integer where start, step and wrap are."""
        count = moment.sequence if self.every is None else int(moment.wall / self.every)
        total = self.start + self.step * count
        return total if self.wrap is None else total % self.wrap


@dataclass(frozen=True, slots=True)
class Setting:
    """What a setting of the device stands at; a device that has no such setting sends nothing for
    it.
    """

    key: str
    numeric = False

    def value(self, moment: Moment) -> Json:
        """The setting in force."""
        return moment.settings.get(self.key)


@dataclass(frozen=True, slots=True)
class Request:
    """A value of the request that is being answered; left out of the reply when there is none."""

    path: tuple[str, ...]
    numeric = False

    def value(self, moment: Moment) -> Json:
        """What stands there, null for nothing."""
        return found_in(dict(moment.request or {}), self.path)


def found_in(value: Json, path: tuple[str, ...]) -> Json:
    """What stands in a value, by the names of members from the outermost on; None for nothing."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of the thing: `name`, `type`, or `attributes.` and the name of one; left out
    where there is no such attribute.
    """

    name: str
    numeric = False

    def value(self, moment: Moment) -> Json:
        """A text; None for an attribute that the thing does not have."""
        if self.name == "name":
            return moment.name
        if self.name == "type":
            return moment.about.device_type
        return moment.about.attributes.get(self.name.removeprefix("attributes."))


@dataclass(frozen=True, slots=True)
class Index:
    """Which item of its array it stands in: `start` for the first one, `step` more for each."""

    start: float
    step: float
    numeric = True

    def value(self, moment: Moment) -> float:
        """Stays an integer where start and step are."""
        return self.start + self.step * moment.index
