"""The row of a device that a restart holds: every write of the workflow's states is conditional on that."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.catalog import Row, now
from common.clients import error_code
from common.errors import RestartLost

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table


def update_held(
    table: "Table",
    thing_name: str,
    restart_arn: str,
    *,
    remove: tuple[str, ...] = (),
    sets: Mapping[str, Mapping[str, set[str]]] | None = None,
    **values: Any,
) -> Row:
    """Set `values`, remove attributes, `{"ADD" or "DELETE": {attribute: members}}` of sets; gives the whole new item.

    Raises RestartLost unless `restart_arn` holds the device and nobody deletes it.
    """
    values["updated_at"] = now()
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
    if remove:
        expression += " REMOVE " + ", ".join(remove)
    filled = {":holder": restart_arn, **{f":{name}": value for name, value in values.items()}}
    for clause, members in (sets or {}).items():
        for name, value in members.items():
            expression += f" {clause} {name} :{clause}_{name}"
            filled[f":{clause}_{name}"] = value
    try:
        answer = table.update_item(
            Key={"thing_name": thing_name},
            UpdateExpression=expression,
            ConditionExpression="restarting = :holder AND attribute_not_exists(deprovisioning)",
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues=filled,
            ReturnValues="ALL_NEW",
        )
    except ClientError as error:
        if error_code(error) == "ConditionalCheckFailedException":
            raise RestartLost(f"{thing_name} is not held by {restart_arn} any more") from error
        raise
    return answer["Attributes"]
