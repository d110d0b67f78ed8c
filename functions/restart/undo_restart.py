"""UndoRestart: removes what a restart has made, and lets the device go, which stays as it was: without a task.

Called by the workflow when one of its states has failed, and by the rule on executions that ended without a word
(aborted, timed out). Repeatable, and harmless when there is nothing to undo.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common import environment, wiring
from common.catalog import OF_A_SUCCESSION, Catalog, is_free
from common.certificates import remove_patiently
from common.clients import CONFIG, S3_CONFIG, session, transient_faults_named
from common.errors import RestartLost
from common.identifiers import config_key, identity_key
from common.observability import logger, observed
from common.quarantine import resting
from common.undoing import device_of, input_of
from restart.holding import update_held
from restart.tasks import stop_tasks

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_ecs import ECSClient
    from types_boto3_iot import IoTClient
    from types_boto3_s3 import S3Client

LONGEST_REASON = 512


@dataclass(frozen=True)
class UndoRequest:
    """Which restart to undo, and what is known of it: the execution that made the device, and the new certificate."""

    thing_name: str
    restart_arn: str
    reason: str
    execution_arn: str | None = None
    certificate_arn: str | None = None
    once: bool = False
    """Whoever asked for the restart sees to the device: it is not tried again."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "UndoRequest | None":
        """From `{"restart": <execution ARN>, "data": <the workflow's data>}` or from Step Functions' status event.

        None when the execution was refused for its input, before it could name a device.
        """
        detail = event.get("detail")
        asked = input_of(detail) if detail else event["data"]["asked"]
        name = device_of(asked)
        if name is None:
            return None
        if detail:
            return cls(name, detail["executionArn"], f"restart failed: {detail['status']}")
        data = event["data"]
        return cls(
            thing_name=name,
            restart_arn=event["restart"],
            reason=_reason(data["error"]),
            execution_arn=data.get("device", {}).get("execution"),
            certificate_arn=data.get("certificate", {}).get("certificateArn"),
            once=asked.get("once") is True,
        )


@dataclass(frozen=True)
class Undoing:
    """Undoes restarts."""

    catalog: Catalog
    iot: "IoTClient"
    ecs: "ECSClient"
    s3: "S3Client"
    bucket: str
    cluster_arn: str

    def undo(self, request: UndoRequest) -> bool:
        """Remove what the restart made; True when the device is still there to be restarted again."""
        row = self.catalog.row(request.thing_name) or {}
        held = row.get("restarting") == request.restart_arn
        execution_arn = request.execution_arn or (row["execution_arn"] if held else None)
        gone = not row or row["execution_arn"] != execution_arn or is_free(row) or "deprovisioning" in row
        if execution_arn is None or not (held or gone):
            return False  # It never had the device, or has let it go in good order.
        # Before its task stops, so that nobody takes that for a reason to restart the device.
        held = held and self._update(request, remove=("task_arn", "task_token"))
        stop_tasks(self.ecs, self.cluster_arn, execution_arn)
        for certificate_arn in {request.certificate_arn, row.get("next_certificate_arn") if held else None} - {None}:
            if certificate_arn != row.get("certificate_arn"):
                remove_patiently(self.iot, request.thing_name, str(certificate_arn))
        # By now the name may belong to another device.
        if row.get("execution_arn") == execution_arn:
            for key in (config_key(request.thing_name), identity_key(request.thing_name)):
                self.s3.delete_object(Bucket=self.bucket, Key=key)
        return held and self._update(
            request,
            remove=(*OF_A_SUCCESSION, "identity_pending", "restarting"),
            status=resting(row),
            status_reason=request.reason,
        )

    def _update(self, request: UndoRequest, remove: tuple[str, ...], **values: Any) -> bool:
        try:
            update_held(self.catalog.table, request.thing_name, request.restart_arn, remove=remove, **values)
        except RestartLost:
            return False  # It is being deleted: that removes the rest.
        return True


def _reason(error: Mapping[str, str]) -> str:
    """The error in short: of what a function has raised only the message, not its traceback."""
    cause = error.get("Cause", "")
    with suppress(ValueError, TypeError, KeyError):
        cause = json.loads(cause)["errorMessage"]
    return f"restart failed: {error.get('Error', '')}: {cause}"[:LONGEST_REASON]


undoing = Undoing(
    catalog=wiring.catalog(),
    iot=session.client("iot", config=CONFIG),
    ecs=session.client("ecs", config=CONFIG),
    s3=session.client("s3", config=S3_CONFIG),
    bucket=environment.required("CONFIG_BUCKET"),
    cluster_arn=environment.required("CLUSTER_ARN"),
)


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
    """State UndoRestart. Gives `{again}`: whether there is a device to try it again with."""
    request = UndoRequest.from_event(event)
    if request is None:
        return {"thingName": None, "again": False}
    with transient_faults_named():
        again = undoing.undo(request) and not request.once
    logger.warning("restart undone", again=again, reason=request.reason)
    return {"thingName": request.thing_name, "again": again}
