"""The device catalog: one DynamoDB item per thing name (docs/contracts.md).

The item is also the lock on the name: whoever's `execution_arn` it carries may make and undo things under that name,
until an execution that removes the device has put itself into `deprovisioning`. Every write is conditional on that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from common.clients import error_code
from common.errors import OwnershipLost
from common.items import CONDITION_FAILED, change, update_if
from common.links import LINKED
from common.moments import as_text

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

Row = Mapping[str, Any]

# A name in one of these states belongs to nobody any more, unless its device was given up and is still there.
FREE = ("FAILED", "TERMINATED")

# What a new device of the same name takes over from the row of the one before: certificates that may still be found.
INHERITED = ("certificate_requests",)

GIVEN_UP = "given_up_at"

# What a succession of certificates that is under way writes into the row: by a job of the device's, or by a restart.
OF_A_SUCCESSION = (
    "next_certificate_id",
    "next_certificate_arn",
    "next_certificate_job",
    "next_certificate_request",
    "retired_certificate_arn",
    "abandoned_rotation",
)

# What a quarantine and a release write into the row (common/quarantine.py).
OF_A_RELEASE = ("releasing", "releasing_since", "release_of", "readmitting")
OF_A_QUARANTINE = (
    "quarantined_at",
    "quarantined_by",
    "quarantine_reason",
    "quarantine_policies",
    "quarantining",
    "presence_connected",
    *OF_A_RELEASE,
)

# What only a device that is there can have.
OF_THE_LIVING = (
    *OF_A_SUCCESSION,
    *OF_A_QUARANTINE,
    "released_by",
    *sorted(LINKED),
    "image_digest",
    "deprovisioning",
    "task_token",
    "identity_pending",
    "ip",
    "client_id_conflict_at",
    "restarting",
    "status_reason",
    GIVEN_UP,
)

_FREE_VALUES = {":failed": FREE[0], ":terminated": FREE[1]}
_IS_FREE = f"(#status IN (:failed, :terminated) AND attribute_not_exists({GIVEN_UP}))"


def now() -> str:
    """The time as the catalog writes it: ISO 8601, UTC, milliseconds."""
    return as_text(datetime.now(UTC))


def is_free(row: Row) -> bool:
    """Whether the row's name may be claimed by anybody: a device that was given up is FAILED, and still there."""
    return row["status"] in FREE and GIVEN_UP not in row


@dataclass(frozen=True)
class Catalog:
    """Reads and conditional writes; every method is safe to repeat."""

    table: "Table"

    def row(self, thing_name: str) -> Row | None:
        """The item as it is now (strongly consistent), or None."""
        return self.table.get_item(Key={"thing_name": thing_name}, ConsistentRead=True).get("Item")

    def owned(self, thing_name: str, owner: str) -> Row:
        """The item of a device that is `owner`'s to make. Raises OwnershipLost when it is not, or not any more."""
        row = self.row(thing_name)
        if row is None or row["execution_arn"] != owner or is_free(row) or "deprovisioning" in row:
            raise _lost(thing_name, owner)
        return row

    def claim(self, thing_name: str, device_type: str, execution_arn: str, identity: str = "keys") -> bool:
        """Take the name for an execution; False when it belongs to another one, or the execution was undone already.

        A repetition by the owner changes nothing: what it has made since stays written down.
        """
        item = {
            "thing_name": thing_name,
            "device_type": device_type,
            "execution_arn": execution_arn,
            "status": "PROVISIONING",
            "created_at": now(),
            "updated_at": now(),
        }
        if identity != "keys":
            item["identity"] = identity
        there = self._put(item, ConditionExpression="attribute_not_exists(thing_name)")
        if there is None:
            return True
        if there["execution_arn"] == execution_arn:
            return not is_free(there) and "deprovisioning" not in there
        if not is_free(there):
            return False
        lost = self._put(
            item | {name: there[name] for name in INHERITED if name in there},
            ConditionExpression=f"execution_arn = :before AND {_IS_FREE}",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":before": there["execution_arn"], **_FREE_VALUES},
        )
        return lost is None

    def update(
        self,
        thing_name: str,
        owner: str,
        *,
        remove: tuple[str, ...] = (),
        add: Mapping[str, set[str]] | None = None,
        take_out: Mapping[str, set[str]] | None = None,
        **values: Any,
    ) -> Row:
        """Set `values`, `add` to sets and `take_out` of sets, remove attributes; gives the whole new item.

        Raises OwnershipLost unless the device is `owner`'s (an execution's ARN) and nobody removes it.
        """
        update, filled = change(values | {"updated_at": now()}, remove=remove, add=add, take_out=take_out)
        row = self._write(
            thing_name,
            update,
            f"execution_arn = :owner AND attribute_not_exists(deprovisioning) AND NOT {_IS_FREE}",
            {**filled, ":owner": owner, **_FREE_VALUES},
        )
        if row is None:
            raise _lost(thing_name, owner)
        return row

    def take(self, seen: Row, remover: str) -> Row | None:
        """Have the row say who removes the device; from now on nobody may make anything for it.

        Gives the row as it is then, or None when it has changed hands since it was `seen`.
        """
        holder = seen.get("deprovisioning", remover)
        return self._write(
            seen["thing_name"],
            "SET deprovisioning = :remover, updated_at = :now",
            f"execution_arn = :execution AND NOT {_IS_FREE}"
            " AND (attribute_not_exists(deprovisioning) OR deprovisioning IN (:remover, :holder))",
            {
                ":remover": remover,
                ":holder": holder,
                ":now": now(),
                ":execution": seen["execution_arn"],
                **_FREE_VALUES,
            },
        )

    def release(self, thing_name: str, remover: str, status: str) -> bool:
        """Say that the device is gone, and free its name. False when somebody else had taken over."""
        return (
            self._write(
                thing_name,
                "SET #status = :status, updated_at = :now REMOVE " + ", ".join(OF_THE_LIVING),
                "deprovisioning = :remover",
                {":status": status, ":now": now(), ":remover": remover},
            )
            is not None
        )

    def forget_request(self, thing_name: str, request: str) -> None:
        """No certificate can come of this request any more, whoever owns the row by now."""
        self._write(
            thing_name,
            "DELETE certificate_requests :requests",
            "attribute_exists(thing_name)",
            {":requests": {request}},
        )

    def _write(self, thing_name: str, update: str, condition: str, values: Mapping[str, Any]) -> Row | None:
        return update_if(self.table, {"thing_name": thing_name}, update, condition, values)

    def _put(self, item: Row, **condition: Any) -> Row | None:
        """Write the item; the one that is there when the condition does not hold."""
        try:
            self.table.put_item(Item=item, ReturnValuesOnConditionCheckFailure="ALL_OLD", **condition)
        except ClientError as error:
            if error_code(error) != CONDITION_FAILED:
                raise
            there = plain(error.response.get("Item"))
            if there is None:
                raise
            return there
        return None


def plain(item: Any) -> Row | None:
    """The item that a failed condition gives back. It comes in DynamoDB's own JSON, unlike the resource's answers."""
    return {name: _deserializer.deserialize(value) for name, value in item.items()} if item else None


def _lost(thing_name: str, owner: str) -> OwnershipLost:
    return OwnershipLost(f"thingName: {thing_name} is no longer for {owner} to make")


_deserializer = TypeDeserializer()
