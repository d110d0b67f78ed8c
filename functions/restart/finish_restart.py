"""FinishRestart: the old certificate is revoked and deleted, the new one comes into force, the device is let go.

In this order, so that at any interruption the catalog names every certificate that may be there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common import wiring
from common.catalog import OF_A_SUCCESSION, Catalog, now
from common.certificates import remove_patiently
from common.clients import CONFIG, session, transient_faults_named
from common.observability import logger, metrics, observed
from restart.holding import update_held

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_iot import IoTClient


@dataclass(frozen=True)
class FinishRequest:
    """The restart that is done, and what its device has come back with: the certificate, and the image's digest."""

    thing_name: str
    restart_arn: str
    certificate_id: str
    certificate_arn: str
    image_digest: str | None = None

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "FinishRequest":
        """From the state's payload."""
        return cls(
            event["thingName"],
            event["restart"],
            event["certificateId"],
            event["certificateArn"],
            event.get("imageDigest"),
        )


def finish_restart(request: FinishRequest, catalog: Catalog, iot: "IoTClient") -> None:
    """Repeatable. Raises RestartLost when the device is being deleted, which then removes both certificates."""
    row = catalog.row(request.thing_name) or {}
    if row.get("certificate_id") == request.certificate_id and "restarting" not in row:
        return  # An earlier attempt whose answer was lost.
    if "certificate_arn" in row and row["certificate_arn"] != request.certificate_arn:
        remove_patiently(iot, request.thing_name, row["certificate_arn"])
    image: dict[str, Any] = {"image_digest": request.image_digest} if request.image_digest else {}
    update_held(
        catalog.table,
        request.thing_name,
        request.restart_arn,
        remove=(*OF_A_SUCCESSION, "restarting", "status_reason"),
        certificate_id=request.certificate_id,
        certificate_arn=request.certificate_arn,
        certificate_created_at=now(),
        restarted_at=now(),
        **image,
    )


iot_client = session.client("iot", config=CONFIG)
device_catalog = wiring.catalog()


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
    """State FinishRestart. Gives `{certificateId}`, the one in force."""
    request = FinishRequest.from_event(event)
    with transient_faults_named():
        finish_restart(request, device_catalog, iot_client)
    metrics.add_metric("DevicesRestarted", unit="Count", value=1)
    logger.info("device restarted", certificate_id=request.certificate_id)
    return {"certificateId": request.certificate_id}
