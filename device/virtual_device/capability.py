"""What a capability is: a module that gets messages on topics of its own and acts through its device.

The brain knows no capability, and a capability no MQTT library. `capabilities` is the table of those that there are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from virtual_device.brain import Now
from virtual_device.jsonvalue import JsonObject
from virtual_device.thing import Thing


@dataclass(frozen=True, slots=True)
class Message:
    """A message that has arrived, with the request properties of MQTT 5 (specification, 4.10) if it has them."""

    topic: str
    payload: bytes
    response_topic: str | None = None
    correlation_data: bytes | None = None


class Failure(Protocol):
    """Why a publish failed."""

    @property
    def reason(self) -> str:
        """In words."""

    @property
    def refused(self) -> bool:
        """By the server; else it was lost."""

    @property
    def code(self) -> int | None:
        """The MQTT 5 reason code of a refusal."""


Done = Callable[[Failure | None], None]
"""Called with None when the server has acknowledged."""


class Cancellable(Protocol):
    """A timer."""

    def cancel(self) -> None:
        """Don't fire."""


class Surroundings(Protocol):
    """The device, as its capabilities see it."""

    @property
    def thing(self) -> Thing:
        """Who the device is."""

    @property
    def settings(self) -> JsonObject:
        """What it runs with."""

    @property
    def sequence(self) -> int:
        """How many telemetry messages it has sent since it was switched on."""

    def now(self) -> Now:
        """The present moment."""

    def after(self, seconds: float, call: Callable[[], None]) -> Cancellable:
        """Have `call` made after so many seconds."""

    def publish(self, topic: str, payload: bytes, done: Done, correlation_data: bytes | None = None) -> None:
        """Publish with QoS 1. A failure is logged, and `done` is told."""

    def reconnect(self, *, clean: bool) -> None:
        """Disconnect, with or without a goodbye, and connect again."""

    def tell(self, message: str, level: int = ..., **fields: object) -> None:
        """Something that the log should hold, as a warning unless `level` says otherwise."""


class Capability(Protocol):
    """One of them, of one device."""

    @property
    def filters(self) -> Sequence[str]:
        """Topic filters to subscribe to."""

    def on_message(self, message: Message) -> bool:
        """Take a message; False when it is for someone else."""
