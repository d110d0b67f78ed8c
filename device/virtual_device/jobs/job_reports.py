"""What a device reports of a job execution: one report on its way at a time, each for the version
that the one before has led to, sent again until the service has taken it or says that the execution
is gone.
"""

import logging
import random
from typing import Protocol

from virtual_device.base.timers import Cancellable
from virtual_device.connection.job_service import (
    ENDS,
    FINAL,
    IN_PROGRESS,
    VERSION_MISMATCH,
    Execution,
    Fault,
    Service,
    Update,
)
from virtual_device.core.capability import Surroundings

STEP_MINUTES = 60
"""An execution of which the service hears nothing for so long times out, so a device that never
comes back leaves none in progress. The job's own time-out counts besides.
"""

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 1.0, 120.0

Content = tuple[str, dict[str, str]]
"""Status and statusDetails."""


class Listener(Protocol):
    """Who is told what becomes of the reports."""

    def on_ended(self) -> None:
        """The last report is taken."""

    def on_lost(self, reason: str) -> None:
        """The execution is nobody's to carry out any more."""


class Reports:
    """Of one execution."""

    __slots__ = (
        "_device",
        "_execution",
        "_failures",
        "_listener",
        "_retry",
        "_sent",
        "_service",
        "_version",
        "_waiting",
    )

    def __init__(self, execution: Execution, device: Surroundings, listener: Listener) -> None:
        self._execution, self._device, self._listener = execution, device, listener
        self._version = execution.version
        self._service: Service | None = None
        self._waiting: Content | None = None
        self._sent: Content | None = None
        self._retry: Cancellable | None = None
        self._failures = 0

    @property
    def ending(self) -> bool:
        """Whether the last report is made; then its answer alone tells the end."""
        return any(
            report is not None and report[0] in ENDS for report in (self._waiting, self._sent)
        )

    def send(self, status: str, details: dict[str, str]) -> None:
        """Report this; what waits still to be sent is overtaken by it."""
        self._waiting = status, details
        self._send()

    def on_ready(self, service: Service) -> None:
        """There is a connection."""
        self._service, self._failures = service, 0
        self._send()

    def on_disconnected(self) -> None:
        """What was on its way is sent again later: the version shows whether it had arrived."""
        self._service = None
        self._waiting, self._sent = self._waiting or self._sent, None
        self._stop_waiting()

    def close(self) -> None:
        """Nothing is reported any more."""
        self._waiting = self._sent = self._service = None
        self._stop_waiting()

    def _send(self) -> None:
        if (
            self._service is None
            or self._sent is not None
            or self._waiting is None
            or self._retry is not None
        ):
            return
        self._sent, self._waiting = self._waiting, None
        status, details = self._sent
        step = STEP_MINUTES if status == IN_PROGRESS else None
        update = Update(
            self._execution.job_id, self._execution.number, self._version, status, details, step
        )
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
            self._listener.on_lost(answer.reason)
        else:
            self._on_refused(sent, answer)

    def _on_taken(self, report: Content) -> None:
        if report[0] in ENDS:
            self._listener.on_ended()
        else:
            self._send()

    def _on_refused(self, sent: Content, fault: Fault) -> None:
        self._device.tell(
            "job report failed",
            jobId=self._execution.job_id,
            status=sent[0],
            reason=fault.reason,
            level=logging.WARNING,
        )
        if fault.code == VERSION_MISMATCH and fault.version is not None:
            self._version = fault.version
        elif fault.code in FINAL and sent[0] == IN_PROGRESS:
            self._send()  # it is not worth another try, but what waits behind it is
            return
        elif fault.code in FINAL:
            sent = sent[0], {}  # what the service holds against it can only be the details
        self._waiting = self._waiting or sent
        self._retry = self._device.after(self._pause(), self._try_again)

    def _pause(self) -> float:
        self._failures += 1
        return pause(self._failures)

    def _try_again(self) -> None:
        self._retry = None
        self._send()

    def _stop_waiting(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row, from 1 on: full jitter, as for
    connections.
    """
    limit = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 16))
    return random.uniform(0, limit)  # noqa: S311 - jitter, no secret
