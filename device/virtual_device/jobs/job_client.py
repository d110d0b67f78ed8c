"""Jobs of AWS IoT: what is pending is taken in the queue's order, one at a time. A capability.

An idle device has three plain subscriptions: what is next changes (`notify-next`), and the answers
to the question what is next. The SDK's client for the rest (`jobs_service.py`) is made when there
is a job and given back when the queue is empty: a thousand idle devices shall not pay for a
thousand of them.
"""

from collections.abc import Sequence

from virtual_device.base.jsonvalue import Json, JsonObject, NotJsonError, read_object
from virtual_device.connection import topics
from virtual_device.connection.job_service import UNREADABLE, Execution, Fault, Service
from virtual_device.connection.transport import Message
from virtual_device.core.capability import Capability, Surroundings
from virtual_device.jobs.job_reports import STEP_MINUTES
from virtual_device.jobs.job_run import JobRun
from virtual_device.jobs.next_job import NextJob, summary

NOTIFY, ACCEPTED, REJECTED = KINDS = ("notify-next", "$next/get/accepted", "$next/get/rejected")


class JobClient(Capability):
    """One device's jobs."""

    __slots__ = ("_device", "_news", "_next", "_run", "_service", "_starting", "_unreadable")

    def __init__(self, surroundings: Surroundings) -> None:
        self._device = surroundings
        self._next = NextJob(surroundings, self._on_next)
        self._run: JobRun | None = None
        self._service: Service | None = None
        self._starting = self._news = self._unreadable = False

    @property
    def filters(self) -> Sequence[str]:
        """What is next, told and asked. Not `$next/get/+`: the SDK's client would take that
        back.
        """
        return [f"{topics.jobs(self._device.thing.name)}/{kind}" for kind in KINDS]

    def on_message(self, message: Message) -> bool:
        """Take what is the jobs'; answers to the SDK's client come by here too, and are its own
        business.
        """
        base = topics.jobs(self._device.thing.name) + "/"
        if not message.topic.startswith(base):
            return False
        kind = message.topic.removeprefix(base)
        if kind in KINDS:
            self._take(kind, message.payload)
        return True

    def on_ready(self) -> None:
        """Go on with the job under way, else ask what is next."""
        if self._run is None:
            self._next.ask()
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

    # --- what is next

    def _take(self, kind: str, payload: bytes) -> None:
        try:
            content = read_object(payload)
        except NotJsonError as error:
            self._device.tell("jobs message ignored", kind=kind, reason=str(error))
            if kind == NOTIFY:
                self._on_riddle()
            return
        if kind == NOTIFY:
            self._on_notified(content.get("execution"))
        else:
            self._next.take(content, accepted=kind == ACCEPTED)

    def _on_notified(self, execution: Json) -> None:
        if self._run is not None:
            mine = self._run.execution
            if _numbered(execution) != (mine.job_id, mine.number):
                self._run.check()
        elif self._starting:
            self._news = True  # the answer that is on its way may be older
        elif execution:
            self._next.stop()
            self._start_next()

    def _on_riddle(self) -> None:
        """What is next has changed, but to what can't be read, for the document stands in it."""
        if self._run is not None:
            self._run.check()
        elif self._starting:
            self._news = True
        else:
            self._next.ask()

    def _on_next(self, execution: Json) -> None:
        unreadable, self._unreadable = self._unreadable, False
        if not execution:
            self._next.forget_failures()
            self._rest()
        elif not unreadable:
            self._start_next()
        elif (found := summary(execution)) is not None:
            self._carry_out(found)  # it has no document now, and is rejected for that
        else:
            self._next.ask_later("an execution that can't be read")

    # --- taking it

    def _start_next(self) -> None:
        self._starting, self._news = True, False
        self._opened().start_next(STEP_MINUTES, self._on_started)

    def _on_started(self, answer: Execution | Fault | None) -> None:
        self._starting = False
        if isinstance(answer, Execution):
            self._next.forget_failures()
            self._carry_out(answer)
        elif isinstance(answer, Fault):
            self._unreadable = answer.code == UNREADABLE
            self._next.ask_later(answer.reason)
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
        self._next.stop()
        self._starting = self._news = False
        if self._service is not None:
            self._service.close()
            self._service = None


def _numbered(execution: Json) -> tuple[Json, Json]:
    return (
        (execution.get("jobId"), execution.get("executionNumber"))
        if isinstance(execution, dict)
        else (None, None)
    )
