"""A device's subscriptions: made on connecting unless the server still has them, tried again when
they are refused.
"""

import logging
import random
from collections.abc import Callable, Sequence
from functools import partial

from virtual_device.base.timers import Cancellable, Timers
from virtual_device.connection.transport import Connection, Failure

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 2.0, 120.0


class Subscriptions:
    """One device's. `connection` is the one that it has now; `filters` tells what to subscribe
    to.
    """

    __slots__ = (
        "_complete",
        "_failures",
        "_filters",
        "_log",
        "_ready",
        "_retry",
        "_session",
        "_timers",
        "connection",
    )

    def __init__(
        self,
        filters: Callable[[], Sequence[str]],
        ready: Callable[[], None],
        timers: Timers,
        log: logging.Logger,
    ) -> None:
        self.connection: Connection
        self._filters, self._ready, self._timers, self._log = filters, ready, timers, log
        self._retry: Cancellable | None = None
        self._complete = False
        self._session = self._failures = 0

    def connected(self, *, session_present: bool) -> None:
        """See that everything is subscribed, then say that the device is ready."""
        if session_present and self._complete:
            self._ready()
        else:
            self._complete = False
            self._subscribe()

    def disconnected(self) -> None:
        """What is under way is answered no more."""
        self._session += 1
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def forget(self) -> None:
        """The next connection has a session of its own."""
        self._complete = False

    def _subscribe(self) -> None:
        self._retry = None
        self.connection.subscribe(self._filters(), partial(self._on_subscribed, self._session))

    def _on_subscribed(self, session: int, failure: Failure | None) -> None:
        if session != self._session:
            return
        if failure is None:
            self._complete, self._failures = True, 0
            self._ready()
            return
        # The policy may be another one soon: a quarantined device is let out again without
        # connecting anew.
        limit = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        self._log.warning("cannot subscribe", extra={"data": {"reason": failure.reason}})
        if self._retry is None:
            self._retry = self._timers.after(random.uniform(limit / 2, limit), self._subscribe)  # noqa: S311 - jitter
