"""The successor of a device's certificate, in the catalog row: written down before it is of any
use, then promoted.

`next_certificate_*` is a certificate that was made to succeed and is not in force yet,
`retired_certificate_arn` one that was in force and is not deleted yet. Every write is conditional,
so that of two who act at once one is refused.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase

from certificates.message import NotOurs, Refused
from common.certificates import remove_patiently
from common.items import touching, update_if
from common.moments import now
from common.observability import about_row
from common.row import FREE, Row, is_free
from holding.conditions import is_held, ready
from holding.purposes import Purpose

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_iot import IoTClient

_NO_NEXT = Attr("next_certificate_id").not_exists()
_ABANDONED = Attr("abandoned_rotation")
_FORGET_NEXT = (
    "REMOVE next_certificate_id, next_certificate_arn, next_certificate_job, "
    "next_certificate_request"
)


@dataclass(frozen=True)
class Succession:
    """Reads and writes of the row, and the removal of certificates that it names."""

    table: "Table"
    iot: "IoTClient"

    def row(self, thing_name: str) -> Row:
        """The row of a device that is there and may be given certificates; raises Refused or
        NotOurs.
        """
        row = self.table.get_item(Key={"thing_name": thing_name}, ConsistentRead=True).get("Item")
        if row is not None:
            about_row(row)
        if row is None or is_free(row):
            raise NotOurs
        if row["status"] in FREE or is_held(row, Purpose.DEPROVISION):
            reason = "the device has failed after repeated restarts, or is being removed"
            raise Refused("NO_SUCH_DEVICE", reason)
        if is_held(row, Purpose.RESTART):
            raise Refused("CONFLICT", "the device is being restarted, with a new certificate")
        return row

    def ask(self, row: Row, mark: str) -> bool:
        """Write down that a certificate is about to be made. If the function is killed before the
        row names it, `mark`, which begins with the time, tells when to look for it. False when the
        row has changed so that it can't be.
        """
        return self._write(
            row,
            "ADD certificate_requests :marks",
            _in_force(row) & _NO_NEXT,
            marks={mark},
        )

    def settle(self, row: Row, mark: str) -> None:
        """No unknown certificate can come of this request any more, whatever has become of the
        device.
        """
        self.table.update_item(
            Key={"thing_name": row["thing_name"]},
            UpdateExpression="DELETE certificate_requests :marks",
            ConditionExpression="attribute_exists(thing_name)",
            ExpressionAttributeValues={":marks": {mark}},
        )

    def record(self, row: Row, job_id: str, certificate_arn: str, request: str, mark: str) -> bool:
        """Write the successor down; False when the row has changed so that it can't be."""
        return self._write(
            row,
            "SET next_certificate_id = :id, next_certificate_arn = :arn, "
            "next_certificate_job = :job, "
            "next_certificate_request = :request DELETE certificate_requests :marks",
            _in_force(row) & _NO_NEXT & (_ABANDONED.not_exists() | _ABANDONED.ne(job_id)),
            id=certificate_arn.rpartition("/")[2],
            arn=certificate_arn,
            job=job_id,
            request=request,
            marks={mark},
        )

    def promote(self, row: Row) -> bool:
        """The successor becomes the certificate; the one before is to be deleted. False when the
        row has changed.
        """
        return self._write(
            row,
            "SET certificate_id = :id, certificate_arn = :arn, certificate_created_at = :now, "
            "retired_certificate_arn = :old " + _FORGET_NEXT,
            _is_next(row) & Attr("certificate_arn").eq(row["certificate_arn"]),
            id=row["next_certificate_id"],
            arn=row["next_certificate_arn"],
            old=row["certificate_arn"],
        )

    def retire(self, row: Row) -> None:
        """Revoke and delete the certificate that was in force before, if it is still there."""
        if "retired_certificate_arn" in row:
            arn = row["retired_certificate_arn"]
            remove_patiently(self.iot, row["thing_name"], arn, status="REVOKED")
            retired = Attr("retired_certificate_arn").eq(arn)
            self._write(row, "REMOVE retired_certificate_arn", retired)

    def discard(self, row: Row) -> None:
        """Revoke and delete the successor that the row names."""
        remove_patiently(self.iot, row["thing_name"], row["next_certificate_arn"], status="REVOKED")
        self._write(row, _FORGET_NEXT, _is_next(row))

    def abandon(self, row: Row, job_id: str) -> bool:
        """Let nobody write down a successor for this job any more; False when the row has
        changed.
        """
        return self._write(row, "SET abandoned_rotation = :job", _in_force(row), job=job_id)

    def _write(self, row: Row, expression: str, condition: ConditionBase, **values: Any) -> bool:
        filled = {":now": now(), **{f":{name}": value for name, value in values.items()}}
        key, update = {"thing_name": row["thing_name"]}, touching(expression)
        there = condition & ready(Purpose.ROTATE)
        return update_if(self.table, key, update, there, filled) is not None


def _in_force(row: Row) -> ConditionBase:
    """The certificate in force is still the one that was seen."""
    return Attr("certificate_id").eq(row["certificate_id"])


def _is_next(row: Row) -> ConditionBase:
    """The successor is still the one that was seen."""
    return Attr("next_certificate_id").eq(row["next_certificate_id"])
