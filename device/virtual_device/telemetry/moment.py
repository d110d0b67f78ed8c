"""What values depend on: whose they are, the time, the number of the message, the settings. Nothing
else.

What is said in a reply depends on the request too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType
from typing import Protocol

from virtual_device.base.jsonvalue import Json, JsonObject

PHASES_KEPT = 8192
"""Phases of so many things are kept: each needs a hash, for every wave of every message."""


def chance(*parts: object) -> float:
    """A number from 0 up to 1 that looks random and is always the same for the same parts."""
    return drawn("/".join(map(str, parts)))


def drawn(text: str) -> float:
    """`chance` for parts that are joined already, with `/` between them."""
    return int.from_bytes(blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48


_phase = lru_cache(maxsize=PHASES_KEPT)(drawn)


class About(Protocol):
    """What a message may tell of its thing beside the name."""

    @property
    def device_type(self) -> str:
        """The name of its type."""

    @property
    def attributes(self) -> Mapping[str, str]:
        """Those of the thing."""


class _Nobody:
    device_type = "generic"
    attributes: Mapping[str, str] = MappingProxyType({})


NOBODY: About = _Nobody()


@dataclass(slots=True)
class Moment:
    """What values depend on; never changed once it is made. `seed` is the thing's own; `wall` is
    Unix time in seconds.
    """

    seed: str
    wall: float
    sequence: int
    settings: JsonObject
    request: JsonObject | None = None
    """What is answered; None for telemetry."""
    name: str = ""
    about: About = NOBODY
    index: int = 0
    """Which item of an array it is for, from 0."""
    whole: "Moment | None" = None
    """For an item of an array that has a seed of its own: the moment of the array."""

    def through(self, period: float, phase: float = 0.0) -> float:
        """How far, from 0 up to 1, a cycle of `period` seconds has come that began at a time of the
        thing's own.

        All cycles of one period are in step within a thing, which `phase`, in seconds, shifts.
        """
        return (((self.wall + phase) % period) / period + _phase(self.seed)) % 1.0

    def at(self, wall: float) -> "Moment":
        """The same, but at another time."""
        return replace(self, wall=wall, whole=self.whole and self.whole.at(wall))

    def item(self, index: int) -> "Moment":
        """For an item of an array: as of another thing."""
        whole = self.whole or self
        return replace(self, seed=f"{self.seed}/{index}", index=index, whole=whole)

    def reading(self, index: int, count: int, every: float) -> "Moment":
        """For one of `count` readings of the same thing, `every` seconds apart; the last one is of
        now.
        """
        return replace(
            self,
            wall=self.wall - (count - 1 - index) * every,
            sequence=self.sequence * count + index,
            index=index,
            whole=self.whole and self.whole.reading(index, count, every),
        )


class Generator(Protocol):
    """Gives a value for a moment."""

    @property
    def numeric(self) -> bool:
        """Whether all values are numbers."""

    def value(self, moment: Moment) -> Json:
        """The value at that moment."""


def is_number(value: object) -> bool:
    """Whether this is a JSON number. A boolean is none, though Python thinks so."""
    return isinstance(value, int | float) and not isinstance(value, bool)
