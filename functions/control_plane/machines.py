"""The stack's workflows, and the executions that the API starts and tells of."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.clients import error_code
from common.moments import as_text

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient
    from types_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

PROVISION, DEPROVISION, RESTART = "provision-device", "deprovision-device", "restart-device"
QUARANTINE, RELEASE = "quarantine-device", "release-device"

# Texts of AWS and of functions, of which the beginning says what happened.
MAX_CAUSE = 1000


@dataclass(frozen=True)
class Machines:
    """State machine ARNs by the workflow's name without the stack's."""

    sfn: "SFNClient"
    arns: Mapping[str, str]

    def execution_arn(self, workflow: str, name: str) -> str:
        """ARN of the execution of that name."""
        return f"{self.arns[workflow].replace(':stateMachine:', ':execution:')}:{name}"

    def workflow_of(self, execution_arn: str) -> str | None:
        """Name of the workflow; None for an execution of no workflow of this stack."""
        for workflow in self.arns:
            if execution_arn.startswith(self.execution_arn(workflow, "")):
                return workflow
        return None

    def described(self, execution_arn: str) -> "DescribeExecutionOutputTypeDef | None":
        """What Step Functions says of it; None for one that it does not know (any more)."""
        try:
            return self.sfn.describe_execution(executionArn=execution_arn)
        except ClientError as error:
            if error_code(error) in ("ExecutionDoesNotExist", "InvalidArn"):
                return None
            raise

    def start(self, workflow: str, given: str, name: str | None = None) -> str:
        """Start an execution with that input, JSON; gives its name.

        Raises ClientError ExecutionAlreadyExists when there is one of that name that has ended, or has another input.
        """
        name = name or f"api-{uuid.uuid4()}"
        self.sfn.start_execution(stateMachineArn=self.arns[workflow], name=name, input=given)
        return name


def name_of(execution_arn: str) -> str:
    """The execution's own name."""
    return execution_arn.rpartition(":")[2]


def link(execution_arn: str) -> str:
    """Where the API tells of it."""
    return f"/v1/executions/{name_of(execution_arn)}"


def summary(workflow: str, found: Any) -> dict[str, Any]:
    """`ExecutionSummary` of the OpenAPI document, from DescribeExecution."""
    return {
        "executionName": name_of(found["executionArn"]),
        "workflow": workflow,
        "status": found["status"],
        "startedAt": iso(found["startDate"]),
        "stoppedAt": iso(found.get("stopDate")),
        "error": found.get("error"),
        "cause": short(found.get("cause")),
    }


def short(cause: str | None) -> str | None:
    """The beginning of a cause."""
    return cause[:MAX_CAUSE] if cause else None


def iso(at: datetime | None) -> str | None:
    """As the catalog writes times."""
    return as_text(at) if at else None
