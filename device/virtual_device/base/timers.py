"""Timers as those see them who need one."""

from collections.abc import Callable
from typing import Protocol


class Cancellable(Protocol):
    """A timer."""

    def cancel(self) -> None:
        """Don't fire."""


class Timers(Protocol):
    """Where timers come from."""

    def after(self, seconds: float, call: Callable[[], None]) -> Cancellable:
        """Have `call` made after so many seconds."""
