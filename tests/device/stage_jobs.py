"""The SDK's client of the jobs service on the stage: a request is carried out at once, its answer
comes later.
"""

import json
from collections.abc import Callable
from typing import Any, Protocol

from tests.jobs_double import Answer, Jobs
from virtual_device.connection.job_service import UNREADABLE, Execution, Fault, Update


class Scene(Protocol):
    """What it needs of the stage."""

    jobs: Jobs
    connected: bool

    def post(self, call: Callable[[], None]) -> None:
        """Soon."""

    def mail_jobs(self, answers: list[Answer]) -> None:
        """Notifications, on their way."""


class StageJobs:
    """One client (`jobs.Service`)."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._open = True

    def start_next(
        self, step_minutes: int, done: Callable[[Execution | Fault | None], None]
    ) -> None:
        """Start it."""
        self._ask("start-next", {"stepTimeoutInMinutes": step_minutes}, _execution, done)

    def describe(
        self, job_id: str, number: int, done: Callable[[Execution | Fault | None], None]
    ) -> None:
        """Look at it."""
        self._ask(
            f"{job_id}/get",
            {"executionNumber": number, "includeJobDocument": False},
            _execution,
            done,
        )

    def update(self, update: Update, done: Callable[[int | Fault], None]) -> None:
        """Report."""
        request = {
            "status": update.status,
            "statusDetails": dict(update.details),
            "expectedVersion": update.version,
            "executionNumber": update.number,
            "stepTimeoutInMinutes": update.step_minutes,
        }
        self._ask(
            f"{update.job_id}/update",
            request,
            lambda answer: answer["executionState"]["versionNumber"],
            done,
        )

    def close(self) -> None:
        """No more answers."""
        self._open = False

    def _ask(
        self,
        path: str,
        request: dict[str, Any],
        read: Callable[[Any], Any],
        done: Callable[[Any], None],
    ) -> None:
        assert self._open
        if not self._scene.connected:
            self._scene.post(lambda: self._hand_over(done, Fault("no answer")))
            return
        (kind, answer), *notifications = self._scene.jobs.request(path, request)
        outcome = (
            read(json.loads(json.dumps(answer))) if kind.endswith("/accepted") else _fault(answer)
        )
        self._scene.post(lambda: self._hand_over(done, outcome))
        self._scene.mail_jobs(notifications)

    def _hand_over(self, done: Callable[[Any], None], outcome: Any) -> None:
        if self._open:
            done(outcome)


def _execution(answer: Any) -> Execution | Fault | None:
    found = answer.get("execution")
    if not found:
        return None
    try:
        return Execution(
            found["jobId"],
            found["executionNumber"],
            found["versionNumber"],
            found["status"],
            found.get("jobDocument"),
            found.get("statusDetails", {}),
        )
    except KeyError as error:
        return Fault(str(error), UNREADABLE)


def _fault(answer: Any) -> Fault:
    state = answer.get("executionState", {})
    return Fault(answer["message"], answer["code"], state.get("status"), state.get("versionNumber"))
