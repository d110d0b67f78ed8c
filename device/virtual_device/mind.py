"""A device's mind: its brain, with the shadow that it follows, its memory and its clock."""

import logging
from functools import partial
from typing import Protocol

from virtual_device import brain
from virtual_device import settings as table
from virtual_device.effects import Cycle, Effect, GetShadow, Log, Publish, Save, SetDebug, UpdateShadow
from virtual_device.errors import StateCorruptError, StateUnusableError
from virtual_device.jsonvalue import Json, JsonObject
from virtual_device.outbox import Outbox
from virtual_device.probation import Probation
from virtual_device.shadow import Delta, Document, Update
from virtual_device.shadow_client import ShadowClient
from virtual_device.shared import Shared
from virtual_device.thing import Thing
from virtual_device.timers import Cancellable
from virtual_device.transport import Done, Failure


class Body(Protocol):
    """Who carries out what a mind can't do alone."""

    def reconnect(self, *, clean: bool) -> None:
        """Disconnect, with or without a goodbye, and connect again."""

    def on_settings(self, before: JsonObject) -> None:
        """The settings are other ones than before."""

    def on_step(self) -> None:
        """A step is done; what waited for its end can be done now."""


class Mind:
    """One device's."""

    __slots__ = (
        "_body",
        "_log",
        "_outbox",
        "_probation",
        "_shared",
        "_timer",
        "_timer_due",
        "shadow",
        "state",
        "thing",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - joined in one place
        self, thing: Thing, facts: JsonObject | None, outbox: Outbox, shared: Shared, log: logging.Logger, body: Body
    ) -> None:
        self.thing = thing
        self._outbox, self._shared, self._log, self._body = outbox, shared, log, body
        self.shadow = ShadowClient(thing.name, outbox.ask, shared.network.reactor, self)
        self.state = brain.start(thing, self._remembered(), facts)
        self._timer: Cancellable | None = None
        self._timer_due = 0.0
        self._probation: Probation | None = None

    def wake(self) -> None:
        """Begin with the settings that are remembered."""
        self._set_debug(on=self.state.settings["debug"] == "on")

    def restart(self, thing: Thing, started: Done) -> None:
        """Be switched on anew, as this thing; `started` is told when it is up, or that it won't come up.

        Only without a connection: the next one is the first of the new life.
        """
        self.thing, self.state = thing, brain.restart(self.state)
        self._probation = Probation(partial(self._on_started, started))
        self._schedule()

    def on_connected(self) -> None:
        """There is a connection."""
        self._apply(brain.on_connected(self.thing, self.state, self._shared.clock()))

    def on_disconnected(self) -> None:
        """There is none any more."""
        self.shadow.forget()
        self.state = brain.on_disconnected(self.state)
        self._schedule()

    def report(self, key: str, value: Json) -> None:
        """Report a fact beside the settings."""
        self._apply(brain.on_fact(self.state, key, value))

    # --- what the shadow tells (shadow_client.Listener)

    def on_document(self, document: Document) -> None:
        """Reconcile."""
        self._apply(brain.on_document(self.thing, self.state, document, self._shared.clock()))
        if self._probation is not None:
            self._probation.on_document()

    def on_missing(self) -> None:
        """Make the shadow."""
        self._apply(brain.on_missing(self.thing, self.state, self._shared.clock()))
        if self._probation is not None:
            self._probation.on_document()

    def on_delta(self, delta: Delta) -> None:
        """Follow."""
        self._apply(brain.on_delta(self.thing, self.state, delta, self._shared.clock()))

    def on_update_accepted(self, version: int) -> None:
        """Report the rest, if there is one."""
        self._apply(brain.on_update_accepted(self.state, version))

    def on_update_failed(self) -> None:
        """Report again when there is reason to."""
        self._apply((brain.on_update_failed(self.state), ()))

    def on_foreign_update(self, update: Update) -> None:
        """Look whether something was removed."""
        self._apply(brain.on_foreign_update(self.state, update))

    def on_deleted(self) -> None:
        """Forget what was in it."""
        self._apply(brain.on_deleted(self.state))

    def on_trouble(self, message: str, **fields: object) -> None:
        """Log it."""
        self._log.warning(message, extra={"data": fields})

    # --- carrying out

    def _apply(self, step: brain.Step, sent: Done | None = None) -> None:
        before = self.state
        self.state, effects = step
        for effect in effects:
            self._perform(effect, sent)
        self._schedule()
        settings = self._recalled() if self.state.remembers and not before.remembers else before.settings
        if self.state.settings != settings:
            self._body.on_settings(settings)
        self._body.on_step()

    def _recalled(self) -> JsonObject:
        """What a device without a memory went on with, before it followed `desired`: what it had reported."""
        return table.adopt(self.thing, self.state.mirror.reported)

    def _perform(self, effect: Effect, sent: Done | None) -> None:
        match effect:
            case Publish(topic, payload):
                self._outbox.send(topic, payload, sent)
            case GetShadow():
                self.shadow.get()
            case UpdateShadow(reported):
                self.shadow.update(reported)
            case Save(settings):
                self._save(settings)
            case SetDebug(on):
                self._set_debug(on=on)
            case Cycle(clean):
                self._body.reconnect(clean=clean)
            case Log(level, message, fields):
                self._log.log(level, message, extra={"data": dict(fields)})

    def _schedule(self) -> None:
        """Keep one timer, for the moment when telemetry is due."""
        due = self.state.due if self.state.connected else None
        if self._timer is not None:
            if due == self._timer_due:
                return
            self._timer.cancel()
            self._timer = None
        if due is not None:
            self._timer_due = due
            self._timer = self._shared.network.reactor.after(due - self._shared.clock().mono, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        if self._probation is not None:
            self._try(self._probation)
        else:
            self._apply(brain.on_time(self.thing, self.state, self._shared.clock()))

    def _try(self, probation: Probation) -> None:
        """Send telemetry, as a device that has yet to show that it can."""
        try:
            step = brain.on_time(self.thing, self.state, self._shared.clock())
        except Exception as error:  # noqa: BLE001 - whatever a new model does, the version before goes on
            probation.fail(f"no telemetry can be made: {error!r}")
        else:
            self._apply(step, partial(self._on_tried, probation))

    def _on_tried(self, probation: Probation, failure: Failure | None) -> None:
        if self._probation is not probation:
            return
        if failure is None:
            probation.on_acknowledged()
        elif failure.refused:
            probation.fail(f"telemetry was refused: {failure.reason}")
        else:
            self.state = brain.on_first_lost(self.state, self._shared.clock())
            self._schedule()

    def _on_started(self, started: Done, failure: Failure | None) -> None:
        self._probation = None
        started(failure)

    def _remembered(self) -> JsonObject | None:
        try:
            return self._shared.store.load_settings(self.thing.name)
        except (StateCorruptError, StateUnusableError) as error:
            self._log.warning("%s; going on with what was last reported", error)
            return None

    def _save(self, settings: JsonObject) -> None:
        try:
            self._shared.store.save_settings(self.thing.name, settings)
        except StateUnusableError as error:
            self._log.error("%s; after a restart, what was last reported counts", error)

    def _set_debug(self, *, on: bool) -> None:
        self._log.setLevel(logging.DEBUG if on else logging.INFO)
