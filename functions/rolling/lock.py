"""One roll at a time: an item that names the execution which rolls, good for as long as that
runs.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import RollUnderWay
from common.executions import Executions
from common.items import update_if
from common.moments import now
from holding.conditions import unheld
from holding.dead import dead_holder, holder_of
from holding.purposes import RULES, Purpose

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

QUEUE = "roll"
TAKE = f"SET {RULES[Purpose.ROLL].attribute} = :me, {RULES[Purpose.ROLL].named_at} = :now"


@dataclass(frozen=True)
class RollLock:
    """Nobody gives it back: a holder that has ended, however it did, is in nobody's way."""

    table: "Table"
    executions: Executions

    def take(self, roll_arn: str) -> None:
        """Have it for this execution; repeatable. Raises RollUnderWay."""
        item = self.table.get_item(Key={"queue": QUEUE}, ConsistentRead=True).get("Item", {})
        holder = holder_of(item, Purpose.ROLL)
        dead = dead_holder(item, Purpose.ROLL, roll_arn, self.executions)
        if holder not in (None, roll_arn, dead):
            raise RollUnderWay(f"another roll is under way: {holder}")
        condition = unheld(Purpose.ROLL, roll_arn, dead)
        values = {":me": roll_arn, ":now": now()}
        if update_if(self.table, {"queue": QUEUE}, TAKE, condition, values) is None:
            raise RollUnderWay("another roll was faster")
