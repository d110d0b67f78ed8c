"""What ECS says about device tasks, and the few things the agent tells it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from playground.devices.task_names import CONTAINER, task_id_of
from playground.home.homes import Home
from playground.local.identities import Owner

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_ecs import ECSClient

DESCRIBE_MOST = 100  # tasks in one DescribeTasks call
# As in functions/provisioning/start_task.py: which image the task was started with
# (docs/contracts.md).
IMAGE_VARIABLE = "IMAGE_DIGEST"
OWNER_ATTRIBUTES = (
    "thing_name",
    "task_arn",
    "certificate_id",
    "next_certificate_id",
    "hosting",
    "given_up_at",
)


@dataclass(frozen=True)
class DeviceTask:
    """One task. `interrupted`: wanted, but stopped, which is how the emulator brings tasks back
    after a restart.
    """

    arn: str
    env: Mapping[str, str]
    interrupted: bool = False
    started_by: str = ""
    definition: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    """All of the above and the rest, as ECS says it."""

    @property
    def task_id(self) -> str:
        """Last part of the ARN."""
        return task_id_of(self.arn)


def container_env(
    definition: Mapping[str, Any], overrides: Mapping[str, Any], container: str = CONTAINER
) -> dict[str, str]:
    """A container's environment: what its definition says, then what the task overrides."""
    env: dict[str, str] = {}
    for source in (
        definition.get("containerDefinitions", []),
        overrides.get("containerOverrides", []),
    ):
        for entry in source:
            if entry.get("name") == container:
                env |= {pair["name"]: pair["value"] for pair in entry.get("environment", [])}
    return env


@dataclass
class TaskBook:
    """Reads tasks from ECS. Task definitions never change, so each is read once."""

    home: Home
    cluster: str
    _definitions: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ecs: ECSClient = self.home.client("ecs")

    def describe(self, arns: Iterable[str]) -> list[DeviceTask]:
        """The tasks of these ARNs; those that are gone are left out."""
        wanted = list(arns)
        found: list[DeviceTask] = []
        for start in range(0, len(wanted), DESCRIBE_MOST):
            answer = self._ecs.describe_tasks(
                cluster=self.cluster, tasks=wanted[start : start + DESCRIBE_MOST]
            )
            found += [self._task(task) for task in answer["tasks"]]
        return found

    def stop(self, arn: str, reason: str) -> None:
        """Stop a task whose device is gone for good."""
        self._ecs.stop_task(cluster=self.cluster, task=arn, reason=reason[:255])

    def run_again(self, task: DeviceTask) -> str:
        """Run an interrupted task as a new one, and have the catalog point at that. Gives the new
        ARN.
        """
        answer = self._ecs.run_task(
            cluster=self.cluster,
            taskDefinition=self.home.output("DeviceTaskDefinitionArn"),
            overrides=task.overrides,  # type: ignore[arg-type]
            startedBy=task.started_by,
            group=task.state.get("group", ""),
        )
        arn = answer["tasks"][0]["taskArn"]
        self._move_row(task.arn, arn)
        return arn

    def owners(self) -> list[Owner]:
        """The devices of the catalog that are not gone."""
        client: DynamoDBClient = self.home.client("dynamodb")
        pages = client.get_paginator("scan").paginate(
            TableName=self.home.output("DeviceCatalogTableName"),
            ConsistentRead=True,
            ProjectionExpression=", ".join(("#status", *OWNER_ATTRIBUTES)),
            ExpressionAttributeNames={"#status": "status"},
        )
        rows = (
            {name: value["S"] for name, value in item.items()}
            for page in pages
            for item in page["Items"]
        )
        return [owner for owner in map(Owner.from_row, rows) if owner is not None]

    def _move_row(self, old: str, new: str) -> None:
        table = self.home.output("DeviceCatalogTableName")
        client: DynamoDBClient = self.home.client("dynamodb")
        found = client.query(
            TableName=table,
            IndexName="task_arn",
            KeyConditionExpression="task_arn = :old",
            ExpressionAttributeValues={":old": {"S": old}},
        )
        for row in found["Items"]:
            client.update_item(
                TableName=table,
                Key={"thing_name": row["thing_name"]},
                UpdateExpression="SET task_arn = :new",
                ConditionExpression="task_arn = :old",
                ExpressionAttributeValues={":new": {"S": new}, ":old": {"S": old}},
            )

    def _task(self, task: Mapping[str, Any]) -> DeviceTask:
        definition = task["taskDefinitionArn"]
        if definition not in self._definitions:
            answer = self._ecs.describe_task_definition(taskDefinition=definition)
            self._definitions[definition] = answer["taskDefinition"]
        overrides = task.get("overrides", {})
        return DeviceTask(
            arn=task["taskArn"],
            env=container_env(self._definitions[definition], overrides),
            interrupted=task["lastStatus"] == "STOPPED" and task["desiredStatus"] == "RUNNING",
            started_by=task.get("startedBy", ""),
            definition=definition,
            overrides=overrides,
            state=task,
        )
