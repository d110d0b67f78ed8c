"""Conditions that end a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.fleet_stages import Measure, Stop


@dataclass(frozen=True)
class Stopped:
    """What has ended a run, and the value that the measure had."""

    stop: Stop
    value: float

    def data(self) -> dict[str, Any]:
        """For programs."""
        return {
            "measure": str(self.stop.measure),
            "above": self.stop.above,
            "for": self.stop.lasting,
            "value": round(self.value, 4),
        }

    def __str__(self) -> str:
        """For people: one sentence without its end."""
        stop = self.stop
        lasting = f" for {stop.lasting:g} s" if stop.lasting else ""
        return f"{stop.measure} was {self.value:.4g}, above {stop.above:g}{lasting}"


@dataclass
class Stopping:
    """Watches all conditions of a file."""

    stops: Sequence[Stop]
    _above_since: dict[int, float] = field(default_factory=dict)

    def look(self, values: Mapping[Measure, float], at: float) -> Stopped | None:
        """The first one that has held for long enough; `at` is in seconds."""
        for number, stop in enumerate(self.stops):
            value = values[stop.measure]
            if value <= stop.above:
                self._above_since.pop(number, None)
            elif at - self._above_since.setdefault(number, at) >= stop.lasting:
                return Stopped(stop, value)
        return None
