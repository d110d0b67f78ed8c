"""The operation `update-firmware`: download, check, start the new version on trial, keep it or go
back.

A version is in force when the device has come up with it: connected, subscribed, shadow read, a
telemetry message acknowledged, self-test passed. Until then the version before is the one that a
restart of the process finds.
"""

import logging
from concurrent.futures import Future
from dataclasses import replace

from virtual_device.base.errors import StateUnusableError
from virtual_device.base.timers import Cancellable
from virtual_device.connection.transport import Failure
from virtual_device.core.capability import Surroundings
from virtual_device.firmware.image import Image
from virtual_device.firmware.image_source import ImageError, Source
from virtual_device.firmware.slots import Installed, Slots, Trial
from virtual_device.jobs.operation import Job, Kind, Operation, Report
from virtual_device.jobs.update_document import parse
from virtual_device.shadow.setting_rules import number_of
from virtual_device.telemetry import telemetry

LIMIT_SECONDS = 60.0
"""How long a version may take to come up."""

PROGRESS_SECONDS = 2.0
"""Between two reports of a download. An update of a job execution counts against a quota of the
account.
"""

MAX_REASON = 900
"""A value of statusDetails may have 1024 characters (AWS IoT API reference, UpdateJobExecution)."""


class UpdateFirmware(Operation):
    """One under way. Exactly one of `_source` (download), `_image` (trial) and `_outcome` (going
    back) is there.
    """

    __slots__ = (
        "_device",
        "_image",
        "_job",
        "_outcome",
        "_over",
        "_report",
        "_silent",
        "_source",
        "_timer",
    )

    def __init__(self, job: Job, surroundings: Surroundings, report: Report) -> None:
        self._job, self._device, self._report = job, surroundings, report
        self._source: Source | None = None
        self._image: Image | None = None
        self._outcome: tuple[str, str] | None = None
        self._timer: Cancellable | None = None
        self._over = self._silent = False

    def start(self) -> None:
        """Begin. What an interrupted run had downloaded is gone; what it had on trial was taken
        back.
        """
        if self._was_broken_off():
            reason = (
                "the device went off before it had come up with the new version; the version "
                "before is in force"
            )
            self._fail("NOT_CONFIRMED", reason)
        elif self._is_in_force():
            self._device.tell(
                "firmware is in force already", level=logging.INFO, version=self._version
            )
            self._succeed(self._version)
        else:
            self._download()

    def cancel(self) -> None:
        """Stop; a version that is on trial is taken back."""
        self._silent = True
        if self._image is not None:
            self._go_back("CANCELLED", "the job is no more")
        elif self._outcome is None:
            self._end()

    @property
    def _version(self) -> str:
        return str(self._job.parameters["version"])

    @property
    def _slots(self) -> Slots:
        return self._device.firmware.slots

    def _was_broken_off(self) -> bool:
        """Whether an earlier run of this very execution has got as far as the trial. Who asks is
        told once.
        """
        broken = self._slots.broken
        if broken is None:
            return False
        self._keep(replace(self._slots, broken=None))
        # An execution that begins has no details yet: it may be a retry, of the same job.
        return broken.job_id == self._job.job_id and bool(self._job.details)

    def _is_in_force(self) -> bool:
        current = self._slots.current
        wanted = (self._version, self._job.parameters["sha256"])
        return current is not None and (current.version, current.sha256) == wanted

    # --- downloading

    def _download(self) -> None:
        given = self._job.parameters
        size = number_of(given["size"])
        url, digest = str(given["url"]), str(given["sha256"])
        self._source = Source(self._version, size, digest, url, self._device.sources)
        self._tell_progress(self._source)
        self._device.work(self._source.obtain, self._on_obtained)

    def _tell_progress(self, source: Source) -> None:
        details = {
            "bytes": str(source.received),
            "percent": str(source.percent),
            "version": self._version,
        }
        self._report.progress(step="downloading", **details)
        self._timer = self._device.after(PROGRESS_SECONDS, self._on_progress)

    def _on_progress(self) -> None:
        if self._source is not None and not self._over:
            self._tell_progress(self._source)

    def _on_obtained(self, outcome: "Future[Image]") -> None:
        if self._over:
            return
        self._source = None
        self._stop_timer()
        error = outcome.exception()
        if isinstance(error, ImageError):
            self._fail(error.code, str(error))
        elif error is not None:
            self._fail("DOWNLOAD_FAILED", repr(error))
        else:
            self._install(outcome.result())

    # --- on trial

    def _install(self, image: Image) -> None:
        digest, size = str(self._job.parameters["sha256"]), str(self._job.parameters["size"])
        trial = Trial(self._job.job_id, Installed(image.version, digest, image.model))
        if fault := self._keep(replace(self._slots, trial=trial)):
            self._fail("NOT_STORED", fault)
            return
        self._image = image
        self._device.tell("firmware on trial", level=logging.INFO, version=image.version)
        self._report.progress(step="starting", bytes=size, percent="100")
        self._timer = self._device.after(LIMIT_SECONDS, self._on_silence)
        self._device.restart(image.model, self._on_started)

    def _on_silence(self) -> None:
        self._go_back(
            "NOT_UP", f"the device has not come up with the new version within {LIMIT_SECONDS:g} s"
        )

    def _on_started(self, failure: Failure | None) -> None:
        if self._image is None:
            return
        if failure is not None:
            self._go_back("NOT_UP", failure.reason)
        elif fault := self._self_test(self._image):
            self._go_back("SELF_TEST_FAILED", fault)
        else:
            self._confirm()

    def _self_test(self, image: Image) -> str:
        device = self._device
        try:
            message = telemetry.generate(
                device.thing, device.settings, device.now().wall, device.sequence
            )
        except Exception as error:  # noqa: BLE001 - whatever a new model does, the version before goes on
            return f"no telemetry can be made: {error!r}"
        return "; ".join(image.faults(message))

    def _confirm(self) -> None:
        before, trial = self._slots.current, self._slots.trial
        assert trial is not None  # noqa: S101 - put there by _install
        if fault := self._keep(Slots(current=trial.installed)):
            self._go_back("NOT_STORED", fault)
            return
        self._image = None
        self._device.report("firmware", self._version)
        self._device.tell("firmware in force", level=logging.INFO, version=self._version)
        self._succeed("factory" if before is None else before.version)

    # --- going back

    def _go_back(self, code: str, reason: str) -> None:
        self._image, self._outcome = None, (code, reason)
        self._stop_timer()
        self._device.tell("firmware taken back", version=self._version, code=code, reason=reason)
        self._keep(replace(self._slots, trial=None))
        self._timer = self._device.after(LIMIT_SECONDS, self._on_back)
        self._device.restart(self._device.firmware.model, lambda _: self._on_back())

    def _on_back(self) -> None:
        if self._outcome is not None and not self._over:
            self._fail(*self._outcome)

    # --- the end

    def _succeed(self, previous: str) -> None:
        self._end()
        self._report.succeeded(step="done", version=self._version, previous=previous)

    def _fail(self, code: str, reason: str) -> None:
        self._end()
        if not self._silent:
            self._report.failed(
                code, reason if len(reason) <= MAX_REASON else f"{reason[:MAX_REASON]}..."
            )

    def _end(self) -> None:
        self._over = True
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _keep(self, slots: Slots) -> str | None:
        """Keep the slots; what stands against it, if anything does."""
        try:
            self._device.firmware.keep(slots)
        except StateUnusableError as error:
            self._device.tell(str(error))
            return str(error)
        return None


KIND = Kind(
    "update-firmware",
    "downloads a firmware image, starts it on trial, and goes back when it does not come up",
    parse,
    UpdateFirmware,
)
