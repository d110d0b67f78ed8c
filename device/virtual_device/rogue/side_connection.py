"""A connection beside the device's own, as somebody who has stolen its identity, or lost his own,
would make one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from virtual_device.base.timers import Cancellable
from virtual_device.connection.transport import Connection, Listener, Message
from virtual_device.state.config import Identity

Connect = Callable[[Listener], Connection]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One to make: with the device's own client id and identity unless others are given."""

    attempts: int
    client_id: str | None = None
    identity: Identity | None = None
    ended: Callable[[], None] | None = None


class SideConnection:
    """One that ends by itself: after `attempts` (refused, or thrown out), or `seconds`, whatever
    comes first.
    """

    __slots__ = ("_attempts", "_connection", "_ended", "_timer")

    def __init__(self, attempts: int, ended: Callable[[], None]) -> None:
        self._attempts, self._ended = attempts, ended
        self._connection: Connection | None = None
        self._timer: Cancellable | None = None

    def open(
        self,
        connect: Connect,
        after: Callable[[float, Callable[[], None]], Cancellable],
        seconds: float,
    ) -> None:
        """Connect. Raises what `connect` raises."""
        self._connection = connect(self)
        self._timer = after(seconds, self.close)
        self._connection.start()

    def close(self) -> None:
        """End it now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            if self._connection is not None:
                self._connection.stop(goodbye=False)

    def on_connected(self, *, session_present: bool) -> None:
        """There is nothing to say: that it is there is the misbehaviour."""

    def on_connect_failed(self, reason: str) -> None:
        """Refused."""
        del reason
        self._count()

    def on_disconnected(self, reason: str) -> None:
        """Thrown out."""
        del reason
        self._count()

    def on_stopped(self) -> None:
        """It is over."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.discard()
            self._ended()

    def on_message(self, message: Message) -> None:
        """Nothing was subscribed to."""

    def _count(self) -> None:
        self._attempts -= 1
        if self._attempts <= 0:
            self.close()
