"""Answers to a workflow that waits with a task token."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from common.clients import error_code

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

# The execution has ended, or has been answered already: nobody waits any more.
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
_NOBODY_WAITS = frozenset({"InvalidToken", "TaskDoesNotExist", "TaskTimedOut"})


def report_online(sfn: "SFNClient", task_token: str, status: str = "ONLINE") -> bool:
    """Tell the waiting workflow that the device has connected, and its status; False when nobody
    waits any more.
    """
    return _answered(
        lambda: sfn.send_task_success(taskToken=task_token, output=json.dumps({"status": status}))
    )


def report_failed(sfn: "SFNClient", task_token: str, error: str, cause: str) -> bool:
    """Tell the waiting workflow that the device will not come; False when nobody waits any more."""
    return _answered(lambda: sfn.send_task_failure(taskToken=task_token, error=error, cause=cause))


def report_removed(sfn: "SFNClient", task_token: str, thing_name: str) -> bool:
    """Tell the waiting workflow that its device was removed; False when nobody waits any more."""
    return report_failed(
        sfn, task_token, "OwnershipLost", f"thingName: {thing_name} was removed while it was made"
    )


def _answered(send: Callable[[], object]) -> bool:
    try:
        send()
    except ClientError as error:
        if error_code(error) in _NOBODY_WAITS:
            return False
        raise
    return True
