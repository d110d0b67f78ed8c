"""ClaimQuarantine: takes the device for one quarantine. From here on the row says that it is in quarantine.

Before anything else is done: whoever gives a policy to a certificate of the device goes by the row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common import wiring
from common.catalog import Catalog, Row, now
from common.clients import CONFIG, session, transient_faults_named
from common.errors import TransientError
from common.executions import Executions
from common.items import update_if
from common.observability import logger, observed
from common.quarantine import AT_WORK, QUARANTINED, READMITTING, in_quarantine, is_connected
from quarantine.claiming import TRIES, known, refuse_busy
from quarantine.request import QuarantineRequest

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

CAN_BE_CONFINED = ("ONLINE", "OFFLINE", QUARANTINED)

_TAKE = (
    f"SET #status = :quarantined, {AT_WORK} = :me, quarantined_by = :me, quarantined_at = :now,"
    " quarantine_reason = :reason, presence_connected = :connected, updated_at = :now REMOVE readmitting"
)
_CONDITION = (
    "#status = :status AND attribute_not_exists(deprovisioning) AND attribute_not_exists(restarting)"
    " AND attribute_not_exists(task_token) AND attribute_not_exists(releasing)"
    f" AND (attribute_not_exists({AT_WORK}) OR {AT_WORK} IN (:me, :dead))"
)


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

        Raises ThingNotFound, DeviceBusy while somebody else works on the device, TransientError when its row does not
        stand still.
        """
        for _ in range(TRIES):
            row = known(self.catalog, request.thing_name)
            if row.get(AT_WORK) == request.execution_arn:
                return Claimed("QUARANTINE", row["quarantine_reason"])
            dead = self.executions.ended(row.get(AT_WORK))
            if in_quarantine(row) and AT_WORK not in row and READMITTING not in row:
                return Claimed("NOTHING", f"{request.thing_name} is in quarantine since {row['quarantined_at']}")
            _refuse_a_busy_one(row, dead)
            if self._take(row, request, dead):
                return Claimed("QUARANTINE", request.reason)
        raise TransientError(f"{request.thing_name} changes all the time")

    def _take(self, row: Row, request: QuarantineRequest, dead: str | None) -> bool:
        """One conditional write; False when the row is not as it was judged any more."""
        values = {
            ":status": row["status"],
            ":quarantined": QUARANTINED,
            ":me": request.execution_arn,
            ":dead": dead or request.execution_arn,
            ":reason": request.reason,
            ":connected": is_connected(row),
            ":now": now(),
        }
        key = {"thing_name": request.thing_name}
        return update_if(self.catalog.table, key, _TAKE, _CONDITION, values) is not None


def _refuse_a_busy_one(row: Row, dead: str | None) -> None:
    refuse_busy(
        row,
        ("deprovisioning" in row, "is being deleted"),
        ("restarting" in row, "is being restarted"),
        (READMITTING in row, "is being let out of quarantine"),
        (AT_WORK in row and row[AT_WORK] != dead, "is being put into quarantine by another execution"),
        (row["status"] == "PROVISIONING" or "task_token" in row, "is being provisioned"),
        (row["status"] not in CAN_BE_CONFINED, "was given up, and its certificate opens nothing"),
    )


quarantine_claims = QuarantineClaims(wiring.catalog(), Executions(session.client("stepfunctions", config=CONFIG)))


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
    """State ClaimQuarantine. Gives `{thingName, verdict, reason}`."""
    request = QuarantineRequest.from_event(event)
    with transient_faults_named():
        claimed = quarantine_claims.claim(request)
    logger.info("quarantine judged", verdict=claimed.verdict, reason=claimed.reason)
    return {"thingName": request.thing_name, "verdict": claimed.verdict, "reason": claimed.reason}
