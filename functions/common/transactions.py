"""Several conditional writes to one DynamoDB table, of which all are done or none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.clients import error_code
from common.errors import TransientError
from common.items import Item

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

Write = Mapping[str, Any]

TRIES = 5
CANCELLED = "TransactionCanceledException"
UNMET = "ConditionalCheckFailed"


@dataclass(frozen=True)
class Transactions:
    """Of one table. `#name` in an expression is the attribute `name`: some names are words of
    DynamoDB's.
    """

    table: "Table"

    def put(self, item: Item, condition: str) -> Write:
        """An item that is written where the condition holds."""
        return {"Put": self._guarded({"Item": item}, condition, {})}

    def delete(self, key: Item, condition: str, values: Item) -> Write:
        """An item that is removed where the condition holds."""
        return {"Delete": self._guarded({"Key": key}, condition, values)}

    def update(self, key: Item, update: str, condition: str, values: Item) -> Write:
        """An item that is changed where the condition holds."""
        what = {"Key": key, "UpdateExpression": update}
        return {"Update": self._guarded(what, condition, values)}

    def write(self, *writes: Write) -> bool:
        """All of them or none; False when a condition is not met. Raises TransientError when others
        write the same items all the time.

        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
        """
        for _ in range(TRIES):
            try:
                self.table.meta.client.transact_write_items(TransactItems=list(writes))  # type: ignore[arg-type]
            except ClientError as error:
                if error_code(error) != CANCELLED:
                    raise
                found: Any = error.response
                codes = {one.get("Code") for one in found.get("CancellationReasons", ())}
                if UNMET in codes:
                    return False
            else:
                return True
        raise TransientError(f"{self.table.name} is written to all the time; try again")

    def _guarded(self, what: Write, condition: str, values: Item) -> dict[str, Any]:
        named = re.findall(r"#(\w+)", f"{condition} {what.get('UpdateExpression', '')}")
        write: dict[str, Any] = {
            "TableName": self.table.name,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {f"#{name}": name for name in named},
            **what,
        }
        return {**write, "ExpressionAttributeValues": values} if values else write
