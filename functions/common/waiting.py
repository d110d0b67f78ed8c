"""Waiting inside a function, for what takes AWS seconds. Minutes are the workflow's business: its
Retry.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """How long to try again, in seconds, and the pause in between, which grows by a factor up to
    the longest.
    """

    seconds: float
    pause: float = 0.5
    growth: float = 1.0
    longest: float = 0.5

    def tries(self) -> Iterator[None]:
        """Once at least, then until the time is up; whoever has succeeded leaves the loop."""
        deadline = time.monotonic() + self.seconds
        pause = self.pause
        yield
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause = min(pause * self.growth, max(self.pause, self.longest))
            yield
