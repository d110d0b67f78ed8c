"""Step Functions as its callers see it: one answer per token, one execution per name."""

import json
from typing import Any

from tests.unit.doubles.service import MemoryService, Refusal


class MemoryWorkflows(MemoryService):
    """Executions that wait for a token."""

    def __init__(self) -> None:
        self.waiting: set[str] = set()
        self.answers: list[tuple[str, Any]] = []
        self.refused: list[str] = []
        self.failures: list[tuple[str, str, str]] = []
        self.started: dict[str, Any] = {}
        self.running: set[str] = set()

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> dict[str, Any]:  # noqa: A002, N803
        # Another input under the name of an execution is refused, the same one is not while it runs:
        # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        if arn in self.started:
            raise Refusal("ExecutionAlreadyExists", 400, arn)
        self.started[arn] = json.loads(input)
        return {"executionArn": arn, "startDate": 0}

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803
        return {"executionArn": executionArn, "status": "RUNNING" if executionArn in self.running else "ABORTED"}

    def send_task_failure(self, taskToken: str, error: str, cause: str) -> None:  # noqa: N803
        if taskToken not in self.waiting:
            self.refused.append(taskToken)
            raise Refusal("TaskTimedOut", 400, "Task Timed Out: 'Provided task does not exist anymore'")
        self.waiting.remove(taskToken)
        self.failures.append((taskToken, error, cause))

    def send_task_success(self, taskToken: str, output: str) -> None:  # noqa: N803 - AWS's name
        if taskToken not in self.waiting:
            self.refused.append(taskToken)
            raise Refusal("TaskTimedOut", 400, "Task Timed Out: 'Provided task does not exist anymore'")
        self.waiting.remove(taskToken)
        self.answers.append((taskToken, json.loads(output)))
