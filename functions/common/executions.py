"""What Step Functions says of an execution.

Its answer may be older than what has just happened: an execution that was started a moment ago may
not be there yet.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html:
"eventually consistent"
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from common.clients import error_code

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient
    from types_boto3_stepfunctions.type_defs import (
        DescribeExecutionOutputTypeDef,
        HistoryEventTypeDef,
    )

# PENDING_REDRIVE too: somebody has asked for it to go on.
UNDER_WAY = frozenset({"RUNNING", "PENDING_REDRIVE"})

# AWS says "eventually" and names no time. It is seconds as a rule; nothing is lost by waiting much
# longer.
KNOWN_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True)
class Executions:
    """Whether an execution may still make or remove something."""

    sfn: "SFNClient"

    def described(self, arn: str) -> "DescribeExecutionOutputTypeDef | None":
        """None for one that Step Functions does not know: not yet, or, 90 days after its end, not
        any more."""
        try:
            return self.sfn.describe_execution(executionArn=arn)
        except ClientError as error:
            # An ARN of another kind (a sample event's) is that of no execution.
            if error_code(error) in ("ExecutionDoesNotExist", "InvalidArn"):
                return None
            raise

    def events(self, arn: str, most: int) -> "tuple[list[HistoryEventTypeDef], bool]":
        """The first events of its history, without data, and whether there are more; none for one
        as above."""
        try:
            found = self.sfn.get_execution_history(
                executionArn=arn, maxResults=most, includeExecutionData=False
            )
        except ClientError as error:
            if error_code(error) in ("ExecutionDoesNotExist", "InvalidArn"):
                return [], False
            raise
        return found["events"], "nextToken" in found

    def ended(self, arn: str | None, named_at: str | None) -> str | None:
        """The ARN itself where that execution has ended: should it hold anything, it does so for
        nobody."""
        return None if arn is None or self.running(arn, named_at) else arn

    def running(self, arn: str, named_at: str | None) -> bool:
        """False also for one that Step Functions has forgotten, 90 days after its end.

        `named_at`: when, or until when, somebody has written down that it is at work, as the
        catalog writes times; None: long ago. What Step Functions does not know is under way if that
        is not long ago.
        """
        found = self.described(arn)
        return just_named(named_at) if found is None else found["status"] in UNDER_WAY


def just_named(named_at: str | None) -> bool:
    """Whether an execution that was named then may have begun without Step Functions knowing of it
    yet."""
    if named_at is None:
        return False
    return datetime.now(UTC) - datetime.fromisoformat(named_at) < KNOWN_WITHIN
