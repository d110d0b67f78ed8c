"""A trial of another identity: one connection at a time, for the client id is the thing's name."""

from collections.abc import Callable
from dataclasses import dataclass

from virtual_device.base.timers import Cancellable
from virtual_device.state.store import Enrolment

Tried = Callable[[str | None], None]
"""Called with None when the device is connected and subscribed with the other identity; else with
the reason, and it connects with the one that it keeps.
"""


@dataclass(slots=True, eq=False)
class Trial:
    """One under way."""

    kept: Enrolment
    """What to go back to."""
    tried: Tried
    timer: Cancellable | None = None
    reason: str = "connected, but not subscribed"
    """What went wrong last."""

    def end(self, reason: str | None) -> None:
        """It is over, one way or the other."""
        if self.timer is not None:
            self.timer.cancel()
        self.tried(reason)
