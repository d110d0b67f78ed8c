"""What values depend on: whose they are, the time, the number of the message, the settings. Nothing
else.

What is said in a reply depends on the request too.
"""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Protocol

from virtual_device.base.jsonvalue import Json, JsonObject


def chance(*parts: object) -> float:
    """A number from 0 up to 1 that looks random and is always the same for the same parts."""
    digest = blake2b("/".join(map(str, parts)).encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


@dataclass(frozen=True, slots=True)
class Moment:
    """What values depend on. `seed` is the thing's own; `wall` is Unix time in seconds."""

    seed: str
    wall: float
    sequence: int
    settings: JsonObject
    request: JsonObject = field(default_factory=dict)
    """What is answered; empty for telemetry."""

    def through(self, period: float, phase: float = 0.0) -> float:
        """How far, from 0 up to 1, a cycle of `period` seconds has come that began at a time of the
        thing's own.

        All cycles of one period are in step within a thing, which `phase`, in seconds, shifts.
        """
        return (((self.wall + phase) % period) / period + chance(self.seed)) % 1.0


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
