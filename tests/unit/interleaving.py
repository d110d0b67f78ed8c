"""Two functions that run at once, in every order of some of their AWS calls in which each is held
up at most once.
"""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

LIMIT = 20
"""Seconds to wait for the other thread: longer than anything here can take."""


@dataclass
class _Part:
    """One of the two, in a thread of its own, which stands still before each of its calls until it
    is told to go on.
    """

    act: Callable[[], object]
    calls: int = 0
    error: BaseException | None = None
    done: bool = False
    _go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _stands: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _thread: threading.Thread | None = None
    _credit: float = 0

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def run(self, calls: float) -> None:
        """So many of its calls, or all that are left; returns when it stands before the next one,
        or has ended.
        """
        if self.done or not calls:
            return
        self._credit = calls
        self._go.release()
        assert self._stands.acquire(timeout=LIMIT), "it hangs"

    def join(self) -> None:
        assert self._thread is not None
        self._thread.join(LIMIT)

    def before_call(self) -> None:
        """In the part's own thread."""
        if not self._credit:
            self._stands.release()
            assert self._go.acquire(timeout=LIMIT), "nobody lets it go on"
        self._credit -= 1
        self.calls += 1

    def is_this_thread(self) -> bool:
        return threading.current_thread() is self._thread

    def _run(self) -> None:
        assert self._go.acquire(timeout=LIMIT), "nobody lets it begin"
        try:
            self.act()
        except BaseException as error:  # noqa: BLE001 - it is the test's to judge
            self.error = error
        self.done = True
        self._stands.release()


@dataclass(frozen=True)
class Outcome:
    """How it went: in which order, and what each of the two has raised."""

    order: str
    errors: tuple[BaseException | None, BaseException | None]


def orders(
    clients: list[Any],
    first: Callable[[], object],
    second: Callable[[], object],
    operations: Collection[str],
) -> Iterator[Outcome]:
    """Run both, once for each order; before each the caller brings everything back to the
    beginning.

    `operations`: before which calls the other one may come between, and which count.

    An order is: a number of calls of the one, a number of calls of the other, the rest of the one,
    the rest of the other; with the two in either role.
    """
    for swapped in (False, True):
        one, other = (second, first) if swapped else (first, second)
        before = between = 1
        while True:
            parts = _Part(one), _Part(other)
            with _gates(clients, operations, *parts):
                for part, calls in zip(
                    parts * 2, (before, between, float("inf"), float("inf")), strict=True
                ):
                    part.run(calls)
            for part in parts:
                part.join()
            errors = parts[0].error, parts[1].error
            order = (
                f"{'second' if swapped else 'first'} stops after {before} calls, the other "
                f"after {between}"
            )
            yield Outcome(order, errors[::-1] if swapped else errors)
            if parts[0].calls <= before:
                break  # It had ended before the other one began.
            if parts[1].calls > between:
                between += 1
            else:
                before, between = before + 1, 1


@contextmanager
def _gates(clients: list[Any], operations: Collection[str], *parts: _Part) -> Iterator[None]:
    def before(model: Any, **_: Any) -> None:
        for part in parts:
            if model.name in operations and part.is_this_thread():
                part.before_call()

    for client in clients:
        client.meta.events.register_first("before-call", before)
    for part in parts:
        part.start()
    try:
        yield
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", before)
