"""The device as a capability sees it: nothing is answered, and no time passes, unless the test says
so.
"""

import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from tests.unit.doubles.jobs import JobsService
from tests.unit.doubles.state import MemoryState
from virtual_device.base.clock import Now
from virtual_device.base.jsonvalue import Json, JsonObject
from virtual_device.connection.traffic import Counts
from virtual_device.connection.transport import Done, Listener
from virtual_device.connection.trial import Tried
from virtual_device.core.capability import Capability
from virtual_device.core.effects import Cycle
from virtual_device.core.lodging import Lodging, NoLodging
from virtual_device.firmware.slots import Firmware
from virtual_device.shadow import settings as table
from virtual_device.shadow.shadow_client import Wished
from virtual_device.state.config import Identity
from virtual_device.state.store import Store
from virtual_device.telemetry.model import Model
from virtual_device.telemetry.thing import Thing
from virtual_device.web.sources import NOWHERE, Sources

T = TypeVar("T")
C = TypeVar("C", bound=Capability)
NO_TRAFFIC = Counts()


@dataclass
class Timer:
    """A timer that the test fires."""

    seconds: float
    call: Callable[[], None] | None

    def cancel(self) -> None:
        """Don't fire."""
        self.call = None

    def fire(self) -> None:
        """Fire unless it was cancelled."""
        call, self.call = self.call, None
        if call is not None:
            call()


@dataclass
class Sent:
    """A publish; the test calls `done`."""

    topic: str
    payload: bytes
    done: Done
    correlation_data: bytes | None

    @property
    def content(self) -> Any:
        """The payload's JSON."""
        return json.loads(self.payload)


@dataclass
class Subscription:
    """A SUBSCRIBE; the test calls `done`."""

    filters: Sequence[str]
    done: Done


@dataclass
class Wish:
    """A change of `desired`; the test calls `done`."""

    desired: JsonObject
    done: Wished


@dataclass
class Trial:
    """A trial of an identity; the test calls `tried`."""

    identity: Identity
    seconds: float
    tried: Tried


@dataclass
class Restart:
    """A start with another model; the test calls `started`."""

    model: Model | None
    started: Done


@dataclass
class SideConnection:
    """A connection beside the device's own; the test tells its listener what happens."""

    listener: Listener
    client_id: str | None
    identity: Identity | None
    calls: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Noted."""
        self.calls.append("start")

    def stop(self, *, goodbye: bool) -> None:
        """Noted."""
        self.calls.append("goodbye" if goodbye else "stop")

    def discard(self) -> None:
        """Noted."""
        self.calls.append("discard")


@dataclass
class Device:
    """The device. `store` is its state directory; without one it has `state`, in memory."""

    thing: Thing
    settings: JsonObject = field(default_factory=dict)
    sequence: int = 7
    traffic: Counts = NO_TRAFFIC
    mono: float = 0.0
    ahead: float = 0.0
    """Seconds by which the clock of its telemetry is."""
    sent: list[Sent] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)
    cycles: list[Cycle] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)
    unsubscribed: list[str] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    facts: dict[str, Json] = field(default_factory=dict)
    works: list[Callable[[], None]] = field(default_factory=list)
    services: list[JobsService] = field(default_factory=list)
    told: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    state: MemoryState = field(default_factory=MemoryState)
    trials: list[Trial] = field(default_factory=list)
    capabilities: list[Capability] = field(default_factory=list)
    restarts: list[Restart] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    beside: list[SideConnection] = field(default_factory=list)
    no_way: Exception | None = None
    """What keeps it from opening another connection."""
    store: Store = field(kw_only=True, default=cast("Store", None))
    sources: Sources = NOWHERE
    lodging: Lodging = field(default_factory=NoLodging)

    def __post_init__(self) -> None:
        """Run with the defaults unless told otherwise."""
        self.store = self.store or cast("Store", self.state)
        self.settings = self.settings or table.defaults(self.thing)
        self.firmware = Firmware(
            self.thing.name, self.thing.model, self.store, logging.getLogger(__name__)
        )

    def find(self, kind: type[C]) -> C:
        """Of those that the test has given it."""
        return next(found for found in self.capabilities if isinstance(found, kind))

    def try_identity(self, identity: Identity, seconds: float, tried: Tried) -> None:
        """It is being tried."""
        self.trials.append(Trial(identity, seconds, tried))

    def now(self) -> Now:
        """The present moment."""
        return Now(1_767_323_045.678 + self.mono, self.mono)

    @property
    def telemetry_time(self) -> float:
        """By that clock."""
        return self.now().wall + self.ahead

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Later."""
        self.timers.append(Timer(seconds, call))
        return self.timers[-1]

    def publish(
        self, topic: str, payload: bytes, done: Done, correlation_data: bytes | None = None
    ) -> None:
        """It is on its way."""
        self.sent.append(Sent(topic, payload, done, correlation_data))

    def send(self, topic: str, payload: bytes) -> None:
        """It is on its way, and nobody answers."""
        del payload
        self.unasked.append(topic)

    def connect_beside(
        self, listener: Listener, *, client_id: str | None, identity: Identity | None
    ) -> Any:
        """One more."""
        if self.no_way is not None:
            raise self.no_way
        self.beside.append(SideConnection(listener, client_id, identity))
        return self.beside[-1]

    def subscribe(self, filters: Sequence[str], done: Done) -> None:
        """It is on its way."""
        self.subscriptions.append(Subscription(filters, done))

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Done."""
        self.unsubscribed += filters

    def desire(self, desired: JsonObject, done: Wished) -> None:
        """It is on its way."""
        self.wishes.append(Wish(desired, done))

    def open_jobs(self) -> JobsService:
        """One more."""
        self.services.append(JobsService())
        return self.services[-1]

    def report(self, key: str, value: Json) -> None:
        """Reported."""
        self.facts[key] = value

    def work(self, call: Callable[[], T], done: "Callable[[Future[T]], None]") -> None:
        """Done when the test calls what is in `works`."""
        self.works.append(lambda: done(_outcome(call)))

    def reconnect(self, *, clean: bool, away: float = 0.0) -> None:
        """Noted."""
        self.cycles.append(Cycle(clean, away))

    def restart(self, model: Model | None, started: Done) -> None:
        """It runs with that model at once; whether it comes up is the test's to say."""
        self.thing = replace(self.thing, model=model)
        self.restarts.append(Restart(model, started))

    def tell(self, message: str, level: int = 0, **fields: object) -> None:
        """Noted."""
        del level
        self.told.append((message, fields))


def _outcome(call: Callable[[], T]) -> "Future[T]":
    outcome: Future[T] = Future()
    try:
        outcome.set_result(call())
    except Exception as error:  # noqa: BLE001 - as the device's workers do
        outcome.set_exception(error)
    return outcome
