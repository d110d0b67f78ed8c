"""Step Functions: executions, one per name, and task tokens with one answer each."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.unit.doubles.service import MemoryService, Refusal

BEGINNING = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)


@dataclass
class Execution:
    """One execution of a state machine."""

    status: str
    input: str = "{}"
    stop_date: datetime | None = None


class MemoryWorkflows(MemoryService):
    """Executions, and those of them that wait for a token."""

    def __init__(self) -> None:
        self.executions: dict[str, Execution] = {}
        self.waiting: set[str] = set()
        self.answers: list[tuple[str, Any]] = []
        self.refused: list[str] = []
        self.started: dict[str, Any] = {}
        self.histories: dict[str, list[dict[str, Any]]] = {}

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> dict[str, Any]:  # noqa: A002
        # Another input under the name of an execution is refused, the same one is not while it
        # runs:
        # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        if arn in self.started:
            raise Refusal("ExecutionAlreadyExists", 400, arn)
        self.started[arn] = json.loads(input)
        self.runs(arn, self.started[arn])
        return {"executionArn": arn, "startDate": 0}

    def runs(self, arn: str, asked: Any = None) -> None:
        """An execution with that ARN is under way."""
        self.executions[arn] = Execution("RUNNING", json.dumps(asked if asked is not None else {}))

    def ended(self, arn: str, status: str, at: datetime | None = None, asked: Any = None) -> None:
        """It has ended."""
        given = json.dumps(asked if asked is not None else {})
        self.executions[arn] = Execution(status, given, at or datetime.now(UTC))

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        execution = self.executions.get(executionArn)
        if execution is None and executionArn in self.started:
            execution = Execution("RUNNING", json.dumps(self.started[executionArn]))
        if execution is None:
            raise Refusal("ExecutionDoesNotExist", 400, executionArn)
        return {
            "executionArn": executionArn,
            "status": execution.status,
            "input": execution.input,
            "startDate": BEGINNING,
        } | ({"stopDate": execution.stop_date} if execution.stop_date else {})

    def get_execution_history(
        self,
        executionArn: str,
        maxResults: int,  # noqa: ARG002
        includeExecutionData: bool,  # noqa: FBT001
    ) -> dict[str, Any]:
        assert not includeExecutionData
        return {"events": self.histories.get(executionArn, [])}

    def list_executions(
        self,
        stateMachineArn: str,
        statusFilter: str | None = None,
    ) -> dict[str, Any]:
        prefix = stateMachineArn.replace(":stateMachine:", ":execution:") + ":"
        return {
            "executions": [
                {"executionArn": arn, "status": execution.status}
                | ({"stopDate": execution.stop_date} if execution.stop_date else {})
                for arn, execution in self.executions.items()
                if arn.startswith(prefix) and statusFilter in (None, execution.status)
            ]
        }

    def send_task_success(self, taskToken: str, output: str) -> None:
        self._answer_token(taskToken, json.loads(output))

    def send_task_failure(self, taskToken: str, error: str, cause: str) -> None:
        self._answer_token(taskToken, {"error": error, "cause": cause})

    def _answer_token(self, token: str, answer: Any) -> None:
        if token not in self.waiting:
            self.refused.append(token)
            raise Refusal(
                "TaskTimedOut", 400, "Task Timed Out: 'Provided task does not exist anymore'"
            )
        self.waiting.remove(token)
        self.answers.append((token, answer))
