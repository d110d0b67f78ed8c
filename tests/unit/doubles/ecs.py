"""ECS tasks: idempotent by client token, and able to run out of capacity."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.unit.doubles.service import MemoryService, Refusal


@dataclass
class RunningTask:
    """One task and how it was asked for."""

    cluster: str
    started_by: str
    client_token: str
    asked: dict[str, Any]
    desired_status: str = "RUNNING"
    last_status: str | None = None
    """Where it differs from what is desired, as while a task is being stopped."""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    stopped_at: datetime | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the container's environment is overridden with."""
        (override,) = self.asked["overrides"]["containerOverrides"]
        return {variable["name"]: variable["value"] for variable in override["environment"]}


class MemoryEcs(MemoryService):
    """Tasks of any cluster."""

    def __init__(self) -> None:
        self.tasks: dict[str, RunningTask] = {}
        self.no_capacity: list[str] = []
        self.listed_late: set[str] = set()
        """ARNs of tasks that ListTasks does not give yet: it is eventually consistent."""
        self.tells = True
        """Whether a conflict says which task there is."""

    def running(self) -> list[RunningTask]:
        """Those that nobody has stopped."""
        return [task for task in self.tasks.values() if task.desired_status == "RUNNING"]

    def list_tasks(self, cluster: str, startedBy: str | None = None) -> dict[str, Any]:
        found = [
            arn
            for arn, task in self.tasks.items()
            if (task.cluster, task.desired_status) == (cluster, "RUNNING")
            and startedBy in (None, task.started_by)
            and arn not in self.listed_late
        ]
        return {"taskArns": found}

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict[str, Any]:
        found = [
            (arn, self.tasks[arn])
            for arn in tasks
            if arn in self.tasks and self.tasks[arn].cluster == cluster
        ]
        return {
            "tasks": [
                {
                    "taskArn": arn,
                    "startedBy": task.started_by,
                    "lastStatus": task.last_status or task.desired_status,
                    "overrides": task.asked.get("overrides", {}),
                    "createdAt": task.created_at,
                    **({"stoppedAt": task.stopped_at} if task.stopped_at else {}),
                }
                for arn, task in found
            ]
        }

    def run_task(
        self,
        cluster: str,
        startedBy: str,
        clientToken: str,
        **asked: Any,
    ) -> dict[str, Any]:
        # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
        if len(clientToken) > 64 or len(startedBy) > 128:
            raise Refusal("InvalidParameterException")
        if self.no_capacity:
            return {
                "tasks": [],
                "failures": [{"arn": "a", "reason": reason} for reason in self.no_capacity],
            }
        for arn, task in self.tasks.items():
            if task.client_token == clientToken:
                # The same token with other parameters is a conflict, and says with what.
                if task.asked != asked:
                    raise Refusal(
                        "ConflictException", 400, "", resourceIds=[arn] if self.tells else []
                    )
                return {"tasks": [{"taskArn": arn}], "failures": []}
        arn = f"arn:aws:ecs:eu-west-1:123456789012:task/devices/{len(self.tasks):032x}"
        self.tasks[arn] = RunningTask(cluster, startedBy, clientToken, asked)
        return {"tasks": [{"taskArn": arn}], "failures": []}

    def stop_task(self, cluster: str, task: str, reason: str) -> None:
        if task not in self.tasks or self.tasks[task].cluster != cluster:
            raise Refusal(
                "InvalidParameterException", 400, f"The referenced task was not found ({reason})"
            )
        self.tasks[task].desired_status = "STOPPED"
