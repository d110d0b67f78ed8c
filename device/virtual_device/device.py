"""One hosted device: its mind, its connection and its capabilities, joined. Runs on the reactor's
thread.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import TypeVar

from virtual_device import capabilities
from virtual_device.base import log
from virtual_device.base.clock import Now
from virtual_device.base.errors import DeviceError, StateUnusableError
from virtual_device.base.jsonvalue import Json, JsonObject
from virtual_device.base.reactor import Timer
from virtual_device.connection.job_service import Service
from virtual_device.connection.lifetime import Link
from virtual_device.connection.nowhere import NOWHERE
from virtual_device.connection.outbox import Outbox
from virtual_device.connection.subscriptions import Subscriptions
from virtual_device.connection.traffic import Counts, Traffic
from virtual_device.connection.transport import Access, Connection, Done, Listener, Message
from virtual_device.connection.trial import Trial, Tried
from virtual_device.core import brain
from virtual_device.core.capability import Capability
from virtual_device.core.lodging import Lodging
from virtual_device.core.mind import Mind
from virtual_device.core.shared import Shared
from virtual_device.firmware.slots import Firmware
from virtual_device.shadow.shadow_client import Wished
from virtual_device.state.config import Identity
from virtual_device.state.store import Enrolment, Store
from virtual_device.telemetry.model import Model
from virtual_device.telemetry.thing import Thing
from virtual_device.web.sources import Sources

T = TypeVar("T")
C = TypeVar("C", bound=Capability)


class Device:
    """A device from its start to its goodbye.

    Raises `ValueError` for an identity that can't be used, `StateUnusableError` when its memory
    can't be read.
    """

    # Thousands of these live in a process.
    __slots__ = (
        "_capabilities", "_gone", "_link", "_log", "_mind", "_outbox", "_restart", "_shared",
        "_subscriptions", "_traffic",
        "_trial", "firmware",
    )  # fmt: skip

    def __init__(self, enrolment: Enrolment, shared: Shared) -> None:
        thing = enrolment.config.thing.hosted(shared.environment.metrics_floor)
        self._shared = shared
        self._gone = False
        self._trial: Trial | None = None
        self._log = log.of_thing(thing.name)
        self._traffic = Traffic()
        self._outbox = Outbox(self._log, self._traffic)
        self._link = Link(shared.network.reactor, self._log)
        self._subscriptions = Subscriptions(
            self._filters, self._on_ready, shared.network.reactor, self._log
        )
        self.firmware = Firmware(thing.name, thing.model, shared.store, self._log)
        facts: JsonObject | None = None
        if self.firmware.version is not None:
            facts, thing = (
                {"firmware": self.firmware.version},
                replace(thing, model=self.firmware.model),
            )
        self._mind = Mind(thing, facts, self._outbox, shared, self._log, self)
        self._restart: Callable[[], None] | None = None
        self._capabilities = capabilities.of_device(self)
        self._use(shared.network.connection(_access(enrolment, shared), self))

    def start(self) -> None:
        """Connect, and be a device from then on."""
        self._mind.wake()
        for capability in self._capabilities:
            capability.on_start()
        self._link.connection.start()

    def goodbye(self, left: Callable[[], None]) -> None:
        """Disconnect cleanly for good; `left` is called when that is done."""
        self._link.leave(left)

    def discard(self) -> None:
        """After the goodbye, when others stay: nothing that it has begun goes on, and what it holds
        is given back.
        """
        self._gone = True
        self._mind.end()
        self._link.connection.discard()
        self._use(NOWHERE)

    @property
    def online(self) -> bool:
        """Whether it has a connection."""
        return self._mind.connected

    # --- what the connection tells (transport.Listener)

    def on_connected(self, *, session_present: bool) -> None:
        """Subscribe unless the server still has it, then read the shadow."""
        self._log.info("connected", extra={"data": {"sessionPresent": session_present}})
        self._traffic.connected()
        self._mind.on_connected()
        self._subscriptions.connected(session_present=session_present)

    def on_connect_failed(self, reason: str) -> None:
        """awscrt tries again by itself."""
        if self._trial is not None:
            self._trial.reason = reason
        self._log.warning("cannot connect", extra={"data": {"reason": reason}})

    def on_disconnected(self, reason: str) -> None:
        """awscrt connects again by itself, unless this was our wish."""
        level = logging.INFO if self._link.ending else logging.WARNING
        self._log.log(level, "disconnected", extra={"data": {"reason": reason}})
        self._subscriptions.disconnected()
        self._mind.on_disconnected()
        for capability in self._capabilities:
            capability.on_disconnected()

    def on_stopped(self) -> None:
        """A goodbye is said, or the connection is to be rebuilt."""
        self._switch_on()
        self._link.on_stopped()

    def on_message(self, message: Message) -> None:
        """It is the shadow's, or a capability's."""
        topic = message.topic
        self._log.debug("received", extra={"data": {"topic": topic, "bytes": len(message.payload)}})
        if not self._mind.connected:
            return
        self._traffic.received(message.payload)
        if not self._mind.on_message(message) and not self._offer(message):
            self._log.warning(
                "message on an unknown topic ignored", extra={"data": {"topic": topic}}
            )

    # --- what a mind may do (mind.Body), and a capability (capability.Surroundings)

    @property
    def thing(self) -> Thing:
        """Who the device is."""
        return self._mind.thing

    @property
    def settings(self) -> JsonObject:
        """What the device runs with."""
        return self._mind.settings

    @property
    def sequence(self) -> int:
        """How many telemetry messages were sent."""
        return self._mind.sequence

    @property
    def telemetry_time(self) -> float:
        """What the clock of its telemetry shows, Unix time in seconds."""
        return self._mind.telemetry_time

    @property
    def store(self) -> Store:
        """The state directory."""
        return self._shared.store

    @property
    def sources(self) -> Sources:
        """Where it may fetch from."""
        return self._shared.environment.sources

    @property
    def lodging(self) -> Lodging:
        """The process."""
        return self._shared.lodging

    def find(self, kind: type[C]) -> C:
        """The capability of this class."""
        return next(capability for capability in self._capabilities if isinstance(capability, kind))

    @property
    def traffic(self) -> Counts:
        """What it has sent and received."""
        return self._traffic.counts()

    def now(self) -> Now:
        """The present moment."""
        return self._shared.clock()

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Have `call` made after so many seconds."""
        return self._shared.network.reactor.after(seconds, partial(self._unless_gone, call))

    def publish(
        self, topic: str, payload: bytes, done: Done, correlation_data: bytes | None = None
    ) -> None:
        """Publish; a failure is logged, and `done` is told."""
        self._outbox.publish(topic, payload, done, correlation_data)

    def send(self, topic: str, payload: bytes) -> None:
        """Publish without an answer."""
        self._traffic.sent(payload)
        self._link.connection.send(topic, payload)

    def connect_beside(
        self, listener: Listener, *, client_id: str | None, identity: Identity | None
    ) -> Connection:
        """A connection that is not the device's own."""
        kept = self._kept()
        access = _access(
            kept if identity is None else replace(kept, identity=identity), self._shared
        )
        return self._shared.network.connection(
            replace(access, client_id=client_id or access.client_id), listener
        )

    def subscribe(self, filters: Sequence[str], done: Done) -> None:
        """Subscribe to more."""
        self._link.connection.subscribe(filters, done)

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Take that back."""
        self._link.connection.unsubscribe(filters)

    def desire(self, desired: JsonObject, done: Wished) -> None:
        """Change `desired`; the delta that follows does the rest."""
        self._mind.desire(desired, done)

    def open_jobs(self) -> Service:
        """A client of the jobs service."""
        return self._link.connection.open_jobs(self.thing.name)

    def report(self, key: str, value: Json) -> None:
        """Report a fact."""
        self._mind.report(key, value)

    def work(self, call: Callable[[], T], done: "Callable[[Future[T]], None]") -> None:
        """Have `call` made where it may block."""
        post = self._shared.network.reactor.post
        self._shared.workers.submit(
            call, lambda outcome: post(partial(self._unless_gone, partial(done, outcome)))
        )

    def reconnect(self, *, clean: bool, away: float = 0.0) -> None:
        """Rebuild the connection as soon as nothing stands against it, after `away` seconds."""
        self._link.ask_cycle(clean=clean, away=away)
        self._shared.network.reactor.post(self.on_step)

    def try_identity(self, identity: Identity, seconds: float, tried: Tried) -> None:
        """Connect with another identity, and go back unless that works."""
        if self._trial is not None:
            tried("another identity is being tried")
            return
        try:
            kept = self._kept()
            connection = self._shared.network.connection(
                _access(replace(kept, identity=identity), self._shared), self
            )
        except (DeviceError, ValueError) as error:
            tried(str(error))
            return
        self._trial = Trial(kept, tried)
        self._trial.timer = self.after(seconds, self._go_back)
        self._link.change(partial(self._change_to, connection))

    def restart(self, model: Model | None, started: Done) -> None:
        """Say goodbye and start anew with another model. Without a connection there is no goodbye
        to say.
        """
        thing = replace(self.thing, model=model)
        self._restart = partial(self._mind.restart, thing, started)
        if self._mind.connected:
            self.reconnect(clean=True)
        else:
            self._switch_on()

    def on_settings(self, before: JsonObject) -> None:
        """Tell the capabilities."""
        for capability in self._capabilities:
            capability.on_settings(before)

    def on_shadow(self) -> None:
        """Tell the capabilities."""
        for capability in self._capabilities:
            capability.on_shadow()

    def on_step(self) -> None:
        """Rebuild the connection if that was asked for, but not before what was reported has
        arrived.
        """
        if self._mind.connected and self._mind.told:
            self._link.cycle()

    def tell(self, message: str, level: int = logging.WARNING, **fields: object) -> None:
        """Log it."""
        self._log.log(level, message, extra={"data": fields})

    # --- joining

    def _switch_on(self) -> None:
        """Start anew if that was asked for; nothing of the life before is under way any more."""
        restart, self._restart = self._restart, None
        if restart is not None:
            restart()

    def _unless_gone(self, call: Callable[[], None]) -> None:
        if not self._gone:
            call()

    def _filters(self) -> list[str]:
        return [
            *self._mind.filters,
            *(name for other in self._capabilities for name in other.filters),
        ]

    def _on_ready(self) -> None:
        self._mind.on_ready()
        for capability in self._capabilities:
            capability.on_ready()
        if self._trial is not None and not self._link.ending:
            trial, self._trial = self._trial, None
            trial.end(None)

    def _go_back(self) -> None:
        trial, self._trial = self._trial, None
        if trial is not None:
            kept = self._shared.network.connection(_access(trial.kept, self._shared), self)
            self._link.change(partial(self._change_to, kept))
            trial.end(trial.reason)

    def _kept(self) -> Enrolment:
        kept = self._shared.store.load(self.thing.name)
        if kept is None:
            raise StateUnusableError("no earlier identity is stored to go back to")
        return kept

    def _change_to(self, connection: Connection) -> None:
        before = self._link.connection
        self._subscriptions.forget()
        self._use(connection)
        before.discard()

    def _use(self, connection: Connection) -> None:
        self._outbox.connection = self._subscriptions.connection = self._link.connection = (
            connection
        )

    def _offer(self, message: Message) -> bool:
        return any(capability.on_message(message) for capability in self._capabilities)


def _access(enrolment: Enrolment, shared: Shared) -> Access:
    config, identity, environment = enrolment.config, enrolment.identity, shared.environment
    will = brain.event(config.thing, "lwt", shared.clock().wall)
    return Access(
        host=environment.endpoint or config.endpoint,
        port=environment.port or config.port,
        ca=shared.ca,
        client_id=config.thing.name,
        certificate=identity.certificate.encode(),
        private_key=identity.private_key.encode(),
        will_topic=will.topic,
        will_payload=will.payload,
    )
