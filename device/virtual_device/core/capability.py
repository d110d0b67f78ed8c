"""What a capability is: a module that gets messages on topics of its own and acts through its
device.

The brain knows no capability, and a capability no MQTT library. `capabilities` is the table of
those that there are.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol, TypeVar

from virtual_device.base.clock import Now
from virtual_device.base.jsonvalue import Json, JsonObject
from virtual_device.base.timers import Cancellable
from virtual_device.connection.job_service import Service
from virtual_device.connection.traffic import Counts
from virtual_device.connection.transport import Connection, Done, Listener, Message
from virtual_device.connection.trial import Tried
from virtual_device.core.lodging import Lodging
from virtual_device.firmware.slots import Firmware
from virtual_device.shadow.shadow_client import Wished
from virtual_device.state.config import Identity
from virtual_device.state.store import Store
from virtual_device.telemetry.model import Model
from virtual_device.telemetry.thing import Thing
from virtual_device.web.sources import Sources

T = TypeVar("T")
C = TypeVar("C", bound="Capability")


class Surroundings(Protocol):
    """The device, as its capabilities see it."""

    @property
    def thing(self) -> Thing:
        """Who the device is."""

    @property
    def settings(self) -> JsonObject:
        """What it runs with."""

    @property
    def firmware(self) -> Firmware:
        """The firmware that it has."""

    @property
    def sequence(self) -> int:
        """How many telemetry messages it has sent since it was switched on."""

    @property
    def sources(self) -> Sources:
        """Where it may fetch from."""

    @property
    def store(self) -> Store:
        """The state directory: what outlives the process."""

    @property
    def lodging(self) -> Lodging:
        """The process: where a host has its devices."""

    def find(self, kind: type[C]) -> C:
        """The device's capability of this class."""

    @property
    def traffic(self) -> Counts:
        """What it has sent and received since then."""

    def now(self) -> Now:
        """The present moment."""

    @property
    def telemetry_time(self) -> float:
        """What the clock of its telemetry shows, Unix time in seconds."""

    def after(self, seconds: float, call: Callable[[], None]) -> Cancellable:
        """Have `call` made after so many seconds."""

    def publish(
        self, topic: str, payload: bytes, done: Done, correlation_data: bytes | None = None
    ) -> None:
        """Publish with QoS 1. A failure is logged, and `done` is told."""

    def send(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 0: nobody answers, and who may not is disconnected."""

    def connect_beside(
        self, listener: Listener, *, client_id: str | None, identity: Identity | None
    ) -> Connection:
        """A connection of its own beside the device's, not started yet, with the device's client id
        and identity unless others are given. Whoever asks for it ends it. Raises `DeviceError` or
        `ValueError`.
        """

    def subscribe(self, filters: Sequence[str], done: Done) -> None:
        """Subscribe to more filters. They belong into the capability's `filters` too, for the next
        connection.
        """

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Take such subscriptions back."""

    def desire(self, desired: JsonObject, done: Wished) -> None:
        """Change `desired` of the own shadow, as an app would: the device follows by the delta that
        comes of it.
        """

    def open_jobs(self) -> Service:
        """A client of the jobs service over the connection that there is now; close it when there
        is no job.
        """

    def report(self, key: str, value: Json) -> None:
        """Report a fact beside the settings, one of `shadow.FACTS`; None takes it back."""

    def work(self, call: Callable[[], T], done: "Callable[[Future[T]], None]") -> None:
        """Have `call` made on a thread that may block; `done` gets its outcome where everything
        else runs.
        """

    def reconnect(self, *, clean: bool, away: float = 0.0) -> None:
        """Disconnect, with or without a goodbye, and connect again after `away` seconds."""

    def try_identity(self, identity: Identity, seconds: float, tried: Tried) -> None:
        """Connect with another identity than the one that is kept; `tried` is told what has become
        of it.

        When it is not connected and subscribed after so many seconds, it connects again with the
        one that is kept. A trial that went well keeps nothing: whoever asked for it does.
        """

    def restart(self, model: Model | None, started: Done) -> None:
        """Say goodbye and start anew with another model; None is that of the device type.

        `started` is told once when the device is up: connected, subscribed, the shadow read, a
        telemetry message acknowledged; or what keeps it from coming up. There is no time limit. A
        later restart takes its place.
        """

    def tell(self, message: str, level: int = ..., **fields: object) -> None:
        """Something that the log should hold, as a warning unless `level` says otherwise."""


class Capability:
    """One of them, of one device. What it doesn't care about needs no method."""

    __slots__ = ()

    @property
    def filters(self) -> Sequence[str]:
        """Topic filters to subscribe to on connecting."""
        return ()

    def on_message(self, message: Message) -> bool:
        """Take a message; False when it is for someone else."""
        del message
        return False

    def on_start(self) -> None:
        """The process begins to run the device: it has its settings from before, and has reached
        nobody yet.
        """

    def on_shadow(self) -> None:
        """The shadow was read: the settings are those that are desired, also those that are as they
        were reported by a process before.
        """

    def on_ready(self) -> None:
        """The device is connected and has all its subscriptions."""

    def on_disconnected(self) -> None:
        """The connection is gone."""

    def on_settings(self, before: JsonObject) -> None:
        """The device runs with other settings than before."""
