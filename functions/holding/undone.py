"""Executions whose work is being undone, or has been: what they write any more is refused.

A function outlives its execution, which can be aborted, by up to its own time limit. So whoever
undoes an execution first says so in the row, and every write of a state is conditional on that. It
also keeps an execution from taking a device after it was undone, when its claim comes that late.
"""

from typing import TYPE_CHECKING

from common.items import update_if
from common.row import UNDONE, Row
from holding.conditions import state_in
from holding.purposes import THERE, State

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

# No function runs longer than a minute. A device is not undone so often in that time.
MOST_REMEMBERED = 8


def is_undone(row: Row, execution_arn: str) -> bool:
    """Whether the execution may write no more."""
    return execution_arn in row.get(UNDONE, ())


def forbid(table: "Table", row: Row, execution_arn: str) -> None:
    """Let the execution, which does not hold the device of this row, write nothing more into it."""
    if is_undone(row, execution_arn):
        return
    full = len(row.get(UNDONE, ())) >= MOST_REMEMBERED
    update = f"SET {UNDONE} = :undone" if full else f"ADD {UNDONE} :undone"
    key, values = {"thing_name": row["thing_name"]}, {":undone": {execution_arn}}
    update_if(table, key, update, state_in(THERE - {State.GIVEN_UP}), values)
