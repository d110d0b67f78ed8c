"""Pages of the catalog: every device once, the newest first, whatever the filters and whatever
happens meanwhile.
"""

from collections.abc import Iterable
from typing import Any

import pytest

from common.statuses import STATUSES
from control_plane.listing import LOOKED_AT
from tests.unit.api import Api
from tests.unit.built import CLIENTS
from tests.unit.stack import EXECUTION


@pytest.fixture
def api(context: Any, table: Any) -> Api:
    return Api(context)


def fill(table: Any, rows: Iterable[tuple[str, str, str, int]]) -> None:
    """Rows of (name, status, device type, milliseconds of created_at)."""
    with table.batch_writer() as batch:
        for name, status, device_type, at in rows:
            created = f"2026-01-02T03:{at // 60_000:02}:{at // 1000 % 60:02}.{at % 1000:03}Z"
            batch.put_item(
                Item={
                    "thing_name": name,
                    "status": status,
                    "device_type": device_type,
                    "created_at": created,
                    "updated_at": created,
                    "execution_arn": EXECUTION,
                    "task_token": "not to be told",
                }
            )


def turn(api: Api, **query: Any) -> list[list[str]]:
    """Names by page, to the last one."""
    pages: list[list[str]] = []
    while True:
        reply = api.call("listDevices", query=query)
        assert reply.status == 200, reply.body
        pages.append([device["thingName"] for device in reply.body["devices"]])
        if reply.body["nextToken"] is None:
            return pages
        query["nextToken"] = reply.body["nextToken"]


def names(count: int) -> list[str]:
    return [f"d-{number:03}" for number in range(count)]


def test_an_empty_catalog_is_one_empty_page(api: Api) -> None:
    assert turn(api) == [[]]


@pytest.mark.parametrize("limit", [1, 3, 11, 100])
def test_pages_hold_every_device_once_the_newest_first(api: Api, table: Any, limit: int) -> None:
    # given devices of every status, two of them made at the same time each
    fill(
        table,
        (
            (name, STATUSES[number % 6], "bulb", number // 2)
            for number, name in enumerate(names(11))
        ),
    )
    # when
    pages = turn(api, limit=limit)
    # then
    assert sorted(name for page in pages for name in page) == names(11)
    pairs = [int(name[2:]) // 2 for page in pages for name in page]
    assert pairs == sorted(pairs, reverse=True)
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert len(pages) == -(-11 // limit)


@pytest.mark.thorough
def test_many_that_were_made_in_one_moment(api: Api, table: Any) -> None:
    fill(table, ((name, STATUSES[number % 2], "bulb", 7) for number, name in enumerate(names(20))))
    assert sorted(name for page in turn(api, limit=3) for name in page) == names(20)


def test_deleted_devices_are_for_who_asks_for_them(api: Api, table: Any) -> None:
    fill(table, (("here", "ONLINE", "bulb", 1), ("gone", "TERMINATED", "bulb", 2)))
    assert turn(api) == [["here"]]
    assert turn(api, status="TERMINATED") == [["gone"]]
    assert turn(api, status="OFFLINE") == [[]]


def test_filters_by_type_and_by_a_part_of_the_name(api: Api, table: Any) -> None:
    fill(
        table,
        (
            ("Lamp-1", "ONLINE", "bulb", 1),
            ("lamp-2", "FAILED", "bulb", 2),
            ("lamp-3", "ONLINE", "switch", 3),
        ),
    )
    assert turn(api, type="bulb") == [["lamp-2", "Lamp-1"]]
    assert turn(api, text="LAMP", type="bulb", status="ONLINE") == [["Lamp-1"]]
    assert turn(api, text="1") == [["Lamp-1"]]


def test_a_page_looks_at_a_limited_number_of_entries(api: Api, table: Any) -> None:
    # given one switch behind more bulbs of one status than a page looks at
    bulbs = LOOKED_AT // 5 + 10
    fill(table, ((name, "ONLINE", "bulb", number + 1) for number, name in enumerate(names(bulbs))))
    fill(table, [("oldest", "ONLINE", "switch", 0)])
    # then
    assert turn(api, type="switch") == [[], ["oldest"]]


def test_who_changes_status_while_somebody_turns_pages_is_seen_once(api: Api, table: Any) -> None:
    # given
    fill(
        table,
        ((name, STATUSES[1 + number % 2], "bulb", number) for number, name in enumerate(names(10))),
    )
    first = api.call("listDevices", query={"limit": 4}).body
    seen = [device["thingName"] for device in first["devices"]]
    # when all go offline, those that were seen too
    for name in names(10):
        table.update_item(
            Key={"thing_name": name},
            UpdateExpression="SET #status = :offline",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":offline": "OFFLINE"},
        )
    # then
    seen += [name for page in turn(api, limit=4, nextToken=first["nextToken"]) for name in page]
    assert seen == names(10)[::-1]


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "bm9uc2Vuc2U",
        "e30",
        "W10",
        "bnVsbA",
        "eyJhdCI6MSwibmFtZXMiOltdLCJvZiI6W119",
        "_" * 2048,
    ],
)
def test_a_token_that_no_page_gave(api: Api, token: str) -> None:
    reply = api.call("listDevices", query={"nextToken": token})
    assert (reply.status, reply.fields) == (400, ["nextToken"])


def test_a_token_of_another_list(api: Api, table: Any) -> None:
    # given
    fill(table, ((name, "ONLINE", "bulb", number) for number, name in enumerate(names(3))))
    token = api.call("listDevices", query={"limit": 1}).body["nextToken"]
    # then
    assert api.call("listDevices", query={"limit": 2, "nextToken": token}).status == 200
    for other in ({"status": "ONLINE"}, {"type": "bulb"}, {"text": "d"}):
        assert api.call("listDevices", query={**other, "nextToken": token}).fields == ["nextToken"]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limit=0", ["limit"]),
        ("limit=101", ["limit"]),
        ("limit=1.5", ["limit"]),
        ("limit=", ["limit"]),
        ("status=online", ["status"]),
        ("type=toaster", ["type"]),
        ("text=a%20b", ["text"]),
        ("staus=ONLINE", ["staus"]),
        ("status=ONLINE&status=OFFLINE", ["status"]),
        ("limit=x&type=y", ["limit", "type"]),
    ],
)
def test_a_parameter_that_is_wrong_is_named(api: Api, query: str, fields: list[str]) -> None:
    reply = api.call("listDevices", query=query)
    assert (reply.status, sorted(reply.fields)) == (400, fields)


def test_a_page_tells_nothing_that_is_not_in_the_document(api: Api, table: Any) -> None:
    fill(table, [("lamp", "ONLINE", "bulb", 1)])
    (device,) = api.call("listDevices").body["devices"]
    assert device == {
        "thingName": "lamp",
        "deviceType": "bulb",
        "status": "ONLINE",
        "statusReason": None,
        "createdAt": "2026-01-02T03:00:00.001Z",
        "updatedAt": "2026-01-02T03:00:00.001Z",
        "expiresAt": None,
        "lastSeenAt": None,
        "ip": None,
        "links": {"self": "/v1/devices/lamp", "execution": "/v1/executions/one"},
    }


def reads_of_a_page(api: Api, table: Any, **query: Any) -> dict[str, int]:
    """Calls to DynamoDB, and index entries that it looked at, for the page after the first one."""
    token = api.call("listDevices", query={"limit": 2, **query}).body["nextToken"]
    found = {"Query": 0, "BatchGetItem": 0, "entries": 0}

    def count(model: Any, parsed: Any, **_: Any) -> None:
        found[model.name] += 1
        found["entries"] += parsed.get("ScannedCount", 0)

    clients = CLIENTS.all("dynamodb")
    hooks = [
        (client.meta.events, f"after-call.dynamodb.{operation}", f"{operation}-{number}")
        for number, client in enumerate(clients)
        for operation in ("Query", "BatchGetItem")
    ]
    for events, name, unique in hooks:
        events.register(name, count, unique_id=unique)
    try:
        api.call("listDevices", query={"limit": 2, "nextToken": token, **query})
    finally:
        for events, name, unique in hooks:
            events.unregister(name, unique_id=unique)
    return found


@pytest.mark.thorough
@pytest.mark.parametrize(("query", "queries"), [({}, 6), ({"status": "ONLINE"}, 1)])
def test_a_page_of_many_devices_reads_no_more_than_one_of_few(
    api: Api, table: Any, query: dict[str, str], queries: int
) -> None:
    # given
    fill(
        table,
        ((name, STATUSES[number % 6], "bulb", number) for number, name in enumerate(names(25))),
    )
    of_few = reads_of_a_page(api, table, **query)
    # when there are ten times as many
    fill(
        table,
        ((name, STATUSES[number % 6], "bulb", number) for number, name in enumerate(names(250))),
    )
    # then
    assert of_few == {"Query": queries, "BatchGetItem": 1, "entries": 2 * queries}
    assert reads_of_a_page(api, table, **query) == of_few
