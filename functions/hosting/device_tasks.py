"""What a device runs in, whichever it is: a task of its own, or a seat on a host.

Both carry the mark of the execution that made the device, whoever started them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.identifiers import owner_of
from hosting.board import Board
from hosting.seats import Seat

if TYPE_CHECKING:
    from types_boto3_ecs import ECSClient


REMOVED = "the playground removes this device"
RESTARTED = "the playground restarts this device"
OWN_REASONS = (REMOVED, RESTARTED)
"""Why the stack itself stops a task. The rule on stopped tasks passes over them, but for hosts."""
HOST_GROUP = "host:"
"""Before the host's name, in the group of its task: so a stopped task says that it was a host's."""


@dataclass(frozen=True)
class DeviceTasks:
    """Lists and stops them."""

    ecs: "ECSClient"
    cluster_arn: str
    board: Board

    def running(self, thing_name: str, owner: str) -> list[str]:
        """What still runs for the device with this mark: ARNs of tasks, and handles of seats.

        Look then whether the device is still yours to restart, and only then stop them: the task of
        a restart that has taken over would be among what is listed later.
        """
        pages = self.ecs.get_paginator("list_tasks").paginate(
            cluster=self.cluster_arn, startedBy=owner
        )
        found = [arn for page in pages for arn in page["taskArns"]]
        seat = self.board.seats.of(thing_name)
        return [*found, seat.handle] if seat is not None and seat.owner == owner else found

    def running_of(self, thing_name: str, execution_arn: str) -> list[str]:
        """The same, by the execution that made the device."""
        return self.running(thing_name, owner_of(execution_arn))

    def stop(self, task_arns: Iterable[str], reason: str) -> None:
        """Stop them, for one of the reasons above. ECS may list as running for a while what was
        stopped.
        """
        for task_arn in task_arns:
            seat = Seat.from_handle(task_arn)
            if seat is None:
                self.ecs.stop_task(cluster=self.cluster_arn, task=task_arn, reason=reason)
            else:
                self.board.leave(seat)
