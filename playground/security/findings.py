"""What the stack's detector has found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer

from playground.base.plain import plain
from playground.home.homes import Home

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

SHOWN = ("thing_name", "rule", "reason", "seen", "window", "at", "evidence")

_deserializer = TypeDeserializer()


@dataclass(frozen=True)
class Found:
    """A finding: who, which rule, why, what was seen, when."""

    thing_name: str
    rule: str
    reason: str
    seen: Mapping[str, Any]
    window: int
    at: str
    evidence: tuple[str, ...]


def findings(home: Home, thing_name: str | None = None) -> list[Found]:
    """All, or those on one thing; the newest first."""
    client: DynamoDBClient = home.client("dynamodb")
    table = home.output("VerdictsTableName")
    pages: Any
    if thing_name is None:
        pages = client.get_paginator("scan").paginate(TableName=table)
    else:
        pages = client.get_paginator("query").paginate(
            TableName=table,
            KeyConditionExpression="thing_name = :name",
            ExpressionAttributeValues={":name": {"S": thing_name}},
        )
    found = [_found(item) for page in pages for item in page["Items"]]
    return sorted(found, key=lambda one: (one.at, one.thing_name, one.rule), reverse=True)


def _found(item: Mapping[str, Any]) -> Found:
    values = {name: plain(_deserializer.deserialize(item[name])) for name in SHOWN}
    return Found(**values | {"evidence": tuple(values["evidence"])})
