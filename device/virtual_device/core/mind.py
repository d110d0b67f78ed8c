"""A device's mind: its brain, with the shadow that it follows, its memory and its clock."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from virtual_device.base.errors import StateCorruptError, StateUnusableError
from virtual_device.base.jsonvalue import Json, JsonObject
from virtual_device.base.timers import Cancellable
from virtual_device.connection.outbox import Outbox
from virtual_device.connection.transport import Done, Failure, Message
from virtual_device.core import brain
from virtual_device.core.effects import (
    Cycle,
    Effect,
    GetShadow,
    Log,
    Publish,
    Save,
    SetDebug,
    UpdateShadow,
)
from virtual_device.core.probation import Probation
from virtual_device.core.shared import Shared
from virtual_device.shadow import settings as table
from virtual_device.shadow.shadow import Delta, Document, Update
from virtual_device.shadow.shadow_client import ShadowClient, Wished
from virtual_device.telemetry.thing import Thing

SAVE_AGAIN_SECONDS = 5.0
"""After a lack that may pass, as of file descriptors."""


class Body(Protocol):
    """Who carries out what a mind can't do alone."""

    def reconnect(self, *, clean: bool, away: float = 0.0) -> None:
        """Disconnect, with or without a goodbye, and connect again after `away` seconds."""

    def on_settings(self, before: JsonObject) -> None:
        """The settings are other ones than before."""

    def on_shadow(self) -> None:
        """The shadow was read, and the device runs with what is desired."""

    def on_step(self) -> None:
        """A step is done; what waited for its end can be done now."""


class Mind:
    """One device's. Raises `StateUnusableError` when its memory can't be read."""

    __slots__ = (
        "_body",
        "_log",
        "_outbox",
        "_probation",
        "_shadow",
        "_shared",
        "_state",
        "_timer",
        "_timer_due",
        "_unsaved",
        "thing",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - joined in one place
        self,
        thing: Thing,
        facts: JsonObject | None,
        outbox: Outbox,
        shared: Shared,
        log: logging.Logger,
        body: Body,
    ) -> None:
        self.thing = thing
        self._outbox, self._shared, self._log, self._body = outbox, shared, log, body
        self._shadow = ShadowClient(thing.name, outbox.ask, shared.network.reactor, self)
        self._state = brain.start(thing, self._remembered(), facts)
        self._timer: Cancellable | None = None
        self._timer_due = 0.0
        self._probation: Probation | None = None
        self._unsaved: Cancellable | None = None

    # --- what the device asks of it

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""
        return self._state.connected

    @property
    def settings(self) -> JsonObject:
        """What the device runs with."""
        return self._state.settings

    @property
    def sequence(self) -> int:
        """How many telemetry messages were sent."""
        return self._state.sequence

    @property
    def telemetry_time(self) -> float:
        """What the clock of its telemetry shows, Unix time in seconds."""
        return self._state.pace.wall(self._shared.clock())

    @property
    def told(self) -> bool:
        """Whether the shadow has taken, or refused, all that was reported."""
        return not self._shadow.updating

    @property
    def filters(self) -> Sequence[str]:
        """Where the shadow's messages come in."""
        return self._shadow.filters

    def wake(self) -> None:
        """Begin with the settings that are remembered."""
        self._set_debug(on=self._state.settings["debug"] == "on")

    def restart(self, thing: Thing, started: Done) -> None:
        """Be switched on anew, as this thing; `started` is told when it is up, or that it won't
        come up.

        Only without a connection: the next one is the first of the new life.
        """
        self.thing, self._state = thing, brain.restart(self._state)
        self._probation = Probation(partial(self._on_started, started))
        self._schedule()

    def on_connected(self) -> None:
        """There is a connection."""
        self._apply(brain.on_connected(self.thing, self._state, self._shared.clock()))

    def on_ready(self) -> None:
        """The connection has its subscriptions: read the shadow."""
        self._shadow.get()

    def on_message(self, message: Message) -> bool:
        """Take a message if it is the shadow's."""
        return self._shadow.on_message(message.topic, message.payload)

    def desire(self, desired: JsonObject, done: Wished) -> None:
        """Change `desired`; the delta that follows does the rest."""
        self._shadow.desire(desired, done)

    def on_disconnected(self) -> None:
        """There is none any more."""
        self._shadow.forget()
        self._state = brain.on_disconnected(self._state)
        self._schedule()

    def end(self) -> None:
        """It has said goodbye for good, and writes nothing any more."""
        self._shadow.forget()
        for timer in (self._timer, self._unsaved):
            if timer is not None:
                timer.cancel()

    def report(self, key: str, value: Json) -> None:
        """Report a fact beside the settings."""
        self._apply(brain.on_fact(self._state, key, value))

    # --- what the shadow tells (shadow_client.Listener)

    def on_document(self, document: Document) -> None:
        """Reconcile."""
        self._apply(brain.on_document(self.thing, self._state, document, self._shared.clock()))
        self._body.on_shadow()
        if self._probation is not None:
            self._probation.on_document()

    def on_missing(self) -> None:
        """Make the shadow."""
        self._apply(brain.on_missing(self.thing, self._state, self._shared.clock()))
        if self._probation is not None:
            self._probation.on_document()

    def on_delta(self, delta: Delta) -> None:
        """Follow."""
        self._apply(brain.on_delta(self.thing, self._state, delta, self._shared.clock()))

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

    # --- carrying out

    def _apply(self, step: brain.Step, sent: Done | None = None) -> None:
        before = self._state
        self._state, effects = step
        for effect in effects:
            self._perform(effect, sent)
        self._schedule()
        settings = (
            self._recalled() if self._state.remembers and not before.remembers else before.settings
        )
        if self._state.settings is not settings and self._state.settings != settings:
            self._body.on_settings(settings)
        self._body.on_step()

    def _recalled(self) -> JsonObject:
        """What a device without a memory went on with, before it followed `desired`: what it had
        reported.
        """
        return table.adopt(self.thing, self._state.mirror.reported)

    def _perform(self, effect: Effect, sent: Done | None) -> None:
        match effect:
            case Publish(topic, payload):
                self._outbox.send(topic, payload, sent)
            case GetShadow():
                self._shadow.get()
            case UpdateShadow(reported):
                self._shadow.update(reported)
            case Save(settings):
                self._save(settings)
            case SetDebug(on):
                self._set_debug(on=on)
            case Cycle(clean, away):
                self._body.reconnect(clean=clean, away=away)
            case Log(level, message, fields):
                self._log.log(level, message, extra={"data": dict(fields)})

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
            self._timer = self._shared.network.reactor.after(
                due - self._shared.clock().mono, self._on_time
            )

    def _on_time(self) -> None:
        self._timer = None
        if self._probation is not None:
            self._try(self._probation)
        else:
            self._apply(brain.on_time(self.thing, self._state, self._shared.clock()))

    def _try(self, probation: Probation) -> None:
        """Send telemetry, as a device that has yet to show that it can."""
        try:
            step = brain.on_time(self.thing, self._state, self._shared.clock())
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
            self._state = brain.on_first_lost(self._state, self._shared.clock())
            self._schedule()

    def _on_started(self, started: Done, failure: Failure | None) -> None:
        self._probation = None
        started(failure)

    def _remembered(self) -> JsonObject | None:
        try:
            return self._shared.store.load_settings(self.thing.name)
        except StateCorruptError as error:
            self._log.warning("%s; going on with what was last reported", error)
            return None

    def _save(self, settings: JsonObject) -> None:
        try:
            self._shared.store.save_settings(self.thing.name, settings)
        except StateUnusableError as error:
            self._log.error("%s; after a restart, what was last reported counts", error)
            if not error.permanent and self._unsaved is None:
                after = self._shared.network.reactor.after
                self._unsaved = after(SAVE_AGAIN_SECONDS, self._save_again)

    def _save_again(self) -> None:
        self._unsaved = None
        self._save(self._state.settings)

    def _set_debug(self, *, on: bool) -> None:
        self._log.setLevel(logging.DEBUG if on else logging.INFO)
