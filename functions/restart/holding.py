"""The row of a device that a restart holds: every write of the workflow's states is conditional on that."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common.catalog import Row, now
from common.errors import RestartLost
from common.items import change, update_if

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table


def update_held(  # noqa: PLR0913 - a parameter is a clause
    table: "Table",
    thing_name: str,
    restart_arn: str,
    *,
    remove: tuple[str, ...] = (),
    add: Mapping[str, set[str]] | None = None,
    take_out: Mapping[str, set[str]] | None = None,
    **values: Any,
) -> Row:
    """Set `values`, `add` to sets and `take_out` of sets, remove attributes; gives the whole new item.

    Raises RestartLost unless `restart_arn` holds the device and nobody deletes it.
    """
    update, filled = change(values | {"updated_at": now()}, remove=remove, add=add, take_out=take_out)
    condition = "restarting = :holder AND attribute_not_exists(deprovisioning)"
    row = update_if(table, {"thing_name": thing_name}, update, condition, {**filled, ":holder": restart_arn})
    if row is None:
        raise RestartLost(f"{thing_name} is not held by {restart_arn} any more")
    return row
