"""One job execution in the device's hands: from its document to the answer to its last report."""

import logging
import random
from collections.abc import Callable

from virtual_device import job_document
from virtual_device.capability import Surroundings
from virtual_device.jobs import (
    ENDS,
    FAILED,
    FINAL,
    IN_PROGRESS,
    REJECTED,
    SUCCEEDED,
    VERSION_MISMATCH,
    Execution,
    Fault,
    Service,
    Update,
    tidy,
)
from virtual_device.jsonvalue import JsonObject
from virtual_device.operation import Job, Operation
from virtual_device.requests import RefusedFieldError
from virtual_device.shadow import clip
from virtual_device.timers import Cancellable

STEP_MINUTES = 60
"""An execution of which the service hears nothing for so long times out, so a device that never comes back leaves none
in progress. The job's own time-out counts besides."""

CHECK_SECONDS = 60.0
"""So often the device asks whether its execution is still its own: a notification may have been lost."""

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 1.0, 120.0

log = logging.getLogger(__name__)


class JobRun:
    """An execution under way; to its operation it is the `operation.Report`.

    At most one report is on its way, each for the version that the one before has led to. `over` is called when nothing
    is left to do.
    """

    __slots__ = (
        "_check",
        "_details",
        "_device",
        "_failures",
        "_operation",
        "_over",
        "_retry",
        "_sent",
        "_service",
        "_version",
        "_waiting",
        "execution",
    )

    def __init__(self, execution: Execution, device: Surroundings, over: Callable[[], None]) -> None:
        self.execution = execution
        self._device, self._over = device, over
        self._version, self._details = execution.version, dict(execution.details)
        self._operation: Operation | None = None
        self._service: Service | None = None
        self._waiting: tuple[str, dict[str, str]] | None = None
        self._sent: tuple[str, dict[str, str]] | None = None
        self._check: Cancellable | None = None
        self._retry: Cancellable | None = None
        self._failures = 0

    def begin(self, service: Service) -> None:
        """Carry it out, or reject it."""
        self._service = service
        try:
            kind, parameters = job_document.read(self.execution.document, self._device)
        except RefusedFieldError as error:
            self._conclude(REJECTED, code="INVALID_DOCUMENT", field=str(clip(error.field)), reason=str(error))
            return
        self._check = self._device.after(CHECK_SECONDS, self.check)
        self._tell("job", operation=kind.name, details=dict(self._details))
        job = Job(self.execution.job_id, kind.name, parameters, dict(self._details))
        try:
            self._operation = kind.make(job, self._device, self)
            self._operation.start()
        except Exception as error:  # one operation's fault must not hold up those that are queued behind it
            log.exception("unexpected error")
            self.failed("INTERNAL_ERROR", f"{type(error).__name__}: {error}")

    # --- what an operation tells (operation.Report)

    def progress(self, **details: str) -> None:
        """Still under way."""
        if self._operation is not None:
            self._details = tidy({**details, **{k: v for k, v in self._details.items() if k not in details}})
            self._waiting = IN_PROGRESS, self._details
            self._send()

    def succeeded(self, **details: str) -> None:
        """It is done."""
        self._conclude(SUCCEEDED, **details)

    def failed(self, code: str, reason: str) -> None:
        """It was tried in vain."""
        self._conclude(FAILED, code=code, reason=reason)

    def rejected(self, code: str, reason: str) -> None:
        """It was not begun."""
        self._conclude(REJECTED, code=code, reason=reason)

    # --- what the connection and the service tell

    def on_settings(self, before: JsonObject) -> None:
        """The operation may have waited for that."""
        if self._operation is not None:
            self._operation.on_settings(before)

    def on_disconnected(self) -> None:
        """What was on its way is sent again: the version shows whether it had arrived."""
        self._service = None
        self._waiting, self._sent = self._waiting or self._sent, None
        self._forget_timers()
        if self._operation is not None:
            self._operation.on_disconnected()

    def on_ready(self, service: Service) -> None:
        """Connected again: is it still ours?"""
        self._service, self._failures = service, 0
        if self._operation is not None:
            self._operation.on_ready()
        self._send()
        self.check()

    def check(self) -> None:
        """Ask whether the execution is still the device's own, unless a report will tell."""
        self._stop_checking()
        if self._service is not None and not self._ending:
            self._check = self._device.after(CHECK_SECONDS, self.check)
            self._service.describe(self.execution.job_id, self.execution.number, self._on_described)

    @property
    def _ending(self) -> bool:
        """Whether the last report is made; then its answer alone tells the end."""
        return any(report is not None and report[0] in ENDS for report in (self._waiting, self._sent))

    def _on_described(self, found: Execution | Fault | None) -> None:
        if self._ending:
            return
        if found is None:
            self._lost("it is gone")
        elif isinstance(found, Fault):
            if found.gone:
                self._lost(found.reason)
        elif found.status != IN_PROGRESS:
            self._lost(f"it is {found.status}")

    def _conclude(self, status: str, **details: str) -> None:
        if self._ending:
            return
        self._operation = None
        self._stop_checking()
        self._details = tidy({**details, **{k: v for k, v in self._details.items() if k not in details}})
        level = logging.INFO if status == SUCCEEDED else logging.WARNING
        self._tell("job over", level=level, status=status, details=dict(self._details))
        self._waiting = status, self._details
        self._send()

    def _send(self) -> None:
        if self._service is None or self._sent is not None or self._waiting is None or self._retry is not None:
            return
        self._sent, self._waiting = self._waiting, None
        status, details = self._sent
        step = STEP_MINUTES if status == IN_PROGRESS else None
        update = Update(self.execution.job_id, self.execution.number, self._version, status, details, step)
        self._service.update(update, self._on_answer)

    def _on_answer(self, answer: int | Fault) -> None:
        sent, self._sent = self._sent, None
        if sent is None:
            return
        if isinstance(answer, int):
            self._version, self._failures = answer, 0
            self._on_taken(sent)
        elif answer.status == sent[0] and sent[0] in ENDS:
            self._on_taken(sent)  # an earlier try had arrived, only its answer was lost
        elif answer.gone:
            self._lost(answer.reason)
        else:
            self._on_refused(sent, answer)

    def _on_taken(self, report: tuple[str, dict[str, str]]) -> None:
        if report[0] in ENDS:
            self._end()
        else:
            self._send()

    def _on_refused(self, sent: tuple[str, dict[str, str]], fault: Fault) -> None:
        self._tell("job report failed", level=logging.WARNING, status=sent[0], reason=fault.reason)
        if fault.code == VERSION_MISMATCH and fault.version is not None:
            self._version = fault.version
        elif fault.code in FINAL and sent[1]:
            sent = sent[0], {}  # what the service holds against it can only be the details
            if sent[0] == IN_PROGRESS:
                return
        self._waiting = self._waiting or sent
        limit = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        self._retry = self._device.after(random.uniform(0, limit), self._try_again)  # noqa: S311 - jitter, no secret

    def _try_again(self) -> None:
        self._retry = None
        self._send()

    def _lost(self, reason: str) -> None:
        self._tell("job taken away", level=logging.WARNING, reason=reason)
        operation, self._operation = self._operation, None
        if operation is not None:
            operation.cancel()
        self._end()

    def _end(self) -> None:
        self._waiting = self._sent = self._service = None
        self._forget_timers()
        self._over()

    def _stop_checking(self) -> None:
        if self._check is not None:
            self._check.cancel()
            self._check = None

    def _forget_timers(self) -> None:
        self._stop_checking()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _tell(self, message: str, level: int = logging.INFO, **fields: object) -> None:
        self._device.tell(message, level=level, jobId=self.execution.job_id, **fields)
