"""The row of a device that a quarantine or a release holds: every write of the states is conditional on that."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common.catalog import Row, now
from common.errors import QuarantineLost
from common.items import change, update_if
from common.quarantine import AT_WORK, RELEASING

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table


def holds(row: Row | None, execution_arn: str) -> bool:
    """Whether the row says that this quarantine or release works on its device, and nobody deletes it."""
    held = row is not None and execution_arn in (row.get(AT_WORK), row.get(RELEASING))
    return held and "deprovisioning" not in (row or {})


def held(row: Row | None, execution_arn: str) -> Row:
    """The row. Raises QuarantineLost unless the execution holds it."""
    if row is None or not holds(row, execution_arn):
        raise QuarantineLost(f"the device is not held by {execution_arn} any more")
    return row


def update_held(  # noqa: PLR0913 - a parameter is a clause
    table: "Table",
    thing_name: str,
    execution_arn: str,
    *,
    remove: tuple[str, ...] = (),
    add: Mapping[str, set[str]] | None = None,
    condition: str = "",
    **values: Any,
) -> Row:
    """Set `values`, remove attributes, `add` to sets; gives the whole new item.

    Raises QuarantineLost unless the execution holds the device, nobody deletes it and the `condition` is fulfilled.
    """
    update, filled = change(values | {"updated_at": now()}, remove=remove, add=add)
    held_by_it = f"({AT_WORK} = :holder OR {RELEASING} = :holder) AND attribute_not_exists(deprovisioning)"
    key = {"thing_name": thing_name}
    row = update_if(table, key, update, held_by_it + condition, {**filled, ":holder": execution_arn})
    if row is None:
        raise QuarantineLost(f"{thing_name} is not held by {execution_arn} any more")
    return row
