"""Values that hang together: one decides over another, or follows it, or is told by its name."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from virtual_device.base.jsonvalue import Json, encode
from virtual_device.telemetry.generators import Constant, Pick, Sequence, found_in
from virtual_device.telemetry.moment import Generator, Moment, is_number
from virtual_device.telemetry.route import Route
from virtual_device.telemetry.rules import LARGEST
from virtual_device.telemetry.states import States

SAMPLES_A_LAG = 8
SAMPLES = 40
"""Of what is followed: over five times the lag. What is older counts for less than a hundredth."""


def kept(value: float) -> float:
    """Within what the numbers of a model may be, so that no reckoning leaves JSON's numbers."""
    return max(-LARGEST, min(LARGEST, value))


def number(value: Json) -> float:
    """A number for reckoning: 0 for what is left out."""
    return value if isinstance(value, int | float) else 0


@dataclass(frozen=True, slots=True)
class Case:
    """Another generator for each value of one; nothing when there is none for it."""

    of: Generator
    cases: Mapping[str, Generator]
    other: Generator | None

    @property
    def numeric(self) -> bool:
        """Whether all of them give numbers."""
        found = [*self.cases.values(), *([self.other] if self.other else [])]
        return all(generator.numeric for generator in found)

    def chosen(self, moment: Moment) -> Generator | None:
        """The one whose turn it is."""
        value = self.of.value(moment)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return self.cases.get(word(value), self.other)

    def value(self, moment: Moment) -> Json:
        """What that one gives; None for none."""
        chosen = self.chosen(moment)
        return chosen.value(moment) if chosen else None


def word(value: Json) -> str:
    """How a value is written where a name is expected: a text as it is, else as JSON."""
    return value if isinstance(value, str) else encode(value).decode()


@dataclass(frozen=True, slots=True)
class Part:
    """A member of an object that another generator gives, however deep; nothing where there is
    none.
    """

    of: Generator
    path: tuple[str, ...]

    @property
    def numeric(self) -> bool:
        """Whether it can only be a number: of a route, or of values that are all known."""
        of = self.of.of if isinstance(self.of, Value) else self.of
        if isinstance(of, Route):
            return len(self.path) == 1 and self.path[0] in of.PARTS
        return all(is_number(value) for value in self.values) if self.values else False

    @property
    def values(self) -> list[Json]:
        """What it may be, where that is known."""
        of = self.of.of if isinstance(self.of, Value) else self.of
        if isinstance(of, Constant):
            return [found_in(of.given, self.path)]
        known = of.values if isinstance(of, States) else ()
        known = of.of if isinstance(of, Pick | Sequence) else known
        return [found_in(value, self.path) for value in known]

    def value(self, moment: Moment) -> Json:
        """As it stands there."""
        return found_in(self.of.value(moment), self.path)


@dataclass(frozen=True, slots=True)
class Above:
    """Whether a number is more than a limit."""

    of: Generator
    limit: float
    numeric = False

    def value(self, moment: Moment) -> bool:
        """Not when it is the limit itself."""
        return number(self.of.value(moment)) > self.limit


@dataclass(frozen=True, slots=True)
class Scale:
    """A number times `by`, and `plus` added."""

    of: Generator
    by: float
    plus: float
    numeric = True

    def value(self, moment: Moment) -> float:
        """Stays an integer where all three are."""
        return kept(number(self.of.value(moment)) * self.by + self.plus)


@dataclass(frozen=True, slots=True)
class Product:
    """Numbers of other generators, multiplied."""

    parts: tuple[Generator, ...]
    numeric = True

    def value(self, moment: Moment) -> float:
        """A plain product."""
        return kept(math.prod(kept(number(part.value(moment))) for part in self.parts))


@dataclass(frozen=True, slots=True)
class Follows:
    """Goes after another number as a warm body goes after its heater: each `lag` seconds it comes
    nearer by two thirds.

    The answer of a first-order system to what is followed, which is looked at `SAMPLES_A_LAG` times
    in a lag, at times that are the same for all messages.
    """

    of: Generator
    lag: float
    gain: float
    plus: float
    numeric = True

    def value(self, moment: Moment) -> float:
        """Between the least and the most that was followed, times `gain`, and `plus` added."""
        step = self.lag / SAMPLES_A_LAG
        newest, within = divmod(moment.wall, step)
        stays = math.exp(-1 / SAMPLES_A_LAG)
        level = self._at(moment, (newest - SAMPLES) * step)
        for sample in range(SAMPLES - 1, 0, -1):
            level += (self._at(moment, (newest - sample) * step) - level) * (1 - stays)
        present = self._at(moment, newest * step)
        level += (present - level) * (1 - math.exp(-within / self.lag))
        return kept(self.plus + self.gain * level)

    def _at(self, moment: Moment, wall: float) -> float:
        return number(self.of.value(moment.at(wall)))


class Known(NamedTuple):
    """What a value may be and cost, reckoned once however often it is told."""

    range: tuple[float, float]
    bytes: int
    work: int
    counts: bool
    """Whether it changes with the number of the message."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the model that has a name, the same wherever it is told."""

    of: Generator
    known: Known

    @property
    def numeric(self) -> bool:
        """As that one."""
        return self.of.numeric

    def value(self, moment: Moment) -> Json:
        """That of the whole message, in an item of an array too."""
        return self.of.value(moment if moment.whole is None else moment.whole)


def chosen(generator: Generator, moment: Moment) -> tuple[Generator | None, Moment]:
    """The generator that gives the value in the end, behind names and cases, and its moment."""
    found: Generator | None = generator
    while isinstance(found, Value | Case):
        if isinstance(found, Value):
            found, moment = found.of, moment if moment.whole is None else moment.whole
        else:
            found = found.chosen(moment)
    return found, moment
