"""A command that has something to tidy up does so after SIGTERM and SIGHUP too, and undisturbed."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any] | signal.Handlers

ENDS = (signal.SIGTERM, signal.SIGHUP)


def _end(number: int, _frame: FrameType | None) -> None:
    """No Exception: nothing that is on its way may take it for an error of its own."""
    raise SystemExit(128 + number)


@contextmanager
def orderly_end() -> Iterator[None]:
    """SIGTERM (kill) and SIGHUP (the terminal is closed) raise SystemExit, as Ctrl-C raises
    KeyboardInterrupt.
    """
    with _handled(_end, ENDS):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """No signal but SIGKILL ends what is done here; it has to have a limit of its own."""
    with _handled(signal.SIG_IGN, (signal.SIGINT, *ENDS)):
        yield


@contextmanager
def _handled(handler: Handler, numbers: tuple[int, ...]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
