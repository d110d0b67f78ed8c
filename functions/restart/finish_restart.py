"""FinishRestart: the new certificate comes into force, the old one goes, the device is let go.

In this order, each step written down before it is done: at any interruption the catalog names every
certificate that may be there, and of a restart that is being undone meanwhile nothing is deleted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.certificates import remove_patiently
from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.errors import RestartLost
from common.moments import now
from common.observability import Handler, logger, metrics, observed
from common.row import OF_A_SUCCESSION, Row
from devices import wiring
from devices.catalog import Catalog
from holding.conditions import is_held
from holding.hold import Hold
from holding.purposes import Purpose
from holding.restart import restart_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_iot import IoTClient


@dataclass(frozen=True)
class FinishRequest:
    """The restart that is done, and what its device has come back with: the certificate, and the
    image's digest.
    """

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
    """Repeatable. Raises RestartLost when the device is being deleted, which then removes both
    certificates.
    """
    seen = catalog.row(request.thing_name)
    if _is_finished(request, seen):
        return  # An earlier attempt whose answer was lost.
    # Without the row nobody would know which certificate was in force before.
    restart = restart_of(catalog.table, request.thing_name, request.restart_arn)
    row = restart.checked(seen)
    if row.get("certificate_id") != request.certificate_id:
        row = _promote(request, row, restart)
    if "retired_certificate_arn" in row:
        remove_patiently(iot, request.thing_name, row["retired_certificate_arn"])
    try:
        _let_go(request, restart)
    except RestartLost:
        # Perhaps by this very call, which the SDK repeats without an answer.
        if not _is_finished(request, catalog.row(request.thing_name)):
            raise


def _is_finished(request: FinishRequest, row: Row | None) -> bool:
    if row is None or row.get("certificate_id") != request.certificate_id:
        return False
    return not is_held(row, Purpose.RESTART)


def _let_go(request: FinishRequest, restart: Hold) -> None:
    image: dict[str, Any] = {"image_digest": request.image_digest} if request.image_digest else {}
    restart.let_go(
        remove=(*OF_A_SUCCESSION, "status_reason", "task_token"),
        restarted_at=now(),
        **image,
    )


def _promote(request: FinishRequest, row: Row, restart: Hold) -> Row:
    retired = (
        {"retired_certificate_arn": row["certificate_arn"]} if "certificate_arn" in row else {}
    )
    return restart.update(
        remove=("next_certificate_id", "next_certificate_arn"),
        certificate_id=request.certificate_id,
        certificate_arn=request.certificate_arn,
        certificate_created_at=now(),
        **retired,
    )


def build(environment: Environment, session: "Session") -> Handler[dict[str, str]]:
    """State FinishRestart. Gives `{certificateId}`, the one in force."""
    iot_client = session.client("iot", config=CONFIG)
    device_catalog = wiring.catalog(environment, session)

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
        request = FinishRequest.from_event(event)
        with transient_faults_named():
            finish_restart(request, device_catalog, iot_client)
        metrics.add_metric("DevicesRestarted", unit="Count", value=1)
        logger.info("device restarted", certificate_id=request.certificate_id)
        return {"certificateId": request.certificate_id}

    return handler


handler = observed(build(environment, session))
