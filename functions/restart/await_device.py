"""AwaitDevice: the device's new task into the catalog, and the task token for the presence function.

As with RecordStatus the device may be faster: whoever comes second answers the workflow. Here the device counts only
when it has connected with its new certificate; the old connection may still be in the catalog.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common import wiring
from common.catalog import Catalog
from common.clients import CONFIG, session, transient_faults_named
from common.errors import RestartLost
from common.observability import logger, observed
from common.quarantine import QUARANTINED, in_quarantine, is_connected
from common.workflow import report_failed, report_online
from restart.holding import update_held

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_stepfunctions import SFNClient


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


def await_device(request: AwaitRequest, catalog: Catalog, sfn: "SFNClient") -> bool:
    """Leave the token in the row, or use it at once; True when the device was there. Raises RestartLost."""
    row = update_held(
        catalog.table, request.thing_name, request.restart_arn, task_arn=request.task_arn, task_token=request.task_token
    )
    there = is_connected(row) and bool(row.get("presence_certificate") == row["next_certificate_id"])
    if there:
        report_online(sfn, request.task_token, QUARANTINED if in_quarantine(row) else "ONLINE")
        update_held(catalog.table, request.thing_name, request.restart_arn, remove=("task_token",))
    return there


sfn_client = session.client("stepfunctions", config=CONFIG)
device_catalog = wiring.catalog()


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, bool]:
    """State AwaitDevice. Its answer is not the state's result: that is what the task token brings."""
    request = AwaitRequest.from_event(event)
    with transient_faults_named():
        try:
            there = await_device(request, device_catalog, sfn_client)
        except RestartLost as lost:
            # On AWS the state fails with its function. The emulator goes on waiting for the token.
            report_failed(sfn_client, request.task_token, type(lost).__name__, str(lost))
            raise
    logger.info("device is online" if there else "waiting for the device")
    return {"online": there}
