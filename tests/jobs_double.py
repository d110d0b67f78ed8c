"""The AWS IoT Jobs service in memory, written from the developer guide, "Jobs device MQTT API
operations".

Shares no code with the device, so that a misreading there shows.
"""

import copy
import itertools
import time
from dataclasses import dataclass, field
from typing import Any

Answer = tuple[str, dict[str, Any]]
"""Last levels of the topic, below `jobs/`, and payload."""

OPEN = ("QUEUED", "IN_PROGRESS")


@dataclass
class Execution:
    """One of a thing's job executions."""

    job_id: str
    document: Any
    status: str = "QUEUED"
    version: int = 1
    details: dict[str, str] = field(default_factory=dict)
    step_minutes: int | None = None
    history: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """What the device has reported, in its order."""

    def view(self, *, document: bool = True) -> dict[str, Any]:
        """As the service's messages have it."""
        seen: dict[str, Any] = {
            "jobId": self.job_id,
            "status": self.status,
            "queuedAt": 1,
            "lastUpdatedAt": 1,
        }
        if self.details:
            seen["statusDetails"] = dict(self.details)
        seen |= {"versionNumber": self.version, "executionNumber": 1}
        return {**seen, "jobDocument": copy.deepcopy(self.document)} if document else seen

    def state(self) -> dict[str, Any]:
        """As the answer to an update has it."""
        return {
            "status": self.status,
            "statusDetails": dict(self.details),
            "versionNumber": self.version,
        }

    def step(self, status: str) -> None:
        """Another state, or the same once more."""
        self.status, self.version = status, self.version + 1


@dataclass
class Jobs:
    """One thing's queue."""

    executions: list[Execution] = field(default_factory=list)
    refuse: list[str] = field(default_factory=list)
    """Codes that the next requests are rejected with."""
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    # --- what a user does

    def create(self, document: Any) -> tuple[Execution, list[Answer]]:
        """Queue a job; the execution, and the notifications that follow."""
        before = self._next()
        execution = Execution(f"job-{next(self._ids)}", document)
        self.executions.append(execution)
        return execution, self._notified(before)

    def end(self, execution: Execution, status: str) -> list[Answer]:
        """Cancel it, or let it time out."""
        before = self._next()
        execution.step(status)
        return self._notified(before)

    def delete(self, execution: Execution) -> list[Answer]:
        """Delete it."""
        before = self._next()
        self.executions.remove(execution)
        return self._notified(before)

    # --- what a device asks

    def request(self, path: str, request: dict[str, Any]) -> list[Answer]:
        """Answers to a message on `jobs/<path>`, followed by notifications."""
        if self.refuse:
            return [_rejected(path, request, self.refuse.pop(0), "as the test wishes")]
        job_id, _, operation = path.rpartition("/")
        if operation == "start-next":
            return self._start_next(request)
        if job_id == "$next":
            return [_accepted(path, request, self._described(self._next(), request))]
        found = next(
            (execution for execution in self.executions if execution.job_id == job_id), None
        )
        if found is None:
            return [_rejected(path, request, "ResourceNotFound", f"{job_id} not found")]
        return (
            self._update(found, path, request)
            if operation == "update"
            else [self._get(found, path, request)]
        )

    def _start_next(self, request: dict[str, Any]) -> list[Answer]:
        found = self._next()
        if found is not None and found.status == "QUEUED":
            found.step("IN_PROGRESS")
        return [_accepted("start-next", request, self._described(found, request))]

    def _get(self, found: Execution, path: str, request: dict[str, Any]) -> Answer:
        if found.status not in OPEN:
            return _rejected(
                path, request, "TerminalStateReached", "it has reached a terminal state"
            )
        return _accepted(path, request, self._described(found, request))

    def _update(self, found: Execution, path: str, request: dict[str, Any]) -> list[Answer]:
        state = {"executionState": found.state()}
        if request.get("executionNumber", 1) != 1:
            return [_rejected(path, request, "ResourceNotFound", "no such execution")]
        if request.get("expectedVersion", found.version) != found.version:
            return [_rejected(path, request, "VersionMismatch", "another version", **state)]
        if found.status not in OPEN or request["status"] not in (
            "IN_PROGRESS",
            "SUCCEEDED",
            "FAILED",
            "REJECTED",
        ):
            return [
                _rejected(path, request, "InvalidStateTransition", f"it is {found.status}", **state)
            ]
        details = request.get("statusDetails", found.details)
        if len(details) > 10 or not all(
            0 < len(text) <= 1024 and text.isprintable() for text in details.values()
        ):
            return [_rejected(path, request, "InvalidRequest", "statusDetails")]
        before = self._next()
        found.step(request["status"])
        found.details, found.step_minutes = dict(details), request.get("stepTimeoutInMinutes")
        found.history.append((found.status, dict(details)))
        return [
            _accepted(path, request, {"executionState": found.state()}),
            *self._notified(before),
        ]

    def _next(self) -> Execution | None:
        running = [execution for execution in self.executions if execution.status == "IN_PROGRESS"]
        return next(
            iter([*running, *(one for one in self.executions if one.status == "QUEUED")]), None
        )

    def _notified(self, before: Execution | None) -> list[Answer]:
        after = self._next()
        if after is before:
            return []
        return [
            (
                "notify-next",
                {"timestamp": int(time.time()), **({"execution": after.view()} if after else {})},
            )
        ]

    @staticmethod
    def _described(execution: Execution | None, request: dict[str, Any]) -> dict[str, Any]:
        if execution is None:
            return {}
        return {"execution": execution.view(document=request.get("includeJobDocument", True))}


def _accepted(path: str, request: dict[str, Any], content: dict[str, Any]) -> Answer:
    return f"{path}/accepted", _echo(request, content)


def _rejected(path: str, request: dict[str, Any], code: str, message: str, **more: Any) -> Answer:
    return f"{path}/rejected", _echo(request, {"code": code, "message": message, **more})


def _echo(request: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    token = {"clientToken": request["clientToken"]} if "clientToken" in request else {}
    return {**token, "timestamp": int(time.time()), **content}
