"""One thread for all devices: a queue of calls and a heap of timers.

Not asyncio: awscrt calls back on a thread of its own, and here handing a call over is one
`SimpleQueue.put`, where `call_soon_threadsafe` writes to a pipe. Importing asyncio would also make
every start 40 ms slower.
"""

import heapq
import itertools
import logging
import queue
import time
from collections import deque
from collections.abc import Callable

log = logging.getLogger(__name__)

LONGEST_WAIT = 3600.0


class Timer:
    """A call to be made later; `cancel` takes it back."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Don't make the call, nor keep it alive."""
        self._call = None

    def fire(self) -> None:
        """Make the call, once."""
        call, self._call = self._call, None
        if call is not None:
            call()


class Reactor:
    """Runs everything that belongs to devices, one call at a time."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._unhurried: deque[Callable[[], None]] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._running = False

    def post(self, call: Callable[[], None]) -> None:
        """Have `call` made soon. From any thread and from a signal handler; never blocks."""
        self._calls.put(call)

    def post_unhurried(self, call: Callable[[], None]) -> None:
        """Have `call` made before the next other call, whenever that comes. From any thread; it
        wakes nobody.
        """
        self._unhurried.append(call)

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Have `call` made after so many seconds. Only from the reactor's own thread."""
        timer = Timer(call)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), timer))
        return timer

    def run(self) -> None:
        """Make calls until `stop`."""
        self._running = True
        while self._running:
            try:
                call = self._calls.get(timeout=self._wait())
            except queue.Empty:
                call = self._fire_due
            self._make_unhurried()
            self._make(call)
            self._fire_due()

    def stop(self) -> None:
        """Let `run` return. Only from the reactor's own thread."""
        self._running = False

    def _wait(self) -> float:
        if not self._timers:
            return LONGEST_WAIT
        return min(max(0.0, self._timers[0][0] - time.monotonic()), LONGEST_WAIT)

    def _fire_due(self) -> None:
        now = time.monotonic()
        while self._running and self._timers and self._timers[0][0] <= now:
            self._make_unhurried()
            self._make(heapq.heappop(self._timers)[2].fire)

    def _make_unhurried(self) -> None:
        while self._unhurried:
            self._make(self._unhurried.popleft())

    def _make(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:  # one device's fault must not stop the others in this process
            log.exception("unexpected error")
