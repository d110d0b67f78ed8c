"""The list of the serial numbers that may join, by batch: what a factory says it has made.

A serial number is a thing name. It may join if the list has it exactly once, and for the batch that
the device is said to be of. An entry is one item of the table: `serial`, `batch`, `added_at`
(docs/contracts.md).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Key

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table


@dataclass(frozen=True)
class AllowList:
    """The table of serial numbers."""

    table: "Table"

    def refusal(self, serial: str, batch: str) -> str | None:
        """Which rule keeps a device of this batch out, as a sentence without its end; None when it
        may join. The list is read as it is now.
        """
        found = self.table.query(
            KeyConditionExpression=Key("serial").eq(serial), ConsistentRead=True, Limit=2
        )["Items"]
        if not found:
            return f"the list has no serial number {serial}"
        if len(found) > 1:
            return f"the list has the serial number {serial} more than once"
        listed = str(found[0]["batch"])
        if listed != batch:
            return f"the list has the serial number {serial} for batch {listed}, not {batch}"
        return None
