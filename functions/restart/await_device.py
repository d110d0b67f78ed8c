"""AwaitDevice: the device's new task into the catalog, and the task token for the presence
function.

As with RecordStatus the device may be faster: whoever comes second answers the workflow. Here the
device counts only when it has connected with its new certificate; the old connection may still be
in the catalog.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr

from common.clients import CONFIG, session, transient_faults_named
from common.errors import RestartLost, TransientError
from common.observability import logger, observed
from common.workflow import report_online
from devices import wiring
from devices.catalog import Catalog
from devices.confinement import QUARANTINED, in_quarantine, is_connected
from holding.restart import restart_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
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


sfn_client = session.client("stepfunctions", config=CONFIG)
device_catalog = wiring.catalog()


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, bool]:
    """State AwaitDevice. Its answer is not the state's result: that is what the task token
    brings.
    """
    request = AwaitRequest.from_event(event)
    with transient_faults_named():
        there = await_device(request, device_catalog, sfn_client)
    logger.info("device is online" if there else "waiting for the device")
    return {"online": there}
