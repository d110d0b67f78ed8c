"""A sweep that only looks, over a large catalog: the whole function beside a bare Scan.

Rows are written to the table itself, and removed. Behind none of them is a device: for each that
says TERMINATED AWS IoT is asked twice, for a thing and for a shadow.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.control_plane import BATCH
from benchmarks.progress import say
from tests.playground_cloud import Cloud

ROWS = 10_000
MIXES = (("touched in the last hour", 10, 1), ("touched in the last hour", 20, 1), ("old", 20, 480))
"""What is said of it, percent of rows that are TERMINATED, hours within which they changed."""
RUNS = 5


@dataclass(frozen=True)
class Sweeping:
    """Seconds of each run. `scheduled` is the sweep of every 15 minutes, `everything` that of the
    command.
    """

    what: str
    rows: int
    terminated: int
    scan: Sequence[float]
    scheduled: Sequence[float]
    everything: Sequence[float]


def measure(cloud: Cloud) -> list[Sweeping]:
    """Every mix of rows, one after the other."""
    return [_one(cloud, *mix) for mix in MIXES]


def _one(cloud: Cloud, what: str, percent: int, hours: float) -> Sweeping:
    say(f"sweeping: {ROWS} rows, {percent} % TERMINATED, {what}")
    with _rows(cloud, percent, hours):
        rounds = [
            (
                _timed(lambda: _scan(cloud)),
                _timed(lambda: _sweep(cloud, everything=False)),
                _timed(lambda: _sweep(cloud, everything=True)),
            )
            for _ in range(RUNS)
        ]
    return Sweeping(what, ROWS, ROWS * percent // 100, *zip(*rounds, strict=True))


def _timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _scan(cloud: Cloud) -> None:
    pages = (
        cloud.client("dynamodb")
        .get_paginator("scan")
        .paginate(TableName=cloud.home.output("DeviceCatalogTableName"), ConsistentRead=True)
    )
    assert sum(page["Count"] for page in pages) == ROWS


def _sweep(cloud: Cloud, *, everything: bool) -> None:
    answer = cloud.client("lambda").invoke(
        FunctionName=cloud.home.output("SweepFunctionName"),
        Payload=json.dumps({"dryRun": True, "everything": everything}).encode(),
    )
    said = json.loads(answer["Payload"].read())
    assert said == {"dryRun": True, "findings": []}, said


@contextmanager
def _rows(cloud: Cloud, percent: int, hours: float) -> Iterator[None]:
    """They are the rows of devices that were online, with all that such a row says."""
    table, dynamodb = cloud.home.output("DeviceCatalogTableName"), cloud.client("dynamodb")
    now = datetime.now(UTC)

    def write(requests: list[dict[str, Any]]) -> None:
        for start in range(0, len(requests), BATCH):
            some = requests[start : start + BATCH]
            answer = dynamodb.batch_write_item(RequestItems={table: some})
            assert not answer["UnprocessedItems"]

    rows = []
    for number in range(ROWS):
        # From half of the time ago on: what has changed in the last five minutes is skipped.
        age = timedelta(hours=hours * (1 + number / ROWS) / 2)
        status = "TERMINATED" if number % 100 < percent else "ONLINE"
        rows.append(_row(f"bench-{number}", status, now - age))
    write([{"PutRequest": {"Item": row}} for row in rows])
    try:
        yield
    finally:
        write([{"DeleteRequest": {"Key": {"thing_name": row["thing_name"]}}} for row in rows])


def _row(name: str, status: str, moment: datetime) -> dict[str, dict[str, str]]:
    at = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    certificate = hashlib.sha256(name.encode()).hexdigest()
    some_id = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    arn = "arn:aws:{}:us-east-1:000000000000:{}".format
    texts = {
        "thing_name": name,
        "status": status,
        "device_type": "generic",
        "execution_arn": arn("states", f"execution:iot-playground-provision-device:{some_id}"),
        "task_arn": arn("ecs", f"task/iot-playground-DeviceCluster/{some_id}"),
        "cluster_arn": arn("ecs", "cluster/iot-playground-DeviceCluster"),
        "certificate_id": certificate,
        "certificate_arn": arn("iot", f"cert/{certificate}"),
        "presence_certificate": certificate,
        "presence_session": some_id,
        "image_digest": f"sha256:{certificate}",
        "ip": "127.0.0.1",
        "disconnect_reason": "CLIENT_INITIATED_DISCONNECT",
        **dict.fromkeys(("created_at", "updated_at", "last_seen_at", "certificate_created_at"), at),
    }
    presence = str(int(moment.timestamp() * 1000))
    numbers = {key: {"N": presence} for key in ("presence_version", "presence_at")}
    return {**{key: {"S": value} for key, value in texts.items()}, **numbers}
