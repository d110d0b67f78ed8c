"""The question which job is next, asked over plain topics until it is answered, and without the
job's document.
"""

import uuid
from collections.abc import Callable
from functools import partial

from virtual_device.base.jsonvalue import Json, encode
from virtual_device.base.timers import Cancellable
from virtual_device.connection import topics
from virtual_device.connection.job_service import FINAL, Execution
from virtual_device.connection.transport import Failure
from virtual_device.core.capability import Surroundings
from virtual_device.jobs.job_reports import pause

ANSWER_SECONDS = 15.0


class NextJob:
    """One device's question; `answered` is called with the execution, or with what stands in its
    place.
    """

    __slots__ = ("_answered", "_device", "_failures", "_timer", "_token")

    def __init__(self, device: Surroundings, answered: Callable[[Json], None]) -> None:
        self._device, self._answered = device, answered
        self._token: str | None = None
        self._timer: Cancellable | None = None
        self._failures = 0

    def ask(self) -> None:
        """Ask, and ask again until there is an answer or `stop`."""
        self.stop()
        self._token = token = uuid.uuid4().hex
        self._timer = self._device.after(ANSWER_SECONDS, partial(self._on_silence, token))
        topic = f"{topics.jobs(self._device.thing.name)}/$next/get"
        payload = encode({"includeJobDocument": False, "clientToken": token})
        self._device.publish(topic, payload, partial(self._on_published, token))

    def ask_later(self, reason: str) -> None:
        """Ask after a pause that grows until `forget_failures`."""
        self._device.tell("the request for jobs failed", reason=reason)
        self.stop()
        self._failures += 1
        self._timer = self._device.after(pause(self._failures), self.ask)

    def forget_failures(self) -> None:
        """It went well: the next pause is a short one again."""
        self._failures = 0

    def stop(self) -> None:
        """Don't ask, and don't wait for an answer."""
        self._token = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def take(self, content: dict[str, Json], *, accepted: bool) -> None:
        """An answer, perhaps to this question."""
        if self._token is None or content.get("clientToken") != self._token:
            return
        self.stop()
        if accepted:
            self._answered(content.get("execution"))
        elif str(content.get("code")) in FINAL:
            self._device.tell("jobs not asked for", reason=str(content.get("message")))
        else:
            self.ask_later(f"{content.get('message')} ({content.get('code')})")

    def _on_published(self, token: str, failure: Failure | None) -> None:
        if failure is not None and token == self._token:
            self.stop()
            if not failure.refused:  # what the policy forbids is asked again on the next connection
                self.ask_later(failure.reason)

    def _on_silence(self, token: str) -> None:
        if token == self._token:
            self.ask_later(f"no answer within {ANSWER_SECONDS:.0f} s")


def summary(execution: Json) -> Execution | None:
    """An execution without its document, as the answer has it; None when that can't be read."""
    match execution:
        case {
            "jobId": str(job),
            "executionNumber": int(number),
            "versionNumber": int(version),
            "status": str(status),
        }:
            return Execution(job, number, version, status)
    return None
