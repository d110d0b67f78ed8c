"""The detector's memory: sets of marks in DynamoDB, one item for each rule, subject and window,
gone after a while.

A set takes each mark once, so an event that is delivered twice counts once, and whoever adds needs
no lock.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from common.clients import error_code
from common.items import CONDITION_FAILED, update_if
from detecting.rules import Rule
from detecting.windows import Mark

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

KEPT_SECONDS = 900
"""After the last window that marks can lie in: three times as long as the queue keeps a message
that still has to be counted. Every message leaves a mark, so this is most of the table."""

REPORT_KEPT_SECONDS = 25 * 3600
"""A day, and an hour for a report that comes late."""

MOST_MARKS = 400
"""In one item: more would change no finding, and an item has room for 400 KB."""

MANY = 10

LONGEST_EVIDENCE = 64
REPORTS = "metrics-report"


@dataclass(frozen=True)
class DynamoMemory:
    """`detector.Memory`, in a table with the keys `subject` and `bucket`, and the time to live
    `expires`.
    """

    table: "Table"

    def remember(self, rule: Rule, subject: str, marks: Collection[Mark]) -> Collection[Mark]:
        """Note them; all within a window of them.

        Where many are needed, the first of an item is taken for a quiet device's: that spares the
        read of every such message, and what it would have completed alone is found with the next
        one.
        """
        key = f"{rule.name}#{subject}"
        buckets = sorted({mark.at_ms // rule.window_ms for mark in marks})
        there = 0
        for bucket in buckets:
            own = [mark for mark in marks if mark.at_ms // rule.window_ms == bucket]
            there += self._add(key, bucket, rule.window_ms, own)
        if there == 1 and rule.count >= MANY:
            return marks
        found = self.table.query(
            KeyConditionExpression=Key("subject").eq(key)
            & Key("bucket").between(buckets[0] - 1, buckets[-1] + 1),
            ConsistentRead=True,
        )
        return [_mark(text) for item in found["Items"] for text in _texts(item)]

    def previous_report(self, subject: str, report_id: int, at_ms: int) -> int | None:
        """Note it, for a day; the one before. How long is nothing that the device can say: the id
        is its own.
        """
        try:
            before = self.table.update_item(
                Key={"subject": f"{REPORTS}#{subject}", "bucket": 0},
                UpdateExpression="SET report_id = :id, expires = :expires",
                ConditionExpression="attribute_not_exists(report_id) OR report_id < :id",
                ExpressionAttributeValues={
                    ":id": report_id,
                    ":expires": at_ms // 1000 + REPORT_KEPT_SECONDS,
                },
                ReturnValues="UPDATED_OLD",
            )
        except ClientError as error:
            if error_code(error) != CONDITION_FAILED:
                raise
            return None
        found: Any = before.get("Attributes", {}).get("report_id")
        return None if found is None else int(found)

    def _add(self, key: str, bucket: int, window_ms: int, marks: Collection[Mark]) -> int:
        """How many are in that item then."""
        item = update_if(
            self.table,
            {"subject": key, "bucket": bucket},
            "SET expires = :expires ADD marks :marks",
            "attribute_not_exists(marks) OR size(marks) < :most",
            {
                ":marks": {f"{mark.at_ms}#{mark.evidence[:LONGEST_EVIDENCE]}" for mark in marks},
                ":expires": (bucket + 2) * window_ms // 1000 + KEPT_SECONDS,
                ":most": MOST_MARKS,
            },
        )
        return MOST_MARKS if item is None else len(_texts(item))


def _texts(item: Any) -> Collection[str]:
    texts: Collection[str] = item.get("marks", ())
    return texts


def _mark(text: str) -> Mark:
    at_ms, _, evidence = text.partition("#")
    return Mark(int(at_ms), evidence)
