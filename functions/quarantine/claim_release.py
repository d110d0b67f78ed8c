"""Claiming a release: takes a device in quarantine for one release. It stays in quarantine until
all is done.
"""

from dataclasses import dataclass

from boto3.dynamodb.conditions import Attr

from common.errors import DeviceOffline, TransientError
from common.executions import Executions
from common.moments import now
from common.row import Row
from devices.catalog import Catalog
from devices.confinement import in_quarantine, is_connected
from holding.dead import dead_holder, holder_of
from holding.hold import Hold
from holding.purposes import Purpose
from quarantine.claiming import TRIES, known, refuse_busy, refuse_undone
from quarantine.request import ReleaseRequest


@dataclass(frozen=True)
class ReleaseClaim:
    """Whether there is anything to do (`RELEASE` or `NOTHING`), and the certificate that is to be
    replaced.
    """

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

        Raises ThingNotFound; DeviceBusy while somebody else works on the device; DeviceOffline when
        it would have to change its certificate and is not connected; TransientError when its row
        does not stand still; QuarantineLost when the execution was undone already.
        """
        for _ in range(TRIES):
            row = known(self.catalog, request.thing_name)
            refuse_undone(row, request.execution_arn)
            if not in_quarantine(row):
                return ReleaseClaim("NOTHING", f"{request.thing_name} is not in quarantine")
            reason = str(row["quarantine_reason"])
            if holder_of(row, Purpose.RELEASE) == request.execution_arn:
                return ReleaseClaim("RELEASE", reason, row["release_of"])
            dead = dead_holder(row, Purpose.RELEASE, request.execution_arn, self.executions)
            refuse_busy(row, Purpose.RELEASE, dead)
            _refuse_an_absent_one(row, request)
            if self._take(row, request, dead):
                return ReleaseClaim("RELEASE", reason, row["certificate_id"])
        raise TransientError(f"{request.thing_name} keeps changing; try again")

    def _take(self, row: Row, request: ReleaseRequest, dead: str | None) -> bool:
        certificate, me = row["certificate_id"], request.execution_arn
        taken = Hold(self.catalog.table, request.thing_name, me, (Purpose.RELEASE,)).take(
            dead=dead,
            seen=Attr("certificate_id").eq(certificate),
            releasing_since=now(),
            release_of=certificate,
        )
        return taken is not None


def _refuse_an_absent_one(row: Row, request: ReleaseRequest) -> None:
    if not request.force and not is_connected(row):
        away = "is not connected and can't change its certificate"
        raise DeviceOffline(f"thingName: {row['thing_name']} {away}")
