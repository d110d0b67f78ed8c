"""ECS's task state events, which the emulator does not send: handed to the function that AWS's rule
would call.

EventBridge lets nobody but AWS publish events of the source `aws.ecs`, and the emulator neither, so
the agent does what the rule in template.yaml does: it looks at the reason, and calls the function.
"""

import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from playground.home.homes import Home

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_lambda import LambdaClient

log = logging.getLogger("agent")

FUNCTION = "TaskStoppedFunction"
HOST_GROUP = "host:"
# As in the rule: what the stack itself says when it stops a task (contracts.md).
OWN_REASONS = ("the playground removes this device", "the playground restarts this device")


def task_event(task: Mapping[str, Any], home: Home) -> dict[str, Any]:
    """The event of a task that was stopped, from what DescribeTasks says of it.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "account": home.account,
        "time": now,
        "region": home.region,
        "resources": [task["taskArn"]],
        "detail": {
            "clusterArn": task.get("clusterArn", ""),
            "taskArn": task["taskArn"],
            "startedBy": task.get("startedBy", ""),
            "group": task.get("group", ""),
            "desiredStatus": "STOPPED",
            "lastStatus": "STOPPED",
            "stopCode": task.get("stopCode", ""),
            "stoppedReason": task.get("stoppedReason", ""),
            "stoppedAt": now,
        },
    }


@dataclass
class TaskEvents:
    """Events about tasks, kept until they are delivered."""

    home: Home
    waiting: list[Mapping[str, Any]] = field(default_factory=list)

    def stopped(self, task: Mapping[str, Any]) -> None:
        """Note that a task was stopped, unless the stack itself has stopped it. Of a host's task
        somebody needs to be told in any case.
        """
        is_a_hosts = task.get("group", "").startswith(HOST_GROUP)
        if is_a_hosts or task.get("stoppedReason") not in OWN_REASONS:
            self.waiting.append(task_event(task, self.home))

    def deliver(self) -> None:
        """Hand over what waits. Raises what the emulator's absence raises, and keeps the rest."""
        while self.waiting:
            event = self.waiting[0]
            client: LambdaClient = self.home.client("lambda")
            try:
                client.invoke(
                    FunctionName=self._function, InvocationType="Event", Payload=json.dumps(event)
                )
            except ClientError as error:
                # It will not be taken another time either. The next start of the agent looks again
                # for such devices.
                log.warning(
                    "nobody was told that task %s was stopped: %s", event["resources"][0], error
                )
            else:
                log.info("told that task %s was stopped", event["resources"][0])
            self.waiting.pop(0)

    @cached_property
    def _function(self) -> str:
        client: CloudFormationClient = self.home.client("cloudformation")
        found = client.describe_stack_resource(
            StackName=self.home.stack_name, LogicalResourceId=FUNCTION
        )
        return found["StackResourceDetail"]["PhysicalResourceId"]
