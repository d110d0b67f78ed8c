"""The change to a new certificate: asked for, tried, confirmed, or given up. A capability.

It is one by itself, not part of the job that asks for it, because it must come to its end when the job is cancelled or
the device was switched off in the middle: until then two certificates are valid. `rotation.json` says how far it has
come (docs/contracts.md, "Certificates").
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from enum import Enum
from functools import partial
from typing import Protocol

from virtual_device.capability import Capability, Surroundings
from virtual_device.certificate_client import CertificateClient
from virtual_device.config import Identity
from virtual_device.errors import DeviceError
from virtual_device.jsonvalue import JsonObject
from virtual_device.keys import Request, make_request
from virtual_device.rotation import Rotation
from virtual_device.rotation_record import RotationRecord
from virtual_device.timers import Cancellable
from virtual_device.transport import Failure, Message

MAX_TRIES = 6
"""So often the device asks for a certificate, and for its end when it has given it up, before it tells the job that it
has failed. It goes on to ask for the end."""

GRACE_SECONDS = 30.0
"""After a start, an unfinished change whose job doesn't come back within this time is given up."""

LONELY_SECONDS = 120.0
"""A device that can't connect for so long with an identity that isn't confirmed tries the one before."""

FALL_BACK_SECONDS = 60.0

PAUSE_SECONDS = 0.5
"""Before the old connection is left: what is on its way, the job's report for one, arrives."""


class Step(Enum):
    """What it waits for."""

    IDLE = "nothing"
    JOB = "its job"
    KEY = "key"
    CREATE = "certificate"
    TRIAL = "trial"
    CONFIRM = "confirm"
    FALL_BACK = "fall-back"
    ABANDON = "abandon"


class Report(Protocol):
    """Who is told how it goes, as `operation.Report`."""

    def progress(self, **details: str) -> None:
        """Still under way."""

    def succeeded(self, **details: str) -> None:
        """The new certificate is in force, and the old one gone."""

    def failed(self, code: str, reason: str) -> None:
        """The old certificate is in force."""


class Renewal(Capability):
    """One device's."""

    __slots__ = ("_client", "_device", "_failure", "_job_id", "_record", "_report", "_seconds", "_step", "_timer")

    def __init__(self, surroundings: Surroundings) -> None:
        self._device = surroundings
        self._report: Report | None = None
        self._failure: tuple[str, str] | None = None
        self._timer: Cancellable | None = None
        self._seconds, self._job_id = FALL_BACK_SECONDS, ""
        self._client = CertificateClient(surroundings, self)
        self._record = RotationRecord(surroundings)
        self._step = self._step_at_start()
        if self._step is Step.CONFIRM:
            self._wait(LONELY_SECONDS, self._on_lonely)

    @property
    def idle(self) -> bool:
        """Whether no change is under way."""
        return self._step is Step.IDLE

    def begin(self, job_id: str, trial_seconds: float, report: Report) -> None:
        """Change the certificate for a job, or go on with that."""
        self._report, self._seconds = report, trial_seconds
        rotation = self._record.rotation
        if rotation is not None and rotation.job_id == job_id:
            self._go_on(rotation)
        elif self._step in (Step.TRIAL, Step.CONFIRM, Step.FALL_BACK):
            report.failed("BUSY", "the change before this one has not come to its end")
            self._report = None
        else:
            # What another job has left behind goes with the first request of this one.
            self._start(job_id)

    def cancel(self) -> None:
        """Give it up; past the trial it is completed, which is the shortest way to one valid certificate."""
        self._report = None
        if self._step in (Step.KEY, Step.CREATE):
            self._give_up("CANCELED", "the job was cancelled")

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
        self._stop_waiting()
        if self._step is Step.JOB:
            self._wait(GRACE_SECONDS, partial(self._give_up, "JOB_GONE", "its job has not come back"))
        else:
            self._ask()

    def on_disconnected(self) -> None:
        """No answer comes any more."""
        self._stop_waiting()
        self._client.pause()
        if self._step is Step.CONFIRM:
            self._wait(LONELY_SECONDS, self._on_lonely)

    # --- key and request

    def _start(self, job_id: str) -> None:
        self._step, self._failure = Step.KEY, None
        self._client.stop()
        self._stop_waiting()
        self._progress()
        name = self._device.thing.name
        self._job_id = job_id
        self._device.work(partial(make_request, name), partial(self._on_made, job_id))

    def _on_made(self, job_id: str, outcome: "Future[Request]") -> None:
        if self._step is not Step.KEY or self._job_id != job_id:
            return
        error = outcome.exception()
        if error is not None:
            self._end("NO_KEY", f"no key could be made: {error}")
            return
        made = outcome.result()
        # Kept before anything is asked: what comes of the request is told apart after a crash.
        if self._keep(Rotation(job_id, made.private_key, made.csr)):
            self._subscribe()

    def _subscribe(self) -> None:
        self._step = Step.CREATE
        self._progress()
        self._device.subscribe(self.filters, self._on_subscribed)

    def _on_subscribed(self, failure: Failure | None) -> None:
        if self._step is not Step.CREATE:
            return
        if failure is None:
            self._ask()
        elif failure.refused:
            self._end("NOT_ALLOWED", f"the answers can't be subscribed to: {failure.reason}")

    def _go_on(self, rotation: Rotation) -> None:
        if self._step is Step.ABANDON:
            self._failure = self._failure or ("INTERRUPTED", "it was given up before the device was switched off")
        elif self._step is not Step.JOB:
            self._progress()  # on its way already
        elif rotation.new is None:
            self._stop_waiting()
            self._subscribe()
        else:
            self._try(rotation.new)

    # --- asking

    def _ask(self) -> None:
        """What the step is about."""
        self._stop_waiting()
        rotation = self._record.rotation
        if rotation is None:
            return
        if self._step is Step.CREATE:
            self._client.ask("create", rotation.job_id, csr=rotation.csr)
        elif self._step is Step.ABANDON:
            self._client.ask("abandon", rotation.job_id)
        elif self._step is Step.CONFIRM and rotation.new is not None:
            self._client.ask("confirm", rotation.job_id, certificateId=rotation.new.certificate_id)

    def on_silence(self, tries: int) -> bool:
        """Nobody answers: is it worth the waiting?"""
        if tries >= MAX_TRIES and self._step is Step.CREATE:
            self._give_up("NO_ANSWER", f"asked {tries} times for a certificate in vain")
            return False
        if tries >= MAX_TRIES and self._step is Step.ABANDON:
            self._tell_failure()
        return True

    def on_answer(self, content: JsonObject, *, accepted: bool) -> None:
        """The cloud has answered."""
        code, reason = str(content.get("code")), str(content.get("reason"))
        match self._step, accepted:
            case Step.CREATE, True:
                self._on_certificate(content)
            case Step.CREATE, False:
                self._give_up(code, reason)
            case Step.CONFIRM, True:
                self._device.tell("certificate replaced", logging.INFO, certificateId=content.get("certificateId"))
                self._end()
            case Step.CONFIRM, False:
                self._fall_back(code, reason)
            case Step.ABANDON, True:
                self._on_abandoned()
            case Step.ABANDON, False:
                self._on_not_abandoned()

    # --- the trial

    def _on_certificate(self, content: JsonObject) -> None:
        rotation = self._record.rotation
        if rotation is None or content.get("csrSha256") != rotation.csr_digest:
            return  # the answer to a request whose key is lost
        try:
            found = rotation.with_certificate(
                str(content.get("certificateId")), str(content.get("certificatePem")), self._record.in_force
            )
        except DeviceError as error:
            self._give_up("UNUSABLE", str(error))
            return
        if self._keep(found) and found.new is not None:
            self._try(found.new)

    def _try(self, identity: Identity) -> None:
        self._stop_waiting()
        self._client.stop()
        self._step = Step.TRIAL
        self._progress(certificateId=identity.certificate_id)
        tried = partial(self._on_tried, identity)
        self._device.after(PAUSE_SECONDS, partial(self._device.try_identity, identity, self._seconds, tried))

    def _on_tried(self, identity: Identity, reason: str | None) -> None:
        if reason is not None:
            self._give_up("TRIAL_FAILED", reason)
            return
        try:
            self._record.put_in_force(identity)
        except DeviceError as error:
            self._fall_back("NOT_KEPT", str(error))
            return
        self._confirm()

    def _confirm(self) -> None:
        self._step = Step.CONFIRM
        self._progress()
        self._ask()

    # --- the way back

    def _on_lonely(self) -> None:
        self._fall_back("LONELY", f"no connection for {LONELY_SECONDS:.0f} s")

    def _fall_back(self, code: str, reason: str) -> None:
        """The new identity is of no use: is the one before? It is in force again when the cloud agrees."""
        previous = self._record.rotation.previous if self._record.rotation is not None else None
        self._stop_waiting()
        self._client.stop()
        self._device.tell("new certificate not confirmed, trying the one before", code=code, reason=reason)
        if previous is not None:
            self._step = Step.FALL_BACK
            tried = partial(self._on_fallen_back, code, reason)
            self._device.try_identity(previous, FALL_BACK_SECONDS, tried)

    def _on_fallen_back(self, code: str, reason: str, in_vain: str | None) -> None:
        if in_vain is None or not self._is_new_in_force():
            self._give_up(code, reason)
        elif code == "LONELY":
            self._step = Step.CONFIRM
            self._wait(LONELY_SECONDS, self._on_lonely)
        else:
            self._end(code, reason)

    def _give_up(self, code: str, reason: str) -> None:
        """The cloud is to remove what it has made; only then the job has failed."""
        self._stop_waiting()
        self._failure = code, reason
        self._device.tell("change of certificate given up", code=code, reason=reason)
        self._step = Step.ABANDON
        rotation = self._record.rotation
        if rotation is None:
            self._end()
            return
        try:
            self._record.keep(replace(rotation, abandoned=True))
        except DeviceError as error:
            self._device.tell("rotation not kept", reason=str(error))
        self._ask()

    def _on_abandoned(self) -> None:
        """The new certificate is gone, or never was."""
        previous = self._record.rotation.previous if self._record.rotation is not None else None
        if previous is not None:
            try:
                self._record.put_in_force(previous)
            except DeviceError as error:
                self._device.tell("the certificate before can't be kept", reason=str(error))
                self._wait(LONELY_SECONDS, self._ask)
                return
        self._end()

    def _on_not_abandoned(self) -> None:
        """The cloud knows nothing to give up, or it holds on to the new certificate."""
        new = self._record.rotation.new if self._record.rotation is not None else None
        if new is None or not self._is_new_in_force():
            self._end()
            return
        self._step, self._failure = Step.CONFIRM, None
        self._client.stop()
        self._device.try_identity(new, FALL_BACK_SECONDS, lambda _reason: self._ask())

    def _is_new_in_force(self) -> bool:
        try:
            return self._record.is_new_in_force
        except DeviceError:
            return False

    # --- the end

    def _end(self, code: str = "", reason: str = "") -> None:
        self._stop_waiting()
        self._client.stop()
        if code:
            self._failure = code, reason
        used, self._step = self._step, Step.IDLE
        rotation = self._record.rotation
        self._record.forget()
        if used is not Step.KEY:
            self._device.unsubscribe(self._client.filters)
        report, failed = self._report, self._failure is not None
        self._tell_failure()
        if report is not None and not failed and rotation is not None and rotation.new is not None:
            report.succeeded(certificateId=rotation.new.certificate_id)
        self._report = None

    def _tell_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None and self._report is not None:
            self._report.failed(*failure)
            self._report = None

    def _progress(self, **details: str) -> None:
        if self._report is not None:
            self._report.progress(step=self._step.value, **details)

    # --- what it keeps

    def _keep(self, rotation: Rotation) -> bool:
        try:
            self._record.keep(rotation)
        except DeviceError as error:
            self._give_up("NOT_KEPT", str(error))
            return False
        return True

    def _step_at_start(self) -> Step:
        rotation = self._record.rotation
        if rotation is None:
            return Step.IDLE
        try:
            if self._record.is_new_in_force:
                return Step.CONFIRM
        except DeviceError as error:
            self._device.tell("identity not read", reason=str(error))
        return Step.ABANDON if rotation.abandoned else Step.JOB

    def _wait(self, seconds: float, call: Callable[[], None]) -> None:
        self._stop_waiting()
        self._timer = self._device.after(seconds, call)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
