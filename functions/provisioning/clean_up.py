"""CleanUp: undoes a device, in the order that AWS demands, and touches only what one execution made.

It compensates a provisioning that failed and it is the whole of deprovisioning. Every step tolerates what is not there
any more, so it can be repeated after any interruption.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common import environment
from common.catalog import GIVEN_UP, Catalog, Row, is_free
from common.certificates import remove_certificate, tolerating
from common.clients import CONFIG, S3_CONFIG, error_code, session, transient_faults_named
from common.errors import InvalidInput, ThingNotFound
from common.identifiers import checked_thing_name, config_key, identity_key, made_up_name, model_key, owner_of
from common.observability import logger, metrics
from common.workflow import report_failed

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_ecs import ECSClient
    from types_boto3_iot import IoTClient
    from types_boto3_iot_data import IoTDataPlaneClient
    from types_boto3_s3 import S3Client
    from types_boto3_stepfunctions import SFNClient

STOP_REASON = "the playground removes this device"
# What a restart leaves in the row that the device's removal has overtaken.
_OF_A_RESTART = ("restarting", "next_certificate_id", "next_certificate_arn", "status_reason", GIVEN_UP)


@dataclass(frozen=True)
class CleanUpRequest:
    """Which device to undo, and for whom."""

    thing_name: str
    execution_arn: str | None
    """The provisioning execution whose work is undone; None: whichever made the device (deprovisioning)."""

    @property
    def outcome(self) -> str:
        """What the catalog says afterwards."""
        return "TERMINATED" if self.execution_arn is None else "FAILED"

    @classmethod
    def deprovision(cls, asked: object) -> "CleanUpRequest":
        """From the input of a deprovisioning execution, `{"thingName": ...}`; raises InvalidInput."""
        if not isinstance(asked, dict) or asked.keys() != {"thingName"}:
            raise InvalidInput("input", 'must be {"thingName": "<name>"} and nothing else')
        return cls(checked_thing_name(asked["thingName"]), None)

    @classmethod
    def compensate(cls, asked: object, execution_arn: str) -> "CleanUpRequest | None":
        """From the input of a provisioning execution; None when that was refused before it could name a thing."""
        name = asked.get("thingName", made_up_name(execution_arn)) if isinstance(asked, dict) else None
        try:
            return cls(checked_thing_name(name), execution_arn)
        except InvalidInput:
            return None

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "CleanUpRequest | None":
        """From `{"input": <execution input>}`, with `"execution": <ARN>` when a provisioning undoes itself."""
        if "execution" in event:
            return cls.compensate(event["input"], event["execution"])
        return cls.deprovision(event["input"])


@dataclass(frozen=True)
class CleanUp:
    """The undoing of one device."""

    iot: "IoTClient"
    iot_data: "IoTDataPlaneClient"
    ecs: "ECSClient"
    s3: "S3Client"
    sfn: "SFNClient"
    catalog: Catalog
    bucket: str
    cluster_arn: str

    def undo(self, request: CleanUpRequest) -> bool:
        """Remove the device; False when there was nothing of this owner's to remove.

        Raises ThingNotFound when a device to deprovision is not in the catalog.
        """
        row = self.catalog.row(request.thing_name)
        if row is None and request.execution_arn is None:
            raise ThingNotFound(f"thingName: the catalog knows no device {request.thing_name}")
        if row is None or request.execution_arn not in (None, row["execution_arn"]):
            return False
        gone = is_free(row)
        if gone and request.execution_arn is None:
            return False
        # A provisioning looks in any case: it may have gone on after somebody had removed its device.
        self._remove(request.thing_name, row)
        self.catalog.update(
            request.thing_name,
            remove=("task_token", "identity_pending", "ip", *_OF_A_RESTART),
            status=row["status"] if gone else request.outcome,
        )
        if request.execution_arn is None and "task_token" in row:
            report_failed(
                self.sfn, row["task_token"], "ThingNotFound", "the device was removed while it was waited for"
            )
        return True

    def _remove(self, thing_name: str, row: Row) -> None:
        owner = owner_of(row["execution_arn"])
        self._stop_tasks(owner)
        ours = self._is_ours(thing_name, owner)
        for certificate_arn in self._certificates(thing_name, row, registered=ours):
            remove_certificate(self.iot, thing_name, certificate_arn, attached=ours)
        if ours:
            # The thing last: it is what tells the next attempt, after an interruption, that the shadow is ours.
            with tolerating("ResourceNotFoundException"):
                self.iot_data.delete_thing_shadow(thingName=thing_name)
            self.iot.delete_thing(thingName=thing_name)
        for key in (config_key(thing_name), identity_key(thing_name), model_key(thing_name)):
            self.s3.delete_object(Bucket=self.bucket, Key=key)

    def _stop_tasks(self, owner: str) -> None:
        for task_arn in self.ecs.list_tasks(cluster=self.cluster_arn, startedBy=owner)["taskArns"]:
            self.ecs.stop_task(cluster=self.cluster_arn, task=task_arn, reason=STOP_REASON)

    def _is_ours(self, thing_name: str, owner: str) -> bool:
        try:
            thing = self.iot.describe_thing(thingName=thing_name)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return False
            raise
        return thing.get("attributes", {}).get("execution") == owner

    def _certificates(self, thing_name: str, row: Row, *, registered: bool) -> set[str]:
        """Those attached to the thing, and those that were made but not attached yet."""
        found = {row[name] for name in ("certificate_arn", "next_certificate_arn") if name in row}
        if registered:
            found.update(self.iot.list_thing_principals(thingName=thing_name)["principals"])
        return found


clean_up = CleanUp(
    iot=session.client("iot", config=CONFIG),
    iot_data=session.client("iot-data", config=CONFIG),
    ecs=session.client("ecs", config=CONFIG),
    s3=session.client("s3", config=S3_CONFIG),
    sfn=session.client("stepfunctions", config=CONFIG),
    catalog=Catalog(session.resource("dynamodb", config=CONFIG).Table(environment.required("CATALOG_TABLE"))),
    bucket=environment.required("CONFIG_BUCKET"),
    cluster_arn=environment.required("CLUSTER_ARN"),
)


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
    """State CleanUp. Gives `{thingName, status, undone}`; status is what the catalog says now."""
    request = CleanUpRequest.from_event(event)
    if request is None:
        return {"thingName": None, "status": "FAILED", "undone": False}
    logger.append_keys(thing_name=request.thing_name, execution_arn=request.execution_arn)
    with transient_faults_named():
        undone = clean_up.undo(request)
    metrics.add_metric(
        "DevicesUndone" if request.execution_arn else "DevicesTerminated", unit="Count", value=int(undone)
    )
    logger.info("device removed" if undone else "nothing to remove", status=request.outcome)
    return {"thingName": request.thing_name, "status": request.outcome, "undone": undone}
