"""The tasks of one device: all carry the mark of the execution that made it, whoever started them."""

from typing import TYPE_CHECKING

from common.identifiers import owner_of

if TYPE_CHECKING:
    from types_boto3_ecs import ECSClient

# The rule on stopped tasks passes over it.
STOP_REASON = "the playground restarts this device"


def stop_tasks(ecs: "ECSClient", cluster_arn: str, execution_arn: str) -> list[str]:
    """Stop whatever still runs; gives the ARNs. ECS may list them as running a while longer."""
    running = ecs.list_tasks(cluster=cluster_arn, startedBy=owner_of(execution_arn))["taskArns"]
    for task_arn in running:
        ecs.stop_task(cluster=cluster_arn, task=task_arn, reason=STOP_REASON)
    return running
