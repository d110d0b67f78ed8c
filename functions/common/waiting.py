"""Waiting inside a function, for what takes AWS seconds. Minutes are the workflow's business: its Retry."""

import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """How long to try again, in seconds, and the pause in between."""

    seconds: float
    pause: float = 0.5

    def tries(self) -> Iterator[None]:
        """Once at least, then until the time is up; whoever has succeeded leaves the loop."""
        deadline = time.monotonic() + self.seconds
        yield
        while time.monotonic() < deadline:
            time.sleep(self.pause)
            yield
