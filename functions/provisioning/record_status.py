"""RecordStatus: completes the catalog row, and leaves the task token there for the presence function.

The state waits until the device itself has connected. The device may be faster than this function: whoever of the two
writes last into the row finds what the other has written, and answers the workflow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common import wiring
from common.catalog import Catalog
from common.clients import CONFIG, session, transient_faults_named
from common.errors import OwnershipLost
from common.observability import logger, observed
from common.workflow import report_online, report_removed

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_stepfunctions import SFNClient


@dataclass(frozen=True)
class StatusRequest:
    """What the steps before made, and the token of the execution that waits."""

    thing_name: str
    execution_arn: str
    certificate_id: str
    task_arn: str
    cluster_arn: str
    task_token: str
    image_digest: str | None = None

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "StatusRequest":
        """From the state's payload."""
        return cls(
            event["thingName"],
            event["execution"],
            event["certificateId"],
            event["taskArn"],
            event["clusterArn"],
            event["taskToken"],
            event.get("imageDigest"),
        )


def record_status(request: StatusRequest, catalog: Catalog, sfn: "SFNClient") -> str:
    """Write the row; answer the workflow at once if the device is online already. Gives the status.

    Raises OwnershipLost when the device was removed meanwhile, after it has told the workflow so: not every home tells
    a state that waits for its token that its function has failed.
    """
    image: dict[str, Any] = {"image_digest": request.image_digest} if request.image_digest else {}
    try:
        row = catalog.update(
            request.thing_name,
            request.execution_arn,
            certificate_id=request.certificate_id,
            task_arn=request.task_arn,
            cluster_arn=request.cluster_arn,
            task_token=request.task_token,
            **image,
        )
    except OwnershipLost:
        report_removed(sfn, request.task_token, request.thing_name)
        raise
    if row["status"] == "ONLINE":
        report_online(sfn, request.task_token)
        catalog.update(request.thing_name, request.execution_arn, remove=("task_token",))
    return str(row["status"])


sfn_client = session.client("stepfunctions", config=CONFIG)
device_catalog = wiring.catalog()


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
    """State RecordStatus. Its answer is not the state's result: that is what the task token brings."""
    request = StatusRequest.from_event(event)
    with transient_faults_named():
        status = record_status(request, device_catalog, sfn_client)
    logger.info("waiting for the device" if status != "ONLINE" else "device is online", status=status)
    return {"status": status}
