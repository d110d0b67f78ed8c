"""UndoQuarantine: makes of a device again what it was before a quarantine, or a release, that has
failed.

Called by both workflows when one of their states has failed, and by the rule on executions that
ended without a word (aborted, timed out). Repeatable, and harmless when there is nothing to undo.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.errors import QuarantineLost, TransientError
from common.items import update_if
from common.observability import Handler, logger, metrics, observed
from common.row import OF_A_RELEASE, UNDONE, is_free
from common.undoing import device_of, input_of
from devices.confinement import is_nobodys
from holding.conditions import absent, present
from holding.dead import holder_of
from holding.hold import Hold
from holding.purposes import CONFINING, RULES, Purpose
from holding.undone import forbid
from quarantine import wiring
from quarantine.hold import hold_of
from quarantine.isolation import Isolation
from quarantine.jobs import delete_job, job_id_of
from quarantine.letting_go import release
from quarantine.shadow import mark_shadow

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_iot_data import IoTDataPlaneClient

TRIES = 5


@dataclass(frozen=True)
class UndoRequest:
    """Which quarantine or release to undo."""

    thing_name: str
    execution_arn: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "UndoRequest | None":
        """From `{"input": <the workflow's input>, "execution": <its ARN>}` or from Step Functions'
        status event.

        None when the execution was refused for its input, before it could name a device.
        """
        detail = event.get("detail")
        name = device_of(input_of(detail) if detail else event["input"])
        return cls(name, detail["executionArn"] if detail else event["execution"]) if name else None


@dataclass(frozen=True)
class Undoing:
    """Undoes both."""

    isolation: Isolation
    iot_data: "IoTDataPlaneClient"
    prefix: str

    def undo(self, request: UndoRequest) -> bool:
        """False when there was nothing of this execution's to undo, or somebody deletes the device.

        From the first write on, what a function of the execution writes late is refused.
        """
        undone = self._undo(request)
        if not undone:
            # The job that a release has given its device stays, when the device is deleted or taken
            # by somebody else; it is this execution's alone.
            delete_job(self.isolation.iot, job_id_of(self.prefix, request.execution_arn))
        return undone

    def _undo(self, request: UndoRequest) -> bool:
        catalog = self.isolation.catalog
        row = catalog.row(request.thing_name)
        if row is None or is_free(row):
            return False
        hold = hold_of(catalog.table, request.thing_name, request.execution_arn, undoing=True)
        if is_nobodys(row):
            self._adopt(request)
        elif not hold.is_in(row):
            forbid(catalog.table, row, request.execution_arn)
            # It may have taken the device since it was looked at.
            if not hold.is_in(catalog.row(request.thing_name)):
                return False
        try:
            row = hold.update(add={UNDONE: {request.execution_arn}})
            if holder_of(row, Purpose.QUARANTINE) == request.execution_arn:
                self._let_out(hold)
            else:
                self._keep_in(hold)
        except QuarantineLost:
            return False
        return True

    def _adopt(self, request: UndoRequest) -> None:
        """Take a device half let out that nobody holds: it is kept in, as after a failed
        release.
        """
        update_if(
            self.isolation.catalog.table,
            {"thing_name": request.thing_name},
            f"SET {RULES[Purpose.RELEASE].attribute} = :me",
            present(Purpose.READMIT) & absent(Purpose.DEPROVISION, *CONFINING),
            {":me": request.execution_arn},
        )

    def _let_out(self, hold: Hold) -> None:
        """The quarantine has failed: the device is free again."""
        row = hold.update(readmitting=True)
        self.isolation.readmit(row, hold.holder, undoing=True)
        mark_shadow(self.iot_data, self.isolation.catalog, hold.thing_name)
        for _ in range(TRIES):
            if release(row, hold) is not None:
                return
            row = hold.update()
        raise TransientError(f"{hold.thing_name} keeps connecting and disconnecting")

    def _keep_in(self, hold: Hold) -> None:
        """The release has failed: the device is in quarantine as before."""
        delete_job(self.isolation.iot, job_id_of(self.prefix, hold.holder))
        row = hold.update(remove=(RULES[Purpose.READMIT].attribute,))
        self.isolation.confine(row, hold.holder, undoing=True)
        mark_shadow(self.iot_data, self.isolation.catalog, hold.thing_name)
        hold.update(remove=OF_A_RELEASE)


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """State UndoQuarantine. Gives `{thingName, undone}`."""
    isolation = wiring.isolation(environment, session)
    undoing = Undoing(
        isolation, session.client("iot-data", config=CONFIG), environment.required("JOB_PREFIX")
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        request = UndoRequest.from_event(event)
        if request is None:
            return {"thingName": None, "undone": False}
        with transient_faults_named():
            undone = undoing.undo(request)
        metrics.add_metric("QuarantinesUndone", unit="Count", value=int(undone))
        logger.warning("quarantine undone" if undone else "nothing to undo")
        return {"thingName": request.thing_name, "undone": undone}

    return handler


handler = observed(build(environment, session))
