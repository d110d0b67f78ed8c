"""How fast devices are started when all come back at once.

A start takes this machine half a second of CPU, process and connection included. Two hundred at
once keep each other, and the emulator's presence function, from getting anywhere: a hundred of its
workers were started at the same time.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

STARTS_PER_SECOND_AND_CORE = 2


@dataclass
class Pace:
    """One start in so many seconds; one that had to wait is not made up for."""

    seconds: float = 0.0
    clock: Callable[[], float] = time.monotonic
    _next: float = 0.0

    def allows(self) -> bool:
        """Whether it is time for the next one."""
        return self.clock() >= self._next

    def took(self) -> None:
        """One was started."""
        self._next = self.clock() + self.seconds
