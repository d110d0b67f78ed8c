"""What Step Functions says of an execution."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from common.clients import error_code

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

# PENDING_REDRIVE too: somebody has asked for it to go on.
UNDER_WAY = frozenset({"RUNNING", "PENDING_REDRIVE"})


@dataclass(frozen=True)
class Executions:
    """Whether an execution may still make or remove something."""

    sfn: "SFNClient"

    def ended(self, arn: str | None) -> str | None:
        """The ARN itself where that execution has ended: should it still hold anything, it does so for nobody."""
        return None if arn is None or self.running(arn) else arn

    def running(self, arn: str) -> bool:
        """False also for one that Step Functions has forgotten, 90 days after its end."""
        try:
            return self.sfn.describe_execution(executionArn=arn)["status"] in UNDER_WAY
        except ClientError as error:
            # An ARN of another kind (a sample event's) is that of no execution.
            if error_code(error) in ("ExecutionDoesNotExist", "InvalidArn"):
                return False
            raise
