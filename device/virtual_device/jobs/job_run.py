"""One job execution in the device's hands: from its document to the answer to its last report."""

import logging
from collections.abc import Callable

from virtual_device.base.jsonvalue import JsonObject
from virtual_device.base.timers import Cancellable
from virtual_device.commands.requests import RefusedFieldError
from virtual_device.connection.job_service import (
    FAILED,
    IN_PROGRESS,
    REJECTED,
    SUCCEEDED,
    Execution,
    Fault,
    Service,
    tidy,
)
from virtual_device.core.capability import Surroundings
from virtual_device.jobs import job_document
from virtual_device.jobs.job_reports import Reports
from virtual_device.jobs.operation import Job, Kind, Operation
from virtual_device.shadow.shadow import clip

CHECK_SECONDS = 60.0
"""So often the device asks whether its execution is still its own: a notification may have been
lost.
"""

log = logging.getLogger(__name__)


class JobRun:
    """An execution under way; to its operation it is the `operation.Report`. `over` is called when
    nothing is left.
    """

    __slots__ = (
        "_check",
        "_details",
        "_device",
        "_operation",
        "_over",
        "_reports",
        "_service",
        "execution",
    )

    def __init__(
        self, execution: Execution, device: Surroundings, over: Callable[[], None]
    ) -> None:
        self.execution = execution
        self._device, self._over = device, over
        self._details = dict(execution.details)
        self._reports = Reports(execution, device, self)
        self._service: Service | None = None
        self._operation: Operation | None = None
        self._check: Cancellable | None = None

    def begin(self, service: Service) -> None:
        """Carry it out, or reject it."""
        self._service = service
        self._reports.on_ready(service)
        try:
            kind, parameters = job_document.read(self.execution.document, self._device)
        except RefusedFieldError as error:
            self._conclude(
                REJECTED, code="INVALID_DOCUMENT", field=clip(error.field), reason=str(error)
            )
            return
        self._check = self._device.after(CHECK_SECONDS, self.check)
        self._tell("job", operation=kind.name, details=dict(self._details))
        job = Job(self.execution.job_id, kind.name, parameters, dict(self._details))
        self._lead(lambda: self._set_out(kind, job))

    # --- what an operation tells (operation.Report)

    def progress(self, **details: str) -> None:
        """Still under way."""
        if self._operation is not None:
            self._reports.send(IN_PROGRESS, self._with(details))

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
        if (operation := self._operation) is not None:
            self._lead(lambda: operation.on_settings(before))

    def on_disconnected(self) -> None:
        """Nothing can be asked or told until it is back."""
        self._service = None
        self._reports.on_disconnected()
        self._stop_checking()
        if self._operation is not None:
            self._lead(self._operation.on_disconnected)

    def on_ready(self, service: Service) -> None:
        """Connected again: is it still ours?"""
        self._service = service
        if self._operation is not None:
            self._lead(self._operation.on_ready)
        self._reports.on_ready(service)
        self.check()

    def check(self) -> None:
        """Ask whether the execution is still the device's own, unless a report will tell."""
        self._stop_checking()
        if self._service is not None and not self._reports.ending:
            self._check = self._device.after(CHECK_SECONDS, self.check)
            self._service.describe(self.execution.job_id, self.execution.number, self._on_described)

    def _on_described(self, found: Execution | Fault | None) -> None:
        if self._reports.ending:
            return
        if found is None:
            self.on_lost("it is gone")
        elif isinstance(found, Fault):
            if found.gone:
                self.on_lost(found.reason)
        elif found.status != IN_PROGRESS:
            self.on_lost(f"it is {found.status}")

    # --- what becomes of the reports (job_reports.Listener)

    def on_lost(self, reason: str) -> None:
        """Stop: it was cancelled, deleted, or has timed out."""
        self._tell("job taken away", level=logging.WARNING, reason=reason)
        operation, self._operation = self._operation, None
        try:
            if operation is not None:
                operation.cancel()
        finally:
            self.on_ended()

    def on_ended(self) -> None:
        """Nothing is left to do."""
        self._service = None
        self._reports.close()
        self._stop_checking()
        self._over()

    # --- carrying out

    def _set_out(self, kind: Kind, job: Job) -> None:
        self._operation = kind.make(job, self._device, self)
        self._operation.start()

    def _lead(self, step: Callable[[], None]) -> None:
        """One operation's fault must not hold up those that are queued behind it."""
        try:
            step()
        except Exception as error:
            log.exception("unexpected error")
            self.failed("INTERNAL_ERROR", f"{type(error).__name__}: {error}")

    def _conclude(self, status: str, **details: str) -> None:
        if self._reports.ending:
            return
        self._operation = None
        self._stop_checking()
        level = logging.INFO if status == SUCCEEDED else logging.WARNING
        self._tell("job over", level=level, status=status, details=self._with(details))
        self._reports.send(status, self._details)

    def _with(self, details: dict[str, str]) -> dict[str, str]:
        """All details so far, the new ones first: the service takes only so many."""
        older = {name: text for name, text in self._details.items() if name not in details}
        self._details = tidy({**details, **older})
        return self._details

    def _stop_checking(self) -> None:
        if self._check is not None:
            self._check.cancel()
            self._check = None

    def _tell(self, message: str, level: int = logging.INFO, **fields: object) -> None:
        self._device.tell(message, level=level, jobId=self.execution.job_id, **fields)
