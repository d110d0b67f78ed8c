"""The stack's workflows, and the executions that the API starts and tells of."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.executions import Executions
from common.jsontext import read
from common.waiting import Patience
from explaining.states import iso, short

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient
    from types_boto3_stepfunctions.type_defs import (
        DescribeExecutionOutputTypeDef,
        HistoryEventTypeDef,
    )

PROVISION, DEPROVISION, RESTART = "provision-device", "deprovision-device", "restart-device"
QUARANTINE, RELEASE = "quarantine-device", "release-device"
PROVISION_FLEET, REMOVE_FLEET = "provision-fleet", "remove-fleet"
WORKFLOWS = (
    PROVISION,
    DEPROVISION,
    RESTART,
    QUARANTINE,
    RELEASE,
    PROVISION_FLEET,
    REMOVE_FLEET,
)
"""All that the API knows: how the names of their state machines end, behind the stack's."""

# How the names of executions begin that the API has started.
STARTED_HERE = "api-"

# Step Functions may not know yet what it was asked to start a moment ago.
UNTIL_KNOWN = Patience(3, 0.2, growth=2, longest=1)


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
        return Executions(self.sfn).described(execution_arn)

    def find(
        self, name: str, workflows: Iterable[str] = ()
    ) -> "tuple[str, DescribeExecutionOutputTypeDef] | None":
        """The workflow, of these or of all, that has an execution of that name, and its
        description.

        One that the API may have started a moment ago is looked for a while longer.
        """
        patience = UNTIL_KNOWN if name.startswith(STARTED_HERE) else Patience(0)
        for _ in patience.tries():
            for workflow in workflows or self.arns:
                found = self.described(self.execution_arn(workflow, name))
                if found is not None:
                    return workflow, found
        return None

    def events(self, execution_arn: str, most: int) -> "tuple[list[HistoryEventTypeDef], bool]":
        """The first events of its history, and whether there are more."""
        return Executions(self.sfn).events(execution_arn, most)

    def latest(self, workflow: str, most: int, status: Any = None) -> Sequence[Any]:
        """The latest executions of a workflow, the newest first, without input and output."""
        asked: dict[str, Any] = {"stateMachineArn": self.arns[workflow], "maxResults": most}
        if status is not None:
            asked["statusFilter"] = status
        return self.sfn.list_executions(**asked)["executions"]

    def definition(self, workflow: str) -> Any:
        """The state machine in Amazon States Language."""
        found = self.sfn.describe_state_machine(stateMachineArn=self.arns[workflow])
        return read(found["definition"])

    def start(self, workflow: str, given: str, name: str | None = None) -> str:
        """Start an execution with that input, JSON; gives its name.

        Raises ClientError ExecutionAlreadyExists when there is one of that name that has ended, or
        has another input.
        """
        name = name or f"{STARTED_HERE}{uuid.uuid4()}"
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
