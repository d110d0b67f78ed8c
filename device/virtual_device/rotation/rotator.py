"""Carries out the change to a new certificate, as `course` has it. A capability.

It is one by itself, not part of the job that asks for it, because it must come to its end when the
job is cancelled or the device was switched off in the middle: until then two certificates are
valid. `rotation.json` says how far it has come (docs/contracts.md, "Certificates").
"""

from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import Protocol

from virtual_device.base.errors import DeviceError
from virtual_device.base.jsonvalue import JsonObject
from virtual_device.base.timers import Cancellable
from virtual_device.connection.transport import Failure, Message
from virtual_device.core.capability import Capability, Surroundings
from virtual_device.core.effects import Log
from virtual_device.rotation import course, rotation_record
from virtual_device.rotation.certificate_client import CertificateClient
from virtual_device.rotation.course import Phase
from virtual_device.rotation.rotation import Rotation
from virtual_device.rotation.rotation_effects import (
    Ask,
    AskAgain,
    Effect,
    Failed,
    Forget,
    Keep,
    MakeKey,
    PauseAsking,
    Progress,
    PutInForce,
    StopAsking,
    StopWaiting,
    Subscribe,
    Succeeded,
    Try,
    Unsubscribe,
    Wait,
)
from virtual_device.state.config import Identity
from virtual_device.state.keys import Request, make_request


class Report(Protocol):
    """Who is told how it goes, as `operation.Report`."""

    def progress(self, **details: str) -> None:
        """Still under way."""

    def succeeded(self, **details: str) -> None:
        """The new certificate is in force, and the old one gone."""

    def failed(self, code: str, reason: str) -> None:
        """The old certificate is in force."""


class Rotator(Capability):
    """One device's.

    Raises `StateUnusableError` when it can't be read whether a rotation is under way.
    """

    __slots__ = ("_client", "_device", "_report", "_state", "_timer")

    def __init__(self, surroundings: Surroundings) -> None:
        self._device = surroundings
        self._report: Report | None = None
        self._timer: Cancellable | None = None
        self._client = CertificateClient(surroundings, self)
        self._state = course.IDLE
        rotation = rotation_record.load(surroundings)
        if rotation is not None:
            certificate_id = rotation_record.in_force(surroundings).certificate_id
            self._apply(course.start(rotation, certificate_id))

    @property
    def idle(self) -> bool:
        """Whether no change is under way."""
        return self._state.phase is Phase.IDLE

    def begin(self, job_id: str, trial_seconds: float, report: Report) -> None:
        """Change the certificate for a job, or go on with that."""
        self._report = report
        self._apply(course.begin(self._state, job_id, trial_seconds))

    def cancel(self) -> None:
        """Give it up; past the trial it is completed: the shortest way to one certificate."""
        self._report = None
        self._apply(course.cancel(self._state))

    # --- Capability

    @property
    def filters(self) -> Sequence[str]:
        """The answers, while one may come."""
        return () if self.idle else self._client.filters

    def on_message(self, message: Message) -> bool:
        """Take an answer."""
        return self._client.on_message(message)

    def on_ready(self) -> None:
        """Ask again what was not answered."""
        self._apply(course.on_ready(self._state))

    def on_disconnected(self) -> None:
        """No answer comes any more."""
        self._apply(course.on_disconnected(self._state))

    # --- certificate_client.Asker

    def on_silence(self, tries: int) -> None:
        """Nobody answers."""
        self._apply(course.on_silence(self._state, tries))

    def on_answer(self, content: JsonObject, *, accepted: bool) -> None:
        """The cloud has answered."""
        in_force: Identity | DeviceError
        try:
            in_force = rotation_record.in_force(self._device)
        except DeviceError as error:
            in_force = error
        self._apply(course.on_answer(self._state, content, in_force, accepted=accepted))

    # --- what becomes of an effect

    def _on_made(self, job_id: str, outcome: "Future[Request]") -> None:
        made = outcome.exception() or outcome.result()
        self._apply(course.on_made(self._state, job_id, made))

    def _on_subscribed(self, failure: Failure | None) -> None:
        self._apply(course.on_subscribed(self._state, failure))

    def _on_tried(self, identity: Identity, trouble: str | None) -> None:
        self._apply(course.on_tried(self._state, identity, trouble))

    def _on_time(self) -> None:
        self._timer = None
        self._apply(course.on_time(self._state))

    # --- carrying out

    def _apply(self, step: course.Step) -> None:
        self._state, effects = step
        for effect in effects:
            self._perform(effect)

    def _perform(self, effect: Effect) -> None:  # noqa: PLR0912 - a table
        match effect:
            case MakeKey(job_id):
                make = partial(make_request, self._device.thing.name)
                self._device.work(make, partial(self._on_made, job_id))
            case Keep(rotation):
                self._keep(rotation)
            case PutInForce(identity):
                self._put_in_force(identity)
            case Forget():
                self._forget()
            case Subscribe():
                self._device.subscribe(self._client.filters, self._on_subscribed)
            case Unsubscribe():
                self._device.unsubscribe(self._client.filters)
            case Ask(verb, job_id, content):
                self._client.ask(verb, job_id, **content)
            case AskAgain():
                self._client.ask_again()
            case PauseAsking():
                self._client.pause()
            case StopAsking():
                self._client.stop()
            case Wait(seconds):
                self._stop_waiting()
                self._timer = self._device.after(seconds, self._on_time)
            case StopWaiting():
                self._stop_waiting()
            case Try():
                self._try(effect)
            case Progress() | Succeeded() | Failed():
                self._tell(effect)
            case Log(level, message, fields):
                self._device.tell(message, level, **fields)

    def _keep(self, rotation: Rotation) -> None:
        trouble = None
        try:
            rotation.save(self._device.store, self._device.thing.name)
        except DeviceError as error:
            trouble = str(error)
        self._apply(course.on_kept(self._state, trouble))

    def _put_in_force(self, identity: Identity) -> None:
        trouble = None
        try:
            rotation_record.put_in_force(self._device, identity)
        except DeviceError as error:
            trouble = str(error)
        self._apply(course.on_put_in_force(self._state, identity, trouble))

    def _forget(self) -> None:
        try:
            Rotation.forget(self._device.store, self._device.thing.name)
        except DeviceError as error:
            self._device.tell("rotation not forgotten", reason=str(error))

    def _try(self, trial: Try) -> None:
        tried = partial(self._on_tried, trial.identity)
        begin = partial(self._device.try_identity, trial.identity, trial.seconds, tried)
        if trial.pause:
            self._device.after(trial.pause, begin)
        else:
            begin()

    def _tell(self, news: Progress | Succeeded | Failed) -> None:
        if self._report is None:
            return
        match news:
            case Progress(details):
                self._report.progress(**details)
            case Succeeded(certificate_id):
                report, self._report = self._report, None
                report.succeeded(certificateId=certificate_id)
            case Failed(code, reason):
                report, self._report = self._report, None
                report.failed(code, reason)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
