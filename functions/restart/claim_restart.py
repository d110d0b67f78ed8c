"""ClaimRestart: takes the device for one restart, and clears away what still runs under its name;
or gives it up, or leaves it stopped (give_up.py).

The row is read, judged, and taken by one conditional write, so of two restarts one has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr

from common.certificates import remove_patiently
from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.errors import DeviceBusy, InvalidInput, RestartLost, ThingNotFound, TransientError
from common.executions import Executions
from common.identifiers import HOST_TYPE, NOWHERE, identity_of_restart
from common.observability import Handler, logger, metrics, observed
from common.row import GIVEN_UP, OF_A_SUCCESSION, Row, is_free
from devices import wiring
from devices.catalog import Catalog
from devices.confinement import SINCE, in_quarantine, resting
from holding.dead import dead_holder
from holding.hold import Hold
from holding.purposes import Purpose
from holding.restart import restart_of
from holding.undone import is_undone
from hosting import wiring as hosting
from hosting.device_tasks import RESTARTED, DeviceTasks
from restart.decision import Decision, RestartRequest, Verdict, decide
from restart.give_up import GiveUpRequest, give_up, is_at_rest, stop

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_iot import IoTClient

TRIES = 3
BY_HAND = "stopped by hand"


@dataclass(frozen=True)
class Claimed:
    """What was decided, and of a device to restart all that the next states need.

    `replaced`: ARNs of the device's tasks so far, which ECS may list as running a while longer.
    """

    thing_name: str
    decision: Decision
    execution_arn: str | None = None
    replaced: list[str] = field(default_factory=list)
    identity: str = "keys"
    device_type: str = "generic"
    hosting: str = "task"

    @property
    def answer(self) -> dict[str, Any]:
        """As the workflow takes it."""
        return {
            "thingName": self.thing_name,
            "verdict": self.decision.verdict.value,
            "reason": self.decision.reason,
            "restarts": self.decision.restarts,
            "execution": self.execution_arn,
            "replaced": self.replaced,
            "identity": self.identity,
            "deviceType": self.device_type,
            "hosting": self.hosting,
        }


@dataclass(frozen=True)
class Claims:
    """Takes devices for restarts."""

    catalog: Catalog
    iot: "IoTClient"
    tasks: DeviceTasks
    executions: Executions

    def claim(self, request: RestartRequest) -> Claimed:
        """Judge the request, and take the device for a restart or to give it up. Repeatable.

        A person who is refused gets ThingNotFound or DeviceBusy; an event that is overtaken is
        ignored. Raises TransientError for a row that does not stand still, RestartLost when the
        restart has ended and was undone already.
        """
        for _ in range(TRIES):
            row = self.catalog.row(request.thing_name)
            if row is not None and is_undone(row, request.restart_arn):
                raise RestartLost(f"{request.restart_arn} has ended, and was undone")
            if request.stop and row is not None and is_at_rest(row, request.restart_arn):
                return Claimed(request.thing_name, Decision(Verdict.STOP))
            dead = dead_holder(row, Purpose.RESTART, request.restart_arn, self.executions)
            decision = decide(row, request, datetime.now(UTC), dead)
            if row is None or decision.verdict in (Verdict.IGNORE, Verdict.WAIT):
                _refuse_a_person(row, request, decision)
                return Claimed(request.thing_name, decision)
            if self._take(row, request, decision, dead):
                return self._claimed(row, request, decision)
        raise TransientError(f"{request.thing_name} keeps changing; try again")

    def _claimed(self, row: Row, request: RestartRequest, decision: Decision) -> Claimed:
        if decision.verdict is Verdict.GIVE_UP:
            return Claimed(request.thing_name, decision)
        replaced = self._clear(row, request)
        if decision.verdict is Verdict.STOP:
            resting = GiveUpRequest(request.thing_name, request.restart_arn, BY_HAND)
            self._close(row)
            stop(resting, self.catalog, self.iot)
            return Claimed(request.thing_name, decision)
        return Claimed(
            thing_name=request.thing_name,
            decision=decision,
            execution_arn=row["execution_arn"],
            replaced=replaced,
            identity=identity_of_restart(row.get("identity", "keys")),
            device_type=row.get("device_type", "generic"),
            hosting=row.get("hosting", "task"),
        )

    def _take(
        self, row: Row, request: RestartRequest, decision: Decision, dead: str | None
    ) -> bool:
        """One conditional write; False when the row is not as it was judged any more."""
        since = Attr(SINCE)
        as_judged = (
            (Attr("task_arn").not_exists() | Attr("task_arn").eq(row.get("task_arn", "none")))
            & (Attr("restarts").not_exists() | Attr("restarts").eq(row.get("restarts", 0)))
            & (since.exists() if in_quarantine(row) else since.not_exists())
        )
        taken = self._hold(request).take(
            dead=dead,
            seen=as_judged,
            remove=("restarted_at", "task_token", GIVEN_UP),
            status=resting(row),
            restarted_by=request.restart_arn,
            restarts=decision.restarts,
            status_reason=row.get("status_reason", "restarted by hand"),
        )
        return taken is not None

    def _close(self, row: Row) -> None:
        """Have no device come to a host that is not brought back."""
        if row.get("device_type", "generic") == HOST_TYPE:
            self.tasks.board.seats.close(row["thing_name"])

    def give_up(self, request: GiveUpRequest) -> str:
        """See give_up.py."""
        row = self.catalog.row(request.thing_name)
        if row is not None:
            self._close(row)
        return give_up(request, self.catalog, self.iot)

    def _hold(self, request: RestartRequest) -> Hold:
        return restart_of(self.catalog.table, request.thing_name, request.restart_arn)

    def _clear(self, row: Row, request: RestartRequest) -> list[str]:
        """End what still runs, and a certificate that has not come into force. Gives the tasks so
        far.
        """
        running = self.tasks.running_of(request.thing_name, row["execution_arn"])
        # What was listed while this restart had the device, no other one has started.
        self._hold(request).checked(self.catalog.row(request.thing_name))
        self.tasks.stop(running, RESTARTED)
        # The device that was to confirm or to abandon a change of its certificate is gone with its
        # task.
        unwanted = [
            row[name] for name in ("next_certificate_arn", "retired_certificate_arn") if name in row
        ]
        for certificate_arn in unwanted:
            remove_patiently(self.iot, request.thing_name, certificate_arn)
        if unwanted:
            leftovers = (*OF_A_SUCCESSION, "identity_pending")
            self._hold(request).update(remove=leftovers)
        return sorted({*running, *([row["task_arn"]] if "task_arn" in row else [])})


def _refuse_a_person(row: Row | None, request: RestartRequest, decision: Decision) -> None:
    if request.stopped_task is not None:
        return
    if row is None or is_free(row):
        raise ThingNotFound(f"thingName: {decision.reason}")
    if row.get("hosting") == NOWHERE:
        raise InvalidInput("thingName", decision.reason)
    raise DeviceBusy(f"thingName: {decision.reason}")


def _given_up(request: GiveUpRequest, claims: Claims) -> dict[str, Any]:
    with transient_faults_named():
        reason = claims.give_up(request)
    metrics.add_metric("DevicesGivenUp", unit="Count", value=1)
    logger.warning("device failed after repeated restarts", reason=reason)
    return {"Error": "DeviceGivenUp", "Cause": reason}


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """State ClaimRestart. Gives `{thingName, verdict, reason, ...}`, see `Claimed`.

    And state GiveUp, which has the `reason` of a claim: gives `{Error, Cause}`, with which the
    workflow fails.
    """
    restarts = Executions(session.client("stepfunctions", config=CONFIG))
    claims = Claims(
        catalog=wiring.catalog(environment, session),
        iot=session.client("iot", config=CONFIG),
        tasks=hosting.device_tasks(environment, session),
        executions=restarts,
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        if "reason" in event:
            return _given_up(GiveUpRequest.from_event(event), claims)
        request = RestartRequest.from_event(event)
        with transient_faults_named():
            claimed = claims.claim(request)
        logger.info(
            "restart judged", verdict=claimed.decision.verdict, reason=claimed.decision.reason
        )
        return claimed.answer

    return handler


handler = observed(build(environment, session))
