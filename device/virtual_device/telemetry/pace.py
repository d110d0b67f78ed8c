"""The clock of a device's telemetry, which may run faster than time does.

All else of a device goes by the real time: its connection, its shadow, its jobs, its metrics.
"""

from typing import NamedTuple

from virtual_device.base.clock import Now

SHORTEST = 0.01
"""Seconds between two messages of one kind, however fast the clock runs: AWS IoT takes 100 a second
from a connection (https://docs.aws.amazon.com/general/latest/gr/iot-core.html).
"""


class Pace(NamedTuple):
    """A clock that has run `speed` times as fast as time since it showed `shown`."""

    speed: int
    since: float
    """Monotonic seconds."""
    shown: float
    """Unix time in seconds."""

    def wall(self, now: Now) -> float:
        """What the clock shows, Unix time in seconds. At speed 1 it is the real time."""
        if self.speed == 1:
            return now.wall
        return self.shown + (now.mono - self.since) * self.speed

    def at(self, speed: int, now: Now) -> "Pace":
        """The same clock at another speed from now on. Only back to 1 it jumps, to the real
        time.
        """
        return REAL if speed == 1 else Pace(speed, now.mono, self.wall(now))

    def seconds(self, interval: float) -> float:
        """How long an interval of this clock takes."""
        return interval if self.speed == 1 else max(interval / self.speed, SHORTEST)

    def due(self, due: float, before: "Pace", now: Now) -> float:
        """When what is due then, by the clock before, is due by this one."""
        return now.mono + max(due - now.mono, 0.0) * before.speed / self.speed


REAL = Pace(1, 0.0, 0.0)
