"""The row of a device that a quarantine or a release holds: every write of the states is conditional on that."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.catalog import Row, now
from common.clients import error_code
from common.errors import QuarantineLost
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
    values["updated_at"] = now()
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
    names = {f"#{name}": name for name in values}
    filled: dict[str, Any] = {":holder": execution_arn, **{f":{name}": value for name, value in values.items()}}
    if remove:
        expression += " REMOVE " + ", ".join(remove)
    for name, members in (add or {}).items():
        expression += f" ADD {name} :add_{name}"
        filled[f":add_{name}"] = members
    try:
        answer = table.update_item(
            Key={"thing_name": thing_name},
            UpdateExpression=expression,
            ConditionExpression=f"({AT_WORK} = :holder OR {RELEASING} = :holder)"
            " AND attribute_not_exists(deprovisioning)" + condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=filled,
            ReturnValues="ALL_NEW",
        )
    except ClientError as error:
        if error_code(error) == "ConditionalCheckFailedException":
            raise QuarantineLost(f"{thing_name} is not held by {execution_arn} any more") from error
        raise
    return answer["Attributes"]
