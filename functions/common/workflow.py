"""Answers to a workflow that waits with a task token."""

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from common.clients import error_code

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

# The execution has ended, or has been answered already: nobody waits any more.
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
_NOBODY_WAITS = frozenset({"InvalidToken", "TaskDoesNotExist", "TaskTimedOut"})


def report_online(sfn: "SFNClient", task_token: str) -> bool:
    """Tell the waiting workflow that the device has connected; False when nobody waits any more."""
    try:
        sfn.send_task_success(taskToken=task_token, output=json.dumps({"status": "ONLINE"}))
    except ClientError as error:
        return _waits(error)
    return True


def report_removed(sfn: "SFNClient", task_token: str, thing_name: str) -> bool:
    """Tell the waiting workflow that its device will never connect; False when nobody waits any more."""
    try:
        sfn.send_task_failure(
            taskToken=task_token, error="OwnershipLost", cause=f"thingName: {thing_name} was removed while it was made"
        )
    except ClientError as error:
        return _waits(error)
    return True


def _waits(error: ClientError) -> bool:
    if error_code(error) in _NOBODY_WAITS:
        return False
    raise error
