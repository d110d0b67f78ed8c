"""A device's connection from its start to its goodbye, with the rebuilding that is asked for in
between.
"""

import logging
import random
from collections.abc import Callable

from virtual_device.base.timers import Timers
from virtual_device.connection.transport import Connection

RESTART_JITTER_SECONDS = 1.0
"""A connection that was ended on purpose is rebuilt within this time. AWS IoT Core: 1 connect/s and
client id.
"""


class Link:
    """One device's. `connection` is the one that it has now."""

    __slots__ = (
        "_away",
        "_change",
        "_cycles",
        "_left",
        "_log",
        "_restarting",
        "_timers",
        "_waiting",
        "connection",
    )

    def __init__(self, timers: Timers, log: logging.Logger) -> None:
        self.connection: Connection
        self._timers, self._log = timers, log
        # With a goodbye or without, and how long to stay away. A deque would be the largest part of
        # a device that sits still.
        self._cycles: tuple[tuple[bool, float], ...] = ()
        self._away = 0.0
        self._left: Callable[[], None] | None = None
        self._change: Callable[[], None] | None = None
        self._restarting = False
        self._waiting = False

    @property
    def ending(self) -> bool:
        """Whether the connection is being ended on purpose."""
        return self._restarting or self._left is not None

    def leave(self, left: Callable[[], None]) -> None:
        """Disconnect cleanly for good; `left` is called when that is done."""
        self._left = left
        if self._waiting:
            left()  # There is no connection that could be ended.
        else:
            self.connection.stop(goodbye=True)

    def ask_cycle(self, *, clean: bool, away: float) -> None:
        """Have the connection ended at the next `cycle`, with or without a goodbye, and rebuilt
        after `away` seconds.
        """
        self._cycles = (*self._cycles, (clean, away))[-2:]

    def cycle(self) -> None:
        """Rebuild the connection now if that was asked for."""
        if self._cycles and not self.ending:
            self._restarting = True
            (clean, self._away), *rest = self._cycles
            self._cycles = tuple(rest)
            told = {"clean": clean, "away": self._away} if self._away else {"clean": clean}
            self._log.info("rebuilding the connection", extra={"data": told})
            self.connection.stop(goodbye=clean)

    def change(self, change: Callable[[], None]) -> None:
        """End the connection with a goodbye and call `change`, which sets another; that one is
        started then.
        """
        self._change = change
        if not self.ending:
            self._restarting = True
            self.connection.stop(goodbye=True)

    def on_stopped(self) -> None:
        """A goodbye is said, or the connection is to be rebuilt."""
        if self._left is not None:
            self._left()
        elif self._restarting:
            self._waiting = True
            jitter = random.uniform(0, RESTART_JITTER_SECONDS)  # noqa: S311 - jitter
            self._timers.after(self._away + jitter, self._restart)
            self._away = 0.0

    def _restart(self) -> None:
        self._restarting = self._waiting = False
        if self._left is not None:
            return
        change, self._change = self._change, None
        if change is not None:
            change()
        self.connection.start()
