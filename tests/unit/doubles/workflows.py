"""Step Functions as a task token sees it: one answer per token."""

import json
from typing import Any

from tests.unit.doubles.service import MemoryService, Refusal


class MemoryWorkflows(MemoryService):
    """Executions that wait for a token."""

    def __init__(self) -> None:
        self.waiting: set[str] = set()
        self.answers: list[tuple[str, Any]] = []
        self.refused: list[str] = []

    def send_task_success(self, taskToken: str, output: str) -> None:  # noqa: N803 - AWS's name
        if taskToken not in self.waiting:
            self.refused.append(taskToken)
            raise Refusal("TaskTimedOut", 400, "Task Timed Out: 'Provided task does not exist anymore'")
        self.waiting.remove(taskToken)
        self.answers.append((taskToken, json.loads(output)))
