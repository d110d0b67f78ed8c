"""The list of serial numbers that may join, by batch: the table that AdmitDevice and
AdmitCertificate ask (functions/devices/serials.py).

Two who add at the same moment can list a serial number for two batches. Then it lets nobody in.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from common.moments import as_text
from playground.errors import SerialsError
from playground.home.homes import Home

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table


@dataclass(frozen=True)
class Entry:
    """A serial number that may join, and for which batch; None: for whichever it is listed."""

    serial: str
    batch: str | None
    where: str = field(default="", compare=False)
    """Where it was read, for messages."""


@dataclass(frozen=True)
class Listed:
    """An entry of the list."""

    serial: str
    batch: str
    added_at: str


@dataclass(frozen=True)
class Added:
    """How many were written, and how many were there before."""

    added: int
    already: int


@dataclass(frozen=True)
class Removed:
    """How many were removed, and which the list did not have."""

    removed: int
    absent: Sequence[str]


@dataclass(frozen=True)
class Serials:
    """The list of this stack."""

    home: Home

    def add(self, entries: Collection[Entry]) -> Added:
        """Write those that are not there. Raises SerialsError, and writes nothing, when one is
        listed for another batch.
        """
        there = self._batches({entry.serial for entry in entries})
        for entry in entries:
            if others := there.get(entry.serial, set()) - {entry.batch}:
                raise SerialsError(
                    f"{entry.where}: serial: {entry.serial} is in the list for batch "
                    f"{', '.join(sorted(others))} already. Nothing was added."
                )
        new = [entry for entry in entries if entry.serial not in there]
        added_at = as_text(datetime.now(UTC))
        with self._table.batch_writer() as batch:
            for entry in new:
                item = {"serial": entry.serial, "batch": entry.batch, "added_at": added_at}
                batch.put_item(Item=item)
        return Added(len(new), len(entries) - len(new))

    def all(self, batch: str | None = None) -> list[Listed]:
        """The whole list, or a batch of it, by batch and serial number."""
        found = [one for one in self._scan() if batch in {None, one.batch}]
        return sorted(found, key=lambda one: (one.batch, one.serial))

    def remove(self, entries: Collection[Entry]) -> Removed:
        """Remove these. What is not there is told, and no error."""
        there = self._batches({entry.serial for entry in entries})
        gone, absent = set[tuple[str, str]](), list[str]()
        for entry in entries:
            listed = there.get(entry.serial, set())
            batches = listed if entry.batch is None else listed & {entry.batch}
            gone |= {(entry.serial, batch) for batch in batches}
            absent += [] if batches else [entry.serial]
        with self._table.batch_writer() as writer:
            for serial, batch in sorted(gone):
                writer.delete_item(Key={"serial": serial, "batch": batch})
        return Removed(len(gone), absent)

    def _batches(self, serials: Collection[str]) -> dict[str, set[str]]:
        """For which batches each of these is listed: one walk through the list, for a query for
        each of ten thousand would take minutes.
        """
        found: dict[str, set[str]] = {}
        for one in self._scan():
            if one.serial in serials:
                found.setdefault(one.serial, set()).add(one.batch)
        return found

    def _scan(self) -> Iterator[Listed]:
        pages = self._table.meta.client.get_paginator("scan")
        for page in pages.paginate(TableName=self._table.name, ConsistentRead=True):
            for item in page["Items"]:
                yield Listed(*(str(item[name]) for name in ("serial", "batch", "added_at")))

    @cached_property
    def _table(self) -> "Table":
        table: Table = self.home.resource("dynamodb").Table(self.home.output("SerialsTableName"))
        return table
