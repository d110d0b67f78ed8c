"""What is known of a device, before anybody says what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.row import Row
from explaining.entries import Entry
from explaining.principal import Principal
from explaining.refusals import Refusal


@dataclass(frozen=True)
class FailedJob:
    """An execution of a job that has not succeeded; `details` are its statusDetails."""

    job_id: str
    status: str
    at_ms: int
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FailedExecution:
    """A workflow's execution that has failed; `state` is where its first error was."""

    workflow: str
    name: str
    at_ms: int
    error: str
    cause: str
    state: str = ""


@dataclass(frozen=True)
class Facts:
    """All that is known; `entries` with the newest first."""

    row: Row
    desired: Mapping[str, Any] = field(default_factory=dict)
    reported: Mapping[str, Any] = field(default_factory=dict)
    entries: Sequence[Entry] = ()
    refusals: Sequence[Refusal] = ()
    principal: Principal | None = None
    jobs: Sequence[FailedJob] = ()
    execution: FailedExecution | None = None
    findings: Sequence[Mapping[str, Any]] = ()

    @property
    def name(self) -> str:
        """The thing's name."""
        return str(self.row["thing_name"])
