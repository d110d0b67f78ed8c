"""The record of what happened to a device: messages that AWS IoT's rules have written down, for
seven days (docs/contracts.md, "Record").

The table's key is `thing_name` and `id`, `<milliseconds>-<random>`: an item's place is its time.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Key

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

KEPT_SECONDS = 604_800
"""As the rules in template.yaml have it."""


@dataclass(frozen=True)
class Told:
    """One message: when AWS IoT had it (Unix time in milliseconds), its topic and its payload."""

    id: str
    at_ms: int
    topic: str
    body: bytes


@dataclass(frozen=True)
class Record:
    """Reads the table."""

    table: "Table"

    def latest(self, thing_name: str, most: int, before: str | None = None) -> list[Told]:
        """The latest messages of a device, or those before an id; the newest first."""
        return list(self._latest(thing_name, most, before))

    def _latest(self, thing_name: str, most: int, before: str | None) -> Iterator[Told]:
        of_thing = Key("thing_name").eq(thing_name)
        condition = of_thing if before is None else of_thing & Key("id").lt(before)
        asked: dict[str, Any] = {"KeyConditionExpression": condition, "ScanIndexForward": False}
        while most > 0:
            page = self.table.query(**asked, Limit=most)
            found = [told for item in page["Items"] if (told := _told(item)) is not None]
            yield from found
            most -= len(page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _told(item: Mapping[str, Any]) -> Told | None:
    at, _, _ = str(item["id"]).partition("-")
    try:
        body = base64.b64decode(str(item.get("body", "")), validate=True)
        return Told(str(item["id"]), int(at), str(item.get("topic", "")), body)
    except (binascii.Error, ValueError):
        return None
