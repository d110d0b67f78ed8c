"""The device catalog: one DynamoDB item per thing name (docs/contracts.md).

The item is also the lock on the name: whoever's `execution_arn` it carries may make and undo things under that name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.clients import error_code

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

Row = Mapping[str, Any]

# A name in one of these states belongs to nobody any more, unless its device was given up and is still there.
FREE = ("FAILED", "TERMINATED")
GIVEN_UP = "given_up_at"


def now() -> str:
    """The time as the catalog writes it: ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_free(row: Row) -> bool:
    """Whether nothing is left of the device: a FAILED provisioning was undone, a device that was given up was not."""
    return row["status"] in FREE and GIVEN_UP not in row


@dataclass(frozen=True)
class Catalog:
    """Reads and conditional writes; every method is one DynamoDB call and safe to repeat."""

    table: "Table"

    def row(self, thing_name: str) -> Row | None:
        """The item as it is now (strongly consistent), or None."""
        return self.table.get_item(Key={"thing_name": thing_name}, ConsistentRead=True).get("Item")

    def claim(self, thing_name: str, device_type: str, execution_arn: str) -> bool:
        """Take the name for an execution; False when it belongs to another one. Repeatable by its owner."""
        item = {
            "thing_name": thing_name,
            "device_type": device_type,
            "execution_arn": execution_arn,
            "status": "PROVISIONING",
            "created_at": now(),
            "updated_at": now(),
        }
        return self._conditional(
            self.table.put_item,
            Item=item,
            ConditionExpression=(
                "attribute_not_exists(thing_name) OR execution_arn = :execution"
                f" OR (#status IN (:f, :t) AND attribute_not_exists({GIVEN_UP}))"
            ),
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":execution": execution_arn, ":f": FREE[0], ":t": FREE[1]},
        )

    def update(self, thing_name: str, remove: tuple[str, ...] = (), **values: Any) -> Row:
        """Set `values` and remove attributes of an item that is there; gives the whole new item.

        Raises KeyError when there is no such item: an update never makes one.
        """
        values["updated_at"] = now()
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
        if remove:
            expression += " REMOVE " + ", ".join(remove)
        try:
            answer = self.table.update_item(
                Key={"thing_name": thing_name},
                UpdateExpression=expression,
                ConditionExpression="attribute_exists(thing_name)",
                ExpressionAttributeNames={f"#{name}": name for name in values},
                ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                raise KeyError(thing_name) from error
            raise
        return answer["Attributes"]

    @staticmethod
    def _conditional(write: Any, **arguments: Any) -> bool:
        try:
            write(**arguments)
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True
