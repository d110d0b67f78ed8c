"""Jobs of the stack's devices: AWS IoT Jobs, with documents that the devices know."""

import json
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.jsontext import read
from common.jsonvalues import NotJsonError
from playground.errors import UnknownJobError
from playground.home.homes import Home

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

ENDS = frozenset({"SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT", "REMOVED", "CANCELED"})
"""States that an execution never leaves (AWS IoT developer guide, "Job execution states")."""

MAX_STACK_CHARACTERS, MAX_OPERATION_CHARACTERS = 36, 18
"""Of 64 that a job id may have (AWS IoT API reference, CreateJob)."""

NOT_IN_AN_ID = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True)
class Execution:
    """A job on one device."""

    thing: str
    job_id: str
    status: str
    details: Mapping[str, str] = field(default_factory=dict)
    queued_at: Any = None
    started_at: Any = None
    updated_at: Any = None

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in ENDS


@dataclass(frozen=True)
class Job:
    """A job with its document and its executions."""

    job_id: str
    status: str
    document: Any
    targets: Sequence[str]
    created_at: Any
    executions: Sequence[Execution]


class Jobs:
    """The jobs of one home; their ids begin with the stack's name."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._iot: IoTClient = home.client("iot")
        self._prefix = home.stack_name[:MAX_STACK_CHARACTERS] + "-"

    def create(
        self,
        names: Sequence[str],
        document: Mapping[str, Any],
        minutes: int | None,
        presigned: Mapping[str, Any] | None = None,
    ) -> str:
        """Queue a job for these things, or for all devices when none is named; its id. Raises
        UnknownJobError.

        `presigned` is the presignedUrlConfig that a document with a placeholder for a URL needs.
        """
        operation = NOT_IN_AN_ID.sub("_", str(document.get("operation")))[:MAX_OPERATION_CHARACTERS]
        job_id = f"{self._prefix}{operation}-{uuid.uuid4().hex[:8]}"
        given: dict[str, Any] = (
            {"timeoutConfig": {"inProgressTimeoutInMinutes": minutes}} if minutes else {}
        )
        if presigned is not None:
            given["presignedUrlConfig"] = presigned
        targets = [self._thing_arn(name) for name in names] or [self._group_arn()]
        self._iot.create_job(jobId=job_id, targets=targets, document=json.dumps(document), **given)
        return job_id

    def ids(self) -> list[tuple[str, str, Any]]:
        """Id, status and time of creation of each of the stack's jobs, the newest first."""
        pages = self._iot.get_paginator("list_jobs").paginate()
        found = [
            (job["jobId"], job["status"], job["createdAt"])
            for page in pages
            for job in page["jobs"]
            if job["jobId"].startswith(self._prefix)
        ]
        return sorted(found, key=lambda row: row[2], reverse=True)

    def job(self, job_id: str) -> Job | None:
        """A job with the executions of all its things; None when there is none of that id."""
        try:
            found = self._iot.describe_job(jobId=job_id)["job"]
            text = self._iot.get_job_document(jobId=job_id)["document"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return None
        executions = self.executions(job_id)
        return Job(
            job_id,
            found["status"],
            _document(text),
            found["targets"],
            found["createdAt"],
            executions,
        )

    def executions(self, job_id: str, known: Sequence[Execution] = ()) -> list[Execution]:
        """The executions of a job by thing name; those of `known` that have ended aren't asked for
        again.
        """
        over = {one.thing: one for one in known if one.ended}
        pages = self._iot.get_paginator("list_job_executions_for_job").paginate(jobId=job_id)
        things = [
            row["thingArn"].rpartition("/")[2]
            for page in pages
            for row in page["executionSummaries"]
        ]
        return [over.get(thing) or self.execution(job_id, thing) for thing in sorted(things)]

    def of_thing(self, name: str) -> list[Execution]:
        """All executions of a thing, the newest first. Raises UnknownJobError when there is no such
        thing.
        """
        self._thing_arn(name)
        pages = self._iot.get_paginator("list_job_executions_for_thing").paginate(thingName=name)
        rows = [row for page in pages for row in page["executionSummaries"]]
        rows.sort(key=lambda row: row["jobExecutionSummary"]["queuedAt"], reverse=True)
        return [self.execution(row["jobId"], name) for row in rows]

    def execution(self, job_id: str, thing: str) -> Execution:
        """One execution."""
        found = self._iot.describe_job_execution(jobId=job_id, thingName=thing)["execution"]
        return Execution(
            thing,
            job_id,
            found["status"],
            found.get("statusDetails", {}).get("detailsMap", {}),
            found.get("queuedAt"),
            found.get("startedAt"),
            found.get("lastUpdatedAt"),
        )

    def wait(self, job_id: str, show: Callable[[Sequence[Execution]], None]) -> list[Execution]:
        """Show the executions whenever they change, until all have ended."""
        shown: list[Execution] = []
        while True:
            found = self.executions(job_id, shown)
            if found != shown:
                show(found)
            if found and all(one.ended for one in found):
                return found
            shown = found
            time.sleep(self._home.poll)

    def cancel(self, job_id: str, *, force: bool) -> None:
        """Cancel a job; with `force` also where it is in progress."""
        self._known(job_id)
        self._iot.cancel_job(jobId=job_id, force=force)

    def delete(self, job_id: str, *, force: bool) -> None:
        """Delete a job with its executions; with `force` also one that is in progress."""
        self._known(job_id)
        self._iot.delete_job(jobId=job_id, force=force)

    def _known(self, job_id: str) -> None:
        try:
            self._iot.describe_job(jobId=job_id)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            raise UnknownJobError(
                f"There is no job {job_id}: see `playground job list`."
            ) from error

    def _thing_arn(self, name: str) -> str:
        try:
            return self._iot.describe_thing(thingName=name)["thingArn"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            raise UnknownJobError(
                f"There is no job and no device {name}: see `playground list`."
            ) from error

    def _group_arn(self) -> str:
        return self._iot.describe_thing_group(thingGroupName=f"{self._home.stack_name}-devices")[
            "thingGroupArn"
        ]


def _document(text: str) -> Any:
    """A job's document; the text itself when that can't be read: anybody can make a job."""
    try:
        return read(text)
    except NotJsonError:
        return text
