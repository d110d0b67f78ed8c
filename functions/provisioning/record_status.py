"""RecordStatus: completes the catalog row, and leaves the task token there for the presence
function.

The state waits until the device itself has connected. The device may be faster than this function:
the token is left only where it is not connected yet, in one write, so one of the two answers the
workflow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.errors import TransientError
from common.observability import Handler, logger, observed
from common.workflow import report_online
from devices import wiring
from devices.catalog import Catalog
from provisioning.await_device import AwaitRequest, await_device

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_stepfunctions import SFNClient

TRIES = 5


@dataclass(frozen=True)
class StatusRequest:
    """What the steps before made, and the token of the execution that waits."""

    thing_name: str
    execution_arn: str
    certificate_id: str
    task_arn: str
    """Empty of a device that is not virtual, as the cluster."""
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

    Raises OwnershipLost when the device was removed meanwhile: the state ends with it.
    """
    told = {
        "certificate_id": request.certificate_id,
        "task_arn": request.task_arn,
        "cluster_arn": request.cluster_arn,
        "image_digest": request.image_digest,
    }
    made: dict[str, Any] = {name: value for name, value in told.items() if value}
    for _ in range(TRIES):
        row = catalog.update(request.thing_name, request.execution_arn, **made)
        if row["status"] == "ONLINE":
            report_online(sfn, request.task_token)
            return "ONLINE"
        if catalog.await_device(request.thing_name, request.execution_arn, request.task_token):
            return str(row["status"])
    raise TransientError(f"{request.thing_name} keeps connecting and disconnecting")


def build(environment: Environment, session: "Session") -> Handler[dict[str, str]]:
    """State RecordStatus of both workflows; a restart's has `restart`. Its answer is not the
    state's result: that is what the task token brings.
    """
    sfn_client = session.client("stepfunctions", config=CONFIG)
    device_catalog = wiring.catalog(environment, session)

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
        with transient_faults_named():
            if "restart" in event:
                there = await_device(AwaitRequest.from_event(event), device_catalog, sfn_client)
                status = "ONLINE" if there else "AWAITED"
            else:
                status = record_status(StatusRequest.from_event(event), device_catalog, sfn_client)
        logger.info(
            "waiting for the device" if status != "ONLINE" else "device is online", status=status
        )
        return {"status": status}

    return handler


handler = observed(build(environment, session))
