"""One roll at a time: an item that names the execution which rolls, good for as long as that runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import RollUnderWay
from common.executions import Executions
from common.items import update_if

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

QUEUE = "roll"


@dataclass(frozen=True)
class RollLock:
    """Nobody gives it back: a holder that has ended, however it did, is in nobody's way."""

    table: "Table"
    executions: Executions

    def take(self, roll_arn: str) -> None:
        """Have it for this execution; repeatable. Raises RollUnderWay."""
        item = self.table.get_item(Key={"queue": QUEUE}, ConsistentRead=True).get("Item", {})
        holder = str(item.get("holder", roll_arn))
        if holder != roll_arn and self.executions.running(holder):
            raise RollUnderWay(f"another roll is under way: {holder}")
        condition, values = "attribute_not_exists(holder) OR holder IN (:me, :seen)", {":me": roll_arn, ":seen": holder}
        if update_if(self.table, {"queue": QUEUE}, "SET holder = :me", condition, values) is None:
            raise RollUnderWay("another roll was faster")
