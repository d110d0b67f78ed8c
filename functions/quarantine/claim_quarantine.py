"""ClaimQuarantine: takes the device for one quarantine. From here on the row says that it is in
quarantine.

Before anything else is done: whoever gives a policy to a certificate of the device goes by the row.
Or for one release (claim_release.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr

from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.errors import DeviceBusy, TransientError
from common.executions import Executions
from common.moments import now
from common.observability import Handler, logger, observed
from common.row import Row, why_at_rest
from devices import wiring
from devices.catalog import Catalog
from devices.confinement import QUARANTINED, in_quarantine, is_connected
from holding.conditions import fulfilled, is_held, state_in
from holding.dead import dead_holder, holder_of
from holding.hold import Hold
from holding.purposes import RULES, Purpose
from quarantine.claim_release import ReleaseClaims
from quarantine.claiming import TRIES, known, refuse_busy, refuse_undone
from quarantine.request import QuarantineRequest, ReleaseRequest

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session


@dataclass(frozen=True)
class Claimed:
    """Whether there is anything to do (`QUARANTINE` or `NOTHING`), and why not."""

    verdict: str
    reason: str


@dataclass(frozen=True)
class QuarantineClaims:
    """Takes devices for quarantine."""

    catalog: Catalog
    executions: Executions

    def claim(self, request: QuarantineRequest) -> Claimed:
        """Repeatable. Nothing to do for a device that is in quarantine already.

        Raises ThingNotFound, DeviceBusy while somebody else works on the device, TransientError
        when its row does not stand still, QuarantineLost when the execution was undone already.
        """
        for _ in range(TRIES):
            row = known(self.catalog, request.thing_name)
            refuse_undone(row, request.execution_arn)
            mine = holder_of(row, Purpose.QUARANTINE) == request.execution_arn
            if mine:
                return Claimed("QUARANTINE", row["quarantine_reason"])
            dead = dead_holder(row, Purpose.QUARANTINE, request.execution_arn, self.executions)
            if in_quarantine(row) and not is_held(row, Purpose.QUARANTINE, Purpose.READMIT):
                since = f"{request.thing_name} is in quarantine since {row['quarantined_at']}"
                return Claimed("NOTHING", since)
            refuse_busy(row, Purpose.QUARANTINE, dead)
            _refuse_given_up(row)
            if self._take(row, request, dead):
                return Claimed("QUARANTINE", request.reason)
        raise TransientError(f"{request.thing_name} keeps changing; try again")

    def _take(self, row: Row, request: QuarantineRequest, dead: str | None) -> bool:
        """One conditional write; False when the row is not as it was judged any more."""
        me = request.execution_arn
        taken = Hold(self.catalog.table, request.thing_name, me, (Purpose.QUARANTINE,)).take(
            dead=dead,
            # Whether it is connected was told by its status.
            seen=Attr("status").eq(row["status"]),
            status=QUARANTINED,
            quarantined_by=me,
            quarantined_at=now(),
            quarantine_reason=request.reason,
            presence_connected=is_connected(row),
        )
        return taken is not None


def _refuse_given_up(row: Row) -> None:
    if not fulfilled(state_in(RULES[Purpose.QUARANTINE].takes_in), row):
        why = f"{why_at_rest(row)}, and its certificate is inactive"
        raise DeviceBusy(f"thingName: {row['thing_name']} {why}")


def _quarantine(event: Mapping[str, Any], claims: QuarantineClaims) -> dict[str, Any]:
    request = QuarantineRequest.from_event(event)
    claimed = claims.claim(request)
    return {
        "thingName": request.thing_name,
        "verdict": claimed.verdict,
        "reason": claimed.reason,
    }


def _release(event: Mapping[str, Any], claims: ReleaseClaims) -> dict[str, Any]:
    request = ReleaseRequest.from_event(event)
    claimed = claims.claim(request)
    return {
        "thingName": request.thing_name,
        "verdict": claimed.verdict,
        "reason": claimed.reason,
        "certificateId": claimed.certificate_id,
        "force": request.force,
    }


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """State ClaimQuarantine, and with purpose `release` state ClaimRelease. Gives `{thingName,
    verdict, reason}`, a release also `{certificateId, force}`.
    """
    device_catalog = wiring.catalog(environment, session)
    workflows = Executions(session.client("stepfunctions", config=CONFIG))
    quarantines = QuarantineClaims(device_catalog, workflows)
    releases = ReleaseClaims(device_catalog, workflows)

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        releasing = event.get("purpose") == Purpose.RELEASE
        with transient_faults_named():
            answer = _release(event, releases) if releasing else _quarantine(event, quarantines)
        logger.info(
            "release judged" if releasing else "quarantine judged",
            verdict=answer["verdict"],
            reason=answer["reason"],
        )
        return answer

    return handler


handler = observed(build(environment, session))
