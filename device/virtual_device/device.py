"""One hosted device: its mind, its connection and its capabilities, joined. Runs on the reactor's thread."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from virtual_device import brain, capabilities, log
from virtual_device.effects import Now
from virtual_device.jsonvalue import Json, JsonObject
from virtual_device.link import Link
from virtual_device.mind import Mind
from virtual_device.outbox import Outbox
from virtual_device.reactor import Timer
from virtual_device.shadow_client import Wished
from virtual_device.shared import Shared
from virtual_device.store import Enrolment
from virtual_device.subscriptions import Subscriptions
from virtual_device.thing import Thing
from virtual_device.traffic import Counts, Traffic
from virtual_device.transport import Access, Done, Message

T = TypeVar("T")


class Device:
    """A device from its start to its goodbye. Raises `ValueError` for an identity that can't be used."""

    # Thousands of these live in a process.
    __slots__ = ("_capabilities", "_link", "_log", "_mind", "_outbox", "_shared", "_subscriptions", "_traffic")

    def __init__(self, enrolment: Enrolment, shared: Shared) -> None:
        thing = enrolment.config.thing.hosted(shared.environment.metrics_floor)
        self._shared = shared
        self._log = log.of_thing(thing.name)
        self._traffic = Traffic()
        self._outbox = Outbox(self._log, self._traffic)
        self._link = Link(shared.network.reactor, self._log)
        self._subscriptions = Subscriptions(self._filters, self._on_ready, shared.network.reactor, self._log)
        self._mind = Mind(thing, self._outbox, shared, self._log, self)
        self._capabilities = capabilities.of_device(self)
        connection = shared.network.connection(_access(enrolment, shared), self)
        self._outbox.connection = self._subscriptions.connection = self._link.connection = connection

    def start(self) -> None:
        """Connect, and be a device from then on."""
        self._mind.wake()
        self._link.connection.start()

    def goodbye(self, left: Callable[[], None]) -> None:
        """Disconnect cleanly for good; `left` is called when that is done."""
        self._link.leave(left)

    # --- what the connection tells (transport.Listener)

    def on_connected(self, *, session_present: bool) -> None:
        """Subscribe unless the server still has it, then read the shadow."""
        self._log.info("connected", extra={"data": {"sessionPresent": session_present}})
        self._traffic.connected()
        self._mind.on_connected()
        self._subscriptions.connected(session_present=session_present)

    def on_connect_failed(self, reason: str) -> None:
        """awscrt tries again by itself."""
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
        self._link.on_stopped()

    def on_message(self, message: Message) -> None:
        """It is the shadow's, or a capability's."""
        topic = message.topic
        self._log.debug("received", extra={"data": {"topic": topic, "bytes": len(message.payload)}})
        if not self._mind.state.connected:
            return
        self._traffic.received(message.payload)
        if not self._mind.shadow.on_message(topic, message.payload) and not self._offer(message):
            self._log.warning("message on an unknown topic ignored", extra={"data": {"topic": topic}})

    # --- what a mind may do (mind.Body), and a capability (capability.Surroundings)

    @property
    def thing(self) -> Thing:
        """Who the device is."""
        return self._mind.thing

    @property
    def settings(self) -> JsonObject:
        """What the device runs with."""
        return self._mind.state.settings

    @property
    def sequence(self) -> int:
        """How many telemetry messages were sent."""
        return self._mind.state.sequence

    @property
    def traffic(self) -> Counts:
        """What it has sent and received."""
        return self._traffic.counts()

    def now(self) -> Now:
        """The present moment."""
        return self._shared.clock()

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Have `call` made after so many seconds."""
        return self._shared.network.reactor.after(seconds, call)

    def publish(self, topic: str, payload: bytes, done: Done, correlation_data: bytes | None = None) -> None:
        """Publish; a failure is logged, and `done` is told."""
        self._outbox.publish(topic, payload, done, correlation_data)

    def subscribe(self, filters: Sequence[str], done: Done) -> None:
        """Subscribe to more."""
        self._link.connection.subscribe(filters, done)

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Take that back."""
        self._link.connection.unsubscribe(filters)

    def desire(self, desired: JsonObject, done: Wished) -> None:
        """Change `desired`; the delta that follows does the rest."""
        self._mind.shadow.desire(desired, done)

    def report(self, key: str, value: Json) -> None:
        """Report a fact."""
        self._mind.report(key, value)

    def work(self, call: Callable[[], T], done: "Callable[[Future[T]], None]") -> None:
        """Have `call` made where it may block."""
        post = self._shared.network.reactor.post
        self._shared.workers.submit(call, lambda outcome: post(partial(done, outcome)))

    def reconnect(self, *, clean: bool) -> None:
        """Rebuild the connection as soon as nothing stands against it."""
        self._link.ask_cycle(clean=clean)
        self._shared.network.reactor.post(self.on_step)

    def on_settings(self, before: JsonObject) -> None:
        """Tell the capabilities."""
        for capability in self._capabilities:
            capability.on_settings(before)

    def on_step(self) -> None:
        """Rebuild the connection if that was asked for, but not before what was reported has arrived."""
        if self._mind.state.connected and not self._mind.shadow.updating:
            self._link.cycle()

    def tell(self, message: str, level: int = logging.WARNING, **fields: object) -> None:
        """Log it."""
        self._log.log(level, message, extra={"data": fields})

    # --- joining

    def _filters(self) -> list[str]:
        return [*self._mind.shadow.filters, *(name for other in self._capabilities for name in other.filters)]

    def _on_ready(self) -> None:
        self._mind.shadow.get()
        for capability in self._capabilities:
            capability.on_ready()

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
