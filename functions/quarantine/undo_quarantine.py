"""UndoQuarantine: makes of a device again what it was before a quarantine, or a release, that has failed.

Called by both workflows when one of their states has failed, and by the rule on executions that ended without a word
(aborted, timed out). Repeatable, and harmless when there is nothing to undo.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common import environment
from common.catalog import OF_A_RELEASE, Row
from common.clients import CONFIG, session, transient_faults_named
from common.errors import QuarantineLost, TransientError
from common.observability import logger, metrics, observed
from common.quarantine import AT_WORK
from common.undoing import device_of, input_of
from quarantine import wiring
from quarantine.holding import holds, update_held
from quarantine.isolation import Isolation
from quarantine.jobs import delete_job, job_id_of
from quarantine.letting_go import release
from quarantine.shadow import mark_shadow

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_iot_data import IoTDataPlaneClient

TRIES = 5


@dataclass(frozen=True)
class UndoRequest:
    """Which quarantine or release to undo."""

    thing_name: str
    execution_arn: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "UndoRequest | None":
        """From `{"input": <the workflow's input>, "execution": <its ARN>}` or from Step Functions' status event.

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
        """False when there was nothing of this execution's to undo, or somebody deletes the device."""
        row = self.isolation.catalog.row(request.thing_name)
        if row is None or not holds(row, request.execution_arn):
            return False
        try:
            if row.get(AT_WORK) == request.execution_arn:
                self._let_out(request)
            else:
                self._keep_in(request)
        except QuarantineLost:
            return False
        return True

    def _let_out(self, request: UndoRequest) -> None:
        """The quarantine has failed: the device is free again."""
        row = self._update(request, readmitting=True)
        self.isolation.readmit(row, request.execution_arn)
        mark_shadow(self.iot_data, request.thing_name, confined=False)
        for _ in range(TRIES):
            if release(row, request.execution_arn, self.isolation.catalog) is not None:
                return
            row = self._update(request)
        raise TransientError(f"{request.thing_name} connects and disconnects all the time")

    def _keep_in(self, request: UndoRequest) -> None:
        """The release has failed: the device is in quarantine as before."""
        delete_job(self.isolation.iot, job_id_of(self.prefix, request.execution_arn))
        row = self._update(request, remove=("readmitting",))
        self.isolation.confine(row, request.execution_arn)
        mark_shadow(self.iot_data, request.thing_name, confined=True)
        self._update(request, remove=OF_A_RELEASE)

    def _update(self, request: UndoRequest, remove: tuple[str, ...] = (), **values: Any) -> Row:
        table = self.isolation.catalog.table
        return update_held(table, request.thing_name, request.execution_arn, remove=remove, **values)


isolation = wiring.isolation()
undoing = Undoing(isolation, session.client("iot-data", config=CONFIG), environment.required("JOB_PREFIX"))


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
    """State UndoQuarantine. Gives `{thingName, undone}`."""
    request = UndoRequest.from_event(event)
    if request is None:
        return {"thingName": None, "undone": False}
    with transient_faults_named():
        undone = undoing.undo(request)
    metrics.add_metric("QuarantinesUndone", unit="Count", value=int(undone))
    logger.warning("quarantine undone" if undone else "nothing to undo")
    return {"thingName": request.thing_name, "undone": undone}
