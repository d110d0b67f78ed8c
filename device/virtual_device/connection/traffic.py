"""What a device has sent and received: counted where it happens, told in its metrics."""

from typing import NamedTuple


class Counts(NamedTuple):
    """Since the device was switched on. Bytes are those of payloads."""

    messages_sent: int = 0
    messages_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    publishes_refused: int = 0
    reconnects: int = 0


class Traffic:
    """One device's counters."""

    __slots__ = ("_connects", "_received", "_received_bytes", "_sent", "_sent_bytes", "refused")

    def __init__(self) -> None:
        self._connects = self._received = self._received_bytes = self._sent = self._sent_bytes = (
            self.refused
        ) = 0

    def sent(self, payload: bytes) -> None:
        """A message was handed to the connection."""
        self._sent += 1
        self._sent_bytes += len(payload)

    def received(self, payload: bytes) -> None:
        """A message has come in."""
        self._received += 1
        self._received_bytes += len(payload)

    def connected(self) -> None:
        """There is a connection, the first or another one."""
        self._connects += 1

    def counts(self) -> Counts:
        """As they are now."""
        return Counts(
            messages_sent=self._sent,
            messages_received=self._received,
            bytes_sent=self._sent_bytes,
            bytes_received=self._received_bytes,
            publishes_refused=self.refused,
            reconnects=max(0, self._connects - 1),
        )
