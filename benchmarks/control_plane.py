"""The HTTP API with catalogs of different sizes: a page, a description, and the answer to a create.

Rows are written to the table itself, and removed. Devices that the creates make are removed before
the next one, so that none of them works beside what is measured.
"""

import http.client
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from benchmarks.figures import Spread
from benchmarks.progress import say
from playground.stack.users import Users, api_url
from tests.playground_cloud import Cloud, wait_for

SIZES = (1, 1_000, 10_000)
STATUSES = ("ONLINE", "OFFLINE", "FAILED", "QUARANTINED", "PROVISIONING")
PAGE = 25
BARE = "bare Query of 25 entries"
USER = "benchmark"
BATCH = 25  # items of a BatchWriteItem


@dataclass(frozen=True)
class ControlPlane:
    """How long a request took, in seconds, with so many rows in the catalog."""

    what: str
    rows: int
    took: Spread


class Client:
    """One connection that stays open, as a program that asks often has it."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self._prefix = parts.path
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)

    def ask(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """The answer's body; AssertionError for another status."""
        text = None if body is None else json.dumps(body)
        self._connection.request(method, self._prefix + path, text, self._headers)
        answer = self._connection.getresponse()
        found = json.loads(answer.read())
        assert answer.status == status, found
        return found


def measure(cloud: Cloud, requests: int) -> list[ControlPlane]:
    """Every request at every size, the sizes growing in one run."""
    users = Users(cloud.home)
    client = Client(api_url(cloud.home), users.access_token(USER, users.add(USER, "admins")))
    results: list[ControlPlane] = []
    try:
        for size in SIZES:
            say(f"the HTTP API with {size} rows")
            with rows(cloud, size):
                results += [
                    ControlPlane(what, size, took)
                    for what, took in _figures(cloud, client, requests)
                ]
    finally:
        users.remove(USER)
    return sorted(results, key=lambda result: result.what)


def _figures(cloud: Cloud, client: Client, requests: int) -> Iterator[tuple[str, Spread]]:
    query = partial(
        cloud.client("dynamodb").query,
        TableName=cloud.home.output("DeviceCatalogTableName"),
        IndexName="status",
        KeyConditionExpression="#status = :online",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":online": {"S": "ONLINE"}},
        ScanIndexForward=False,
        Limit=PAGE,
    )
    yield BARE, _timed(query, requests)
    yield (
        "list, a page of 25",
        _timed(lambda: client.ask("GET", f"/v1/devices?limit={PAGE}"), requests),
    )
    one = f"/v1/devices?limit={PAGE}&status=ONLINE"
    yield "list, one status", _timed(lambda: client.ask("GET", one), requests)
    yield "describe", _timed(lambda: client.ask("GET", "/v1/devices/bench-0"), requests)
    yield "create, until 202", Spread.of([_create(client) for _ in range(max(1, requests // 10))])


def _timed(act: Callable[[], object], times: int) -> Spread:
    act()  # the first one opens connections
    return Spread.of([_seconds(act) for _ in range(times)])


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


_numbers = count()


def _create(client: Client) -> float:
    name = f"bench-made-{next(_numbers)}"
    answers: list[Any] = []
    took = _seconds(
        lambda: answers.append(client.ask("POST", "/v1/devices", {"thingName": name}, status=202))
    )
    _ended(client, answers[0])
    _ended(client, client.ask("DELETE", f"/v1/devices/{name}", status=202))
    return took


def _ended(client: Client, accepted: Any) -> None:
    path = accepted["links"]["execution"]
    wait_for(path, lambda: client.ask("GET", path)["status"] != "RUNNING", 60)


@contextmanager
def rows(cloud: Cloud, size: int) -> Iterator[None]:
    """So many rows of devices that there are not, of all statuses that are listed."""
    table, dynamodb = cloud.home.output("DeviceCatalogTableName"), cloud.client("dynamodb")
    machine = cloud.home.output("ProvisionDeviceStateMachineArn").replace(
        ":stateMachine:", ":execution:"
    )

    def write(requests: Sequence[Any]) -> None:
        for start in range(0, len(requests), BATCH):
            answer = dynamodb.batch_write_item(
                RequestItems={table: requests[start : start + BATCH]}
            )
            assert not answer["UnprocessedItems"]

    try:
        write([{"PutRequest": {"Item": _item(number, machine)}} for number in range(size)])
        yield
    finally:
        write(
            [
                {"DeleteRequest": {"Key": {"thing_name": {"S": f"bench-{number}"}}}}
                for number in range(size)
            ]
        )


def _item(number: int, machine: str) -> dict[str, dict[str, str]]:
    at = f"2026-01-02T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}.000Z"
    row = {
        "thing_name": f"bench-{number}",
        "status": STATUSES[number % len(STATUSES)],
        "device_type": "generic",
        "created_at": at,
        "updated_at": at,
        "execution_arn": f"{machine}:bench-{number}",
    }
    return {name: {"S": value} for name, value in row.items()}
