"""What ECS calls a device's task and the stream of its log."""

CONTAINER = "virtual-device"
# As in the task definition: awslogs names a stream <prefix>/<container>/<task id>.
STREAM_PREFIX = "device"


def task_id_of(arn: str) -> str:
    """The id in a task's ARN."""
    return arn.rpartition("/")[2]


def stream_of(task_id: str) -> str:
    """The log stream of a task's device, in either home."""
    return f"{STREAM_PREFIX}/{CONTAINER}/{task_id}"
