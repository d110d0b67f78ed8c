"""How the devices of a fleet's group come: all at once, or over time (docs/fleets.md, "The file").

Standard library only: the command imports this module from outside Lambda.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.checking import checked_object, number
from common.errors import InvalidInput

OVER, RATE = "over", "rate"

LONGEST = 86_400
"""Seconds from the first device of a group to its last one."""

FASTEST = 1000
"""Devices a second: beyond any quota of certificates."""


@dataclass(frozen=True)
class Arrival:
    """`over` is so many seconds for all, `rate` so many devices a second; one of them is None."""

    over: float | None = None
    rate: float | None = None

    @property
    def data(self) -> dict[str, float]:
        """As a file says it; empty for all at once."""
        found = {OVER: self.over, RATE: self.rate}
        return {key: _plain(value) for key, value in found.items() if value is not None}

    def seconds(self, count: int) -> float:
        """Within which so many devices come."""
        if self.rate:
            return count / self.rate
        return self.over or 0.0

    def moments(self, names: Sequence[str], seed: str) -> Iterator[float]:
        """When each of these devices may come, in seconds after the beginning, in their order.

        Each has a part of the time for itself, and comes at a moment of it that hangs on `seed` and
        its name: the same again with the same seed.
        """
        part = self.seconds(len(names)) / max(len(names), 1)
        for at, name in enumerate(names):
            yield part * (at + random.Random(f"{seed}/{name}").random())  # noqa: S311 - as above


AT_ONCE = Arrival()


def arrival_of(path: str, asked: Any, count: int) -> Arrival:
    """From `{over}` or `{rate}`, of a group of so many devices; raises InvalidInput with the path
    of the field.
    """
    arrival: Mapping[str, Any] = checked_object(path, asked, (OVER, RATE))
    if len(arrival) != 1:
        raise InvalidInput(path, f"must have exactly one of {OVER}, {RATE}")
    if OVER in arrival:
        return Arrival(over=number(f"{path}.{OVER}", arrival[OVER], 0, LONGEST))
    rate = number(f"{path}.{RATE}", arrival[RATE], 0, FASTEST)
    if rate * LONGEST < count or not rate:
        raise InvalidInput(
            f"{path}.{RATE}", f"must bring the {count} devices within {LONGEST} s, got {rate:g}"
        )
    return Arrival(rate=rate)


def _plain(value: float) -> float:
    return int(value) if value.is_integer() else value
