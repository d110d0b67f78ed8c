"""Executions as Step Functions tells of them, from the moment after their start.

What it tells may be older than what has just happened: one that was started a moment ago may not
be there yet.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.jsontext import read_or_none
from playground.devices.history import readable_cause, told
from playground.errors import WorkflowError

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

UNDER_WAY = ("RUNNING", "PENDING_REDRIVE")
UNKNOWN = ("ExecutionDoesNotExist", "InvalidArn")
"""Codes of AWS's: not there yet, forgotten 90 days after its end, or the ARN of something else."""

KNOWN_WITHIN_SECONDS = 120


@dataclass(frozen=True)
class Outcome:
    """How an execution ended: its output when it succeeded, else error and cause; in `seconds`."""

    status: str
    seconds: float
    output: Mapping[str, Any]
    error: str = ""
    cause: str = ""

    def require(self) -> Mapping[str, Any]:
        """The output. Raises WorkflowError with error name and cause when there is none."""
        if self.status == "SUCCEEDED":
            return self.output
        ended = f"The workflow ended as {self.status}. {told(self.error, self.cause)}"
        raise WorkflowError(ended.rstrip())


@dataclass(frozen=True)
class Execution:
    """One that has begun by now; for `KNOWN_WITHIN_SECONDS` it need not be known yet."""

    sfn: "SFNClient"
    arn: str
    since: float = field(default_factory=time.monotonic)

    def outcome(self) -> Outcome | None:
        """None while it goes on. Raises WorkflowError when nobody comes to know of it."""
        try:
            return outcome_of(self.sfn.describe_execution(executionArn=self.arn))
        except ClientError as error:
            if error.response["Error"]["Code"] not in UNKNOWN:
                raise
            if time.monotonic() - self.since < KNOWN_WITHIN_SECONDS:
                return None
            raise WorkflowError(
                f"Step Functions does not know the execution {self.arn}."
            ) from error

    def stop(self, cause: str) -> None:
        """Have it stopped, and what it has made undone: the stack does that after an abort."""
        self.sfn.stop_execution(executionArn=self.arn, error="Stopped", cause=cause)

    def events(self, *, data: bool = False) -> list[Mapping[str, Any]]:
        """Its history so far, with inputs and outputs if wanted."""
        try:
            return history(self.sfn, self.arn, data=data)
        except ClientError as error:
            if error.response["Error"]["Code"] not in UNKNOWN:
                raise
            return []


def history(sfn: "SFNClient", arn: str, *, data: bool = False) -> list[Mapping[str, Any]]:
    """All events of an execution."""
    pages = sfn.get_paginator("get_execution_history").paginate(
        executionArn=arn, includeExecutionData=data, PaginationConfig={"PageSize": 1000}
    )
    return [event for page in pages for event in page["events"]]


def outcome_of(execution: Mapping[str, Any]) -> Outcome | None:
    """The outcome in a DescribeExecution answer; None while it runs."""
    if execution["status"] in UNDER_WAY:
        return None
    seconds = (execution["stopDate"] - execution["startDate"]).total_seconds()
    found = read_or_none(execution.get("output"))
    output = found if isinstance(found, dict) else {}
    error, cause = execution.get("error", ""), readable_cause(execution.get("cause", ""))
    return Outcome(execution["status"], seconds, output, error, cause)
