"""One hosted device: its brain, its connection, its shadow and its files, joined. Runs on the reactor's thread."""

import logging
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from virtual_device import brain, capabilities, log, mqtt
from virtual_device.brain import Now
from virtual_device.capability import Done, Message
from virtual_device.config import Environment
from virtual_device.errors import StateCorruptError, StateUnusableError
from virtual_device.jsonvalue import JsonObject
from virtual_device.reactor import Reactor, Timer
from virtual_device.shadow import Delta, Document, Update
from virtual_device.shadow_client import ShadowClient
from virtual_device.store import Enrolment, Store
from virtual_device.thing import Thing

MAX_UNACKNOWLEDGED = 100
"""Telemetry is left out while so many publishes wait for their PUBACK (AWS IoT Core takes 100 unacknowledged)."""

RESTART_JITTER_SECONDS = 1.0
"""A connection that was ended on purpose is rebuilt within this time. AWS IoT Core: 1 connect/s and client id."""

FIRST_RESUBSCRIBE_SECONDS, LONGEST_RESUBSCRIBE_SECONDS = 2.0, 120.0


def clock() -> Now:
    """The present moment."""
    return Now(time.time(), time.monotonic())


@dataclass(frozen=True, slots=True)
class Shared:
    """What the devices of a process share. `ca` is PEM."""

    environment: Environment
    ca: bytes
    store: Store
    network: mqtt.Network
    clock: Callable[[], Now] = clock


class Device:
    """A device from its start to its goodbye. Raises `ValueError` for an identity that can't be used."""

    __slots__ = (  # thousands of these live in a process
        "_capabilities", "_clock", "_connection", "_cycles", "_left", "_log", "_reactor", "_refused", "_restarting",
        "_resubscribe", "_session", "_shadow", "_state", "_store", "_subscribe_failures", "_subscribed", "_thing",
        "_timer", "_timer_due", "_unacknowledged",
    )  # fmt: skip

    def __init__(self, enrolment: Enrolment, shared: Shared) -> None:
        self._thing = enrolment.config.thing
        self._clock = shared.clock
        self._log = log.of_thing(self._thing.name)
        self._store = shared.store
        self._reactor: Reactor = shared.network.reactor
        self._state = brain.start(self._thing, self._remembered())
        self._shadow = ShadowClient(self._thing.name, self._publish, self._reactor, self)
        self._capabilities = capabilities.of_device(self)
        self._connection = shared.network.connection(_access(enrolment, shared), self)
        self._cycles: deque[bool] = deque(maxlen=2)
        self._left: Callable[[], None] | None = None
        self._timer: Timer | None = None
        self._timer_due = 0.0
        self._resubscribe: Timer | None = None
        self._session = 0
        self._subscribed = self._restarting = False
        self._unacknowledged = self._refused = self._subscribe_failures = 0

    def start(self) -> None:
        """Connect, and be a device from then on."""
        self._set_debug(on=self._state.settings["debug"] == "on")
        self._connection.start()

    def goodbye(self, left: Callable[[], None]) -> None:
        """Disconnect cleanly for good; `left` is called when that is done."""
        self._left = left
        self._connection.stop(goodbye=True)

    # --- what the connection tells (mqtt.Listener)

    def on_connected(self, *, session_present: bool) -> None:
        """Subscribe unless the server still has it, then read the shadow."""
        self._session += 1
        self._log.info("connected", extra={"data": {"sessionPresent": session_present}})
        self._apply(brain.on_connected(self._thing, self._state, self._clock()))
        if session_present and self._subscribed:
            self._shadow.get()
        else:
            self._subscribed = False
            self._subscribe()

    def on_connect_failed(self, reason: str) -> None:
        """awscrt tries again by itself."""
        self._log.warning("cannot connect", extra={"data": {"reason": reason}})

    def on_disconnected(self, reason: str) -> None:
        """awscrt connects again by itself, unless this was our wish."""
        level = logging.INFO if self._left or self._restarting else logging.WARNING
        self._log.log(level, "disconnected", extra={"data": {"reason": reason}})
        self._shadow.forget()
        self._state = brain.on_disconnected(self._state)
        self._schedule()

    def on_stopped(self) -> None:
        """A goodbye is said, or the connection is to be rebuilt."""
        if self._left is not None:
            self._left()
        elif self._restarting:
            self._reactor.after(random.uniform(0, RESTART_JITTER_SECONDS), self._restart)  # noqa: S311 - jitter

    def on_message(self, message: Message) -> None:
        """It is the shadow's, or a capability's."""
        topic = message.topic
        self._log.debug("received", extra={"data": {"topic": topic, "bytes": len(message.payload)}})
        if not self._state.connected or self._shadow.on_message(topic, message.payload):
            return
        if not any(capability.on_message(message) for capability in self._capabilities):
            self._log.warning("message on an unknown topic ignored", extra={"data": {"topic": topic}})

    # --- what the shadow tells (shadow_client.Listener)

    def on_document(self, document: Document) -> None:
        """Reconcile."""
        self._apply(brain.on_document(self._thing, self._state, document, self._clock()))

    def on_missing(self) -> None:
        """Make the shadow."""
        self._apply(brain.on_missing(self._thing, self._state, self._clock()))

    def on_delta(self, delta: Delta) -> None:
        """Follow."""
        self._apply(brain.on_delta(self._thing, self._state, delta, self._clock()))

    def on_update_accepted(self, version: int) -> None:
        """Report the rest, if there is one."""
        self._apply(brain.on_update_accepted(self._state, version))

    def on_update_failed(self) -> None:
        """Report again when there is reason to."""
        self._apply((brain.on_update_failed(self._state), ()))

    def on_foreign_update(self, update: Update) -> None:
        """Look whether something was removed."""
        self._apply(brain.on_foreign_update(self._state, update))

    def on_deleted(self) -> None:
        """Forget what was in it."""
        self._apply(brain.on_deleted(self._state))

    def on_trouble(self, message: str, **fields: object) -> None:
        """Log it."""
        self._log.warning(message, extra={"data": fields})

    # --- what a capability may do (capability.Surroundings)

    @property
    def thing(self) -> Thing:
        """Who the device is."""
        return self._thing

    @property
    def settings(self) -> JsonObject:
        """What the device runs with."""
        return self._state.settings

    @property
    def sequence(self) -> int:
        """How many telemetry messages were sent."""
        return self._state.sequence

    def now(self) -> Now:
        """The present moment."""
        return self._clock()

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Have `call` made after so many seconds."""
        return self._reactor.after(seconds, call)

    def publish(self, topic: str, payload: bytes, done: Done, correlation_data: bytes | None = None) -> None:
        """Publish; a failure is logged, and `done` is told."""
        self._unacknowledged += 1
        self._publish(topic, payload, partial(self._on_sent, topic, done), correlation_data)

    def reconnect(self, *, clean: bool) -> None:
        """Rebuild the connection as soon as nothing stands against it."""
        self._cycles.append(clean)
        self._cycle()

    def tell(self, message: str, level: int = logging.WARNING, **fields: object) -> None:
        """Log it."""
        self._log.log(level, message, extra={"data": fields})

    # --- carrying out

    def _apply(self, step: brain.Step) -> None:
        self._state, effects = step
        for effect in effects:
            self._perform(effect)
        self._schedule()
        self._cycle()

    def _perform(self, effect: brain.Effect) -> None:
        match effect:
            case brain.Publish(topic, payload):
                self._send(topic, payload)
            case brain.GetShadow():
                self._shadow.get()
            case brain.UpdateShadow(reported):
                self._shadow.update(reported)
            case brain.Save(settings):
                self._save(settings)
            case brain.SetDebug(on):
                self._set_debug(on=on)
            case brain.Cycle(clean):
                self._cycles.append(clean)
            case brain.Log(level, message, fields):
                self._log.log(level, message, extra={"data": dict(fields)})

    def _send(self, topic: str, payload: bytes) -> None:
        """An event or telemetry."""
        if self._unacknowledged >= MAX_UNACKNOWLEDGED:
            self._log.warning("message left out: the server acknowledges too slowly", extra={"data": {"topic": topic}})
            return
        self._unacknowledged += 1
        self._publish(topic, payload, partial(self._on_sent, topic, None))

    def _publish(self, topic: str, payload: bytes, done: mqtt.Done, correlation_data: bytes | None = None) -> None:
        self._log.debug("publish", extra={"data": {"topic": topic, "bytes": len(payload)}})
        self._connection.publish(topic, payload, done, correlation_data)

    def _on_sent(self, topic: str, done: Done | None, failure: mqtt.Failure | None) -> None:
        self._unacknowledged -= 1
        if done is not None:
            done(failure)
        if failure is None:
            return
        self._refused += failure.refused
        message = "publish refused" if failure.refused else "publish lost"
        data = {"topic": topic, "reason": failure.reason, "refusedSoFar": self._refused}
        self._log.warning(message, extra={"data": data})

    def _schedule(self) -> None:
        """Keep one timer, for the moment when telemetry is due."""
        due = self._state.due if self._state.connected else None
        if self._timer is not None:
            if due == self._timer_due:
                return
            self._timer.cancel()
            self._timer = None
        if due is not None:
            self._timer_due = due
            self._timer = self._reactor.after(due - self._clock().mono, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._apply(brain.on_time(self._thing, self._state, self._clock()))

    def _cycle(self) -> None:
        """Rebuild the connection if that was asked for, but not before what was reported has arrived."""
        if self._cycles and self._state.connected and not (self._shadow.updating or self._restarting or self._left):
            self._restarting = True
            clean = self._cycles.popleft()
            self._log.info("rebuilding the connection", extra={"data": {"clean": clean}})
            self._connection.stop(goodbye=clean)

    def _restart(self) -> None:
        self._restarting = False
        if self._left is None:
            self._connection.start()

    def _subscribe(self) -> None:
        self._resubscribe = None
        if self._state.connected:
            filters = [*self._shadow.filters, *(name for other in self._capabilities for name in other.filters)]
            self._connection.subscribe(filters, partial(self._on_subscribed, self._session))

    def _on_subscribed(self, session: int, failure: mqtt.Failure | None) -> None:
        if session != self._session or not self._state.connected:
            return
        if failure is None:
            self._subscribed, self._subscribe_failures = True, 0
            self._shadow.get()
            return
        # The policy may be another one soon: a quarantined device is let out again without connecting anew.
        limit = min(LONGEST_RESUBSCRIBE_SECONDS, FIRST_RESUBSCRIBE_SECONDS * 2.0**self._subscribe_failures)
        self._subscribe_failures = min(self._subscribe_failures + 1, 16)
        self._log.warning("cannot subscribe", extra={"data": {"reason": failure.reason}})
        if self._resubscribe is None:
            self._resubscribe = self._reactor.after(random.uniform(limit / 2, limit), self._subscribe)  # noqa: S311

    def _remembered(self) -> JsonObject | None:
        try:
            return self._store.load_settings(self._thing.name)
        except (StateCorruptError, StateUnusableError) as error:
            self._log.warning("%s; going on with what was last reported", error)
            return None

    def _save(self, settings: JsonObject) -> None:
        try:
            self._store.save_settings(self._thing.name, settings)
        except StateUnusableError as error:
            self._log.error("%s; after a restart, what was last reported counts", error)

    def _set_debug(self, *, on: bool) -> None:
        self._log.setLevel(logging.DEBUG if on else logging.INFO)


def _access(enrolment: Enrolment, shared: Shared) -> mqtt.Access:
    config, identity, environment = enrolment.config, enrolment.identity, shared.environment
    will = brain.event(config.thing, "lwt", shared.clock().wall)
    return mqtt.Access(
        host=environment.endpoint or config.endpoint,
        port=environment.port or config.port,
        ca=shared.ca,
        client_id=config.thing.name,
        certificate=identity.certificate.encode(),
        private_key=identity.private_key.encode(),
        will_topic=will.topic,
        will_payload=will.payload,
    )
