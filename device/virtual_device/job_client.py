"""Jobs of AWS IoT: what is pending is taken in the queue's order, one at a time. A capability.

An idle device has three plain subscriptions: what is next changes (`notify-next`), and the answers to the question
what is next. The SDK's client for the rest (`jobs_service.py`) is made when there is a job and given back when
the queue is empty: a thousand idle devices shall not pay for a thousand of them.
"""

import random
import uuid
from collections.abc import Sequence
from functools import partial

from virtual_device import topics
from virtual_device.capability import Capability, Surroundings
from virtual_device.job_run import FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS, STEP_MINUTES, JobRun
from virtual_device.jobs import FINAL, UNREADABLE, Execution, Fault, Service
from virtual_device.jsonvalue import Json, JsonObject, NotJsonError, decode_object, encode
from virtual_device.timers import Cancellable
from virtual_device.transport import Failure, Message

ANSWER_SECONDS = 15.0


class JobClient(Capability):
    """One device's jobs."""

    __slots__ = ("_device", "_failures", "_news", "_run", "_service", "_starting", "_timer", "_token", "_unreadable")

    def __init__(self, surroundings: Surroundings) -> None:
        self._device = surroundings
        self._run: JobRun | None = None
        self._service: Service | None = None
        self._token: str | None = None
        self._timer: Cancellable | None = None
        self._failures = 0
        self._starting = self._news = self._unreadable = False

    @property
    def filters(self) -> Sequence[str]:
        """What is next, told and asked. Not `$next/get/+`: the SDK's client would take that back."""
        base = topics.jobs(self._device.thing.name)
        return f"{base}/notify-next", f"{base}/$next/get/accepted", f"{base}/$next/get/rejected"

    def on_message(self, message: Message) -> bool:
        """Take what is the jobs'; answers to the SDK's client come by here too, and are its own business."""
        base = topics.jobs(self._device.thing.name) + "/"
        if not message.topic.startswith(base):
            return False
        kind = message.topic.removeprefix(base)
        if kind in ("notify-next", "$next/get/accepted", "$next/get/rejected"):
            try:
                self._take(kind, decode_object(message.payload))
            except NotJsonError as error:
                self._device.tell("jobs message ignored", kind=kind, reason=str(error))
                if kind == "notify-next":
                    self._on_riddle()
        return True

    def on_ready(self) -> None:
        """Go on with the job under way, else ask what is next."""
        if self._run is None:
            self._ask()
        else:
            self._run.on_ready(self._opened())

    def on_disconnected(self) -> None:
        """Every answer is gone with the connection."""
        self._rest()
        if self._run is not None:
            self._run.on_disconnected()

    def on_settings(self, before: JsonObject) -> None:
        """The job under way may have waited for that."""
        if self._run is not None:
            self._run.on_settings(before)

    def _take(self, kind: str, content: dict[str, Json]) -> None:
        if kind == "notify-next":
            self._on_notified(content.get("execution"))
        elif self._token is not None and content.get("clientToken") == self._token:
            self._stop_asking()
            if kind == "$next/get/accepted":
                self._on_next(content.get("execution"))
            else:
                self._on_refused(Fault(f"{content.get('message')} ({content.get('code')})", str(content.get("code"))))

    def _on_notified(self, execution: Json) -> None:
        if self._run is not None:
            mine = self._run.execution
            if _numbered(execution) != (mine.job_id, mine.number):
                self._run.check()
        elif self._starting:
            self._news = True  # the answer that is on its way may be older
        elif execution:
            self._stop_asking()
            self._start_next()

    def _on_riddle(self) -> None:
        """What is next has changed, but to what can't be read, for the document stands in it."""
        if self._run is not None:
            self._run.check()
        elif self._starting:
            self._news = True
        else:
            self._ask()

    # --- asking what is next

    def _ask(self) -> None:
        self._stop_asking()
        self._token = token = uuid.uuid4().hex
        self._timer = self._device.after(ANSWER_SECONDS, partial(self._on_silence, token))
        topic = f"{topics.jobs(self._device.thing.name)}/$next/get"
        payload = encode({"includeJobDocument": False, "clientToken": token})
        self._device.publish(topic, payload, partial(self._on_asked, token))

    def _on_asked(self, token: str, failure: Failure | None) -> None:
        if failure is not None and token == self._token:
            self._stop_asking()
            if not failure.refused:  # what the policy forbids is asked again on the next connection
                self._ask_later(failure.reason)

    def _on_silence(self, token: str) -> None:
        if token == self._token:
            self._ask_later(f"no answer within {ANSWER_SECONDS:.0f} s")

    def _on_next(self, execution: Json) -> None:
        self._failures = 0
        if not execution:
            self._unreadable = False
            self._rest()
        elif not self._unreadable:
            self._start_next()
        elif (found := _summary(execution)) is not None:
            self._unreadable = False
            self._carry_out(found)
        else:
            self._ask_later("an execution that can't be read")

    def _on_refused(self, fault: Fault) -> None:
        if fault.code in FINAL:
            self._device.tell("jobs not asked for", reason=fault.reason)
            self._rest()
        else:
            self._ask_later(fault.reason)

    def _ask_later(self, reason: str) -> None:
        self._device.tell("jobs asked for in vain", reason=reason)
        self._stop_asking()
        limit = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        self._timer = self._device.after(random.uniform(0, limit), self._ask)  # noqa: S311 - jitter, no secret

    def _stop_asking(self) -> None:
        self._token = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- taking it

    def _start_next(self) -> None:
        self._starting, self._news = True, False
        self._opened().start_next(STEP_MINUTES, self._on_started)

    def _on_started(self, answer: Execution | Fault | None) -> None:
        self._starting = False
        if isinstance(answer, Execution):
            self._failures = 0
            self._carry_out(answer)
        elif isinstance(answer, Fault):
            # Without its document it can be read, and then rejected.
            self._unreadable = answer.code == UNREADABLE
            self._ask_later(answer.reason)
        elif self._news:
            self._start_next()
        else:
            self._rest()

    def _carry_out(self, execution: Execution) -> None:
        self._run = JobRun(execution, self._device, self._on_over)
        self._run.begin(self._opened())

    def _on_over(self) -> None:
        self._run = None
        self._start_next()

    def _opened(self) -> Service:
        if self._service is None:
            self._service = self._device.open_jobs()
        return self._service

    def _rest(self) -> None:
        """Nothing is pending, or there is no connection: cost nothing."""
        self._stop_asking()
        self._starting = self._news = False
        if self._service is not None:
            self._service.close()
            self._service = None


def _numbered(execution: Json) -> tuple[Json, Json]:
    return (execution.get("jobId"), execution.get("executionNumber")) if isinstance(execution, dict) else (None, None)


def _summary(execution: Json) -> Execution | None:
    """An execution without its document, as the answer to `$next/get` has it."""
    if not isinstance(execution, dict):
        return None
    match execution:
        case {"jobId": str(job), "executionNumber": int(number), "versionNumber": int(version), "status": str(status)}:
            return Execution(job, number, version, status)
    return None
