"""RecordStatus of a restart: the device's new task into the catalog, and the task token for the
presence function.

As with a provisioning the device may be faster: whoever comes second answers the workflow. Here the
device counts only when it has connected with its new certificate; the old connection may still be
in the catalog.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr

from common.errors import RestartLost, TransientError
from common.workflow import report_online
from devices.catalog import Catalog
from devices.confinement import QUARANTINED, in_quarantine, is_connected
from holding.restart import restart_of

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

TRIES = 5


@dataclass(frozen=True)
class AwaitRequest:
    """The new task, and the token of the restart that waits."""

    thing_name: str
    restart_arn: str
    task_arn: str
    task_token: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "AwaitRequest":
        """From the state's payload."""
        return cls(event["thingName"], event["restart"], event["taskArn"], event["taskToken"])


# The latest connection is one with the new certificate, and it is still there.
_IN_QUARANTINE = Attr("status").eq(QUARANTINED) & Attr("presence_connected").eq(value=True)
_IS_THERE = Attr("presence_certificate").eq(Attr("next_certificate_id")) & (
    Attr("status").eq("ONLINE") | _IN_QUARANTINE
)


def await_device(request: AwaitRequest, catalog: Catalog, sfn: "SFNClient") -> bool:
    """Leave the token in the row, or use it at once; True when the device was there.

    The token is left only where the device is not there yet: so a write that comes late, or twice,
    leaves no token of a state that has ended. Raises RestartLost.
    """
    restart = restart_of(catalog.table, request.thing_name, request.restart_arn)
    for _ in range(TRIES):
        row = restart.update(task_arn=request.task_arn)
        if is_connected(row) and row.get("presence_certificate") == row["next_certificate_id"]:
            report_online(sfn, request.task_token, QUARANTINED if in_quarantine(row) else "ONLINE")
            return True
        with suppress(RestartLost):  # Or the device has come: the next look tells.
            restart.update(condition=~_IS_THERE, task_token=request.task_token)
            return False
    raise TransientError(f"{request.thing_name} keeps connecting and disconnecting")
