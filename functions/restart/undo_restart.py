"""UndoRestart: removes what a restart has made, and lets the device go, which stays as it was:
without a task.

Called by the workflow when one of its states has failed, and by the rule on executions that ended
without a word (aborted, timed out). Repeatable, and harmless when there is nothing to undo.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.certificates import remove_patiently
from common.clients import CONFIG, S3_CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.errors import RestartLost
from common.identifiers import config_key, identity_key
from common.jsontext import read
from common.observability import Handler, logger, observed
from common.row import OF_A_SUCCESSION, UNDONE, Row, is_free
from common.undoing import device_of, input_of
from devices import wiring
from devices.catalog import Catalog
from devices.confinement import resting
from holding.conditions import is_held
from holding.hold import Hold
from holding.purposes import RULES, Purpose
from holding.restart import restart_of
from holding.undone import forbid
from hosting import wiring as hosting
from hosting.device_tasks import RESTARTED, DeviceTasks

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_iot import IoTClient
    from types_boto3_s3 import S3Client

LONGEST_REASON = 512


@dataclass(frozen=True)
class UndoRequest:
    """Which restart to undo, and what is known of it: the execution that made the device, and the
    new certificate.
    """

    thing_name: str
    restart_arn: str
    reason: str
    execution_arn: str | None = None
    certificate_arn: str | None = None
    once: bool = False
    """Whoever asked for the restart sees to the device: it is not tried again."""
    ended: bool = False
    """The execution has ended: whatever it still does it must not take the device again."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "UndoRequest | None":
        """From `{"restart": <execution ARN>, "data": <the workflow's data>}`, which the sweep gives
        too, with `ended`, or from Step Functions' status event.

        None when the execution was refused for its input, before it could name a device.
        """
        detail = event.get("detail")
        asked = input_of(detail) if detail else event["data"]["asked"]
        name = device_of(asked)
        if name is None:
            return None
        if detail:
            return cls(
                name, detail["executionArn"], f"restart failed: {detail['status']}", ended=True
            )
        data = event["data"]
        return cls(
            thing_name=name,
            restart_arn=event["restart"],
            reason=_reason(data["error"]),
            execution_arn=data.get("device", {}).get("execution"),
            certificate_arn=data.get("certificate", {}).get("certificateArn"),
            once=asked.get("once") is True,
            ended=data.get("ended") is True,
        )


@dataclass(frozen=True)
class Undoing:
    """Undoes restarts."""

    catalog: Catalog
    iot: "IoTClient"
    tasks: DeviceTasks
    s3: "S3Client"
    bucket: str

    def undo(self, request: UndoRequest) -> bool:
        """Remove what the restart made; True when the device is still there to be restarted again.

        From the first write on, what a state's function writes late is refused.
        """
        row, held = self._look(request)
        # Before its task stops, so that nobody takes that for a reason to restart the device.
        if held and not self._update(
            request, remove=("task_arn", "task_token"), add={UNDONE: {request.restart_arn}}
        ):
            row, held = self._look(request)  # It is being deleted, or has just come to a good end.
        execution_arn = request.execution_arn or (row["execution_arn"] if held else None)
        gone = not row or row["execution_arn"] != execution_arn or is_free(row)
        gone = gone or is_held(row, Purpose.DEPROVISION)
        if execution_arn is None or not (held or gone):
            return False  # It never had the device, or has let it go in good order.
        self._stop(request, execution_arn, held=held)
        if not self._remove_certificates(request, held=held):
            return False
        # By now the name may belong to another device.
        if row.get("execution_arn") == execution_arn:
            for key in (config_key(request.thing_name), identity_key(request.thing_name)):
                self.s3.delete_object(Bucket=self.bucket, Key=key)
        return held and self._let_go(request, row)

    def _look(self, request: UndoRequest) -> tuple[Row, bool]:
        """The row, and whether the restart holds it. Of one that has ended it never will again."""
        row = self.catalog.row(request.thing_name) or {}
        if request.ended and row and not self._hold(request).is_in(row) and not is_free(row):
            forbid(self.catalog.table, row, request.restart_arn)
            # It may have been taken since it was looked at.
            row = self.catalog.row(request.thing_name) or {}
        return row, self._hold(request).is_in(row)

    def _stop(self, request: UndoRequest, execution_arn: str, *, held: bool) -> None:
        running = self.tasks.running_of(request.thing_name, execution_arn)
        if not held or self._hold(request).is_in(self.catalog.row(request.thing_name)):
            self.tasks.stop(running, RESTARTED)

    def _remove_certificates(self, request: UndoRequest, *, held: bool) -> bool:
        """Those that the restart has made, and that it has replaced; not the one in force.

        False when another undoing has let the device go: what the row names is the next restart's.
        """
        row = self.catalog.row(request.thing_name) or {}
        if held and not self._hold(request).is_in(row):
            return False
        named = (
            {row.get("next_certificate_arn"), row.get("retired_certificate_arn")} if held else set()
        )
        for certificate_arn in {request.certificate_arn, *named} - {
            None,
            row.get("certificate_arn"),
        }:
            remove_patiently(self.iot, request.thing_name, str(certificate_arn))
        return True

    def _let_go(self, request: UndoRequest, row: Row) -> bool:
        let_go = self._update(
            request,
            remove=(*OF_A_SUCCESSION, "identity_pending", RULES[Purpose.RESTART].attribute),
            # A workflow that goes on takes the device again.
            take_out=None if request.ended else {UNDONE: {request.restart_arn}},
            status=resting(row),
            status_reason=request.reason,
        )
        if let_go:
            return True
        # Perhaps by this very call, which the SDK repeats without an answer.
        now = self.catalog.row(request.thing_name) or {}
        return not is_held(now, Purpose.RESTART) and now.get("status_reason") == request.reason

    def _update(
        self,
        request: UndoRequest,
        remove: tuple[str, ...],
        add: Mapping[str, set[str]] | None = None,
        take_out: Mapping[str, set[str]] | None = None,
        **values: Any,
    ) -> bool:
        try:
            self._hold(request).update(remove=remove, add=add, take_out=take_out, **values)
        except RestartLost:
            return False  # It is being deleted: that removes the rest.
        return True

    def _hold(self, request: UndoRequest) -> Hold:
        table = self.catalog.table
        return restart_of(table, request.thing_name, request.restart_arn, undoing=True)


def _reason(error: Mapping[str, str]) -> str:
    """The error in short: of what a function has raised only the message, not its traceback."""
    cause = error.get("Cause", "")
    with suppress(ValueError, TypeError, KeyError):
        cause = read(cause)["errorMessage"]
    return f"restart failed: {error.get('Error', '')}: {cause}"[:LONGEST_REASON]


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """State UndoRestart. Gives `{thingName, undone, again}`: `again` when it can be tried again."""
    undoing = Undoing(
        catalog=wiring.catalog(environment, session),
        iot=session.client("iot", config=CONFIG),
        tasks=hosting.device_tasks(environment, session),
        s3=session.client("s3", config=S3_CONFIG),
        bucket=environment.required("CONFIG_BUCKET"),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        request = UndoRequest.from_event(event)
        if request is None:
            return {"thingName": None, "undone": False, "again": False}
        with transient_faults_named():
            undone = undoing.undo(request)
        again = undone and not request.once
        logger.warning("restart undone", again=again, reason=request.reason)
        return {"thingName": request.thing_name, "undone": undone, "again": again}

    return handler


handler = observed(build(environment, session))
