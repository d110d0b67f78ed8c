"""The table of hosts and of the seats on them (docs/contracts.md, "Hosts").

A seat is to a hosted device what a task of its own is to another one: it is started, listed and
stopped, and its handle stands in the catalog where a task's ARN would. A seat is taken and left by
one transaction, so the number of seats that a host has given away is always right.
"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Key

from common.errors import TransientError
from common.identifiers import host_of, owner_of, seat_handle
from common.items import Item, query, scan, update_if
from common.moments import now
from common.transactions import Transactions

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

POOL = "#pool"
"""Partition of the hosts that are open: one item for each, by its name."""
NUMBER = "#number"
"""In that partition: how many hosts have been opened so far. A number is never used twice."""
OF = "#of/"
"""Before a device's name: the partition of its one item, which says where its seat is."""
SEAT = "seat"


@dataclass(frozen=True)
class Seat:
    """One device's seat on a host.

    `owner` is the mark of the execution that made the device. `taken_at` is ISO 8601, UTC.
    """

    host: str
    thing_name: str
    seat_id: str
    owner: str = ""
    config_url: str = ""
    taken_at: str = ""

    @property
    def handle(self) -> str:
        """What stands for it where others have the ARN of a task."""
        return seat_handle(self.host, self.thing_name, self.seat_id)

    @classmethod
    def from_handle(cls, handle: str) -> "Seat | None":
        """The seat of a handle; None for the ARN of a task."""
        return cls(*handle.split("/")[1:]) if host_of(handle) else None


@dataclass(frozen=True)
class OpenHost:
    """A host that gives seats away. `execution` provisions it; `started`: that was begun."""

    name: str
    seats: int
    execution: str
    started: bool
    revision: int
    told: int
    keep: bool
    """Somebody has made it by hand: it stays without a device, too."""
    opened_at: datetime
    token: str
    """What the host shows when it asks for a manifest: the URL alone opens nothing."""
    since: str = ""
    """When its task before had ended: seats that were taken earlier are of that one."""


@dataclass(frozen=True)
class Seats:
    """Reads and conditional writes; every method is safe to repeat."""

    table: "Table"

    def of(self, thing_name: str) -> Seat | None:
        """The seat that the device has (strongly consistent)."""
        key = {"host": OF + thing_name, "entry": SEAT}
        item = self.table.get_item(Key=key, ConsistentRead=True).get("Item")
        return _seat(item) if item else None

    def on(self, host: str) -> list[Seat]:
        """All seats on a host."""
        return [_seat(item) for item in self._query(host)]

    def all(self) -> list[Seat]:
        """All seats of all devices."""
        return [_seat(item) for item in scan(self.table) if item["host"].startswith(OF)]

    def hosts(self) -> list[OpenHost]:
        """All that are open."""
        return [_host(item) for item in self._query(POOL) if item["entry"] != NUMBER]

    def host(self, name: str) -> OpenHost | None:
        """One that is open."""
        key = {"host": POOL, "entry": name}
        item = self.table.get_item(Key=key, ConsistentRead=True).get("Item")
        return _host(item) if item else None

    def take(self, seat: Seat, capacity: int) -> bool:
        """Take it, when the host is open and has room, and the device has no other one."""
        place = {
            "thing_name": seat.thing_name,
            "seat": seat.seat_id,
            "owner": seat.owner,
            "taken_at": seat.taken_at or now(),
        }
        at = {"host": seat.host, "entry": seat.thing_name, "config_url": seat.config_url}
        free = "attribute_not_exists(#entry)"
        both = self._all_or_none
        return both.write(
            both.put({**at, **place}, free),
            both.put({"host": OF + seat.thing_name, "entry": SEAT, "on": seat.host, **place}, free),
            self._counted(seat.host, 1, "#seats < :limit", {":limit": capacity}),
        )

    def leave(self, seat: Seat) -> bool:
        """Give it back, whether its host is open or not; False when it was given back before."""
        both, mine = self._all_or_none, {":seat": seat.seat_id}
        writes = (
            both.delete({"host": seat.host, "entry": seat.thing_name}, "#seat = :seat", mine),
            both.delete({"host": OF + seat.thing_name, "entry": SEAT}, "#seat = :seat", mine),
        )
        if both.write(*writes, self._counted(seat.host, -1, "attribute_exists(#entry)", {})):
            return True
        # The host is closed, or the seat is not there.
        return both.write(*writes)

    def renew(self, seat: Seat) -> bool:
        """Have it be one that was taken now; False when the device has it no more."""
        key = {"host": seat.host, "entry": seat.thing_name}
        values = {":seat": seat.seat_id, ":now": now()}
        renewed = update_if(self.table, key, "SET #taken_at = :now", "#seat = :seat", values)
        return renewed is not None

    def next_number(self) -> int:
        """The number that the next host will have."""
        key = {"host": POOL, "entry": NUMBER}
        item = self.table.get_item(Key=key, ConsistentRead=True).get("Item", {})
        return int(str(item.get("number", 0))) + 1

    def open(self, name: str, number: int, execution: str) -> bool:
        """Open the host of this number, which is still to be made by that execution. False when
        somebody else has opened it.
        """
        both = self._all_or_none
        counted = both.update(
            {"host": POOL, "entry": NUMBER},
            "SET #number = :number",
            "attribute_not_exists(#number) OR #number < :number",
            {":number": number},
        )
        item = self._opened(name, execution)
        return both.write(counted, both.put(item, "attribute_not_exists(#entry)"))

    def open_again(self, name: str, execution: str) -> str:
        """Have a host that gets a task be open; nothing changes when it is. Gives its token."""
        there = self.host(name)
        if there is None:
            item = self._opened(name, execution)
            item |= {"started": True, "keep": True, "seats": len(self.on(name))}
            both = self._all_or_none
            if both.write(both.put(item, "attribute_not_exists(#entry)")):
                return str(item["token"])
            there = self.host(name)
        if there is None:
            raise TransientError(f"{name} is opened and closed at the same time; try again")
        return there.token

    def has_started(self, name: str) -> None:
        """Write down that the host is being made."""
        self._change(name, "SET #started = :yes", "attribute_exists(#entry)", {":yes": True})

    def begin(self, name: str, since: str) -> None:
        """Write down that what had a seat before has ended with a task; nothing changes when the
        host is not open.
        """
        earlier = "attribute_exists(#entry) AND (attribute_not_exists(#since) OR #since < :since)"
        self._change(name, "SET #since = :since", earlier, {":since": since})

    def close(self, name: str, *, if_empty: bool = False) -> bool:
        """Give no more seats of this host away. False when it is not open, or not empty though it
        should be.
        """
        empty = "#seats = :none AND #keep = :no", {":none": 0, ":no": False}
        condition, values = empty if if_empty else ("attribute_exists(#entry)", {})
        return self._closed(name, condition, values)

    def close_of(self, name: str, execution: str) -> bool:
        """The same, if it is the host of this execution: another one may have its name."""
        return self._closed(name, "#execution = :execution", {":execution": execution})

    def next_revision(self, host: OpenHost) -> int | None:
        """A number for the next manifest of the host, greater than all before; None when another
        one has just taken one, or the host is closed.

        By the clock: an older copy of the table must not bring back numbers that a host knows.
        """
        revision = max(host.revision + 1, int(datetime.fromisoformat(now()).timestamp() * 1000))
        values = {":new": revision, ":old": host.revision}
        taken = self._change(host.name, "SET #revision = :new", "#revision = :old", values)
        return revision if taken else None

    def has_told(self, name: str, revision: int) -> int | None:
        """Write down that the host is told of this revision. Gives the one before; None when it is
        told of a later one.
        """
        told = self._change(
            name,
            "SET #before = #told, #told = :told",
            "attribute_exists(#entry) AND #told < :told",
            {":told": revision},
        )
        return int(str(told["before"])) if told else None

    def _opened(self, name: str, execution: str) -> dict[str, Any]:
        return {
            "host": POOL,
            "entry": name,
            "seats": 0,
            "execution": execution,
            "started": False,
            "keep": False,
            "revision": 0,
            "told": 0,
            "opened_at": now(),
            "token": secrets.token_hex(16),
        }

    def _change(
        self, name: str, update: str, condition: str, values: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        return update_if(self.table, {"host": POOL, "entry": name}, update, condition, values)

    def _query(self, host: str) -> Iterator[Item]:
        return query(self.table, Key("host").eq(host))

    def _closed(self, name: str, condition: str, values: Mapping[str, Any]) -> bool:
        both = self._all_or_none
        return both.write(both.delete({"host": POOL, "entry": name}, condition, values))

    def _counted(
        self, host: str, by: int, condition: str, values: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """A write of a transaction: so many seats more that the host has given away."""
        key = {"host": POOL, "entry": host}
        return self._all_or_none.update(key, "ADD #seats :by", condition, {":by": by, **values})

    @property
    def _all_or_none(self) -> Transactions:
        return Transactions(self.table)


def new_seat(host: str, thing_name: str, owner: str, attempt: str, config_url: str) -> Seat:
    """The seat that an attempt takes: the same one when it is repeated."""
    return Seat(host, thing_name, owner_of(attempt), owner, config_url, now())


def _seat(item: Mapping[str, Any]) -> Seat:
    return Seat(
        host=str(item.get("on", item["host"])),
        thing_name=str(item["thing_name"]),
        seat_id=str(item["seat"]),
        owner=str(item["owner"]),
        config_url=str(item.get("config_url", "")),
        taken_at=str(item["taken_at"]),
    )


def _host(item: Mapping[str, Any]) -> OpenHost:
    return OpenHost(
        name=str(item["entry"]),
        seats=int(item["seats"]),
        execution=str(item["execution"]),
        started=bool(item["started"]),
        revision=int(item["revision"]),
        told=int(item["told"]),
        keep=bool(item["keep"]),
        opened_at=datetime.fromisoformat(str(item["opened_at"])),
        token=str(item["token"]),
        since=str(item.get("since", "")),
    )
