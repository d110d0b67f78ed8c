"""The tasks of one device: all carry the mark of the execution that made it, whoever started
them.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from common.identifiers import owner_of

if TYPE_CHECKING:
    from types_boto3_ecs import ECSClient

# The rule on stopped tasks passes over it.
STOP_REASON = "the playground restarts this device"


def running_tasks(ecs: "ECSClient", cluster_arn: str, execution_arn: str) -> list[str]:
    """ARNs of what still runs for the device that this execution has made.

    Look then whether the device is still yours to restart, and only then stop them: the task of a
    restart that has taken over would be among what is listed later.
    """
    return ecs.list_tasks(cluster=cluster_arn, startedBy=owner_of(execution_arn))["taskArns"]


def stop_tasks(ecs: "ECSClient", cluster_arn: str, task_arns: Iterable[str]) -> None:
    """Stop them. ECS may list them as running a while longer."""
    for task_arn in task_arns:
        ecs.stop_task(cluster=cluster_arn, task=task_arn, reason=STOP_REASON)
