"""Threads for what blocks, such as a download: two for all devices unless said otherwise, made when
first needed.

Not a `ThreadPoolExecutor`: the interpreter waits for its threads at the end, and a goodbye waits
for no download.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

MAX_THREADS = 2


class Workers:
    """Makes calls on threads of its own, so many at most, in the order given."""

    def __init__(self, most: int = MAX_THREADS) -> None:
        self._most = most
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._threads = 0

    def submit(self, call: Callable[[], Any], done: Callable[[Future[Any]], None]) -> None:
        """Make `call`; `done` gets its outcome, on the worker's thread. Only from one thread at a
        time.
        """
        future: Future[Any] = Future()
        future.add_done_callback(done)
        self._calls.put(lambda: _carry_out(call, future))
        if self._threads < self._most:
            self._threads += 1
            threading.Thread(target=self._work, name=f"worker-{self._threads}", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._calls.get()()


def _carry_out(call: Callable[[], Any], future: Future[Any]) -> None:
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - whatever it is, who asked for it is told
        future.set_exception(error)
    else:
        future.set_result(result)
