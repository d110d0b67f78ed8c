"""What a device publishes: counted while it waits for its PUBACK, and logged when it fails."""

import logging
from functools import partial

from virtual_device.connection.traffic import Traffic
from virtual_device.connection.transport import Connection, Counting, Done, Failure

MAX_UNACKNOWLEDGED = 100
"""Telemetry is left out while so many publishes wait for their PUBACK (AWS IoT Core takes 100
unacknowledged).
"""


class Outbox:
    """One device's. `connection` is the one that it has now."""

    __slots__ = ("_log", "_traffic", "_unacknowledged", "connection")

    def __init__(self, log: logging.Logger, traffic: Traffic) -> None:
        self.connection: Connection
        self._log, self._traffic = log, traffic
        self._unacknowledged = 0

    def send(self, topic: str, payload: bytes, done: Done | None = None) -> None:
        """An event or telemetry: left out, and `done` never told, when the server falls behind."""
        if self._unacknowledged >= MAX_UNACKNOWLEDGED:
            self._log.warning(
                "message left out: the server acknowledges too slowly",
                extra={"data": {"topic": topic}},
            )
            return
        self.publish(topic, payload, done)

    def publish(
        self, topic: str, payload: bytes, done: Done | None, correlation_data: bytes | None = None
    ) -> None:
        """What must not be left out; a failure is logged, and `done` is told."""
        self._unacknowledged += 1
        kind = partial if done is not None else Counting
        self.ask(topic, payload, kind(self._on_sent, topic, done), correlation_data)

    def ask(
        self, topic: str, payload: bytes, done: Done, correlation_data: bytes | None = None
    ) -> None:
        """A request to a service of AWS IoT: whoever asks sees to its failure."""
        self._log.debug("publish", extra={"data": {"topic": topic, "bytes": len(payload)}})
        self._traffic.sent(payload)
        answered = (Counting if isinstance(done, Counting) else partial)(self._on_answered, done)
        self.connection.publish(topic, payload, answered, correlation_data)

    def _on_answered(self, done: Done, failure: Failure | None) -> None:
        self._traffic.refused += failure is not None and failure.refused
        done(failure)

    def _on_sent(self, topic: str, done: Done | None, failure: Failure | None) -> None:
        self._unacknowledged -= 1
        if done is not None:
            done(failure)
        if failure is None:
            return
        message = "publish refused" if failure.refused else "publish lost"
        data = {"topic": topic, "reason": failure.reason, "refusedSoFar": self._traffic.refused}
        self._log.warning(message, extra={"data": data})
