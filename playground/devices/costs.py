"""What devices cost on AWS: so far, in an hour, in a month. A meter, not a bill.

It counts what is billed by time: the task, its public address, the connection. Messages, calls and
logs come on top, and are cents for a device that says something once a minute (docs/cost.md).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.identifiers import HOST_TYPE, NOWHERE, SHARED, host_of
from common.jsontext import read
from playground.devices.devices import Row

FILE = Path(__file__).with_name("prices.json")

# Of the task definition, in the template; and of a host, in functions/provisioning/start_task.py.
VCPU, GIGABYTES = 0.25, 0.5
HOST_VCPU, HOST_GIGABYTES = 0.5, 1.0
HOURS_A_MONTH = 730.0
"""As AWS's own calculator has it: 8,760 hours a year, by twelve."""

GONE = ("FAILED", "TERMINATED")
CONNECTED = "ONLINE"


@dataclass(frozen=True)
class Prices:
    """Of one region at one date, in dollars."""

    region: str
    date: str
    task_hour: float
    """Of a device's task: vCPU, memory, address."""
    connection_hour: float
    host_hour: float = 0.0
    """Of a host's task."""

    @classmethod
    def of_file(cls, file: Path = FILE) -> "Prices":
        """From the table of prices."""
        found: Any = read(file.read_bytes())

        def task(vcpu: float, gigabytes: float) -> float:
            sizes = vcpu * found["vcpuHour"] + gigabytes * found["gigabyteHour"]
            return float(sizes + found["publicAddressHour"])

        return cls(
            found["region"],
            found["date"],
            task(VCPU, GIGABYTES),
            found["connectionMinute"] * 60,
            task(HOST_VCPU, HOST_GIGABYTES),
        )


@dataclass(frozen=True)
class Cost:
    """Of one device, in dollars. `hour` is what it costs now: 0 when it has no task."""

    thing_name: str
    status: str
    hours: float
    """From its creation to now, or to its removal."""
    so_far: float
    hour: float


def guests_of(rows: Iterable[Row]) -> Mapping[str, int]:
    """How many devices share the task of each host."""
    hosts = (host_of(str(row.get("task_arn", ""))) for row in rows)
    return Counter(host for host in hosts if host)


def cost_of(row: Row, prices: Prices, at: datetime, guests: Mapping[str, int]) -> Cost:
    """What the device of this row has cost until then. Its task is billed from its creation, and
    its connection as if it had been online all the time; of one that was stopped once and runs
    again, also while it was stopped.

    A host's task is what its devices cost, each the same share as now; a host without one has the
    cost itself.
    """
    gone = row["status"] in GONE and "given_up_at" not in row
    at_rest = row.get("given_up_at", row["updated_at"] if gone else at.isoformat())
    end = datetime.fromisoformat(str(at_rest))
    began = datetime.fromisoformat(str(row["created_at"]))
    hours = max((end - began).total_seconds(), 0.0) / 3600
    runs = not gone and ("task_arn" in row or row.get("hosting") == NOWHERE)
    task_hour = _task_hour(row, prices, guests)
    now = task_hour + (prices.connection_hour if row["status"] == CONNECTED else 0.0)
    return Cost(
        thing_name=str(row["thing_name"]),
        status=str(row["status"]),
        hours=hours,
        so_far=hours * (task_hour + prices.connection_hour),
        hour=now if runs else 0.0,
    )


def _task_hour(row: Row, prices: Prices, guests: Mapping[str, int]) -> float:
    """What its task costs in an hour; its share of it where it is a host's."""
    host = host_of(str(row.get("task_arn", "")))
    if host is not None:
        return prices.host_hour / max(guests.get(host, 1), 1)
    if row.get("device_type") == HOST_TYPE:
        return 0.0 if guests.get(str(row["thing_name"])) else prices.host_hour
    return 0.0 if row.get("hosting") in (SHARED, NOWHERE) else prices.task_hour


def costs_of(rows: Iterable[Row], prices: Prices, everybody: Iterable[Row]) -> list[Cost]:
    """Of each device that the catalog knows, what has cost most first. `everybody`: the rows of all
    devices, by which the hosts' tasks are shared.
    """
    at, guests = datetime.now(UTC), guests_of(everybody)
    found = [cost_of(row, prices, at, guests) for row in rows if "created_at" in row]
    return sorted(found, key=lambda cost: (-cost.so_far, cost.thing_name))


def total(costs: Sequence[Cost], prices: Prices) -> dict[str, Any]:
    """Of all together, in dollars, rounded to a hundredth of a cent."""
    hour = sum(cost.hour for cost in costs)
    return {
        "region": prices.region,
        "date": prices.date,
        "currency": "USD",
        "so_far": round(sum(cost.so_far for cost in costs), 4),
        "hour": round(hour, 4),
        "month": round(hour * HOURS_A_MONTH, 4),
    }
