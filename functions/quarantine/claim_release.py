"""ClaimRelease: takes a device in quarantine for one release. It stays in quarantine until all is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common import wiring
from common.catalog import Catalog, Row, now
from common.clients import CONFIG, session, transient_faults_named
from common.errors import DeviceOffline, TransientError
from common.executions import Executions
from common.items import update_if
from common.observability import logger, observed
from common.quarantine import AT_WORK, RELEASING, SINCE, in_quarantine, is_connected
from quarantine.claiming import TRIES, known, refuse_busy
from quarantine.request import ReleaseRequest

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_TAKE = f"SET {RELEASING} = :me, releasing_since = :now, release_of = :certificate, updated_at = :now"
_CONDITION = (
    f"attribute_exists({SINCE}) AND attribute_not_exists(deprovisioning) AND attribute_not_exists({AT_WORK})"
    " AND certificate_id = :certificate"
    f" AND (attribute_not_exists({RELEASING}) OR {RELEASING} IN (:me, :dead))"
)


@dataclass(frozen=True)
class ReleaseClaim:
    """Whether there is anything to do (`RELEASE` or `NOTHING`), and the certificate that is to be replaced."""

    verdict: str
    reason: str
    certificate_id: str = ""


@dataclass(frozen=True)
class ReleaseClaims:
    """Takes devices for release."""

    catalog: Catalog
    executions: Executions

    def claim(self, request: ReleaseRequest) -> ReleaseClaim:
        """Repeatable. Nothing to do for a device that is not in quarantine.

        Raises ThingNotFound; DeviceBusy while somebody else works on the device; DeviceOffline when it would have to
        change its certificate and is not connected; TransientError when its row does not stand still.
        """
        for _ in range(TRIES):
            row = known(self.catalog, request.thing_name)
            if not in_quarantine(row):
                return ReleaseClaim("NOTHING", f"{request.thing_name} is not in quarantine")
            reason = str(row["quarantine_reason"])
            if row.get(RELEASING) == request.execution_arn:
                return ReleaseClaim("RELEASE", reason, row["release_of"])
            dead = self.executions.ended(row.get(RELEASING))
            _refuse(row, request, dead)
            if self._take(row, request, dead):
                return ReleaseClaim("RELEASE", reason, row["certificate_id"])
        raise TransientError(f"{request.thing_name} changes all the time")

    def _take(self, row: Row, request: ReleaseRequest, dead: str | None) -> bool:
        values = {
            ":me": request.execution_arn,
            ":dead": dead or request.execution_arn,
            ":certificate": row["certificate_id"],
            ":now": now(),
        }
        key = {"thing_name": request.thing_name}
        return update_if(self.catalog.table, key, _TAKE, _CONDITION, values) is not None


def _refuse(row: Row, request: ReleaseRequest, dead: str | None) -> None:
    refuse_busy(
        row,
        ("deprovisioning" in row, "is being deleted"),
        (AT_WORK in row, "is being put into quarantine"),
        (RELEASING in row and row[RELEASING] != dead, "is being released by another execution"),
        ("restarting" in row, "is being restarted"),
    )
    if not request.force and not is_connected(row):
        raise DeviceOffline(f"thingName: {row['thing_name']} is not connected and can't change its certificate")


release_claims = ReleaseClaims(wiring.catalog(), Executions(session.client("stepfunctions", config=CONFIG)))


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
    """State ClaimRelease. Gives `{thingName, verdict, reason, certificateId, force}`."""
    request = ReleaseRequest.from_event(event)
    with transient_faults_named():
        claimed = release_claims.claim(request)
    logger.info("release judged", verdict=claimed.verdict, reason=claimed.reason)
    return {
        "thingName": request.thing_name,
        "verdict": claimed.verdict,
        "reason": claimed.reason,
        "certificateId": claimed.certificate_id,
        "force": request.force,
    }
