"""A connection as the rest of the device sees it: types only, no MQTT library."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from virtual_device.connection.job_service import Service


@dataclass(frozen=True, slots=True)
class Message:
    """A message that has arrived, with the request properties of MQTT 5 (specification, 4.10) if it
    has them.
    """

    topic: str
    payload: bytes
    response_topic: str | None = None
    correlation_data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an operation failed. `refused`: by the server, with this `code`, and it would again; else
    it was lost.
    """

    reason: str
    refused: bool
    code: int | None = None


Done = Callable[[Failure | None], None]
"""Called with None when the server has agreed."""


class Counting(partial[None]):
    """A `Done` that does no more than count when the server has agreed: that can wait for the next
    thing that happens, and need not wake the device for each of its messages.
    """


class Listener(Protocol):
    """Who is told what happens to a connection."""

    def on_connected(self, *, session_present: bool) -> None:
        """CONNACK. With `session_present` the server still has the subscriptions."""

    def on_connect_failed(self, reason: str) -> None:
        """An attempt failed; the next follows by itself after a jittered delay."""

    def on_disconnected(self, reason: str) -> None:
        """The connection is gone; unless it was stopped, attempts to connect follow by
        themselves.
        """

    def on_stopped(self) -> None:
        """`stop` has come to its end."""

    def on_message(self, message: Message) -> None:
        """A message for one of our subscriptions."""


class Connection(Protocol):
    """One connection, kept up by itself from `start` to `stop`."""

    def start(self) -> None:
        """Connect, and stay connected until `stop`."""

    def stop(self, *, goodbye: bool) -> None:
        """End the connection, with or without a DISCONNECT; `Listener.on_stopped` follows."""

    def publish(
        self, topic: str, payload: bytes, done: Done, correlation_data: bytes | None = None
    ) -> None:
        """Publish with QoS 1; with correlation data it is the reply to a request."""

    def send(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 0: there is no answer; a server that refuses it ends the connection."""

    def subscribe(self, filters: Sequence[str], done: Done) -> None:
        """Subscribe to topic filters with QoS 1. `done` is called once, with the first failure if
        there is one.
        """

    def open_jobs(self, thing_name: str) -> Service:
        """A client of the jobs service over this connection."""

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Take subscriptions back. A failure does no harm: what still arrives is ignored."""

    def discard(self) -> None:
        """It has stopped for good: give back what it holds, and tell the listener no more."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where to connect, as whom, and what to leave as the last will."""

    host: str
    port: int
    ca: bytes
    client_id: str
    certificate: bytes
    private_key: bytes = field(repr=False)
    will_topic: str
    """Empty: there is none."""
    will_payload: bytes
