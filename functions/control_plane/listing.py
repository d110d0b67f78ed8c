"""A page of the catalog, the newest device first, at a cost that does not grow with the number of
devices.

The index `status` keeps a partition for each status, in the order of `created_at`; a page merges
the partitions that it needs. A device that goes from one status to another keeps its place in that
order, so nobody who turns pages meanwhile sees it twice, or misses it. What the index says may be a
moment old: the rows themselves have the last word.
"""

import base64
import binascii
import heapq
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Key

from common.errors import TransientError
from common.jsontext import decode
from common.row import Row
from common.statuses import STATUSES, THERE
from control_plane.problem import FieldError, invalid

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import DynamoDBServiceResource, Table

INDEX = "status"

# Entries of the index that a page with a filter looks at, all partitions together; an entry has
# some 150 bytes.
LOOKED_AT = 1000
# Of a BatchGetItem that DynamoDB answers only in part.
TRIES = 3

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")


@dataclass(frozen=True)
class Position:
    """How far the pages before have come: `at` is a `created_at`, `names` the last entry with it in
    each partition.
    """

    at: str
    names: Mapping[str, str]


@dataclass(frozen=True)
class Wanted:
    """What a page is to show. `limit` devices at most."""

    limit: int
    status: str | None = None
    device_type: str | None = None
    text: str | None = None
    after: Position | None = None

    @property
    def partitions(self) -> Sequence[str]:
        """The statuses to look for."""
        return (self.status,) if self.status else THERE

    @property
    def chunk(self) -> int:
        """How many entries of each partition to look at."""
        filtered = self.device_type or self.text
        return max(LOOKED_AT // len(self.partitions), self.limit) if filtered else self.limit

    def shows(self, entry: Row) -> bool:
        """Whether an entry of the index passes the filters, and was not shown before it changed its
        status.
        """
        if (
            self.after
            and entry["created_at"] == self.after.at
            and entry["thing_name"] in self.after.names.values()
        ):
            return False
        if self.device_type not in (None, entry["device_type"]):
            return False
        return self.text is None or self.text.lower() in entry["thing_name"].lower()

    def token(self, position: Position) -> str:
        """The `nextToken` that leads on from there."""
        found = {"at": position.at, "names": dict(position.names), "of": self._filters()}
        return base64.urlsafe_b64encode(json.dumps(found).encode()).decode().rstrip("=")

    def continued(self, token: str) -> "Wanted":
        """From where the token says. Raises Problem 400 for one that was not given for this very
        list.
        """
        try:
            found = decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            position = Position(found["at"], dict(found["names"]))
            mine = found["of"] == self._filters() and _is_position(position)
        except (ValueError, binascii.Error, KeyError, TypeError):
            mine = False
        if not mine:
            raise invalid(
                FieldError(
                    "nextToken", "is not the token of a page with this status, type and text"
                )
            )
        return replace(self, after=position)

    def _filters(self) -> list[str | None]:
        return [self.status, self.device_type, self.text]


def _is_position(position: Position) -> bool:
    names = position.names
    return bool(
        _TIME.fullmatch(position.at)
        and names
        and names.keys() <= set(STATUSES)
        and all(isinstance(name, str) and _NAME.fullmatch(name) for name in names.values())
    )


@dataclass(frozen=True)
class Page:
    """Rows of the catalog, and where the next page begins; None after the last one."""

    rows: Sequence[Row]
    next: Position | None


@dataclass(frozen=True)
class Listing:
    """Pages of the catalog's table."""

    table: "Table"
    dynamodb: "DynamoDBServiceResource"

    def page(self, wanted: Wanted) -> Page:
        """At most one Query for each partition, and one BatchGetItem."""
        ends: set[tuple[str, str]] = set()
        found: list[str] = []
        at, more = wanted.after, False
        entries = heapq.merge(*self._partitions(wanted, ends), key=_created_at, reverse=True)
        for entry in entries:
            at = _advanced(at, entry)
            if wanted.shows(entry):
                found.append(entry["thing_name"])
            # Past the last entry that was read of a partition, its next ones might come before
            # those of the others.
            if (entry["status"], entry["thing_name"]) in ends:
                more = True
                break
            if len(found) == wanted.limit:
                more = bool(ends) or next(entries, None) is not None
                break
        return Page(self._rows(wanted, list(dict.fromkeys(found))), at if more else None)

    def _partitions(self, wanted: Wanted, ends: set[tuple[str, str]]) -> Iterator[Sequence[Row]]:
        for status in wanted.partitions:
            entries, unfinished = self._entries(wanted, status)
            if unfinished and entries:
                ends.add((status, entries[-1]["thing_name"]))
            yield entries

    def _entries(self, wanted: Wanted, status: str) -> tuple[Sequence[Row], bool]:
        """Entries of one partition from the position on, and whether there are more."""
        condition: Any = Key("status").eq(status)
        start: Any = {}
        if wanted.after:
            condition &= Key("created_at").lte(wanted.after.at)
            if status in wanted.after.names:
                key = {
                    "status": status,
                    "created_at": wanted.after.at,
                    "thing_name": wanted.after.names[status],
                }
                start = {"ExclusiveStartKey": key}
        answer = self.table.query(
            IndexName=INDEX,
            KeyConditionExpression=condition,
            ScanIndexForward=False,
            Limit=wanted.chunk,
            **start,
        )
        return answer["Items"], "LastEvaluatedKey" in answer

    def _rows(self, wanted: Wanted, names: Sequence[str]) -> list[Row]:
        """The rows of these names, in this order, without those that have changed their status
        since.
        """
        rows: dict[str, Row] = {}
        asked: Any = (
            {self.table.name: {"Keys": [{"thing_name": name} for name in names]}} if names else {}
        )
        for _ in range(TRIES + 1):
            if not asked:
                return [
                    rows[name]
                    for name in names
                    if name in rows and rows[name]["status"] in wanted.partitions
                ]
            answer = self.dynamodb.batch_get_item(RequestItems=asked)
            rows |= {str(row["thing_name"]): row for row in answer["Responses"][self.table.name]}
            asked = answer["UnprocessedKeys"]
        raise TransientError("DynamoDB has not read all rows")


def _created_at(entry: Row) -> str:
    return str(entry["created_at"])


def _advanced(before: Position | None, entry: Row) -> Position:
    at, here = entry["created_at"], {entry["status"]: entry["thing_name"]}
    return Position(at, {**before.names, **here} if before and before.at == at else here)
