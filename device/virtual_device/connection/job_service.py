"""AWS IoT Jobs as the device sees it: types and limits only, no MQTT library.

Rules from the AWS IoT API reference (UpdateJobExecution, StartNextPendingJobExecution) and the
developer guide, "Jobs device MQTT API operations".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from virtual_device.base.jsonvalue import Json

IN_PROGRESS, SUCCEEDED, FAILED, REJECTED = "IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"
ENDS = frozenset({SUCCEEDED, FAILED, REJECTED, "TIMED_OUT", "REMOVED", "CANCELED"})
"""States that an execution never leaves."""

GONE = frozenset({"InvalidStateTransition", "ResourceNotFound", "TerminalStateReached"})
"""What the service says of an execution that was cancelled, has timed out or was deleted."""

FINAL = frozenset({"InvalidRequest", "InvalidJson", "InvalidTopic"})
"""Asking again would get the same answer."""

VERSION_MISMATCH = "VersionMismatch"
UNREADABLE = "Unreadable"
"""The answer can't be read, such as a job document that is nested a thousand times. Not one of the
service's codes.
"""

MAX_DETAILS = 10
MAX_DETAIL_CHARACTERS = 1024
DETAIL_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
"""Limits of statusDetails."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A job execution as the service has it. `details` are its statusDetails."""

    job_id: str
    number: int
    version: int
    status: str
    document: Json = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a request failed. `code` is the service's word, None when no answer came; `status` and
    `version` tell the state of the execution where the service tells them.
    """

    reason: str
    code: str | None = None
    status: str | None = None
    version: int | None = None

    @property
    def gone(self) -> bool:
        """Whether the execution is nobody's to carry out any more."""
        return self.status in ENDS or (self.code in GONE and self.status is None)


@dataclass(frozen=True, slots=True)
class Update:
    """What the device reports of an execution. The service takes it only while the execution has
    this version.
    """

    job_id: str
    number: int
    version: int
    status: str
    details: Mapping[str, str]
    step_minutes: int | None = None
    """When no update comes for so long, the service lets the execution time out."""


class Service(Protocol):
    """The service, for one device. Answers come where everything else runs; none comes after
    `close`.
    """

    def start_next(
        self, step_minutes: int, done: Callable[[Execution | Fault | None], None]
    ) -> None:
        """Start the next pending execution, or get the one that is in progress; None when there is
        none.
        """

    def describe(
        self, job_id: str, number: int, done: Callable[[Execution | Fault | None], None]
    ) -> None:
        """An execution as it is now, without its document."""

    def update(self, update: Update, done: Callable[[int | Fault], None]) -> None:
        """Report; the answer is the execution's new version."""

    def close(self) -> None:
        """Give back what it costs."""


def tidy(details: Mapping[str, str]) -> dict[str, str]:
    """Details that the service takes: the first ten whose name it knows, without control
    characters, not too long.
    """
    known = [(name, text) for name, text in details.items() if DETAIL_NAME.fullmatch(name)][
        :MAX_DETAILS
    ]
    return {
        name: "".join(filter(str.isprintable, text))[:MAX_DETAIL_CHARACTERS] or "?"
        for name, text in known
    }
