"""Items of DynamoDB tables: changed by conditional writes, since others change them too, and read
page by page.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import ConditionBase
from botocore.exceptions import ClientError

from common.clients import error_code

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

Item = Mapping[str, Any]

CONDITION_FAILED = "ConditionalCheckFailedException"


def update_if(
    table: "Table",
    key: Item,
    update: str,
    condition: str | ConditionBase,
    values: Item,
) -> Item | None:
    """Change the item where the condition holds; gives the whole new item, None where it does not.

    `#name` in an expression is the attribute `name`, for those whose names are words of DynamoDB's:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
    `values` are those of placeholders: a condition of boto3's own brings what it compares with.
    """
    text = f"{update} {condition}" if isinstance(condition, str) else update
    names = set(re.findall(r"#(\w+)", text))
    more: Any = {"ExpressionAttributeNames": {f"#{name}": name for name in names}} if names else {}
    if values:
        more["ExpressionAttributeValues"] = values
    try:
        answer = table.update_item(
            Key=key,
            UpdateExpression=update,
            ConditionExpression=condition,
            ReturnValues="ALL_NEW",
            **more,
        )
    except ClientError as error:
        if error_code(error) == CONDITION_FAILED:
            return None
        raise
    return answer["Attributes"]


def change(
    values: Item,
    *,
    remove: tuple[str, ...] = (),
    add: Mapping[str, set[str]] | None = None,
    take_out: Mapping[str, set[str]] | None = None,
) -> tuple[str, dict[str, Any]]:
    """The update expression that sets `values`, removes attributes, `add`s to sets and `take`s
    `out` of sets.

    With it what its placeholders stand for.
    """
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
    filled = {f":{name}": value for name, value in values.items()}
    if remove:
        expression += " REMOVE " + ", ".join(remove)
    for clause, sets in (("ADD", add), ("DELETE", take_out)):
        for name, members in (sets or {}).items():
            expression += f" {clause} {name} :{clause}_{name}"
            filled[f":{clause}_{name}"] = members
    return expression, filled


def touching(update: str) -> str:
    """The update with `updated_at = :now` in it."""
    verb, _, rest = update.partition(" ")
    return f"SET updated_at = :now, {rest}" if verb == "SET" else f"SET updated_at = :now {update}"


def scan(
    table: "Table", attributes: tuple[str, ...] = (), *, consistent: bool = True
) -> Iterator[Item]:
    """Every item of the table, whole or only these attributes."""
    asked: Any = {"ConsistentRead": consistent}
    if attributes:
        asked["ProjectionExpression"] = ", ".join(f"#{name}" for name in attributes)
        asked["ExpressionAttributeNames"] = {f"#{name}": name for name in attributes}
    yield from _pages(table.scan, asked)


def scan_index(table: "Table", index: str, condition: ConditionBase) -> Iterator[Item]:
    """What a global index has of the items that fulfil the condition; it is a moment behind the
    table.
    """
    yield from _pages(table.scan, {"IndexName": index, "FilterExpression": condition})


def query(table: "Table", condition: ConditionBase) -> Iterator[Item]:
    """Every item of a partition, as it is now (strongly consistent)."""
    yield from _pages(table.query, {"KeyConditionExpression": condition, "ConsistentRead": True})


def _pages(read: Callable[..., Any], asked: Any) -> Iterator[Item]:
    while True:
        page = read(**asked)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]
