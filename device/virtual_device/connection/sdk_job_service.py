"""AWS IoT Jobs over MQTT: the only module that knows the SDK's client for it.

`IotJobsClientV2` costs memory and subscriptions, so a device has one only while it has a job. It
calls back on the event loop's thread; all answers are handed over to the reactor.
"""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from awscrt.mqtt_request_response import ClientOptions
from awsiot import V2ServiceException, iotjobs

from virtual_device.connection.job_service import UNREADABLE, Execution, Fault, Update

ANSWER_SECONDS = 15
SUBSCRIPTIONS = 4
"""Of the client at one time: to the answers to start-next, and to get and update of an
execution.
"""


class JobsService:
    """The service for one thing, over the device's own connection (`jobs.Service`)."""

    __slots__ = ("_client", "_post", "_thing")

    def __init__(
        self, connection: Any, thing_name: str, post: Callable[[Callable[[], None]], None]
    ) -> None:
        options = ClientOptions(SUBSCRIPTIONS, 0, ANSWER_SECONDS)
        self._client: Any = iotjobs.IotJobsClientV2(connection, options)
        self._thing, self._post = thing_name, post

    def close(self) -> None:
        """Give back what it costs."""
        self._client = None

    def start_next(
        self, step_minutes: int, done: Callable[[Execution | Fault | None], None]
    ) -> None:
        """Start the next pending execution, or get the one that is in progress."""
        request = iotjobs.StartNextPendingJobExecutionRequest(
            thing_name=self._thing, step_timeout_in_minutes=step_minutes
        )
        self._ask("start_next_pending_job_execution", request, _execution, done)

    def describe(
        self, job_id: str, number: int, done: Callable[[Execution | Fault | None], None]
    ) -> None:
        """An execution as it is now."""
        request = iotjobs.DescribeJobExecutionRequest(
            thing_name=self._thing,
            job_id=job_id,
            execution_number=number,
            include_job_document=False,
        )
        self._ask("describe_job_execution", request, _execution, done)

    def update(self, update: Update, done: Callable[[int | Fault], None]) -> None:
        """Report."""
        request = iotjobs.UpdateJobExecutionRequest(
            thing_name=self._thing,
            job_id=update.job_id,
            execution_number=update.number,
            expected_version=update.version,
            status=update.status,
            status_details=dict(update.details),
            step_timeout_in_minutes=update.step_minutes,
            include_job_execution_state=True,
        )
        self._ask("update_job_execution", request, _version, done)

    def _ask(
        self, operation: str, request: Any, read: Callable[[Any], Any], done: Callable[[Any], None]
    ) -> None:
        if self._client is None:
            return
        try:
            future = getattr(self._client, operation)(request)
        except Exception as error:  # noqa: BLE001 - bare exceptions, as ever with this library
            self._post(partial(self._hand_over, done, Fault(str(error))))
            return
        future.add_done_callback(
            lambda answer: self._post(partial(self._hand_over, done, _outcome(answer, read)))
        )

    def _hand_over(self, done: Callable[[Any], None], outcome: Any) -> None:
        if self._client is not None:
            done(outcome)


def _outcome(answer: "Future[Any]", read: Callable[[Any], Any]) -> Any:
    error = answer.exception()
    if error is not None:
        return _fault(error)
    try:
        return read(answer.result())
    except (AttributeError, TypeError, ValueError) as fault:
        return Fault(f"the answer can't be read: {fault}", UNREADABLE)


def _fault(error: BaseException) -> Fault:
    if not isinstance(error, V2ServiceException):
        return Fault(str(error))
    said, inner = error.modeled_error, error.inner_error
    if said is not None:
        state = said.execution_state
        status, version = (state.status, state.version_number) if state else (None, None)
        return Fault(f"{said.message} ({said.code})", str(said.code), status, version)
    # What awscrt reports has a name; all else comes from reading the answer.
    if hasattr(inner, "name") and hasattr(inner, "code"):
        return Fault(f"{inner.name}: {inner.message}")
    return Fault(f"the answer can't be read: {inner}", UNREADABLE)


def _execution(response: Any) -> Execution | None:
    found = response.execution
    if found is None or not found.job_id:
        return None
    details = {str(name): str(text) for name, text in (found.status_details or {}).items()}
    numbers = int(found.execution_number), int(found.version_number)
    return Execution(str(found.job_id), *numbers, str(found.status), found.job_document, details)


def _version(response: Any) -> int:
    return int(response.execution_state.version_number)
